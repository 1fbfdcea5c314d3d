"""What rounding may excuse: a number per entry, derived from the products that the entry is a sum of.

Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.1: a sum of n products in arithmetic
with unit roundoff u is off by at most g_n sum |a||b|, g_n = n u/(1 - n u), in any order of summation.

Rounding errors that do not all lean one way come to some sqrt(n) u: Higham and Mary, A new approach to probabilistic
rounding error analysis, SIAM J. Sci. Comput. 41 (2019). Each error is at most u times what is rounded; by Hoeffding's
inequality their sum is beyond c u sqrt(sum of squares of what is rounded) with a chance of 2 exp(-c^2/2) at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf, ldexp, log, prod, sqrt

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.unfold import ALL
from convgrad.differences.probe import BILINEAR, HEADROOM, products, slope_roundings
from convgrad.differences.roundoff import SURE, TYPES, Type, growth
from convgrad.operations.lp_pool import cancellation
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


@dataclass(frozen=True)
class Sums:
    """An array as sums: per entry the sum of magnitudes, and through how many roundings a term goes at most.

    `condition` is how many times the sizes of powers are the sum that a root is taken of, where they cancel. `terms`
    are its kinds of term, each by the operands that it is a product of, once for every time that an operand's
    rounding counts; `squares` per entry the sum of the squares of its terms, or more.
    """

    magnitude: Array
    roundings: Array
    terms: tuple[tuple[str, ...], ...]
    squares: Array
    condition: Array | None = None

    def bound(self, unit: float, more: int = 0) -> Array:
        """What an evaluation with this unit roundoff may be off by."""
        return self.grown(growth(self.roundings + more, unit))

    def grown(self, rounding: Array) -> Array:
        """The same of sums that are off by so much of their magnitude: anything where that is half of a sum."""
        bound = _product(rounding, self.magnitude) * SURE
        return bound if self.condition is None else np.where(rounding * self.condition > HALF, inf, bound)

    def deviation(self, unit: float, total: Array) -> Array:
        """The root of the sum of squares of what roundings lose at most, where terms are added one after another.

        In an order of chance the k-th partial sum of n has, squared and in the mean, k^2/n^2 of the square of the total
        and at most k/n of the terms' squares; other orders round fewer and smaller sums.
        """
        count = self.roundings
        return unit * np.sqrt(self.squares * (1 + count / 2) + total**2 * (1 + count / 3)) * SURE


def confidence(entries: int) -> float:
    """How many deviations no entry of so many is off by, but for a chance of 10^-6."""
    return sqrt(2 * log(2e6 * max(entries, 1)))


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

    def excused(self, array: str, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf) -> Array:
        """What a result computed in a type may be off by: inputs rounded to it, sums, and the result's rounding.

        `accumulated` are the bits that sums are held in, where not the type's own; `sure` so many deviations, which
        count where they are less than the worst that could be.
        """
        kind_of = self.type_of(dtype, accumulated)
        values, off = abs(_floats(truth)), self._off(array, kind_of, truth, sure)
        if kind_of.result >= kind_of.accumulated:
            return off
        unit = 2.0**-kind_of.result
        lost = np.maximum(unit * (values + off), unit * kind_of.least)
        return np.where((off == 0) & (kind_of.nearest(values) == values), off, (off + lost) * SURE)

    @staticmethod
    def type_of(dtype: str, accumulated: int) -> Type:
        """A type, with sums in so many bits."""
        return replace(TYPES[dtype], accumulated=accumulated) if accumulated else TYPES[dtype]

    def _off(self, array: str, kind_of: Type, truth: Array, sure: float) -> Array:
        """What the sums are off by, of inputs rounded to the type."""
        sums = self.sums(array)
        inexact = self._inexact(sums, kind_of)
        magnitude = self._normal(kind_of).sums(array).magnitude if inexact else sums.magnitude
        # (1 + u)^inexact (1 + g_n) - 1, which float64 would round to 0 for a u of its own
        grown = np.expm1(inexact * np.log1p(kind_of.unit) + np.log1p(growth(sums.roundings, 2.0**-kind_of.accumulated)))
        vanished = np.where((magnitude == 0) & (truth == 0), 0, (sums.roundings + inexact) * kind_of.smallest)
        if self._is_exact(sums, kind_of):
            return np.zeros(magnitude.shape)
        worst: Array = replace(sums, magnitude=magnitude).grown(grown) + vanished
        if sure == inf or self.case.operation.family == NORM:
            return worst
        moved = abs(self.moved(array, kind_of, truth)) if inexact else 0
        deviation = sums.deviation(2.0**-kind_of.accumulated, _floats(truth))
        return np.minimum(worst, moved + sure * deviation + vanished)

    def moved(self, array: str, kind_of: Type, truth: Array) -> Array:
        """By how much rounding its inputs to a type moves an array."""
        held = {name: kind_of.nearest(values) for name, values in self.floats.items()}
        if "w" not in held:  # which cell is the largest goes by the numbers as they are
            held["x"] = _ranks(self.operands["x"]) if self.case.operation.family == MAXIMUM else held["x"]
        operands = [held.get(name) for name in self.case.operation.operands]
        if array == "output":
            if self.case.operation.family == MAXIMUM:
                return np.zeros(truth.shape)
            made = self.case.operation.forward(*operands, **self.case.arguments)
        else:
            made = self.case.operation.backward(held["delta"], *operands, **self.case.arguments)[GRADIENTS[array]]
        moved: Array = made - _floats(truth).reshape(made.shape)
        return moved

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
    squared = {name: array**2 for name, array in sizes.items()}
    magnitude, terms, squares = (
        case.operation.backward(*(arrays.get(name) for name in names), **case.arguments)
        for arrays in (sizes, present, squared)
    )
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    return {
        name: Sums(magnitude[name], np.maximum(terms[name] - (name == "b"), 0), (made_of[name],), squares[name])
        for name in magnitude
    }


def _of_maximum(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Sums of whole deltas; of shares, each by a reciprocal and a product, where a tie is split."""
    case, split = bounds.case, bounds.case.settings["ties"] == "split"
    order = _ranks(bounds.operands["x"])
    magnitude = case.operation.backward(sizes["delta"], order, **case.arguments)["x"]
    ties = {"ties": "all"} if split else {}
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, order, **{**case.arguments, **ties})["x"]
    squares = case.operation.backward(sizes["delta"] ** 2, order, **case.arguments)["x"]
    return {"x": Sums(magnitude, np.maximum(terms + (1 if split else -1), 0), (("delta",),), squares)}


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
    squares = abs(case.operation.backward(sizes["delta"] ** 2, sizes["x"], **case.arguments)["x"])
    return {"x": Sums(magnitude, terms + 1, (("delta",),), squares)}


