"""What a page needs to step through a backward pass: its arrays, and which entries each overlay multiplies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.record import plain
from convgrad.operations.terms import Term
from convgrad.passes.explanation import full_shapes
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED

MOST_CELLS, MOST_TERMS = 40_000, 200_000
"""Entries of x, delta and their gradients, and products, that a page steps through."""
Steps = dict[tuple[int, ...], list[tuple[int, int, Any]]]


def why_not(gradients: Gradients) -> str:
    """Why a page does not step through every entry; empty where it does."""
    case = gradients.case
    if case.delta is None or not len(gradients.full_overlays):
        return "there are no overlays"
    if case.layout.data or case.layout.filters:
        return "its axes are in another order than NCHW and OIHW"
    shapes = full_shapes(case)
    cells = 2 * prod(shapes["x"]) + prod(shapes["delta"]) + 2 * prod(shapes.get("w", ()))
    taps = prod(shapes["w"][1:]) if "w" in shapes else prod(getattr(case.arguments.get("window"), "extents", (9,)))
    arrays = (*case.arrays, case.delta, gradients.by_operand["x"])
    if cells > MOST_CELLS or prod(shapes["delta"]) * taps > MOST_TERMS:
        return "there are too many numbers; take a smaller case, or of a network one with --layer"
    real = all(array is None or array.dtype == object or np.isrealobj(array) for array in arrays)
    return "" if real and _is_finite(arrays) else "not all its numbers are real and finite"


def _is_finite(arrays: tuple[Array | None, ...]) -> bool:
    return all(bool(np.isfinite(a.astype(np.float64)).all()) for a in arrays if a is not None)


def steps_of(gradients: Gradients) -> dict[str, Any]:
    """Arrays in the rank of their user, and per overlay its products as a pattern moved to its place.

    A step is [delta, x, pattern]; a pattern's rows are [delta, x, w] from there on, w being a pool's share instead.
    """
    case, known = gradients.case, _products(gradients)
    patterns: dict[tuple[Any, ...], int] = {}
    steps = []
    for at in np.ndindex(*gradients.full_overlays.shape):
        terms = known.get(at, [])
        delta, x = terms[0][:2] if terms else (0, 0)
        pattern = tuple((d - delta, i - x, last) for d, i, last in terms)
        steps.append([delta, x, patterns.setdefault(pattern, len(patterns))])
    arrays = {name: _array(case, name, values) for name, values in _shown(gradients)}
    transposed = case.operation.family == TRANSPOSED
    return {"arrays": arrays, "steps": steps, "patterns": [list(map(list, pattern)) for pattern in patterns],
            "shape": list(gradients.full_overlays.shape), "where": "x" if transposed else "output"}  # fmt: skip


def _shown(gradients: Gradients) -> Iterator[tuple[str, Array]]:
    case = gradients.case
    named = {"x": case.operands.get("x"), "w": case.operands.get("w"), "delta": case.delta}
    by_operand = gradients.by_operand
    results = {"dW": by_operand.get("w"), "db": by_operand.get("b"), "dX": by_operand["x"]}
    yield from ((name, array) for name, array in (named | results).items() if array is not None)


def _array(case: Case, name: str, full: Array) -> dict[str, Any]:
    """The shape as its user has it, and the numbers in row-major order."""
    values = case.layout.restored({"dX": "x", "dW": "w", "db": "b"}.get(name, name), full)
    return {"shape": list(values.shape), "values": plain(values.astype(np.float64).ravel())}


def _products(gradients: Gradients) -> Steps:
    """By sample and position of the overlay, the flat entries that meet there, from the terms of every entry of dX."""
    case, met = gradients.case, Steps()
    shapes = full_shapes(case)
    for number, index in enumerate(np.ndindex(*shapes["x"])):
        for term in case.operation.terms("x", index, case.delta, *case.arrays, **case.arguments):
            at = (int(term.sample or 0), *(term.position or ()))
            met.setdefault(at, []).extend(_product(term, number, shapes))
    return met


def _product(term: Term, cell: int, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[int, int, Any]]:
    """delta, x and w as flat entries, or a pool's share: 0 of a cell under the window that is given nothing.

    None where delta is cropped away, as in the padding of a transposed convolution.
    """
    factors = {factor.name: factor for factor in term.factors}
    delta = factors["delta"]
    if delta.index is None:
        return
    place = int(np.ravel_multi_index(delta.index, shapes["delta"]))
    if "w" in factors and factors["w"].index is not None:
        yield place, cell, int(np.ravel_multi_index(factors["w"].index, shapes["w"]))
        return
    yield place, cell, float(term.value / delta.value) if delta.value and term.value else 0


def sums_of(data: dict[str, Any], name: str, text: Callable[[Any], str]) -> Iterator[str]:
    """Each entry of dX or dW as the sum that it is, written out."""
    arrays, terms = data["arrays"], _expanded(data)
    for place, index in enumerate(np.ndindex(*arrays[name]["shape"])):
        own = [term for term in terms if term[1 if name == "dX" else 2] == place and ("w" in arrays or term[2])]
        written = " + ".join(_written(term, name, arrays, text) for term in own) or "0"
        where = f"[{','.join(map(str, index))}]" if index else ""
        yield f"{name}{where} = {written} = {text(arrays[name]['values'][place])}"


def _expanded(data: dict[str, Any]) -> list[tuple[int, int, Any]]:
    """All products, in the order of the overlays."""
    return [(delta + d, x + i, last) for delta, x, pattern in data["steps"] for d, i, last in data["patterns"][pattern]]


def _written(term: tuple[int, int, Any], name: str, arrays: dict[str, Any], text: Callable[[Any], str]) -> str:
    delta, x, last = term
    value = arrays["delta"]["values"][delta]
    if name == "dW":
        other = arrays["x"]["values"][x]
    elif "w" in arrays:
        other = arrays["w"]["values"][last]
    else:
        return text(value * last)
    return f"{_factor(value, text)}×{_factor(other, text)}"


def _factor(value: Any, text: Callable[[Any], str]) -> str:
    return f"({text(value)})" if value < 0 else text(value)
