"""What a comparison found: how many entries are wrong, the worst, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.claims.claim import within
from convgrad.claims.piecewise import by_pieces, taken
from convgrad.claims.tally import Tally, floats, tally
from convgrad.core.arithmetic import Array, nearest
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
    tallied: Tally | None = None
    """What the comparison comes to, where that is known; else it is worked out when it is asked for."""

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
        if not self.comparable or not self.entries or not self.tally.excused or (self.wrong and self.tally.nan):
            return None
        return self.tally.units if self.tally.units < np.inf else None

    @cached_property
    def tally(self) -> Tally:
        """What the comparison comes to, entry by entry."""
        return self.tallied or tally(self.claimed, self.correct, self.allowed, self.compared, self.wrong_at)

    def _shown_allowed(self) -> Array:
        """What each entry may be off by, in the shape of its user's array."""
        allowed = np.broadcast_to(floats(np.asarray(self.allowed)), self.correct.shape)
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
        return any(self.tally.rough) and not self.tally.exact

    @property
    def worst(self) -> Entry | None:
        """The entry that is furthest off, of the wrong ones where there are any; None where nothing is off."""
        if not self.entries or not self.comparable:
            return None
        furthest = self.tally.wrong if self.wrong else self.tally.furthest
        return furthest and self._entry(furthest.at, furthest.claimed, furthest.correct, furthest.allowed)

    def wrong_entries(self) -> Iterator[Entry]:
        """Every wrong entry, in row-major order, with the overlays that make it."""
        for at in np.flatnonzero(self.wrong_at & self.comparable):
            index = np.unravel_index(at, self.correct.shape)
            allowed = self.allowed[index] if np.ndim(self.allowed) else self.allowed
            yield self._entry(int(at), self.claimed[index], self.correct[index], allowed, overlays=True)

    def _entry(self, at: int, claimed: Any, correct: Any, allowed: Any, overlays: bool = False) -> Entry:
        index = tuple(int(i) for i in np.unravel_index(at, self.correct.shape))
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
    case: Case, place: Place, like: str, against: str, claimed: Array, correct: Any, allowed: Any, **more: Any
) -> Finding:
    """Two arrays entry by entry; where their shapes differ, every entry is wrong."""
    compared = more.pop("compared", np.broadcast_to(np.True_, correct.shape))
    refuted = more.pop("refuted", np.broadcast_to(np.False_, correct.shape))
    wrong = more.pop("wrong", None)
    if wrong is None:
        wrong = (~_alike(claimed, correct, allowed) | refuted) & compared
    return Finding(case, place, against, claimed, correct, allowed, compared, wrong, outside=int(refuted.sum()),
                   like=like, **more)  # fmt: skip


def _alike(claimed: Array, correct: Array, allowed: Any) -> Array:
    """Which entries are right; none of an array of another shape."""
    if claimed.shape != correct.shape:
        return np.zeros(correct.shape, bool)
    return by_pieces(lambda at: within(*(taken(part, at) for part in (claimed, correct, allowed))), correct.shape, bool)
