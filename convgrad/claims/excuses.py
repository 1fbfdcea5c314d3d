"""What rounding may excuse in each array of what was asked: sharp bounds for one operation, propagated for a chain."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from convgrad.claims.propagated import Propagated
from convgrad.claims.rounding import Bounds
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.differences.roundoff import TYPES
from convgrad.passes.subject import Subject
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place


class Excuses(Protocol):
    """By place, in full shape, what an array may be off by."""

    def own(self, place: Place) -> Array:
        """What a truth that was computed in float64 may be off by itself."""

    def excused(self, place: Place, dtype: str, truth: Array) -> Array:
        """What a result that was computed in a type may be off by."""


def excuses_of(subject: Subject) -> Excuses:
    """The sharpest bounds that there are."""
    return Sharp(subject) if is_single(subject) else Carried(subject)


def is_single(subject: Subject) -> bool:
    """Whether it is one operation with windows, whose delta is given: what is worked out for a case holds for it."""
    return len(subject.parts) == 1 and subject.parts[0].layer.windowed and subject.chain.loss is None


class Carried:
    """Magnitudes carried through every layer."""

    def __init__(self, subject: Subject) -> None:
        self._sizes = Propagated(subject)

    def own(self, place: Place) -> Array:
        return self._sizes.bound(place)

    def excused(self, place: Place, dtype: str, truth: Array) -> Array:
        values = rounded(truth) if truth.dtype == EXACT else truth
        finite = np.where(np.isfinite(values), abs(values), 0.0)
        return self._sizes.bound(place, dtype).reshape(truth.shape) + TYPES[dtype].unit * finite


class Sharp(Carried):
    """The products that each entry of a gradient, or of the output, is a sum of; the rest as in a chain."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._bounds = Bounds(subject.parts[0].case)

    def own(self, place: Place) -> Array:
        if place.array not in OPERANDS:
            return super().own(place)
        return self._bounds.sums(place.array).bound(TYPES["float64"].unit)

    def excused(self, place: Place, dtype: str, truth: Array) -> Array:
        if place.array not in OPERANDS:
            return super().excused(place, dtype, truth)
        return self._bounds.excused(place.array, dtype, truth)
