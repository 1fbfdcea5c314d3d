"""Mistakes that are not planted by altering a computation but read off a claim: by solving, or from how it looks."""

from __future__ import annotations

from collections.abc import Iterable

from convgrad.catalogue.mistake import Form
from convgrad.catalogue.of_activations import BENT_FORMS
from convgrad.catalogue.of_entries import SUMS
from convgrad.catalogue.of_networks import CHAIN_FORMS, ChainForm
from convgrad.vocabulary import INDICES, MAXIMUM, OPERATIONS, RESULTS, needing

CONVOLUTIONS = tuple(needing("w"))
STRIDED = tuple(name for name, row in OPERATIONS.items() if "stride" in row.settings)
MAX_POOLS = tuple(name for name, row in OPERATIONS.items() if row.family == MAXIMUM)
STEPPED = ("kernel", "bias")
"""The arrays of a network that a step makes."""
GRADIENTS = ("dW", "db", "dX")
SUMMED = "add every part once: `+=`, not `=`, in a loop that begins with the first and ends with the last"


def _form(what: str, fix: str, *needs: str, operations: Iterable[str] = ()) -> Form:
    return Form(what, fix, lambda c: {}, needs, tuple(operations))


def _of_activation(form: ChainForm) -> Form:
    what = form.what.removesuffix(": {variant}").format(layer="a layer")
    return _form(what, form.fix, *form.needs, operations=CONVOLUTIONS if form.needs else ())


def _on(arrays: Iterable[str], form: Form) -> dict[str, Form]:
    return dict.fromkeys(arrays, form)


FOUND: dict[str, dict[str, Form]] = {
    "samples-missing": _on(GRADIENTS, _form("some samples do not count, or are not filled", SUMMED, "samples")),
    "channels-missing": _on(
        RESULTS, _form("some channels do not count, or are not filled", "run the loop over all of them: range(C)")
    ),
    "phase-missing": _on(
        ("dX",), _form("only cells of one remainder modulo the stride are written",
                       "write every cell, those between the stride's steps too", "stride", operations=STRIDED),
    ),
    "taps-missing": _on(
        ("dW", "dX"), _form("some taps of the kernel do not count", "let the loop over taps run over all of them",
                            "taps", operations=CONVOLUTIONS),
    ),
    "counted-twice": _on(GRADIENTS, _form("parts of the sum count twice", SUMMED)),
    "parts-negated": _on(GRADIENTS, _form("parts of the sum are subtracted", "add every part with its own sign")),
    "parts-scaled": _on(GRADIENTS, _form("parts of the sum count so many times, or a fraction of once", SUMMED)),
    "added-array": _on(
        GRADIENTS, _form("something else is added on top: the kernel (weight decay), x, delta, or what a buffer held",
                         "fill a buffer of its own, of zeros, and add nothing else to it"),
    ),
    "accumulated-narrow": _on(
        RESULTS, _form("sums are held in a type too narrow for them",
                       "add up in float32, or in float64, and round the result once, at the end",
                       operations=SUMS),
    ),
    "unwritten": _on(
        RESULTS, _form("entries hold what memory held before: 1e-41, -2.7e30",
                       "make the array with zeros, not empty, and write every entry"),
    ),
    "zeros-beside": _on(
        (*GRADIENTS, "output"), _form("the right numbers stand among zeros, in an array that is too large",
                                      "make the array in the shape of its operand"),
    ),
    "indices-counted-otherwise": _on(
        (INDICES,), _form("cells are counted otherwise: by column, from 1, over samples or channels as well",
                            "count the cells of every plane by itself, row by row from 0",
                            operations=MAX_POOLS),
    ),
    "axis-kept": _on(RESULTS, _form("axes of length 1 are too many", "drop them: a result has its operand's rank")),
    "axis-missing": _on(RESULTS, _form("axes of length 1 are missing", "add them: a result has its operand's rank")),
    "carried-forward": _on(
        (*RESULTS, *STEPPED), _form("it is right given another claim that is wrong", "correct the other first")
    ),
}  # fmt: skip
"""By id and array. What a claim has besides, none of them shows in a case by itself."""
IN_NETWORKS: dict[str, dict[str, Form]] = {
    **{name: _on(form.arrays, _of_activation(form)) for name, form in CHAIN_FORMS.items() if name in BENT_FORMS},
    "not-stepped": _on(STEPPED, _form("it is as it was before the step", "subtract rate dW", operations=CONVOLUTIONS)),
    "rate-missing": _on(
        STEPPED,
        _form("it is stepped by the whole gradient, w - dW", "multiply dW by the rate", operations=CONVOLUTIONS),
    ),
}
"""Those that only a network can show, by id and array."""


def found_on(operation: str) -> dict[str, dict[str, Form]]:
    """Those that can happen to an operation, by id and by the arrays that it has."""
    known = OPERATIONS[operation]
    arrays = {"dX", "output", *(("dW", "db", *STEPPED) if "w" in known.operands else ())}
    arrays |= {INDICES} if "return_indices" in known.settings else set()
    chosen = {
        name: {array: form for array, form in table.items() if array in arrays and form.applies(operation)}
        for name, table in {**FOUND, **IN_NETWORKS}.items()
    }
    return {name: table for name, table in chosen.items() if table}
