"""Identities that gradients obey whatever the numbers: one sum that comes out the same in several ways.

An operation that is linear in x has <x,dX> = <y,delta> (Euler); one that is linear in w as well, <w,dW> too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, nearest, zeros
from convgrad.differences.probe import products, slope_roundings
from convgrad.operations.lp_pool import cancellation
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING

Parts = Callable[[Array, bool], Array]
"""Sums of an array by sample or filter; the flag says whether it is on the left side."""


class _Equation(NamedTuple):
    """Both sides by `part`, sample or filter, the right side's terms made positive, and how many numbers are paired."""

    equation: str
    part: str
    left: Array
    right: Array
    magnitude: Array
    numbers: int

    def beside(self, other: _Equation) -> _Equation:
        """That of both one's samples and the other's."""
        pairs = zip(self[2:5], other[2:5], strict=True)
        joined = [np.concatenate(pair) if self.part == "sample" else pair[0] + pair[1] for pair in pairs]
        left, right, magnitude = joined
        return self._replace(left=left, right=right, magnitude=magnitude, numbers=self.numbers + other.numbers)


@dataclass(frozen=True)
class Failure:
    """A part in which an identity fails: "sample" or "filter", which, and both sides of it."""

    part: str
    index: int
    left: Any
    right: Any