def _of_norm(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Each delta times (|x|/y)^(p-1), where y is a root of a sum of powers."""
    case, norm = bounds.case, bounds.case.settings["norm"]
    if case.arguments.get("signed", False):
        return _of_signed_norm(bounds, sizes)
    magnitude = case.operation.backward(sizes["delta"], sizes["x"], **case.arguments)["x"]
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, sizes["x"] + 1, **{**case.arguments, "norm": 1})["x"]
    if norm == 1:
        return {"x": Sums(magnitude, np.maximum(terms - 1, 0), (("delta",),), magnitude**2)}
    term = ("delta", *("x",) * ceil(2 * (norm - 1)))
    return {"x": Sums(magnitude, terms + slope_roundings(case), (term,), magnitude**2)}


def _of_signed_norm(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """The same, where powers cancel in y: its slope is off by as many times more; of a sum by nothing, but at 0."""
    case, norm, x = bounds.case, bounds.case.settings["norm"], bounds.floats["x"]
    times = cancellation(x, window=case.arguments["window"], norm=norm)
    weighed = sizes["delta"] * (1 if norm == 1 else 2 * times)
    magnitude = np.nan_to_num(case.operation.backward(weighed, x, **case.arguments)["x"])
    terms = case.operation.backward((sizes["delta"] != 0).astype(FLOAT64), x * 0 + 1, **case.arguments)["x"]
    term, more = ("delta", *("x",) * ceil(2 * norm)), slope_roundings(case)
    condition = _over_cells(case, np.where(sizes["delta"] == 0, 0, times))
    return {"x": Sums(magnitude, terms + more, (term,), magnitude**2, condition)}


def _over_cells(case: Case, windows: Array) -> Array:
    """The largest number of the windows over each cell: (N,C,*P) -> (N,C,*L)."""
    largest = np.zeros(case.shapes["x"])
    for _, positions, cells in case.arguments["window"].taps(largest.shape[2:]):
        at = (*ALL, *cells)
        largest[at] = np.maximum(largest[at], windows[(*ALL, *positions)])
    return largest


_GRADIENTS = {
    CONVOLUTION: _of_convolution, TRANSPOSED: _of_convolution, MAXIMUM: _of_maximum, MEAN: _of_mean, NORM: _of_norm,
}  # fmt: skip
"""By family."""
EXCUSE = "what rounding may excuse"
HALF = 0.5


def _biased_products(bounds: Bounds, sizes: Mapping[str, Array]) -> Sums:
    """y of a convolution: products, and a bias."""
    case, biased = bounds.case, "b" in sizes
    arrays = (sizes.get(name) for name in case.operation.operands)
    squares = case.operation.forward(*(None if a is None else a**2 for a in arrays), **case.arguments)
    terms = (("x", "w"), *[("b",)] * biased)
    return replace(_of_forward(bounds, sizes, int(biased), terms), squares=squares)


def _largest(bounds: Bounds, sizes: Mapping[str, Array]) -> Sums:
    """y of a maximum: one cell."""
    best = abs(bounds.case.operation.forward(bounds.floats["x"], **bounds.case.arguments))
    return Sums(best, np.zeros(best.shape), (("x",),), best**2)


def _of_forward(bounds: Bounds, sizes: Mapping[str, Array], more: int, terms: tuple[tuple[str, ...], ...]) -> Sums:
    """y from magnitudes; what is done to the sum of products takes so many roundings more."""
    case = bounds.case
    arrays = [sizes.get(name) for name in case.operation.operands]
    magnitude = abs(case.operation.forward(*arrays, **case.arguments))
    return Sums(magnitude, np.full(magnitude.shape, products(case) + more), terms, magnitude**2)


def _roots(bounds: Bounds, sizes: Mapping[str, Array]) -> Sums:
    """y of a norm; of signed powers that cancel off by as many times more."""
    sums, case = _of_forward(bounds, sizes, 6, (("x",),)), bounds.case
    norm = case.settings["norm"]
    if norm == 1 or not case.arguments.get("signed", False):
        return sums
    times = cancellation(bounds.floats["x"], window=case.arguments["window"], norm=norm)
    terms = (("x",) * ceil(norm),)
    return replace(sums, magnitude=sums.magnitude * times ** (1 - 1 / norm), terms=terms, condition=times)


_OUTPUTS: dict[str, Callable[[Bounds, Mapping[str, Array]], Sums]] = {
    CONVOLUTION: _biased_products, TRANSPOSED: _biased_products, MAXIMUM: _largest,
    MEAN: lambda bounds, sizes: _of_forward(bounds, sizes, 1, (("x",),)),
    NORM: _roots,
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
