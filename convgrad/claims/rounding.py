"""What rounding may excuse: a number per entry, derived from the products that the entry is a sum of.

Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.1: a sum of n products in arithmetic
with unit roundoff u is off by at most g_n sum |a||b|, g_n = n u/(1 - n u), in any order of summation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf, ldexp, prod

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.probe import BILINEAR, HEADROOM, products, slope_roundings
from convgrad.differences.roundoff import SURE, TYPES, Type, growth
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


@dataclass(frozen=True)
class Sums:
    """An array as sums: per entry the sum of magnitudes, and through how many roundings a term goes at most.

    `terms` are its kinds of term, each by the operands that it is a product of, once for every time that an operand's
    rounding counts.
    """

    magnitude: Array
    roundings: Array
    terms: tuple[tuple[str, ...], ...]

    def bound(self, unit: float, more: int = 0) -> Array:
        """What an evaluation with this unit roundoff may be off by."""
        return _product(growth(self.roundings + more, unit), self.magnitude) * SURE


def _product(bound: Array, magnitude: Array) -> Array:
    """Nothing times an endless bound is nothing."""
    return np.where(magnitude == 0, 0.0, bound * np.where(magnitude == 0, 1.0, magnitude))


class Bounds:
    """The bounds of every array of a case, each worked out when it is asked for.

    `least` is what magnitudes below it count as: a type's least normal number, beneath which it rounds no finer.
    """

    def __init__(self, case: Case, least: float = 0) -> None:
        self.case, self.least = case, least
        self.operands = {name: array for name, array in case.operands.items() if array is not None}
        if case.delta is not None:
            self.operands["delta"] = case.delta

    @cached_property
    def floats(self) -> dict[str, Array]:
        """The operands in float64."""
        return {name: _raised(_floats(array), self.least) for name, array in self.operands.items()}

    @cached_property
    def gradients(self) -> dict[str, Sums]:
        """Of the gradients, by operand."""
        gradients = known(_GRADIENTS, self.case.operation, EXCUSE)
        return gradients(self, {name: abs(array) for name, array in self.floats.items()})

    @cached_property
    def output(self) -> Sums:
        output = known(_OUTPUTS, self.case.operation, EXCUSE)
        return output(self, {name: abs(array) for name, array in self.floats.items()})

    def sums(self, array: str) -> Sums:
        """Of the array of this name."""
        return self.output if array == "output" else self.gradients[GRADIENTS[array]]

    def excused(self, array: str, dtype: str, truth: Array) -> Array:
        """What a result computed in a type may be off by: inputs rounded to it, sums, and the result's rounding."""
        kind_of, sums = TYPES[dtype], self.sums(array)
        inexact = self._inexact(sums, kind_of)
        magnitude = self._normal(kind_of).sums(array).magnitude if inexact else sums.magnitude
        # (1 + u)^inexact (1 + g_n) - 1, which float64 would round to 0 for a u of its own
        grown = np.expm1(inexact * np.log1p(kind_of.unit) + np.log1p(growth(sums.roundings, 2.0**-kind_of.accumulated)))
        values = abs(_floats(truth))
        vanished = np.where((magnitude == 0) & (truth == 0), 0, (sums.roundings + inexact) * kind_of.smallest)
        exact = self._is_exact(sums, kind_of)
        off = np.zeros(magnitude.shape) if exact else _product(grown, magnitude) * SURE + vanished
        if kind_of.result == kind_of.accumulated:
            return off
        lost = np.maximum(kind_of.unit * (values + off), kind_of.unit * kind_of.least)
        return np.where((off == 0) & (kind_of.nearest(values) == values), off, (off + lost) * SURE)

    def _normal(self, kind_of: Type) -> Bounds:
        """The same, where numbers are too small for the type to round them as finely as others."""
        small = any(((array != 0) & (abs(array) < kind_of.least)).any() for array in self.floats.values())
        return Bounds(self.case, kind_of.least) if small else self

    def _inexact(self, sums: Sums, kind_of: Type) -> int:
        """How many roundings of inputs a term has: those of operands that the type cannot hold as they are."""
        counts = map(Counter, sums.terms)
        return max(sum(n for name, n in count.items() if not self._held(name, kind_of)) for count in counts)

    def _held(self, name: str, kind_of: Type) -> bool:
        given, values = self.operands[name], self.floats[name]
        if given.dtype == EXACT and (values != given).any():
            return False
        return bool((kind_of.nearest(values) == values).all())

    def _is_exact(self, sums: Sums, kind_of: Type) -> bool:
        """Whether every partial sum is so many grains that the accumulator can count them: then none is rounded."""
        if self.case.operation.family in (MEAN, NORM) or self._inexact(sums, kind_of):
            return False
        if self.case.settings.get("ties") == "split":
            return False
        grain = min(prod(_grain(self.floats[name]) for name in term) for term in sums.terms)
        return grain >= kind_of.smallest and bool((sums.magnitude <= 2.0**kind_of.accumulated * grain).all())


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


