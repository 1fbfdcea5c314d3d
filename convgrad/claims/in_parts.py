"""Claims on large arrays, judged some samples after others: what these may be off by hangs on them alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.attempts import Judgement
from convgrad.claims.claim import within
from convgrad.claims.excuses import OfSamples, Sharp
from convgrad.claims.judgement import Judging
from convgrad.claims.piecewise import At, by_pieces, taken
from convgrad.claims.sampled import Sampled
from convgrad.claims.tally import Tally, tally
from convgrad.core.arithmetic import Array
from convgrad.subject.place import Place


class Swept(NamedTuple):
    """What became of a large claim: what excuses it, the right array, which entries are wrong, and the furthest."""

    judgement: Judgement
    correct: Sampled
    wrong_at: Array
    tally: Tally


def judged(judging: Judging) -> Judgement:
    """What excuses a claim, with what the truth itself may be off by where it is not exact."""
    if judging.own is None:
        judging = replace(judging, own=judging.bounds.own(judging.place, judging.truth))
    return judging.judged()


def swept(excuses: Sharp, claims: Mapping[Place, Judging], *, sums: bool) -> dict[Place, Swept]:
    """Claims on large arrays, all of them in one go over the samples; the `sums` over these are added up on the way."""
    looked_at = {place: _InParts(excuses, whole) for place, whole in claims.items()}
    for part in excuses.sweep(sums=sums) if claims or sums else ():
        for one in looked_at.values():
            one.look_at(part)
    return {place: one.swept() for place, one in looked_at.items()}


class _InParts:
    """One claim, of which some samples are looked at after others, and no more is kept than what is said of them."""

    def __init__(self, excuses: Sharp, whole: Judging) -> None:
        self.excuses, self.whole = excuses, whole
        self.judgements: list[Judgement] = []
        self.tally, self.largest = Tally(), 0.0
        self.wrong: Array | None = None

    def look_at(self, part: OfSamples) -> None:
        one = self._part(part)
        found, samples = judged(one), part.samples
        wrong = _wrong(one, found.allowed)
        self.judgements.append(found._replace(allowed=None))
        told = tally(one.values, one.truth, found.allowed, np.broadcast_to(np.True_, wrong.shape), wrong)
        self.tally = self.tally.beside(told.moved(samples.start * (one.truth.size // len(one.truth))))
        self.largest = max(self.largest, float(one.truth.max(initial=0)), float(-one.truth.min(initial=0)))
        if wrong.any():
            self.wrong = np.zeros(self.whole.values.shape, bool) if self.wrong is None else self.wrong
            self.wrong[samples] = wrong

    def _part(self, part: OfSamples) -> Judging:
        samples, whole = part.samples, self.whole
        return replace(whole, values=whole.values[samples], truth=part.truth(whole.place.array), own=None, bounds=part,
                       samples=samples, entries=whole.values.size)  # fmt: skip

    def swept(self) -> Swept:
        """What is said of the gravest part, and what each entry of all may be off by."""
        first = max(self.judgements, key=_gravity)
        excuse, unit = (
            max(float(np.max(getattr(one, name), initial=0)) for one in self.judgements) for name in ("excuse", "unit")
        )
        place, shape = self.whole.place, self.whole.values.shape
        correct = self._sampled(lambda part: part.truth(place.array))
        allowed = self._sampled(lambda part: judged(self._part(part)).allowed)
        judgement = first._replace(allowed=allowed, excuse=excuse, unit=unit, scale=self.largest if first.scale else 0)
        wrong = np.broadcast_to(np.False_, shape) if self.wrong is None else self.wrong
        return Swept(judgement, correct, wrong, self.tally)

    def _sampled(self, made: Callable[[OfSamples], Any]) -> Sampled:
        return Sampled(self.whole.values.shape, self.excuses.spans, lambda samples: made(self.excuses.of(samples)))


def _wrong(one: Judging, allowed: Any) -> Array:
    def piece(at: At) -> Array:
        return ~within(taken(one.values, at), taken(one.truth, at), taken(allowed, at))

    return by_pieces(piece, one.truth.shape, bool)


def _gravity(one: Judgement) -> tuple[bool, bool, bool, int]:
    """What is not explained before what may be wrong, loses too much, or is explained by more than a type."""
    return not one.explained, one.doubtful, bool(one.cause), len(one.told)
