"""What a claim is excused by: its digits, its type, the order or the type of its sums, an algorithm, printed inputs."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from math import sqrt

import numpy as np

from convgrad.claims.attempted import Attempted
from convgrad.claims.attempts import Attempt, Judgement
from convgrad.claims.compared import as_floats
from convgrad.claims.lost_parts import Lost, lost_part
from convgrad.claims.whole_array import SHARE, is_spread
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, floated

USUAL = 16
"""How many times as large as errors of an algorithm usually are what it may be off by at worst is."""
LOSES = 0.01
"""The part of the whole array that an accumulation may lose."""
UNSEEN = 0.005
"""The same of sums in a half type whose order is not known."""
TOO_FEW = "but it shows in a single entry, which may as well be wrong"


class Judging(Attempted):
    """A claim whose errors are looked at, entry by entry and over the whole array."""

    def judged(self) -> Judgement:
        """The first explanation that holds, else what the claim says of itself."""
        first: Attempt | None = None
        doubtful: Attempt | None = None
        beside: tuple[str, ...] = ()
        for attempt in self._tries():
            first = first or attempt
            if not self._holds(attempt):
                doubtful = doubtful or (attempt if self._may_hold(attempt) else None)
                continue
            if attempt.beside:  # an algorithm may explain it without
                beside = beside or attempt.beside
                continue
            if attempt.narrow and (self.asked.accumulate or abs(self.slope) > LOSES):
                return self._refused(first)._replace(cause="accumulated-narrow")
            told = attempt.told + self._leaning(attempt)
            return self._as_judgement(attempt)._replace(told=told)
        assert first is not None
        if doubtful is not None:
            return self._as_judgement(doubtful)._replace(told=(f"{doubtful.told[0]}; {TOO_FEW}",), doubtful=True)
        refused = self._refused(first)
        return refused._replace(told=beside) if beside else self._on_printed_inputs(refused)

    def _on_printed_inputs(self, judgement: Judgement) -> Judgement:
        """The same, but where its inputs were printed: any other array is, or may be, off by their rounding as well."""
        if self._inputs is None or not (self.asked.printed or self._inputs.enough):
            return judgement
        excuse = np.asarray(judgement.excuse, FLOAT64) + self._inputs.allowed.max(initial=0)
        if not (self.asked.printed or self._inputs.surely):
            return judgement._replace(loose=float(excuse.max(initial=0)))
        return judgement._replace(excuse=excuse.reshape(self.truth.shape) if excuse.ndim else float(excuse))

    def _holds(self, attempt: Attempt) -> bool:
        allowed = as_floats(attempt.allowed)
        if not self._close(attempt.allowed):
            return False
        if attempt.spread and not self._is_spread(allowed):
            return False
        if not attempt.replayed and not self._is_rounding(attempt):
            return False
        return attempt.in_order or self._lost(attempt) is None

    def _lost(self, attempt: Attempt) -> Lost | None:
        """A part of the sum that counts otherwise than once, where the entries are too rough to show it each."""
        case = self.bounds.case(self.place)
        if case is None or (self.errors == 0).all():
            return None
        deviations = np.broadcast_to(as_floats(attempt.allowed) / sqrt(3), self.truth.shape)
        errors = np.where(np.broadcast_to(self.claimed, self.truth.shape), self.errors, np.nan)
        first = self.samples.start if self.samples else 0
        lost = lost_part(case, self.place.array, errors, self.floats, deviations, first)
        if lost is not None:
            self._parts_lost.append(lost)
        return lost

    @cached_property
    def _parts_lost(self) -> list[Lost]:
        return []

    def _may_hold(self, attempt: Attempt) -> bool:
        """Whether nothing speaks against an algorithm but that it shows in a single entry, as a wrong one would."""
        if not attempt.algorithm or not self._close(attempt.allowed) or not self._is_rounding(attempt):
            return False
        narrow, wide = (self._known(as_floats(part)) for part in (next(self._direct()).allowed, attempt.allowed))
        off = abs(self._known(self.errors))
        beyond, usual = off > narrow, wide / USUAL
        # it leaves hardly any entry as it should be
        if int(beyond.sum()) != 1 or (off > 0).mean() <= 0.5 or not (off <= usual)[beyond].all():
            return False
        if SHARE * int((usual > narrow).sum()) <= 1:  # of so few it may show in one alone
            return True
        # of more it leaves the others nearly as far off
        with np.errstate(all="ignore"):
            sizes = np.nan_to_num(off / wide)
        return bool(sizes[beyond].max() <= 2 * self.sure * float(np.median(sizes)))

    def _is_spread(self, allowed: Array) -> bool:
        """Whether the errors beyond what the claim says of itself are those of many entries."""
        narrow = as_floats(next(self._direct()).allowed)
        unsure = self.text is not None and not self.types[0][1]
        # where all cancels, digits show what a type left of it, however little
        told = self._known(self.floats != 0) if unsure else slice(None)
        errors, narrow, wide = (self._known(part)[told] for part in (self.errors, narrow, allowed))
        # beside digits a type may show hardly at all; an algorithm is thought of only where it shows
        return is_spread(errors, narrow, wide, self.sure, 4 if unsure else 1)

    def _is_rounding(self, attempt: Attempt) -> bool:
        """Whether rounding makes such errors over the whole array."""
        if attempt.by == "digits" and self.truth.dtype == EXACT and not self.large:
            return True
        if (attempt.narrow and abs(self.slope) > self._unseen(attempt)) or (attempt.cut and not self._is_cut):
            return False
        if self._errors_of(attempt).is_rounding(attempt.unit):
            return True
        return bool(attempt.dtype) and self._together(attempt, self._moved(attempt.dtype)).is_rounding(attempt.unit)

    def _unseen(self, attempt: Attempt) -> float:
        """What sums in a half type may lose over the array: more where a few large numbers are nearly all of it."""
        squares = self.floats**2
        count = float(squares.sum()) ** 2 / max(float((squares**2).sum()), 1e-300)
        return UNSEEN + 2 * attempt.unit / sqrt(max(count, 1.0))

    def _leaning(self, attempt: Attempt) -> tuple[str, ...]:
        """A way of rounding that is not to the nearest."""
        if not attempt.unit or attempt.cut or not (found := self._errors_of(attempt)).leans:
            return ()
        small = f"its numbers are {abs(found.slope) / attempt.unit:.2g} u {'small' if found.slope < 0 else 'large'}"
        return (f"{small} on the whole: a way of rounding, not to the nearest",)

    def _refused(self, attempt: Attempt) -> Judgement:
        """What it may be off by where nothing explains it: where every entry alone could be so, less than that."""
        lost = tuple(part.said for part in self._parts_lost[:1])
        if self._close(attempt.allowed):
            with np.errstate(all="ignore"):
                ratios = self._known(abs(self.errors)) / self._known(as_floats(attempt.allowed))
            ratios = ratios[~np.isnan(ratios)]
            share = min(float(np.median(ratios)) * 0.99, 1.0) if ratios.size else 1.0
            slope = f"over {self._where} it is the truth times {1 + self.slope:.6g}"
            less = replace(attempt, allowed=as_floats(attempt.allowed) * share)
            return self._as_judgement(less)._replace(told=lost or (slope,), explained=False)
        return self._as_judgement(attempt)._replace(told=lost, explained=False)

    @property
    def _where(self) -> str:
        if self.samples is None:
            return "the whole array"
        first, last = self.samples.start, self.samples.stop - 1
        return f"sample {first}" if first == last else f"samples {first} to {last}"

    def _as_judgement(self, attempt: Attempt) -> Judgement:
        halves = self.halves if self.text is not None else 0
        if attempt.by == "digits":
            excuse = halves + np.max(self._own_of_digits(), initial=0) if self.text is not None else 0
            if self.text is not None and not self.text.by_digits and None not in self.text.decimals and np.size(excuse):
                excuse = np.max(excuse)
            elif self.text is None:
                excuse = float(np.max(as_floats(self.own), initial=0))
            return Judgement(attempt.allowed, attempt.rule, attempt.by, excuse)
        finite = as_floats(attempt.allowed)
        excuse = float(finite[np.isfinite(finite)].max(initial=0))
        scale = floated(np.max(abs(self.truth), initial=0))
        return Judgement(attempt.allowed, attempt.rule, attempt.by, excuse, scale, attempt.unit)
