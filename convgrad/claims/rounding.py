"""What rounding may excuse: a number per entry, derived from the products that the entry is a sum of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from math import ceil, inf, ldexp, prod

import numpy as np

from convgrad.claims.piecewise import At, by_pieces, pieces, taken
from convgrad.claims.samples import parts_of, spans_of
from convgrad.claims.sums import Sums, confidence
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.unfold import ALL
from convgrad.differences.probe import BILINEAR, HEADROOM, products, slope_roundings
from convgrad.differences.roundoff import SURE, TYPES, Type, growth
from convgrad.operations.lp_pool import cancellation
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


class Bounds:
    """The bounds of every array of a case, each worked out when it is asked for.

    `least` is what magnitudes below it count as: a type's least normal number, beneath which it rounds no finer.
    """

    def __init__(self, case: Case, least: float = 0) -> None:
        self.case, self.least = case, least
        self.operands = {name: array for name, array in case.operands.items() if array is not None}
        if case.delta is not None:
            self.operands["delta"] = case.delta
        self._rounded: dict[tuple[bool, int], dict[str, Array]] = {}
        self._raised: dict[float, Bounds] = {}
        self._holding: dict[tuple[str, int], bool] = {}

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
        if array == "output":
            return self.output
        return self._summed[array] if array in self._summed else self.gradients[GRADIENTS[array]]

    @cached_property
    def _summed(self) -> dict[str, Sums]:
        """Of a large case those of dW and db, which are sums over samples: some samples after others."""
        if not self.is_large or self.case.operation.family not in (CONVOLUTION, TRANSPOSED):
            return {}
        names = {array: name for array, name in GRADIENTS.items() if name != "x"}
        parts = (Bounds(case, self.least).gradients for case in parts_of(self.case))
        total: dict[str, Sums] = {}
        for part in parts:
            total |= {array: part[name].beside(total.get(array)) for array, name in names.items()}
        return total

    @cached_property
    def is_large(self) -> bool:
        """Whether there are more samples than are worked out at once."""
        return self.case.operation.family in _GRADIENTS and len(spans_of(self.case)) > 1

    def own(self, array: str, truth: Array) -> Array:
        """What a result computed in float64 may be off by."""
        sums, unit, sure = self.sums(array), TYPES["float64"].unit, confidence(truth.size)
        truth = truth.reshape(sums.magnitude.shape)

        def one(at: At) -> Array:
            some = sums.at(at)
            return np.minimum(some.bound(unit), sure * some.deviation(unit, truth[at]))

        return by_pieces(one, truth.shape)

    def worst(self, array: str, dtype: str, truth: Array, at: int, *, accumulated: int = 0) -> float:
        """What one entry, by its number, may be off by at worst."""
        shape = self.sums(array).magnitude.shape
        piece = tuple(slice(int(i), int(i) + 1) for i in np.unravel_index(at, shape))
        return float(self._excused(array, dtype, truth.reshape(shape), accumulated, inf)(piece).item())

    def excused(self, array: str, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf) -> Array:
        """What a result computed in a type may be off by: inputs rounded to it, sums, and the result's rounding.

        `accumulated` are the bits that sums are held in, where not the type's own; `sure` so many deviations, which
        count where they are less than the worst that could be.
        """
        truth = truth.reshape(self.sums(array).magnitude.shape)
        return by_pieces(self._excused(array, dtype, truth, accumulated, sure), truth.shape)

    def _excused(self, array: str, dtype: str, truth: Array, accumulated: int, sure: float) -> Callable[[At], Array]:
        """The same of a piece."""
        kind_of = self.type_of(dtype, accumulated)
        off_at = self._off(array, kind_of, truth, sure)
        unit, cut = 2.0**-kind_of.result, kind_of.result < kind_of.accumulated

        def one(at: At) -> Array:
            total = _floats(truth[at])
            values, off = abs(total), off_at(at, total)
            if not cut:
                return off
            lost = np.maximum(unit * (values + off), unit * kind_of.least)
            return np.where((off == 0) & (kind_of.nearest(values) == values), off, (off + lost) * SURE)

        return one

    @staticmethod
    def type_of(dtype: str, accumulated: int) -> Type:
        """A type, with sums in so many bits."""
        return replace(TYPES[dtype], accumulated=accumulated) if accumulated else TYPES[dtype]

    def _off(self, array: str, kind_of: Type, truth: Array, sure: float) -> Callable[[At, Array], Array]:
        """What the sums of a piece, which come to so much, are off by, of inputs rounded to the type."""
        sums = self.sums(array)
        if self._is_exact(sums, kind_of):
            return lambda at, total: np.zeros(total.shape)
        inexact, likely = self._inexact(sums, kind_of), sure < inf and self.case.operation.family != NORM
        magnitude = self._normal(kind_of).sums(array).magnitude if inexact else sums.magnitude
        made = self._made(array, kind_of, truth) if inexact and likely else None
        # (1 + u)^inexact (1 + g_n) - 1, which float64 would round to 0 for a u of its own
        grown = np.expm1(inexact * np.log1p(kind_of.unit) + np.log1p(growth(sums.roundings, 2.0**-kind_of.accumulated)))

        def one(at: At, total: Array) -> Array:
            some = replace(sums.at(at), magnitude=magnitude[at])
            nothing = (some.magnitude == 0) & (total == 0)
            vanished = np.where(nothing, 0, (some.roundings + inexact) * kind_of.smallest)
            worst: Array = some.grown(taken(grown, at)) + vanished
            if not likely:
                return worst
            moved = 0 if made is None else abs(made[at] - total)
            return np.minimum(worst, moved + sure * some.deviation(2.0**-kind_of.accumulated, total) + vanished)

        return one

    def moved(self, array: str, kind_of: Type, truth: Array) -> Array:
        """By how much rounding its inputs to a type moves an array."""
        made = self._made(array, kind_of, truth)
        moved: Array = made - _floats(truth).reshape(made.shape)
        return moved

    def _made(self, array: str, kind_of: Type, truth: Array) -> Array:
        """An array, in full shape, of inputs rounded to a type."""
        if array == "output" and self.case.operation.family == MAXIMUM:
            return _floats(truth).reshape(self.output.magnitude.shape)
        if array in self._summed:
            return self._sum_of_rounded(array, kind_of)
        key = (array == "output", kind_of.bits)
        if key not in self._rounded:
            for other in [one for one in self._rounded if one[1] != kind_of.bits]:  # one type at a time
                del self._rounded[other]
            self._rounded[key] = self._of_rounded(array == "output", kind_of)
        return self._rounded[key]["output" if array == "output" else GRADIENTS[array]]

    def _sum_of_rounded(self, array: str, kind_of: Type) -> Array:
        """dW or db of inputs rounded to a type, some samples after others; both are worked out at once."""
        key = (False, kind_of.bits)
        if key not in self._rounded:
            total: dict[str, Array] = {}
            for case in parts_of(self.case):
                made = Bounds(case)._of_rounded(False, kind_of)
                total |= {name: total.get(name, 0) + made[name] for name in made if name != "x"}
            self._rounded[key] = total
        return self._rounded[key][GRADIENTS[array]]

    def _of_rounded(self, forward: bool, kind_of: Type) -> dict[str, Array]:
        held = {name: kind_of.nearest(values) for name, values in self.floats.items()}
        if "w" not in held:  # which cell is the largest goes by the numbers as they are
            held["x"] = _ranks(self.operands["x"]) if self.case.operation.family == MAXIMUM else held["x"]
        operands = [held.get(name) for name in self.case.operation.operands]
        if forward:
            return {"output": self.case.operation.forward(*operands, **self.case.arguments)}
        return self.case.operation.backward(held["delta"], *operands, **self.case.arguments)

    def _normal(self, kind_of: Type) -> Bounds:
        """The same, where numbers are too small for the type to round them as finely as others."""
        if kind_of.least not in self._raised:
            small = any(_has_less(array, kind_of.least) for array in self.floats.values())
            self._raised[kind_of.least] = Bounds(self.case, kind_of.least) if small else self
        return self._raised[kind_of.least]

    def _inexact(self, sums: Sums, kind_of: Type) -> int:
        """How many roundings of inputs a term has: those of operands that the type cannot hold as they are."""
        counts = map(Counter, sums.terms)
        return max(sum(n for name, n in count.items() if not self._held(name, kind_of)) for count in counts)

    def _held(self, name: str, kind_of: Type) -> bool:
        if (name, kind_of.bits) not in self._holding:
            given, values = self.operands[name], self.floats[name]
            exactly = given.dtype != EXACT or bool((values == given).all())
            held = exactly and all((kind_of.nearest(values[at]) == values[at]).all() for at in pieces(values.shape))
            self._holding[name, kind_of.bits] = held
        return self._holding[name, kind_of.bits]

    def _is_exact(self, sums: Sums, kind_of: Type) -> bool:
        """Whether every partial sum is so many grains that the accumulator can count them: then none is rounded."""
        if self.case.operation.family in (MEAN, NORM) or self._inexact(sums, kind_of):
            return False
        if self.case.settings.get("ties") == "split":
            return False
        grain = min(prod(_grain(self.floats[name]) for name in term) for term in sums.terms)
        return grain >= kind_of.smallest and float(sums.magnitude.max(initial=0)) <= 2.0**kind_of.accumulated * grain


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


def _raised(values: Array, least: float) -> Array:
    return np.where((values != 0) & (abs(values) < least), least, values) if least else values


def _has_less(values: Array, least: float) -> bool:
    """Whether any magnitude but 0 is below it."""
    return any(((part != 0) & (abs(part) < least)).any() for part in (values[at] for at in pieces(values.shape)))


def _grain(values: Array) -> float:
    """The largest power of two of which every value is a whole multiple; inf for zeros alone."""
    return min((_grain_of(values[at]) for at in pieces(values.shape)), default=inf)


def _grain_of(values: Array) -> float:
    fraction, exponent = np.frexp(values[values != 0])
    whole = np.ldexp(fraction, 53).astype(np.int64)
    lowest = exponent - 53 + np.frexp((whole & -whole).astype(FLOAT64))[1] - 1
    return 2.0 ** float(lowest.min()) if lowest.size else inf


# -- What each array is a sum of ---------------------------------------------------------------------------------------


def _of_convolution(bounds: Bounds, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """dW: delta x; dX: delta w; db: delta, added up without a product."""
    case, names = bounds.case, ("delta", *bounds.case.operation.operands)
    squared = {name: array**2 for name, array in sizes.items()}
    magnitude, squares = (
        case.operation.backward(*(arrays.get(name) for name in names), **case.arguments) for arrays in (sizes, squared)
    )
    terms = _counted(case, sizes)
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    return {
        name: Sums(magnitude[name], np.maximum(terms[name] - (name == "b"), 0), (made_of[name],), squares[name])
        for name in magnitude
    }


def _counted(case: Case, sizes: Mapping[str, Array]) -> dict[str, Array]:
    """How many terms that are not 0 each entry has; where no operand has zeros, of one sample and channel, times all.

    (O,C/g,*K), (O,), (N,C,*L), with axes of length 1 where all along one have as many.
    """
    names, groups = ("delta", *case.operation.operands), case.arguments["groups"]
    if not all(array.all() for array in sizes.values()):
        present = {name: (array != 0).astype(FLOAT64) for name, array in sizes.items()}
        return case.operation.backward(*(present.get(name) for name in names), **case.arguments)
    ones = {name: np.ones((1, *(1, *array.shape[2:])[: array.ndim - 1])) for name, array in sizes.items()}
    one = case.operation.backward(*(ones.get(name) for name in names), **{**case.arguments, "groups": 1})
    samples, outputs = len(sizes["delta"]), sizes["delta"].shape[1] // groups
    return {name: array * (outputs if name == "x" else samples) for name, array in one.items()}


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
    return Sums(best, np.zeros((1,) * best.ndim), (("x",),), best**2)


def _of_forward(bounds: Bounds, sizes: Mapping[str, Array], more: int, terms: tuple[tuple[str, ...], ...]) -> Sums:
    """y from magnitudes; what is done to the sum of products takes so many roundings more."""
    case = bounds.case
    arrays = [sizes.get(name) for name in case.operation.operands]
    magnitude = abs(case.operation.forward(*arrays, **case.arguments))
    count = np.full((1,) * magnitude.ndim, products(case) + more)
    return Sums(magnitude, count, terms, magnitude**2)


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
        lost = _vanished(bounds, name, float(own.smallest_subnormal), steps)

        def one(at: At, sums: Sums = sums, noise: Array = noise[name], lost: Array = lost) -> Array:
            some = sums.at(at)
            rounding = some.bound(unit, more) + replace(some, magnitude=noise[at]).bound(unit, more)
            rounding += some.bound(float(own.eps) / 2) + taken(lost, at)
            return np.where(some.magnitude * SURE <= float(own.max), rounding, inf)

        allowed[name] = by_pieces(one, sums.magnitude.shape)
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
