"""What explains a wrong claim: whole arrays, single entries, pairs of mistakes; the words for it are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import Any

import numpy as np

from convgrad.catalogue.of_entries import Repair, all_exchanged, is_misrounded, repairs
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.candidates import Candidate, Candidates, Screen
from convgrad.diagnosis.fitting import Fit, agreement, bits, fits, scaled_mistakes
from convgrad.subject.case import Case, products

PAIRED = 400_000
"""Products of one forward pass up to which pairs of mistakes are tried: a second's work."""
MOST_REPAIRS = 16
"""Wrong entries up to which each is tried against the terms of its own sum."""
MOST_BASES = 4
"""Mistakes that explain most entries, tried with repairs of the rest."""
CHANCE_BITS = 3
"""How much more than the number of candidates a claim must say, in bits, for each mistake in a match."""
PART_BITS = 6
"""The same for a mistake that explains a part of the entries."""
GENERAL = ("shifted",)
"""What says how a result looks, and not what led to it."""

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A mistake (or the truth, without one), with what explains the entries that it does not; fewer are better."""

    candidate: Candidate | None
    repairs: tuple[Repair, ...]
    base: Array
    fit: Fit | None = None
    others: tuple[Candidate, ...] = ()

    @property
    def cost(self) -> int:
        """How many mistakes that is."""
        exchanged = sum(repair.id == "entries-swapped" for repair in self.repairs)
        misrounded = sum(repair.id == "misrounded" for repair in self.repairs)
        alone = len(self.repairs) - exchanged - misrounded
        return (len(self.candidate.ids) if self.candidate else 0) + alone + exchanged // 2 + min(misrounded, 1)


@dataclass(frozen=True, slots=True)
class Match:
    """A mistake that explains every entry, and what was fitted to the claim for it."""

    candidate: Candidate
    fit: Fit | None = None


class Search:
    """Explains claims of one array of a case; what it takes to compare is made once."""

    def __init__(self, case: Case, array: str, truth: Array, updated_kernel: Array | None = None) -> None:
        self.truth, self.candidates = truth, Candidates(case, array, truth, updated_kernel)
        self.paired = products(case.settings, case.shapes, case.output_shape) <= PAIRED

    def whole(self, claim: Claim) -> list[Match]:
        """The mistakes that explain every entry, each once, in the catalogue's order.

        Families come after all others, where none of those fits but a general one: or, of so few numbers as db's, also
        where others do.
        """
        found = {candidate.ids[0]: Match(candidate) for candidate in self._confirmed(claim, self.candidates.screen)}
        found |= {fit.candidate.ids[0]: Match(fit.candidate, fit) for fit in fits(self.candidates, claim)}
        order = list(self.candidates.all_forms)
        told = sorted(found.values(), key=lambda match: order.index(match.candidate.ids[0]))
        if self.truth.ndim > 1 and any(match.candidate.ids[0] not in GENERAL for match in told):
            return told
        return [*told, *(match for match in self._practised(claim) if match.candidate.ids[0] not in found)]

    def _practised(self, claim: Claim) -> list[Match]:
        """The first family of mistakes of which one explains every entry; none are tried on large layers."""
        if (clipped := self._clipped(claim)) is not None:
            return [Match(clipped)]
        if not self.paired:
            return []
        found = (self._confirmed(claim, screen) for screen in self.candidates.families)
        return next(([Match(candidate) for candidate in family] for family in found if family), [])

    def is_family(self, match: Match) -> bool:
        """Whether a mistake is one of a family, that are tried where nothing else fits."""
        return match.fit is None and self.candidates.late(match.candidate.ids[0])

    def _clipped(self, claim: Claim) -> Candidate | None:
        candidate = self.candidates.clipped(claim.values)
        fits = candidate is not None and claim.allows(self.candidates.value(candidate)).all()
        return candidate if fits else None

    def single_entry(self, claim: Claim) -> Explanation | None:
        """One entry of the truth altered, or two exchanged, where that explains the claim."""
        repaired = self._repaired(claim, None)
        return repaired if repaired is not None and repaired.cost == 1 else None

    def fewest(self, claim: Claim) -> Explanation | None:
        """The fewest mistakes that together explain every entry."""
        best = self._rounding(claim)
        for explanation in self._explanations(claim) if best is None else ():
            if best is None or explanation.cost < best.cost:
                best = explanation
            if best.cost == 1:
                break
        return best

    def _rounding(self, claim: Claim) -> Explanation | None:
        """Every wrong entry rounded wrongly, as by cutting digits off: however many they are, that is one mistake."""
        unit, wrong = unit_of(claim), wrong_entries(claim, self.truth)
        if unit is None or not all(is_misrounded(self.truth[index], claim.values[index], unit) for index in wrong):
            return None
        return Explanation(None, tuple(Repair("misrounded", index) for index in wrong), self.truth)

    def part(self, claim: Claim) -> Explanation | None:
        """The mistake that explains most entries, where that is no chance, and what explains some of the rest."""
        for candidate in self._most(claim):
            base = self.candidates.value(candidate)
            explained = claim.allows(base) & ~claim.allows(self.truth)
            if sum(bits(claim, explained)) >= log2(len(self.candidates.singles) + 1) + PART_BITS:
                wrong = wrong_entries(claim, base)
                found = self._repairs(claim, candidate, base, wrong) if len(wrong) <= MOST_REPAIRS else []
                return Explanation(candidate, tuple(found), base)
        return None

    def shaped(self, claim: Claim) -> list[Match]:
        """The mistakes that give a claim of another shape."""
        found: dict[str, Match] = {}
        for candidate, value in self.candidates.shaped(claim.values.shape):
            if candidate.ids[0] not in found and claim.allows(value).all():
                found[candidate.ids[0]] = Match(candidate)
        if not found and self._in_order(claim):
            return [Match(Candidate(("flattened",), ("",), self.candidates.right))]
        return list(found.values())

    def by_chance(self, claim: Claim, mistakes: int) -> bool:
        """Whether what the claim says is little beside the number of arrays that it was compared with."""
        if not claim.values.any():
            return claim.values.size < 2  # nothing but zeros says little in bits, but is no chance
        tried = max(len(self.candidates.singles) + self.candidates.families.tried, 2) ** mistakes
        return sum(bits(claim)) < log2(tried) + CHANCE_BITS * mistakes

    def _confirmed(self, claim: Claim, screen: Screen) -> list[Candidate]:
        """The first variant of every mistake that gives the claim's numbers, in full and in its own kind of number."""
        found: dict[tuple[str, ...], Candidate] = {}
        for row in np.flatnonzero(agreement(claim, screen).all(axis=1)):
            if screen.candidates[row].ids not in found:
                candidate = self.candidates.rebuilt(screen.candidates[row])
                if claim.allows(self.candidates.value(candidate)).all():
                    found[candidate.ids] = candidate
        return list(found.values())

    def _explanations(self, claim: Claim) -> Iterator[Explanation]:
        """In the order of their worth among equals."""
        if (repaired := self._repaired(claim, None)) is not None:
            yield repaired
        if pairs := self._pairs(claim):
            yield Explanation(pairs[0], (), self.truth, others=tuple(pairs[1:]))
        for fit in scaled_mistakes(self.candidates, claim):
            yield Explanation(fit.candidate, (), self.truth, fit)
        for candidate in self._most(claim):
            if (repaired := self._repaired(claim, candidate)) is not None:
                yield repaired

    def _repaired(self, claim: Claim, candidate: Candidate | None) -> Explanation | None:
        """A mistake, or the truth, with every entry that it does not explain explained by itself."""
        base = self.candidates.value(candidate) if candidate else self.truth
        wrong = wrong_entries(claim, base)
        few = 2 * len(wrong) < base.size
        alone = candidate is None and len(wrong) <= 2  # one entry, or two exchanged, need no majority of right ones
        if not 0 < len(wrong) <= MOST_REPAIRS or not (few or alone):
            return None
        found = self._repairs(claim, candidate, base, wrong)
        explained = len(found) == len(wrong) and (few or len(wrong) == 1 or all_exchanged(found))
        return Explanation(candidate, tuple(found), base) if explained else None

    def _repairs(self, claim: Claim, candidate: Candidate | None, base: Array, wrong: Sequence[Index]) -> list[Repair]:
        computation = candidate.computation if candidate else self.candidates.right
        excuse, unit = claim.excuse, unit_of(claim)

        def allows(index: Index, value: Any) -> bool:
            margin = excuse[index] if isinstance(excuse, np.ndarray) else excuse
            return bool(abs(claim.values[index] - value) <= margin)

        return repairs(computation, base, claim.values, wrong, allows, unit)

    def _most(self, claim: Claim) -> list[Candidate]:
        """The mistakes that explain most entries, and more than the truth does, best first."""
        screen = self.candidates.screen
        matching = agreement(claim, screen).mean(axis=1)
        least = max(0.5, float(claim.allows(self.truth).mean()))
        order = [row for row in np.argsort(-matching, kind="stable") if matching[row] > least]
        return [screen.candidates[row] for row in order[:MOST_BASES]]

    @cached_property
    def _pair_screen(self) -> Screen:
        return Screen(self.truth, self.candidates.pairs())

    def _pairs(self, claim: Claim) -> list[Candidate]:
        """Pairs of mistakes that explain every entry, where that is no chance; none are tried on large layers."""
        return self._confirmed(claim, self._pair_screen) if self.paired and not self.by_chance(claim, 2) else []

    def _in_order(self, claim: Claim) -> bool:
        same = claim.values.size == self.truth.size
        return same and bool(claim.allows(self.truth.reshape(claim.values.shape)).all())


def unit_of(claim: Claim) -> Any:
    """The last decimal place of a claim in digits, as a number; None of one that is judged by its type."""
    return 2 * claim.excuse if not claim.scale and not isinstance(claim.excuse, np.ndarray) and claim.excuse else None


def wrong_entries(claim: Claim, base: Array) -> list[Index]:
    """Where a claim is not a base array."""
    return [tuple(int(i) for i in index) for index in np.argwhere(~claim.allows(base))]
