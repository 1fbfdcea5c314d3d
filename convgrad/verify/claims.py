"""Claims: gradients that somebody else computed, and how far each of their entries may be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.case import Case, did_you_mean
from convgrad.core.arithmetic import EXACT, FLOAT64, NONFINITE, Array, floated, rounded
from convgrad.core.reading import Numbers, exact_value, read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.gradients import Gradients
from convgrad.layout import GRADIENTS, OPERANDS
from convgrad.settings import said_inside
from convgrad.verify.digits import Written, written
from convgrad.verify.rounding import TYPES, Bounds


@dataclass(frozen=True)
class Claim:
    """An array that somebody else computed, with what each of its entries may be off by.

    `array` is its name in the document (output, dW, db, dX). `values` are in the full shape, (N,O,*P), (O,C/g,*K),
    (O,) or (N,C,*L), where they are as many, else in the `shape` that was given; exact where the truth is. `fits` says
    whether they came in the right shape. `allowed` is per entry what the claim may be off from the true array, and
    `rule` says why, in words. `excuse`, for another array that it may be, is one number for all entries or one each;
    `scale` is not 0 where that grows with the numbers (a type's rounding): the magnitude that it was derived for.
    `unit` is a type's unit roundoff: what makes another array of the right one, as a division, rounds once more.
    """

    array: str
    values: Array
    excuse: Any
    fits: bool = True
    scale: float = 0
    allowed: Any = 0
    rule: str = ""
    shape: tuple[int, ...] = ()
    unit: float = 0

    def allows(self, candidate: Array) -> Array:
        """Entry by entry, whether the claim is this array as far as its digits or its type can tell.

        All False where the shapes differ.
        """
        if candidate.shape != self.values.shape:
            return np.zeros(candidate.shape, bool)
        values, other = _alike(self.values, candidate)
        return within(values, other, self._excuse_for(other))

    def _excuse_for(self, candidate: Array) -> Any:
        """A type's rounding is relative: larger numbers than it was derived for may be off by more."""
        # NumPy's own maximum: the magnitude of an exact array without axes is a number
        largest = floated(np.max(abs(candidate), initial=0)) if self.scale else 0
        excuse = self.excuse * (largest / self.scale) if largest > self.scale else self.excuse
        if not self.unit:
            return excuse
        return excuse + 2 * self.unit * _size(rounded(candidate) if candidate.dtype == EXACT else candidate)


def _size(values: Array) -> Array:
    """Magnitudes, by which rounding grows: what is not finite excuses nothing."""
    return np.where(np.isfinite(values), abs(values), 0.0)


def claimable(gradients: Gradients) -> dict[str, Array]:
    """The right arrays in full shape by the names that claims have."""
    found = gradients.by_operand
    return {array: found[name] for array, name in GRADIENTS.items() if name in found} | {"output": gradients.y}


def read_claims(
    case: Case, claims: Mapping[str, Any], truth: Mapping[str, Array], *, dtype: str | None = None,
    nonfinite: bool = False,
) -> dict[str, Claim]:  # fmt: skip
    """Claims by array, in full shape and in the kind of the truth; RequestError for what is no claim.

    `truth` has the right arrays in full shape by the claims' names. `dtype` is the type that the claims were computed
    in; without it they are judged by their digits, or by their own type.
    """
    problems = _unknown(claims, truth, case) + unknown_type(dtype)
    if problems:
        raise RequestError(problems)
    bounds, result = Bounds(case), {}
    for name, value in claims.items():
        try:
            numbers = read_numbers(value, nonfinite=nonfinite)
        except RequestError as error:
            problems += [problem.under("claim", name) for problem in error.problems]
        else:
            result[name] = _claim(case, name, numbers, truth[name], bounds, dtype)
    if problems:
        raise RequestError(problems)
    return result


def _unknown(claims: Any, truth: Mapping[str, Array], case: Case) -> list[Problem]:
    if not isinstance(claims, Mapping):
        return [Problem("expected a mapping with any of output, dW, db, dX", path=("claim",))]
    if claims and not claims.keys() & OPERANDS.keys() and all(isinstance(part, Mapping) for part in claims.values()):
        needed = "give what forward or backward wrote, or a mapping with any of output, dW, db, dX"
        return [Problem("these are claims by layer, as of a network, but this is a single case", needed, ("claim",))]
    return [
        Problem(f"{case.operation.name} has no {name}", "it has output and dX", ("claim", name))
        if name in OPERANDS
        else Problem(f"unknown key '{name}'" + did_you_mean(str(name), OPERANDS), "", ("claim", str(name)))
        for name in claims
        if name not in truth
    ]


def unknown_type(dtype: Any) -> list[Problem]:
    """What is wrong with the type that claims are said to be computed in."""
    if dtype is None or (isinstance(dtype, str) and dtype in TYPES):
        return []
    return [Problem(f"unknown type '{said_inside(dtype)}'", f"one of {', '.join(TYPES)}", ("claim_dtype",))]


def _claim(case: Case, name: str, numbers: Numbers, truth: Array, bounds: Bounds, dtype: str | None) -> Claim:
    shape = expected_shape(case, name, truth)
    # one bias may be written as a number or as a list of one, and so may its gradient
    fits = numbers.shape == shape or (name == "db" and truth.size == 1 and numbers.shape in ((), (1,)))
    as_many = squeezed(numbers.shape) == squeezed(shape)
    values = _values(numbers, truth.dtype)
    values = values.reshape(truth.shape) if as_many else values
    excuses = _excuses(name, numbers, values, truth, bounds, dtype)
    return Claim(name, values, fits=fits, shape=numbers.shape, **excuses)


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of length 1, which may be kept or dropped without moving a number."""
    return tuple(length for length in shape if length != 1)


def expected_shape(case: Case, name: str, truth: Array) -> tuple[int, ...]:
    """The shape in which an array of the case is given."""
    shape: tuple[int, ...] = case.layout.restored(OPERANDS[name], np.empty(truth.shape, np.bool_)).shape
    return shape


def own_error(bounds: Bounds, name: str) -> Array:
    """What a truth computed in float64 may be off by itself."""
    return bounds.sums(name).bound(TYPES["float64"].unit)


def _values(numbers: Numbers, dtype: np.dtype[Any]) -> Array:
    """The numbers in the kind of the truth; what is not finite has no exact value and stays as it is."""
    if dtype != EXACT:
        return numbers.as_array(FLOAT64)
    flat = numbers.values.ravel().tolist() if isinstance(numbers.values, np.ndarray) else numbers.values
    binary = isinstance(numbers.values, np.ndarray)
    result = np.empty(len(flat), EXACT)
    result[:] = [_exact(value, binary) for value in flat]
    return result.reshape(numbers.shape)


def _exact(value: Any, binary: bool) -> Any:
    """A binary array's numbers at their exact values, any other by its text."""
    if isinstance(value, str) and value in NONFINITE:
        return NONFINITE[value]
    if isinstance(value, float) and not np.isfinite(value):
        return value
    return Fraction(value) if binary else exact_value(value)


def _excuses(
    name: str, numbers: Numbers, values: Array, truth: Array, bounds: Bounds, dtype: str | None
) -> dict[str, Any]:
    """What a claim says of how far it may be off: `allowed` (if there are as many entries as there should be),
    `excuse`, `rule`, and of a type `scale` and `unit`."""
    dtype = dtype or _type_of(numbers)
    own = 0 if truth.dtype == EXACT else own_error(bounds, name)
    if dtype is None:
        assert isinstance(numbers.values, list)
        text = written(numbers.values)
        if not text.is_binary:
            return _by_digits(text, values, truth, own)
        printed = _filled(text.relative_half_units(), values)
        return _by_type(name, truth, bounds, "float64", own, printed if values.shape == truth.shape else 0)
    if dtype == "whole":
        return {"allowed": own, "excuse": float(np.max(own, initial=0)), "rule": "whole numbers, which are exact"}
    return _by_type(name, truth, bounds, dtype, own)


def _by_digits(text: Written, values: Array, truth: Array, own: Any) -> dict[str, Any]:
    halves = _filled(text.half_units(), values)
    if truth.dtype != EXACT:
        # inclusive, though reading the decimals into float64 and subtracting rounded both sides
        halves = halves * (1 + 2.0**-50) + 2.0**-52 * _size(values) + np.max(own, initial=0)
    excuse = halves.min() if None not in text.decimals and halves.size else halves
    allowed = halves if values.shape == truth.shape else 0
    return {"allowed": allowed, "excuse": excuse, "rule": f"half a unit of decimal place {text.place}"}


def _type_of(numbers: Numbers) -> str | None:
    """The type of a binary array; None for what was written in digits."""
    if not isinstance(numbers.values, np.ndarray):
        return None
    if numbers.values.dtype.kind in "iu":
        return "whole"
    name = numbers.values.dtype.name
    return name if name in TYPES else "float64"


def _by_type(name: str, truth: Array, bounds: Bounds, dtype: str, own: Any, printed: Any = 0) -> dict[str, Any]:
    """The rounding of a type; `printed` is what writing its numbers in digits may have added."""
    more = rounded(printed) if isinstance(printed, np.ndarray) and printed.dtype == EXACT else printed
    allowed = bounds.excused(name, dtype, truth) + own + more
    scale, unit = floated(np.max(abs(truth), initial=0)), 2.0 ** -TYPES[dtype].result
    excuse = float(allowed.max(initial=0))
    return {"allowed": allowed, "excuse": excuse, "rule": f"{dtype} rounding", "scale": scale, "unit": unit}


def _filled(halves: list[Fraction], values: Array) -> Array:
    """Half units as an array like the values."""
    result = np.empty(len(halves), EXACT)
    result[:] = halves
    return (result if values.dtype == EXACT else rounded(result)).reshape(values.shape)


def finite(claim: Claim) -> Claim:
    """The claim in float64 where an exact one holds numbers that are not finite, and so have no exact value."""
    if claim.values.dtype != EXACT or all(isinstance(value, Fraction) for value in claim.values.flat):
        return claim
    excuse = claim.excuse.astype(FLOAT64) if isinstance(claim.excuse, np.ndarray) else float(claim.excuse)
    return replace(claim, values=claim.values.astype(FLOAT64), excuse=excuse)


def within(values: Array, others: Array, excuse: Any) -> Array:
    """Whether |a - b| <= excuse, entry by entry; a NaN equals a NaN, an infinity itself."""
    with np.errstate(invalid="ignore"):
        close = abs(values - others) <= excuse
    same = (values == others) | ((values != values) & (others != others))
    return np.asarray(close | same, bool)


def _alike(values: Array, candidate: Array) -> tuple[Array, Array]:
    """Both exact, or else both float64."""
    if values.dtype == EXACT and candidate.dtype != EXACT:
        return values.astype(np.float64), candidate
    if values.dtype != EXACT and candidate.dtype == EXACT:
        return values, rounded(candidate)
    return values, candidate
