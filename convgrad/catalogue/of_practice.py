"""Mistakes found in programs as people write them: sums and pools, and the tables of all, tried where no other fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convgrad.catalogue import loops, mishandled, misplaced, pool_bests, pool_edges, pool_loops, rewritten
from convgrad.catalogue.mispooled import divisors_mistaken, winners_mistaken
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_convolutions import CONVOLUTIONS
from convgrad.catalogue.of_operands import CHANNELS, MEMORY, NUMBERS, SHARED, STEPPED
from convgrad.catalogue.of_places import CUT, PADDED, PLACES, TAPS, UNREAD, WRAPPED
from convgrad.catalogue.of_pools import ADAPTIVE, AVERAGE, MAX

_SUMS: dict[str, Form] = {
    "one-overlay-only": Form(
        "one overlay alone counts: {variant}",
        "add over positions: `+=`, not `=`, and return after the loop",
        mishandled.one_overlay, ("positions",),
    ),
}  # fmt: skip
FILLED: dict[str, Form] = {
    "sample-missing": Form(
        "only one sample is filled: {variant}",
        "run the loop over the whole batch, and return after it",
        mishandled.one_sample_filled, ("samples",),
    ),
}  # fmt: skip
_TAIL: dict[str, Form] = {
    "rows-missing": Form(
        "positions are left out: {variant}",
        "run the loop over all positions, also over what its steps leave at the end",
        mishandled.tail_missing, ("positions",),
    ),
}  # fmt: skip
_OVERWRITTEN: dict[str, Form] = {
    "taps-overwritten": Form(
        "a cell keeps one term in place of their sum: {variant}",
        "add: `+=` in col2im, and np.add.at where indices repeat",
        mishandled.taps_overwritten, ("taps",), CONVOLUTIONS,
    ),
}  # fmt: skip
_POOL: dict[str, Form] = {
    "wrong-winner": Form(
        "another cell wins: {variant}",
        "give delta to the largest cell of this window, in this sample and channel",
        winners_mistaken, ("larger window",), MAX,
    ),
    "windows-floored": Form(
        "windows are too short: {variant}",
        "let window o of n go from floor(o*i/n) to before ceil((o+1)*i/n)",
        misplaced.windows_floored, (), ADAPTIVE,
    ),
    "wrong-divisor": Form(
        "the divisor counts other cells: {variant}",
        "divide by the product of the cells along every axis",
        divisors_mistaken, (), AVERAGE,
    ),
}  # fmt: skip

_OF_DB = {**_SUMS, **_TAIL, **CHANNELS, **MEMORY, **NUMBERS}
_PRACTICE: dict[str, dict[str, dict[str, Form]]] = {
    "convolution": {
        "dW": {
            **_SUMS, **_TAIL, **WRAPPED, **TAPS, **PLACES, **PADDED, **UNREAD, **CHANNELS, **NUMBERS, **MEMORY,
            **SHARED,
        },
        "dX": {
            **FILLED, **_OVERWRITTEN, **STEPPED, **_SUMS, **_TAIL, **CUT, **WRAPPED, **TAPS, **PLACES, **PADDED,
            **CHANNELS, **NUMBERS, **MEMORY,
        },
        "db": {name: form for name, form in _OF_DB.items() if name != "clipped"},
        "output": {**_OVERWRITTEN, **TAPS, **PLACES, **PADDED, **UNREAD, **CHANNELS, **NUMBERS, **MEMORY},
    },
    "pool": {
        "dX": {
            **FILLED, **_SUMS, **_TAIL, **_POOL, **TAPS, **PLACES, "tap-clamped": PADDED["tap-clamped"], **CUT,
            **CHANNELS, **NUMBERS, **MEMORY,
        },
        "output": {**{name: form for name, form in _POOL.items() if name != "wrong-winner"}, **TAPS, **PLACES,
                   "tap-clamped": PADDED["tap-clamped"], **CHANNELS, **NUMBERS, **MEMORY},
    },
}  # fmt: skip


def where_numbers(form: Form) -> Form:
    """A form that alters nothing where there are no numbers."""

    def alter(c: Any) -> Variants:
        return form.alter(c) if c.x.size and c.delta.size else {}

    return form._replace(alter=alter)


PRACTICE = {
    kind: {array: {name: where_numbers(form) for name, form in table.items()} for array, table in tables.items()}
    for kind, tables in _PRACTICE.items()
}
"""In the order in which they are tried: what is specific and quickly made before families."""


def _by_loops(name: str, alter: Callable[[Any], Variants]) -> Form:
    table = PLACES if name in PLACES else CHANNELS
    return where_numbers(table[name]._replace(alter=alter))


_EDGES = {
    "shifted": where_numbers(PLACES["shifted"]._replace(alter=pool_edges.windows_cut_otherwise)),
    "wrong-winner": where_numbers(
        _POOL["wrong-winner"]._replace(
            alter=lambda c: {**pool_edges.windows_unvisited(c), **pool_bests.others_compared(c)}
        )
    ),
}
_LOOPS = {
    "stride-misused": _by_loops(
        "stride-misused", lambda c: {**loops.cells_by_other_loop(c), **pool_loops.cells_by_other_loop(c)}
    ),
    "wrong-index": _by_loops(
        "wrong-index",
        lambda c: {
            **rewritten.written_elsewhere(c),
            **loops.indices_by_other_loop(c),
            **pool_loops.indices_by_other_loop(c),
        },
    ),
}
LAST: dict[str, dict[str, dict[str, Form]]] = {
    "convolution": {"dW": _LOOPS, "dX": _LOOPS, "db": {"wrong-index": _LOOPS["wrong-index"]}, "output": _LOOPS},
    "pool": {"dX": {**_EDGES, **_LOOPS}, "output": {"shifted": _EDGES["shifted"]}},
}
"""Other ways in which those happen, which take longer: tried after all."""
