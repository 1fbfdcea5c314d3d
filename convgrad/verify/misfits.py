"""Claims of a wrong shape: what became of it, found by undoing what people forget, and whether the numbers are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from convgrad.case import Case
from convgrad.core.arithmetic import EXACT, Array
from convgrad.operations.geometry import shape_text
from convgrad.verify.claims import Claim, expected_shape

AXES = {"output": "NC", "dX": "NC", "dW": "OI", "db": "O"}


@dataclass(frozen=True)
class Misfit:
    """What a claim of a wrong shape is, and how many of its entries are right once that is undone."""

    array: str
    mistake: str
    matches: int
    entries: int
    message: str
    fix: str


@dataclass(frozen=True)
class _Repair:
    mistake: str
    message: str
    fix: str
    values: Array


def misfit(case: Case, claim: Claim, truth: Array) -> Misfit:
    """The most telling way to make a claim fit: that in which most of its numbers are right."""
    shape = expected_shape(case, claim.array, truth)
    right = case.layout.restored(_operand(claim.array), truth)
    found = [(_matches(claim, repair.values, right), repair) for repair in _repairs(case, claim, shape)]
    says = f"{claim.array} has shape {shape_text(claim.shape)}, but must have {shape_text(shape)}"
    if not found:
        return Misfit(claim.array, "wrong-shape", 0, truth.size, says, _advice(claim.array))
    matches, best = max(found, key=lambda pair: pair[0])
    numbers = "and the numbers are right" if matches == truth.size else f"{matches} of {truth.size} numbers are right"
    return Misfit(claim.array, best.mistake, matches, truth.size, f"{says}: {best.message}, {numbers}", best.fix)


def _operand(array: str) -> str:
    return {"dW": "w", "db": "b", "dX": "x", "output": "y"}[array]


def _advice(array: str) -> str:
    return "a gradient has the shape of what it is the gradient of" if array != "output" else "compare stride and padding"


def _matches(claim: Claim, values: Array, truth: Array) -> int:
    """Entries that are right as far as the claim's digits or type allow."""
    excuse = claim.excuse.max() if isinstance(claim.excuse, np.ndarray) and claim.excuse.size else claim.excuse
    if values.dtype == EXACT and truth.dtype != EXACT:
        values = values.astype(np.float64)
    slack = 0 if truth.dtype == EXACT else 2.0**-40 * abs(truth)
    with np.errstate(invalid="ignore"):
        return int(np.count_nonzero(abs(values - truth) <= excuse + slack))


def _repairs(case: Case, claim: Claim, shape: tuple[int, ...]) -> Iterator[_Repair]:
    """Ways to undo what made the shape wrong."""
    yield from _ones(claim, shape)
    yield from _cropped(case, claim, shape)
    yield from _summed(claim, shape)
    yield from _rearranged(claim, shape)


def _ones(claim: Claim, shape: tuple[int, ...]) -> Iterator[_Repair]:
    """Axes of length 1 that were kept or dropped."""
    if [n for n in claim.shape if n != 1] != [n for n in shape if n != 1]:
        return
    kept = len(claim.shape) - len(shape)
    what = f"{abs(kept)} of length 1" if abs(kept) > 1 else "one of length 1"
    word = "an axis too many" if kept == 1 else "axes too many" if kept > 1 else "axes missing"
    where = "the batch or a channel axis was " + ("kept" if kept > 0 else "dropped")
    fix = f"{'drop' if kept > 0 else 'add'} it: a result has the rank that its operand came in"
    yield _Repair("axis-kept" if kept > 0 else "axis-dropped", f"{word} ({what}): {where}", fix,
                  claim.values.reshape(shape))  # fmt: skip


def _cropped(case: Case, claim: Claim, shape: tuple[int, ...]) -> Iterator[_Repair]:
    """The gradient of the padded input."""
    dims, padding = case.dims, case.settings.get("padding")
    if claim.array != "dX" or not padding or len(claim.shape) != len(shape):
        return
    padded = tuple(n + sum(pair) for n, pair in zip(shape[-dims:], padding, strict=True))
    if claim.shape == shape[:-dims] + padded:
        inside = tuple(slice(lo, lo + n) for (lo, _), n in zip(padding, shape[-dims:], strict=True))
        yield _Repair("padding-not-cropped", "it is the gradient of the padded input",
                      "cut the padding off: keep the cells from `before` on", claim.values[(..., *inside)])  # fmt: skip


def _summed(claim: Claim, shape: tuple[int, ...]) -> Iterator[_Repair]:
    """A gradient of the kernel or the bias for every sample, or every position."""
    if claim.array not in ("dW", "db") or len(claim.shape) <= len(shape):
        return
    more = len(claim.shape) - len(shape)
    if claim.shape[more:] == shape:
        yield _Repair("batch-not-summed", "one gradient a sample was kept", "add them up over the batch",
                      claim.values.sum(axis=tuple(range(more))))  # fmt: skip
    elif claim.array == "db" and shape and claim.shape[1:2] == shape:
        axes = (0, *range(2, len(claim.shape)))
        yield _Repair("positions-not-summed", "delta was not added up", "sum over samples and positions",
                      claim.values.sum(axis=axes))  # fmt: skip


def _rearranged(claim: Claim, shape: tuple[int, ...]) -> Iterator[_Repair]:
    """Another order of the axes, or none."""
    if sorted(claim.shape) == sorted(shape):
        for order in permutations(range(len(shape))):
            if tuple(claim.shape[axis] for axis in order) == shape:
                yield _Repair("transposed-layout", f"its axes come in another order ({_order(order)})",
                              f"transpose it by {list(order)}", claim.values.transpose(order))  # fmt: skip
    elif claim.values.size == int(np.prod(shape)):
        yield _Repair("reshaped", "as many numbers in other rows", f"reshape it to {shape_text(shape)}",
                      claim.values.reshape(shape))  # fmt: skip


def _order(order: tuple[int, ...]) -> str:
    return "axis " + ", ".join(map(str, np.argsort(order).tolist())) + " of the right one"
