"""What rounding may excuse in each array of what was asked: sharp bounds for one operation, propagated for a chain."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import inf
from typing import Protocol

import numpy as np

from convgrad.claims.algorithms import Algorithms
from convgrad.claims.printed import Printed, PrintedInputs
from convgrad.claims.propagated import Propagated
from convgrad.claims.rounding import Bounds, added_up
from convgrad.claims.sums import confidence
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.roundoff import TYPES
from convgrad.passes.gradients import Gradients
from convgrad.passes.subject import Subject
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS, OPERANDS
from convgrad.subject.place import Place
from convgrad.subject.samples import some_of, spans_of

OF_SAMPLES = ("output", "dX")
"""The arrays that have an axis of samples."""


class Excuses(Protocol):
    """By place, in full shape, what an array may be off by."""

    @property
    def bounds(self) -> Bounds | None:
        """Those of the one operation; None of a chain's."""

    def own(self, place: Place, truth: Array) -> Array:
        """What a truth that was computed in float64 may be off by itself."""

    def excused(
        self, place: Place, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf, moved: bool = True
    ) -> Array:
        """What a result that was computed in a type may be off by, `sure` so many deviations, or at worst.

        Without what rounding the inputs `moved` it may be less.
        """

    def worst(self, place: Place, dtype: str, truth: Array, at: int, *, accumulated: int = 0) -> float:
        """The same of one entry by its number, at worst."""

    def moved(self, place: Place, dtype: str, truth: Array) -> Array:
        """By how much it moves the result that the inputs were rounded to a type."""

    def printed(self, place: Place, *, said: bool = False) -> Printed | None:
        """What it may be off by because inputs were rounded when printed, as was `said` or not; None where none was."""

    def case(self, place: Place) -> Case | None:
        """The one operation with windows that an array is a result of, its delta given; None of a chain's."""

    def algorithms(self, place: Place) -> Algorithms | None:
        """What may compute it other than by sums of products; None of a chain's."""

    def swept(self, place: Place) -> bool:
        """Whether it is a large array with an axis of samples, of which some are judged after others."""


def excuses_of(subject: Subject) -> Excuses:
    """The sharpest bounds that there are."""
    return Sharp(subject) if is_single(subject) else Carried(subject)


def is_single(subject: Subject) -> bool:
    """Whether it is one operation with windows, whose delta is given: what is worked out for a case holds for it."""
    return len(subject.parts) == 1 and subject.parts[0].layer.slides and subject.chain.loss is None


class Carried:
    """Magnitudes carried through every layer."""

    bounds: Bounds | None = None

    def __init__(self, subject: Subject) -> None:
        self._subject, self._sizes = subject, Propagated(subject)
        self._inputs: dict[bool, PrintedInputs] = {}

    def printed(self, place: Place, *, said: bool = False) -> Printed | None:
        if said not in self._inputs:
            entries = self._subject.numbers
            self._inputs[said] = PrintedInputs(self._subject, confidence(entries), zeros=said)
        return self._inputs[said].of(place)

    def own(self, place: Place, truth: Array) -> Array:
        return self._sizes.bound(place).reshape(truth.shape)

    def excused(
        self, place: Place, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf, moved: bool = True
    ) -> Array:
        values = rounded(truth) if truth.dtype == EXACT else truth
        finite = np.where(np.isfinite(values), abs(values), 0.0)
        off = self._sizes.bound(place, dtype, accumulated=accumulated, sure=sure).reshape(truth.shape)
        return off + TYPES[dtype].unit * finite

    def worst(self, place: Place, dtype: str, truth: Array, at: int, *, accumulated: int = 0) -> float:
        return float(self.excused(place, dtype, truth, accumulated=accumulated).flat[at])

    def moved(self, place: Place, dtype: str, truth: Array) -> Array:
        return np.zeros(truth.shape, FLOAT64)

    def case(self, place: Place) -> Case | None:
        return None

    def algorithms(self, place: Place) -> Algorithms | None:
        return None

    def swept(self, place: Place) -> bool:
        return False


class Sharp(Carried):
    """The products that each entry of a gradient, or of the output, is a sum of; the rest as in a chain."""

    def __init__(self, subject: Subject, case: Case | None = None) -> None:
        super().__init__(subject)
        self.bounds: Bounds = Bounds(case or subject.parts[0].case)
        self._algorithms = Algorithms(self.bounds.case)
        self.sums: dict[str, Array] = {}

    def own(self, place: Place, truth: Array) -> Array:
        if place.array not in OPERANDS:
            return super().own(place, truth)
        return self.bounds.own(place.array, truth).reshape(truth.shape)

    def excused(
        self, place: Place, dtype: str, truth: Array, *, accumulated: int = 0, sure: float = inf, moved: bool = True
    ) -> Array:
        if place.array not in OPERANDS:
            return super().excused(place, dtype, truth, accumulated=accumulated, sure=sure)
        excused = self.bounds.excused(place.array, dtype, truth, accumulated=accumulated, sure=sure, moved=moved)
        return excused.reshape(truth.shape)

    def worst(self, place: Place, dtype: str, truth: Array, at: int, *, accumulated: int = 0) -> float:
        if place.array not in OPERANDS:
            return super().worst(place, dtype, truth, at, accumulated=accumulated)
        return self.bounds.worst(place.array, dtype, truth, at, accumulated=accumulated)

    def moved(self, place: Place, dtype: str, truth: Array) -> Array:
        if place.array not in OPERANDS:
            return super().moved(place, dtype, truth)
        return self.bounds.moved(place.array, TYPES[dtype], truth).reshape(truth.shape)

    def case(self, place: Place) -> Case | None:
        return self.bounds.case if place.array in OPERANDS else None

    def algorithms(self, place: Place) -> Algorithms | None:
        return self._algorithms if place.array in OPERANDS else None

    def swept(self, place: Place) -> bool:
        return place.array in OF_SAMPLES and self.bounds.is_large

    @property
    def spans(self) -> list[slice]:
        """The samples of a large case, so many together as are worked out at once."""
        return spans_of(self.bounds.case)

    def of(self, samples: slice) -> OfSamples:
        """Those of some samples."""
        return OfSamples(self, self._subject, samples)

    def sweep(self, *, sums: bool) -> Iterator[OfSamples]:
        """Some samples after others, in their order; what dW and db are is added up on the way, where that is asked."""
        for samples in self.spans:
            part = self.of(samples)
            yield part
            if sums:
                self.bounds.add(part.bounds)
                self.sums = added_up(self.sums, part.gradients.by_operand)


class OfSamples(Sharp):
    """The same of some samples of a case."""

    def __init__(self, whole: Sharp, subject: Subject, samples: slice) -> None:
        super().__init__(subject, some_of(whole.bounds.case, samples))
        self._whole, self.samples = whole, samples

    @cached_property
    def gradients(self) -> Gradients:
        return Gradients(self.bounds.case)

    def truth(self, array: str) -> Array:
        """Of these samples."""
        return self.gradients.y if array == "output" else self.gradients.by_operand[GRADIENTS[array]]

    def printed(self, place: Place, *, said: bool = False) -> Printed | None:
        printed = self._whole.printed(place, said=said)
        return printed and printed._replace(allowed=printed.allowed[self.samples])

    def swept(self, place: Place) -> bool:
        return False
