"""What rounding may excuse: a number per entry, derived from the products that the entry is a sum of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property, partial, reduce
from math import inf, prod

import numpy as np

from convgrad.claims.piecewise import At, by_pieces, pieces, taken
from convgrad.claims.sums import EXCUSE, Sums, confidence
from convgrad.claims.sums_of import GRADIENTS_OF, OUTPUTS_OF, ranks
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.roundoff import SURE, TYPES, Type, growth
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.samples import is_large, parts_of
from convgrad.subject.stored import Operands, Stored, as_came, part_of
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED

HEAD = 256
"""Numbers that are looked at before all are."""


class Bounds:
    """The bounds of every array of a case, each worked out when it is asked for.

    `least` is what magnitudes below it count as: a type's least normal number, beneath which it rounds no finer.
    """

    def __init__(self, case: Case, least: float = 0) -> None:
        self.case, self.least = case, least
        given = {**case.stored, "delta": case.stored_delta}
        self.operands = Operands({name: array for name, array in given.items() if array is not None})
        self._rounded: dict[tuple[bool, int], dict[str, Array]] = {}
        self._raised: dict[float, Bounds | None] = {}
        self._holding: dict[tuple[str, int], bool] = {}
        self._totals: dict[str, Sums] = {}
        self._sums_rounded: dict[int, dict[str, Array]] = {}
        self._added = 0

    @cached_property
    def floats(self) -> Operands:
        """The operands in float64."""
        return Operands({name: array if isinstance(array, Stored) and not self.least else
                         _raised(_floats(self.operands[name]), self.least)
                         for name, array in self.operands.stored.items()})  # fmt: skip

    @cached_property
    def gradients(self) -> dict[str, Sums]:
        """Of the gradients, by operand."""
        gradients = known(GRADIENTS_OF, self.case.operation, EXCUSE)
        return gradients(self, {name: abs(array) for name, array in self.floats.items()})

    @cached_property
    def output(self) -> Sums:
        output = known(OUTPUTS_OF, self.case.operation, EXCUSE)
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
        if not self._added:
            for case in parts_of(self.case):
                self.add(Bounds(case, self.least))
        return self._totals

    def add(self, part: Bounds) -> None:
        """Some samples more, of which the sums are a part of those of dW and db, and so what was rounded of them."""
        names = {array: name for array, name in GRADIENTS.items() if name != "x"}
        self._totals = {array: part.gradients[name].beside(self._totals.get(array), partial(self._magnitude, name))
                        for array, name in names.items()}  # fmt: skip
        rounded = {bits: made for (forward, bits), made in part._rounded.items() if not forward}
        known = self._sums_rounded if self._added else {bits: dict[str, Array]() for bits in rounded}
        self._sums_rounded = {bits: added_up(total, rounded[bits]) for bits, total in known.items() if bits in rounded}
        self._added += 1

    def _magnitude(self, name: str) -> Array:
        """That of a sum over samples."""
        parts = (Bounds(case, self.least).gradients[name].magnitude for case in parts_of(self.case))
        return reduce(np.add, parts)

    @cached_property
    def is_large(self) -> bool:
        """Whether there are more samples than are worked out at once."""
        return is_large(self.case)

    def own(self, array: str, truth: Array) -> Array:
        """What a result computed in float64 may be off by."""
        sums, unit, sure = self.sums(array), TYPES["float64"].unit, confidence(truth.size)
        many = sums.is_many(sure)
        truth = truth.reshape(sums.squares.shape)

        def one(at: At) -> Array:
            some = sums.at(at)
            likely = sure * some.deviation(unit, truth[at])
            return likely if many else np.minimum(some.bound(unit), likely)

        return by_pieces(one, truth.shape)

    def worst(self, array: str, dtype: str, truth: Array, at: int, *, accumulated: int = 0) -> float:
        """What one entry, by its number, may be off by at worst, or a little more."""
        shape = self.sums(array).squares.shape
        piece = tuple(slice(int(i), int(i) + 1) for i in np.unravel_index(at, shape))
        one = self._excused(array, self.type_of(dtype, accumulated), truth.reshape(shape), inf, roughly=True)
        return float(one(piece).item())

    def excused(
        self, array: str, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf, moved: bool = True
    ) -> Array:
        """What a result computed in a type may be off by: inputs rounded to it, sums, and the result's rounding.

        `accumulated` are the bits that sums are held in, where not the type's own; `sure` so many deviations, which
        count where they are less than the worst that could be. Without what rounding the inputs `moved`, it is less.
        """
        truth = truth.reshape(self.sums(array).squares.shape)
        one = self._excused(array, self.type_of(dtype, accumulated), truth, sure, moved=moved)
        return by_pieces(one, truth.shape)

    def _excused(
        self, array: str, kind_of: Type, truth: Array, sure: float, *, moved: bool = True, roughly: bool = False
    ) -> Callable[[At], Array]:
        """The same of a piece."""
        off_at = self._off(array, kind_of, truth, sure, moved, roughly)
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
        return TYPES[dtype]._replace(accumulated=accumulated) if accumulated else TYPES[dtype]

    def _off(
        self, array: str, kind_of: Type, truth: Array, sure: float, moved: bool, roughly: bool
    ) -> Callable[[At, Array], Array]:
        """What the sums of a piece, which come to so much, are off by, of inputs rounded to the type."""
        sums = self.sums(array)
        if self._is_exact(sums, kind_of):
            return lambda at, total: np.zeros(total.shape)
        inexact, likely = self._inexact(sums, kind_of), sure < inf and self.case.operation.family != NORM
        raised, many = self._normal(kind_of).sums(array) if inexact else sums, likely and sums.is_many(sure)
        magnitude = sums.squares if many else raised.bounded if roughly else raised.magnitude
        made = self._made(array, kind_of, truth) if inexact and likely and moved else None
        # (1 + u)^inexact (1 + g_n) - 1, which float64 would round to 0 for a u of its own
        grown = np.expm1(inexact * np.log1p(kind_of.unit) + np.log1p(growth(sums.roundings, 2.0**-kind_of.accumulated)))

        def one(at: At, total: Array) -> Array:
            some = sums.at(at).sized(magnitude[at])
            nothing = (some.magnitude == 0) & (total == 0)
            vanished = np.where(nothing, 0, (some.roundings + inexact) * kind_of.smallest)
            worst: Array = (np.inf if many else some.grown(taken(grown, at))) + vanished
            if not likely:
                return worst
            off = 0 if made is None else abs(made[at] - total)
            off = off + sure * some.deviation(2.0**-kind_of.accumulated, total) + vanished
            return off if many else np.minimum(worst, off)

        return one

    def is_moved(self, array: str, dtype: str) -> bool:
        """Whether the type cannot hold some of its inputs as they are."""
        return self._inexact(self.sums(array), TYPES[dtype]) > 0

    def moved(self, array: str, kind_of: Type, truth: Array) -> Array:
        """By how much rounding its inputs to a type moves an array."""
        made = self._made(array, kind_of, truth)
        moved: Array = made - _floats(truth).reshape(made.shape)
        return moved

    def _made(self, array: str, kind_of: Type, truth: Array) -> Array:
        """An array, in full shape, of inputs rounded to a type."""
        if array == "output" and self.case.operation.family == MAXIMUM:
            return _floats(truth).reshape(self.output.squares.shape)
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
        if kind_of.bits not in self._sums_rounded:
            parts = (Bounds(case)._of_rounded(False, kind_of) for case in parts_of(self.case))
            self._sums_rounded[kind_of.bits] = reduce(added_up, parts, dict[str, Array]())
        return self._sums_rounded[kind_of.bits][GRADIENTS[array]]

    def _of_rounded(self, forward: bool, kind_of: Type) -> dict[str, Array]:
        held = {name: kind_of.nearest(values) for name, values in self.floats.items()}
        if "w" not in held:  # which cell is the largest goes by the numbers as they are
            held["x"] = ranks(self.operands["x"]) if self.case.operation.family == MAXIMUM else held["x"]
        operands = [held.get(name) for name in self.case.operation.operands]
        if forward:
            return {"output": self.case.operation.forward(*operands, **self.case.arguments)}
        return self.case.operation.backward(held["delta"], *operands, **self.case.arguments)

    def _normal(self, kind_of: Type) -> Bounds:
        """The same, where numbers are too small for the type to round them as finely as others."""
        if kind_of.least not in self._raised:
            small = any(_has_less(array, kind_of.least) for array in self.floats.stored.values())
            self._raised[kind_of.least] = Bounds(self.case, kind_of.least) if small else None  # no circle: it is large
        return self._raised[kind_of.least] or self

    def _inexact(self, sums: Sums, kind_of: Type) -> int:
        """How many roundings of inputs a term has: those of operands that the type cannot hold as they are."""
        counts = map(Counter, sums.terms)
        return max(sum(n for name, n in count.items() if not self._held(name, kind_of)) for count in counts)

    def _held(self, name: str, kind_of: Type) -> bool:
        if (name, kind_of.bits) not in self._holding:
            given, values = self.operands.stored[name], self.floats.stored[name]
            exactly = given.dtype != EXACT or bool((values == given).all())
            held = exactly and all(_holds(kind_of, part_of(values, at)) for at in pieces(values.shape))
            self._holding[name, kind_of.bits] = held
        return self._holding[name, kind_of.bits]

    def _is_exact(self, sums: Sums, kind_of: Type) -> bool:
        """Whether every partial sum is so many grains that the accumulator can count them: then none is rounded."""
        if self.case.operation.family in (MEAN, NORM) or self._inexact(sums, kind_of):
            return False
        if self.case.settings.get("ties") == "split":
            return False
        counted, least = 2.0**kind_of.accumulated, float(np.sqrt(sums.squares.max(initial=0))) / SURE
        for grain_of in (_first_grain, _grain):  # some numbers tell it of most arrays
            grain = min(prod(grain_of(self.floats.stored[name]) for name in term) for term in sums.terms)
            if grain < kind_of.smallest or least > counted * grain:
                return False
        return float(sums.magnitude.max(initial=0)) <= counted * grain


def added_up(total: dict[str, Array], made: Mapping[str, Array]) -> dict[str, Array]:
    """Sums over samples, dw and db, and what some samples more add."""
    return {name: total.get(name, 0) + part for name, part in made.items() if name != "x"}


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


def _raised(values: Array, least: float) -> Array:
    return np.where((values != 0) & (abs(values) < least), least, values) if least else values


def _holds(kind_of: Type, values: Array) -> bool:
    return bool((kind_of.nearest(values) == values).all())


def _has_less(values: Array | Stored, least: float) -> bool:
    """Whether any magnitude but 0 is below it."""
    return any(
        ((part != 0) & (abs(part) < least)).any() for part in (part_of(values, at) for at in pieces(values.shape))
    )


def _first_grain(values: Array | Stored) -> float:
    """That of the first of them, which is no less."""
    first = as_came(values)
    return _grain_of(first.reshape(-1)[:HEAD].astype(FLOAT64)) if first.flags.c_contiguous else inf


def _grain(values: Array | Stored) -> float:
    """The largest power of two of which every value is a whole multiple; inf for zeros alone."""
    return min((_grain_of(part_of(values, at)) for at in pieces(values.shape)), default=inf)


def _grain_of(values: Array) -> float:
    fraction, exponent = np.frexp(values[values != 0])
    whole = np.ldexp(fraction, 53).astype(np.int64)
    lowest = exponent - 53 + np.frexp((whole & -whole).astype(FLOAT64))[1] - 1
    return 2.0 ** float(lowest.min()) if lowest.size else inf