class Checksum(NamedTuple):
    """An identity: both sides, whether it holds, and where it fails."""

    equation: str
    left: Any
    right: Any
    holds: bool
    fails: tuple[Failure, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        result = {name: getattr(self, name) for name in ("equation", "left", "right", "holds")}
        return result | ({"fails": [vars(failure) for failure in self.fails]} if self.fails else {})


def checksums(case: Case, gradients: Mapping[str, Array], y: Array) -> tuple[Checksum, ...]:
    """Those of the case, for gradients by operand and the output, in full shape."""
    sides = Sides()
    sides.add(case, gradients, y)
    return sides.checksums(case)


class Sides:
    """Both sides of a case's identities, which some samples after others may be added to."""

    def __init__(self) -> None:
        self._equations: dict[str, _Equation] = {}

    @np.errstate(invalid="ignore", over="ignore")
    def add(self, case: Case, gradients: Mapping[str, Array], y: Array) -> None:
        """Samples, their gradients by operand and their output, in full shape."""
        if case.settings.get("ties") == "all":
            return  # a tied window hands delta out several times: neither identity of a maximum holds
        for one in _IDENTITIES[case.operation.family](case, gradients, y) if has_identities(case) else ():
            known = self._equations.get(one.equation)
            self._equations[one.equation] = known.beside(one) if known else one

    @np.errstate(invalid="ignore", over="ignore")
    def checksums(self, case: Case) -> tuple[Checksum, ...]:
        """What they come to, of the case that the samples are."""
        return tuple(_checksum(case, one) for one in self._equations.values())


def has_identities(case: Case) -> bool:
    """Whether any identity is known of the operation's family."""
    return case.operation.family in _IDENTITIES


def _of_convolution(case: Case, gradients: Mapping[str, Array], y: Array) -> Iterator[_Equation]:
    b, delta, paired = case.operands["b"], _operand(case, "delta"), _paired(case)
    bare = y if b is None else y - b.reshape(-1, *(1,) * (y.ndim - 2))
    x, w, samples, filters = _operand(case, "x"), _operand(case, "w"), _over_rest(0), _filters(case)
    yield _equation(case, "<x,dX> = <y-b,delta>", "sample", samples, paired, (x, gradients["x"]), (bare, delta))
    yield _equation(case, "<w,dW> = <y-b,delta>", "filter", filters, paired, (w, gradients["w"]), (bare, delta))
    each, db = _over_rest(1, left=0), gradients["b"]
    yield _equation(case, "db = sum(delta)", "filter", each, _floats(delta), (_ones(db), db), (_ones(delta), delta))


def _of_pool(case: Case, gradients: Mapping[str, Array], y: Array) -> Iterator[_Equation]:
    x, delta, dx, samples = _operand(case, "x"), _operand(case, "delta"), gradients["x"], _over_rest(0)
    yield _equation(case, "<x,dX> = <y,delta>", "sample", samples, _paired(case), (x, dx), (y, delta))
    if case.operation.family == MAXIMUM:
        sides = (_ones(x), dx), (_ones(delta), delta)
        yield _equation(case, "sum dX = sum delta", "sample", samples, _floats(delta), *sides)


_IDENTITIES: dict[str, Callable[[Case, Mapping[str, Array], Array], Iterator[_Equation]]] = {
    CONVOLUTION: _of_convolution, TRANSPOSED: _of_convolution,
    MAXIMUM: _of_pool, MEAN: _of_pool, NORM: _of_pool, UNPOOLING: _of_pool,
}  # fmt: skip


def _ones(like: Array) -> Array:
    return zeros(like.shape, like.dtype) + 1


def _operand(case: Case, name: str) -> Array:
    array = case.delta if name == "delta" else case.operands[name]
    assert array is not None
    return array


def _over_rest(axis: int, left: int | None = None) -> Parts:
    """Sums over all axes but one, which on the left side may be another."""

    def parts(array: Array, on_left: bool) -> Array:
        kept = left if on_left and left is not None else axis
        axes = tuple(n for n in range(array.ndim) if n != kept)
        sums: Array = zeros((array.shape[kept],), array.dtype) + array.sum(axis=axes)
        return sums

    return parts


def _filters(case: Case) -> Parts:
    """Sums by filter; of a transposed convolution, whose kernels are (C,O/g,*K), by output channel of each group."""
    groups, transposed = case.settings["groups"], case.operation.family == TRANSPOSED

    def parts(array: Array, on_left: bool) -> Array:
        if on_left and transposed:
            by_group = array.reshape(groups, len(array) // groups, array.shape[1], prod(array.shape[2:]))
            array = by_group.swapaxes(1, 2).reshape(groups * array.shape[1], -1)
        return _over_rest(1, left=0)(array, on_left)

    return parts


def _equation(
    case: Case, equation: str, part: str, parts: Parts, magnitude: Array, *sides: tuple[Array, Array]
) -> _Equation:
    """Both sides of an identity as inner products, in parts; `magnitude` is the right side's terms, all positive."""
    exact = case.arithmetic == "exact"
    pairs = [(a, b) if exact else (a.astype(FLOAT64), b.astype(FLOAT64)) for a, b in sides]
    left, right = (parts(a * b, number == 0) for number, (a, b) in enumerate(pairs))
    most = right if exact else parts(abs(magnitude), False)
    return _Equation(equation, part, left, right, most, sum(a.size for a, _ in pairs))


def _checksum(case: Case, one: _Equation) -> Checksum:
    """Whether both sides are the same, but for what rounding excuses."""
    left, right = one.left, one.right
    off = 0 if case.arithmetic == "exact" else _growth(case, one.numbers) * one.magnitude
    failing = np.flatnonzero(~np.asarray(abs(left - right) <= off, bool))
    failures = tuple(Failure(one.part, int(n), _number(case, left[n]), _number(case, right[n])) for n in failing)
    return Checksum(one.equation, _number(case, _total(left)), _number(case, _total(right)), not failures, failures)


def _growth(case: Case, numbers: int) -> Any:
    """Every term of either side is a product of the same numbers; it goes through the roundings of an output, or of a
    gradient, whose terms are no more than the outputs, and of the sum over all of them."""
    from convgrad.differences.roundoff import SURE, TYPES, growth  # here, as exact numbers need none of it

    unit = TYPES["float32" if case.arithmetic == "float32" else "float64"].unit
    more = slope_roundings(case) if case.operation.family == NORM else 4
    return growth(products(case) + 2 * numbers + more, unit) * SURE


def _paired(case: Case) -> Array:
    """|y| as a sum of magnitudes, times |delta|."""
    if case.arithmetic == "exact":
        return _operand(case, "delta")  # not looked at: exact sides are equal or not
    magnitudes = [None if array is None else abs(_floats(array)) for array in case.arrays]
    # the largest magnitude need not be the largest
    inputs = case.arrays if case.operation.family == MAXIMUM else magnitudes
    output = _floats(case.operation.forward(*inputs, **case.arguments))
    result: Array = abs(output) * abs(_floats(_operand(case, "delta"))) * _weight(case)
    return result


def _weight(case: Case) -> Any:
    """How much larger the terms x dy/dx of an output are than that of magnitudes: where signed powers cancel."""
    norm = case.settings.get("norm", 1)
    if norm == 1 or not case.arguments.get("signed", False):
        return 1
    times = cancellation(_floats(_operand(case, "x")), window=case.arguments["window"], norm=norm)
    return times ** (1 - 1 / norm)


def _floats(array: Array) -> Array:
    return array if array.dtype == EXACT else array.astype(FLOAT64)


def _total(values: Array) -> Any:
    return values.sum() if values.size else zeros((1,), values.dtype)[0]


def _number(case: Case, value: Any) -> Any:
    if isinstance(value, Fraction):
        return nearest(value) if case.rounded else value
    return float(value)
