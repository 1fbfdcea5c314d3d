"""What was added on top of the right array: a multiple of another array of the case, or what a buffer still held."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.boxed import SCREENED
from convgrad.diagnosis.candidates import Candidates
from convgrad.diagnosis.chance import Evidence, as_float, evidence, excuses, largest_of
from convgrad.diagnosis.fitting import interval_of, simple

OPERANDS = {"w": "the kernel", "x": "the input", "b": "the bias", "delta": "delta"}
"""The arrays of a case that are added to a result, and what they are called."""
FACTORS = 10
"""Numbers as simple as one that is fitted."""


class Added(NamedTuple):
    """A claim that is the right array and something on top: what happened, what was added, how often, what says so."""

    what: str
    name: str
    factor: Fraction
    value: Array
    evidence: Evidence
    chance: float
    fitted: bool
    fix: str


def added(candidates: Candidates, claim: Claim, tried: int) -> Iterator[Added]:
    """What explains every entry as the right array and another."""
    truth = candidates.truth
    if not all(_is_finite(array) for array in (claim.values, truth)):
        return
    arrays, few = list(_operands(candidates)), slice(0, 2)
    sums = [what for what, _ in _running(truth[few])]  # as the first samples are, so are all
    tried += FACTORS * len(arrays) + len(sums)
    yield from (found for one in arrays if (found := _multiple(truth, claim, *one, tried)) is not None)
    head = claim.of_first(few)
    fit = [bool(head.allows(value).all()) for _, value in _running(truth[few])]
    for is_so, (what, value) in zip(fit, _running(truth) if any(fit) else (), strict=False):
        if is_so and claim.allows(value).all():
            says = evidence(claim, truth, value)
            fix = "set the buffer to 0 before anything is added to it"
            yield Added(what, "buffer", Fraction(1), value, says, says.chance(tried), False, fix)


def _operands(candidates: Candidates) -> Iterator[tuple[str, Array]]:
    """The arrays of the case that have the shape of the result, its own operand first."""
    own = {"dW": "w", "dX": "x", "db": "b"}.get(candidates.array, "")
    for name in sorted(OPERANDS, key=lambda name: name != own):
        array = getattr(candidates.right, name, None)
        if array is not None and array.shape == candidates.truth.shape:
            yield name, array


def _multiple(truth: Array, claim: Claim, name: str, array: Array, tried: int) -> Added | None:
    size, places = largest_of(truth), np.arange(0, truth.size, max(truth.size // SCREENED, 1))
    right, other = (as_float(part.ravel()[places]) for part in (truth, array))
    values = as_float(claim.values.ravel()[places])
    if interval_of(values - right, excuses(claim, size, places), other) is None:
        return None
    error = as_float(claim.values) - as_float(truth)
    interval = interval_of(error, excuses(claim, size), as_float(array))
    if interval is None or interval[0] <= 0 <= interval[1]:
        return None
    whole = [Fraction(number) for number in (1, -1) if interval[0] <= number <= interval[1]]
    for factor in (*whole, *simple(interval)):
        value = plus(truth, array, factor)
        if claim.allows(value).all():
            says = evidence(claim, truth, value)
            chance = says.chance(tried, fitted=int(not whole))
            times = "" if factor == 1 else f"{_text(factor)} times "
            what = f"{times}{OPERANDS[name]} is added on top"
            decay = "; weight decay belongs into the step" if name == "w" else ""
            fix = f"leave {OPERANDS[name]} out: fill a buffer of its own, of zeros{decay}"
            return Added(what, name, factor, value, says, chance, not whole, fix)
    return None


def _is_finite(array: Array) -> bool:
    return bool(array.dtype == EXACT or np.isfinite(array).all())


def _text(factor: Fraction) -> str:
    return f"{float(factor):.6g}"


def plus(array: Array, other: Array, factor: Fraction) -> Array:
    """An array with a multiple of another on top."""
    if array.dtype == EXACT and other.dtype == EXACT:
        return np.asarray(array + other * factor)
    return np.asarray(as_float(array) + as_float(other) * float(factor))


def _running(truth: Array) -> Iterator[tuple[str, Array]]:
    """The array where a buffer was not set to 0: between parts along an axis, or between entries."""
    for axis in range(truth.ndim):
        if truth.shape[axis] > 1:
            what = f"each part along axis {axis} still holds those before it: the buffer was not cleared"
            yield what, np.cumsum(truth, axis=axis)
    for axis in range(truth.ndim - 1):
        flat = truth.reshape(int(np.prod(truth.shape[:axis])), -1)
        part = " in its part of axis 0" if axis == 1 else f" in its part of axes 0 to {axis - 1}" if axis else ""
        what = f"each entry still holds those before it{part}: the accumulator was not cleared"
        yield what, np.cumsum(flat, axis=1).reshape(truth.shape)
