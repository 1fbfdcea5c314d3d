"""What a comparison found: how many entries are wrong, the worst, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.claims.claim import within
from convgrad.claims.piecewise import At, by_pieces, pieces, taken
from convgrad.core.arithmetic import EXACT, Array, nearest
from convgrad.core.record import Mapped
from convgrad.differences.kinks import Kink
from convgrad.passes.explanation import full_shapes, no_delta, user_index
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS
from convgrad.subject.place import Place


@dataclass(frozen=True)
class Entry:
    """One entry compared, its index as its user counts."""

    index: tuple[int, ...]
    claimed: Any
    correct: Any
    error: Any
    allowed: Any
    overlays: tuple[tuple[int, tuple[int, ...]], ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        names = ("index", "claimed", "correct", "error", "allowed")
        result = {name: getattr(self, name) for name in names}
        if self.overlays is not None:
            result["overlays"] = [{"sample": n, "position": p} for n, p in self.overlays]
        return result


@dataclass(frozen=True)
class Finding(Mapped):
    """One array compared entry by entry, in its full shape; `like` is the array of the case that it is shaped as.

    `compared` marks the entries that were (all, or a sample, without those at a kink); `outside` how many were refuted
    by outputs that changed although they cannot reach them. `by` is what excuses a claim, `told` what is said of how
    that came about. `shapes` are the claimed and the correct one where they
    differ; of a claim that has not as many numbers, every entry is wrong.
    """

    case: Case
    place: Place
    against: str
    claimed: Array
    correct: Array
    allowed: Any
    compared: Array
    wrong_at: Array
    undecided: int = 0
    kinks: tuple[Kink, ...] = ()
    outside: int = 0
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    rule: str = ""
    like: str = ""
    by: str = ""
    told: tuple[str, ...] = ()
    doubtful: bool = False

    def __repr__(self) -> str:
        return f"Finding({self.place} against {self.against}: {self.verdict}, {self.wrong} of {self.entries} wrong)"

    @property
    def array(self) -> str:
        return self.place.array

    @property
    def summed(self) -> bool:
        """Whether it is a number that sums an array up, as in dW.mean."""
        return "." in self.place.array

    @property
    def comparable(self) -> bool:
        """Whether there are as many numbers claimed as there should be."""
        return bool(self.claimed.shape == self.correct.shape)

    @cached_property
    def entries(self) -> int:
        return int(self.compared.sum())

    @cached_property
    def wrong(self) -> int:
        """How many entries are wrong."""
        return int(self.wrong_at.sum())

    @property
    def verdict(self) -> str:
        if self.wrong or self.shapes:
            return "differs"
        return "undecided" if self.undecided or self.vague else "agrees"

    @cached_property
    def units(self) -> float | None:
        """The largest error, in units of what is allowed there; None where nothing is, or the shape is another."""
        if not self.comparable or not self.entries:
            return None
        allowed, largest, excused = np.asarray(self.allowed), 0.0, False
        for at in pieces(self.correct.shape):
            compared = taken(self.compared, at)
            some = np.broadcast_to(_floats(np.asarray(taken(allowed, at))), compared.shape)
            known = compared & (some > 0)
            with np.errstate(all="ignore"):
                ratios = np.where(known, self._errors(at) / some, 0)
            largest, excused = max(largest, float(ratios.max(initial=0))), excused or bool(known.any())
        return largest if largest < np.inf and excused else None

    def _shown_allowed(self) -> Array:
        """What each entry may be off by, in the shape of its user's array."""
        allowed = np.broadcast_to(_floats(np.asarray(self.allowed)), self.correct.shape)
        if self.summed or self.like not in OPERANDS:
            return allowed
        case, name = self.case, OPERANDS[self.like]
        return case.layout.restored(name, allowed.reshape(full_shapes(case)[name]))

    @cached_property
    def vague(self) -> bool:
        """Whether a claim is known so roughly that nothing, or the truth times 2, or its half, agrees as well.

        Or whether it is `doubtful`: may be right or wrong for another reason, which is told.
        """
        if self.doubtful:
            return not self.wrong
        if not self.rule or not self.comparable or self.wrong:
            return False
        exact, rough = True, [True, True, True]
        for at in pieces(self.correct.shape):
            claimed, correct, compared = (taken(part, at) for part in (self.claimed, self.correct, self.compared))
            telling = compared & np.asarray(correct != 0, bool)
            claimed, correct = claimed[telling], correct[telling]
            allowed, half = np.broadcast_to(taken(self.allowed, at), telling.shape)[telling], correct / 2
            exact = exact and bool((claimed == correct).all())
            with np.errstate(invalid="ignore"):
                rough = [is_so and bool((abs(claimed - other) < allowed).all())
                         for is_so, other in zip(rough, (0 * correct, half, 4 * half), strict=True)]  # fmt: skip
            if not exact and not any(rough):
                return False
        return not exact

    @property
    def worst(self) -> Entry | None:
        """The entry that is furthest off, of the wrong ones where there are any; None where nothing is off."""
        if not self.entries or not self.comparable:
            return None
        asked = self.wrong_at if self.wrong else self.compared
        errors = by_pieces(lambda at: np.where(taken(asked, at), self._errors(at), -1.0), self.correct.shape)
        at = int(errors.argmax())
        return self._entry(at) if errors.flat[at] > 0 else None

    def _errors(self, at: At) -> Array:
        """Errors of a piece as float64, to be ordered; what is no number is furthest off, unless that is right."""
        with np.errstate(invalid="ignore"):
            errors = np.asarray(abs(taken(self.claimed, at) - taken(self.correct, at)))
        floats = _floats(errors)
        return np.where(np.isnan(floats), np.inf if self.wrong else 0, floats)

    def wrong_entries(self) -> Iterator[Entry]:
        """Every wrong entry, in row-major order, with the overlays that make it."""
        for at in np.flatnonzero(self.wrong_at & self.comparable):
            yield self._entry(int(at), overlays=True)

    def _entry(self, at: int, overlays: bool = False) -> Entry:
        index = tuple(int(i) for i in np.unravel_index(at, self.correct.shape))
        claimed, correct = self.claimed.flat[at], self.correct.flat[at]
        allowed = self.allowed.flat[at] if isinstance(self.allowed, np.ndarray) else self.allowed
        claimed, correct, error, allowed = map(self._number, (claimed, correct, abs(claimed - correct), allowed))
        made_by = tuple(self._overlays(index)) if overlays and not self.summed else None
        shown = () if self.summed else user_index(self.case, self.like, index)
        return Entry(shown, claimed, correct, error, allowed, made_by)

    def _overlays(self, index: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Sample and position of each overlay that adds to an entry, once."""
        case = self.case
        delta = no_delta(case) if case.delta is None else case.delta  # of an output, which has no part in it
        terms = case.operation.terms(OPERANDS[self.like], index, delta, *case.arrays, **case.arguments)
        found = ((t.sample, t.position) for t in terms if t.sample is not None and t.position is not None)
        return iter(dict.fromkeys(found))

    def _number(self, value: Any) -> Any:
        """As its user gets it: a fraction only where that was asked for."""
        if isinstance(value, Fraction):
            return value if self.case.arithmetic == "exact" and not self.case.rounded else nearest(value)
        return float(value)

    def streamed(self, all_entries: bool = False) -> dict[str, Any]:
        """What the JSON says."""
        result: dict[str, Any] = {"layer": self.place.part} if self.place.part else {}
        result |= {name: getattr(self, name) for name in ("array", "against", "entries", "wrong", "verdict")}
        result["worst"] = self.worst.to_dict() if self.worst else None
        if self.by:
            result |= {"allowed_by": self.by, "units": self.units}
        if self.told:
            result["told"] = list(self.told)
        if self.vague:
            result["vague"] = True
        if self.undecided:
            result |= {"undecided": self.undecided, "kinks": [kink._asdict() for kink in self.kinks]}
        if self.outside:
            result["outside"] = self.outside
        if self.shapes:
            result["shapes"] = dict(zip(("claimed", "correct"), self.shapes, strict=True))
        if all_entries:
            result["all"] = (entry.to_dict() for entry in self.wrong_entries())
            if self.by and self.comparable:
                result["allowed"] = self._shown_allowed()
        return result


def as_counted(case: Case, kink: Kink) -> Kink:
    """A kink with its indices as its user counts."""
    cells = tuple(user_index(case, "dX", cell) for cell in kink.cells)
    return Kink(user_index(case, "output", kink.output), cells, kink.why)


def compare(
    case: Case, place: Place, like: str, against: str, claimed: Array, correct: Array, allowed: Any, **more: Any
) -> Finding:
    """Two arrays entry by entry; where their shapes differ, every entry is wrong."""
    compared = more.pop("compared", np.ones(correct.shape, bool))
    refuted = more.pop("refuted", np.zeros(correct.shape, bool))
    wrong = (~_alike(claimed, correct, allowed) | refuted) & compared
    return Finding(case, place, against, claimed, correct, allowed, compared, wrong, outside=int(refuted.sum()),
                   like=like, **more)  # fmt: skip


def _alike(claimed: Array, correct: Array, allowed: Any) -> Array:
    """Which entries are right; none of an array of another shape."""
    if claimed.shape != correct.shape:
        return np.zeros(correct.shape, bool)
    return by_pieces(lambda at: within(*(taken(part, at) for part in (claimed, correct, allowed))), correct.shape, bool)


def _floats(values: Array) -> Array:
    if values.dtype != EXACT:
        return values
    flat = [nearest(value) if isinstance(value, Fraction) else float(value) for value in values.flat]
    return np.array(flat).reshape(values.shape)
