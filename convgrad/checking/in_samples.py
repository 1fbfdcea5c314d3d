"""Our own gradients of a large case against differences, some samples after others: no array is whole in float64.

A gradient of the input hangs on its own sample alone; those of kernel and bias are sums over samples, and so are their
differences and what these may be apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np

from convgrad.checking.sides import Sides, both_sides, finding
from convgrad.claims.findings import Finding, as_counted
from convgrad.claims.rounding import Bounds
from convgrad.claims.sampled import Sampled
from convgrad.claims.tally import Tally
from convgrad.core.arithmetic import Array
from convgrad.differences.finite_differences import Differences, finite_differences
from convgrad.differences.identities import Checksum
from convgrad.differences.identities import Sides as Identities
from convgrad.differences.kinks import Kink
from convgrad.differences.roundoff import TYPES
from convgrad.differences.run import Progress
from convgrad.passes.gradients import Gradients
from convgrad.passes.subject import Part
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.samples import some_of, spans_of

Wanted = Mapping[str, Array]


def in_samples(
    part: Part, wanted: Wanted, kinks: int | None, passes: int, progress: Progress | None
) -> tuple[tuple[Finding, ...], tuple[Checksum, ...]]:
    """The findings, with the first so many kinks or all, in so many forward passes; and the identities."""
    case, identities, spans = part.case, Identities(), spans_of(part.case)
    inputs, sums = _Inputs(part, wanted, spans, kinks), _Sums(part, len(spans))
    for number, samples in enumerate(spans):
        one = _some(case, samples, wanted, _told(progress, passes, number, len(spans)))
        identities.add(one.case, one.ours.by_operand, one.ours.y)
        for name, sides in one.sides.items():
            if name == "x":
                inputs.add(samples, sides, one.differences)
            else:
                sums.add(name, sides, one.magnitudes[name])
    found = dict((*sums.findings(), *inputs.findings()))
    return tuple(found[name] for name in GRADIENTS.values() if name in found), identities.checksums(case)


class _Some(NamedTuple):
    """Some samples: their case, our gradients, their differences, and the magnitudes of what the former are sums of."""

    case: Case
    ours: Gradients
    differences: Differences
    sides: dict[str, Sides]
    magnitudes: dict[str, Array]


def _some(case: Case, samples: slice, wanted: Wanted, progress: Progress | None) -> _Some:
    part, marks = some_of(case, samples), _of_samples(wanted, samples)
    ours, bounds = Gradients(part), Bounds(part)
    differences = finite_differences(part, marks, progress)
    sides = both_sides(part, ours.by_operand, differences, marks, bounds)
    return _Some(part, ours, differences, sides, {name: sums.magnitude for name, sums in bounds.gradients.items()})


def _of_samples(wanted: Wanted, samples: slice) -> dict[str, Array]:
    return {name: marks[samples] if name == "x" else marks for name, marks in wanted.items()}


def _told(progress: Progress | None, passes: int, number: int, parts: int) -> Progress | None:
    """Progress of one of so many parts, which may need fewer passes, as that of all."""
    if progress is None:
        return None
    tell = progress
    return lambda done, of: tell((number * of + done) * passes // (parts * of), passes)


class _Inputs:
    """dX: what each comparison comes to is all that is kept, and its arrays are made again where one is asked."""

    def __init__(self, part: Part, wanted: Wanted, spans: list[slice], kinks: int | None) -> None:
        self._part, self._wanted, self._spans, self._most = part, wanted, spans, kinks
        self._shape = part.case.shapes["x"]
        self._marks = {name: np.zeros(self._shape, bool) for name in ("asked", "undecided", "refuted", "wrong")}
        self._tally, self._kinks = Tally(), list[Kink]()

    def add(self, samples: slice, sides: Sides, differences: Differences) -> None:
        one, first = finding(self._part, "x", sides), samples.start
        marks = {"asked": sides.asked, "undecided": sides.undecided, "refuted": sides.refuted, "wrong": one.wrong_at}
        for name, found in marks.items():
            self._marks[name][samples] = found
        self._tally = self._tally.beside(one.tally.moved(first * (sides.asked.size // len(sides.asked))))
        left = None if self._most is None else self._most - len(self._kinks)
        self._kinks += (self._counted(kink, first) for kink in islice(differences.kinks(), left))

    def _counted(self, kink: Kink, first: int) -> Kink:
        """A kink of some samples, of which that is the first, as its user counts."""
        output, *cells = ((index[0] + first, *index[1:]) for index in (kink.output, *kink.cells))
        return as_counted(self._part.case, Kink(output, tuple(cells), kink.why))

    def findings(self) -> Iterator[tuple[str, Finding]]:
        ours, found, allowed = (self._sampled(name) for name in ("ours", "found", "allowed"))
        sides = Sides(ours, found, allowed, *(self._marks[name] for name in ("asked", "undecided", "refuted")))
        if sides.asked.any():
            yield "x", finding(self._part, "x", sides, tuple(self._kinks), wrong=self._marks["wrong"],
                               tallied=self._tally)  # fmt: skip

    def _sampled(self, side: str) -> Sampled:
        def made(samples: slice) -> Array:
            one = _some(self._part.case, samples, self._wanted, None)
            return np.broadcast_to(getattr(one.sides["x"], side), one.case.shapes["x"])

        return Sampled(self._shape, self._spans, made)


@dataclass
class _Sums:
    """dW and db: sums of what so many parts come to."""

    part: Part
    count: int
    sides: dict[str, Sides] = field(default_factory=dict)
    magnitudes: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, sides: Sides, magnitude: Array) -> None:
        known = self.sides.get(name)
        self.sides[name] = _beside(known, sides) if known else sides
        self.magnitudes[name] = self.magnitudes.get(name, 0) + magnitude

    def findings(self) -> Iterator[tuple[str, Finding]]:
        kind = "float32" if self.part.case.arithmetic == "float32" else "float64"
        for name, sides in self.sides.items():
            added = 2 * self.count * TYPES[kind].unit * self.magnitudes[name]
            yield name, finding(self.part, name, sides._replace(allowed=sides.allowed + added))


def _beside(one: Sides, other: Sides) -> Sides:
    undecided, refuted = one.undecided | other.undecided, one.refuted | other.refuted
    ours, found, allowed = one.ours + other.ours, one.found + other.found, one.allowed + other.allowed
    return Sides(ours, found, allowed, one.asked, undecided, refuted)