def _raised(values: Array, least: float) -> Array:
    return np.where((values != 0) & (abs(values) < least), least, values) if least else values


def _grain(values: Array) -> float:
    """The largest power of two of which every value is a whole multiple; inf for zeros alone."""
    fraction, exponent = np.frexp(values[values != 0])
    whole = np.ldexp(fraction, 53).astype(np.int64)
    lowest = exponent - 53 + np.frexp((whole & -whole).astype(FLOAT64))[1] - 1
    return 2.0 ** float(lowest.min()) if lowest.size else inf


# -- What each array is a sum of ---------------------------------------------------------------------------------------


def _of_convolution(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """dW: delta x; dX: delta w; db: delta, added up without a product."""
    case, names = bounds.case, ("delta", *bounds.case.operation.operands)
    present = {name: (array != 0).astype(FLOAT64) for name, array in sizes.items()}
    magnitude, terms = (
        case.operation.backward(*(arrays.get(name) for name in names), **case.arguments) for arrays in (sizes, present)
    )
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    return {
        name: Sums(magnitude[name], np.maximum(terms[name] - (name == "b"), 0), (made_of[name],)) for name in magnitude
    }


def _of_maximum(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Sums of whole deltas; of shares, each by a reciprocal and a product, where a tie is split."""
    case, split = bounds.case, bounds.case.settings["ties"] == "split"
    order = _ranks(bounds.operands["x"])
    magnitude = case.operation.backward(sizes["delta"], order, **case.arguments)["x"]
    ties = {"ties": "all"} if split else {}
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, order, **{**case.arguments, **ties})["x"]
    return {"x": Sums(magnitude, np.maximum(terms + (1 if split else -1), 0), (("delta",),))}


def _ranks(x: Array) -> Array:
    """Numbers in the same order, ties kept, as float64: an exact array may lose ties or gain them by rounding."""
    if x.dtype != EXACT:
        return x
    return np.unique(x.ravel(), return_inverse=True)[1].reshape(x.shape).astype(FLOAT64)


def _of_mean(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Each delta over the divisor: a division, or a reciprocal and a product."""
    case = bounds.case
    magnitude = abs(case.operation.backward(sizes["delta"], sizes["x"], **case.arguments)["x"])
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, sizes["x"], **{**case.arguments, "divisor": 1})["x"]
    return {"x": Sums(magnitude, terms + 1, (("delta",),))}


def _of_norm(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Each delta times (|x|/y)^(p-1), where y is a root of a sum of powers."""
    case, norm = bounds.case, bounds.case.settings["norm"]
    magnitude = case.operation.backward(sizes["delta"], sizes["x"], **case.arguments)["x"]
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, sizes["x"] + 1, **{**case.arguments, "norm": 1})["x"]
    if norm == 1:
        return {"x": Sums(magnitude, np.maximum(terms - 1, 0), (("delta",),))}
    term = ("delta", *("x",) * ceil(2 * (norm - 1)))
    return {"x": Sums(magnitude, terms + slope_roundings(case), (term,))}


_GRADIENTS = {
    CONVOLUTION: _of_convolution, TRANSPOSED: _of_convolution, MAXIMUM: _of_maximum, MEAN: _of_mean, NORM: _of_norm,
}  # fmt: skip
"""By family."""
EXCUSE = "what rounding may excuse"


def _biased_products(bounds: Bounds, sizes: Mapping[str, Array]) -> Sums:
    """y of a convolution: products, and a bias."""
    biased = "b" in sizes
    return _of_forward(bounds, sizes, int(biased), (("x", "w"), *[("b",)] * biased))


def _largest(bounds: Bounds, sizes: Mapping[str, Array]) -> Sums:
    """y of a maximum: one cell."""
    best = abs(bounds.case.operation.forward(bounds.floats["x"], **bounds.case.arguments))
    return Sums(best, np.zeros(best.shape), (("x",),))


def _of_forward(bounds: Bounds, sizes: Mapping[str, Array], more: int, terms: tuple[tuple[str, ...], ...]) -> Sums:
    """y from magnitudes; what is done to the sum of products takes so many roundings more."""
    case = bounds.case
    arrays = [sizes.get(name) for name in case.operation.operands]
    magnitude = abs(case.operation.forward(*arrays, **case.arguments))
    return Sums(magnitude, np.full(magnitude.shape, products(case) + more), terms)


_OUTPUTS: dict[str, Callable[[Bounds, Mapping[str, Array]], Sums]] = {
    CONVOLUTION: _biased_products, TRANSPOSED: _biased_products, MAXIMUM: _largest,
    MEAN: lambda bounds, sizes: _of_forward(bounds, sizes, 1, (("x",),)),
    NORM: lambda bounds, sizes: _of_forward(bounds, sizes, 6, (("x",),)),
}  # fmt: skip


# -- Differences -------------------------------------------------------------------------------------------------------


def of_differences(bounds: Bounds, steps: Array) -> dict[str, Array]:
    """By operand, what a gradient by differences and one by formula may be apart, in float64 or as the case is.

    `steps` are those of x, as it is scaled for differencing.

    An output's difference goes through as many roundings as an output, each of its own product and of 2^-20 of what
    else was added (HEADROOM); its pairing with delta through those of the gradient; and so does the formula's. Where
    sums may leave the range of either, anything is possible: inf.
    """
    case, unit = bounds.case, TYPES["float64"].unit
    own = np.finfo(np.float32 if case.arithmetic == "float32" else FLOAT64)
    more = known(_ROUNDINGS, case.operation, EXCUSE)(case)
    noise = _noise(bounds)
    allowed = {}
    for name, sums in bounds.gradients.items():
        rounding = sums.bound(unit, more) + replace(sums, magnitude=noise[name]).bound(unit, more)
        rounding += sums.bound(float(own.eps) / 2) + _vanished(bounds, name, float(own.smallest_subnormal), steps)
        allowed[name] = np.where(sums.magnitude * SURE <= float(own.max), rounding, inf)
    return allowed


_ROUNDINGS: dict[str, Callable[[Case], int]] = {
    # a maximum moves by the step itself: only the product with delta and the division by the step are rounded
    MAXIMUM: lambda case: 3,
    NORM: lambda case: 2 * slope_roundings(case) + 16,
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, MEAN), lambda case: products(case) + 4),
}
"""Those of a difference of outputs, by family."""


def _vanished(bounds: Bounds, name: str, least: float, steps: Array) -> Array:
    """What roundings lose at the lower end of the range, where they are no longer relative: half of the least number.

    In the formula a product or, of a norm, a slope that delta multiplies; in the differences entries of arrays that are
    scaled to 1, their products, and changes that are then divided by a step.
    """
    largest = {key: _exponent(array) for key, array in bounds.floats.items()}
    delta, other = largest["delta"], largest.get({"x": "w", "w": "x"}.get(name, ""), 0)
    formula = ldexp(least, max(delta, 0)) if bounds.case.operation.family == NORM else least
    shrunk = -np.frexp(np.where(steps == 0, 1, abs(steps)))[1].clip(max=0) if name == "x" else 0
    lost: Array = (bounds.gradients[name].roundings + 8) * (formula + np.ldexp(1.0, delta + other + shrunk - 1074))
    return lost


def _exponent(array: Array) -> int:
    """The power of two next above every magnitude."""
    sizes = abs(array[np.isfinite(array)])
    return int(np.frexp(sizes.max(initial=0))[1])


def _noise(bounds: Bounds) -> dict[str, Array]:
    """What a difference of outputs carries of the terms that cancel in it, paired with delta."""
    if bounds.case.operation.family not in BILINEAR:
        return {name: sums.magnitude / HEADROOM for name, sums in bounds.gradients.items()}
    case = bounds.case
    largest = {name: np.full(array.shape, abs(array).max(initial=0)) for name, array in bounds.floats.items()}
    largest["delta"] = abs(bounds.floats["delta"])
    names = ("delta", *case.operation.operands)
    spread = case.operation.backward(*(largest.get(name) for name in names), **case.arguments)
    return {name: array / HEADROOM for name, array in spread.items()}
