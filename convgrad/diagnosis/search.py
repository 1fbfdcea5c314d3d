"""What explains a wrong claim: whole arrays, single entries, pairs of mistakes; the words for it are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from math import inf, log2, prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.of_entries import EFFECTS, Repair, all_exchanged, is_misrounded, repairs
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.draws import distinct
from convgrad.diagnosis.candidates import Bare, Candidate, Candidates, Screen
from convgrad.diagnosis.chance import (
    FITTED,
    HAND_SIZED,
    MOST_BITS,
    MOSTLY,
    NO_EVIDENCE,
    Evidence,
    as_float,
    bits,
    evidence,
    excuses,
    largest_of,
    width,
)
from convgrad.diagnosis.diagnosis import variant_of
from convgrad.diagnosis.fitting import Fit, agreement, fits, scaled_mistakes
from convgrad.subject.case import Case, products_of
from convgrad.vocabulary import MAXIMUM

PAIRED, TAPS = 400_000, 1_000
"""Products of one forward pass, and taps, up to which pairs and families of mistakes are tried: a second's work."""
MOST_REPAIRS = 16
"""Wrong entries up to which each is tried against the terms of its own sum."""
MOST_BASES = 4
"""Mistakes that explain most entries, tried with repairs of the rest."""
MOST_CHANGED = 3
"""Single entries that are each explained by themselves: what has spoiled more of them is something else."""
REPAIRED = 0.5
"""How many false explanations of a single entry may be expected, where numbers are exact."""
REPAIRED_ROUNDED = 0.01
"""The same where they are rounded."""
FACTORS = 10
"""Factors that are as simple as one that is fitted."""
FEW_WRONG = 16
"""Wrong entries up to which mistakes that give the same numbers are counted once."""
NEAR = 64
"""Widths of what an entry may be off by, in which the terms that would explain a number as near are counted."""
FOLLOWED = ("padding-other-side",)
"""Families after which the next is tried as well, as on many cases they are the same."""
GENERAL = ("shifted",)
"""What says how a result looks, and not what led to it."""

Index = tuple[int, ...]


class Explanation(NamedTuple):
    """A mistake (or the truth, without one), with what explains the entries that it does not; fewer are better."""

    candidate: Candidate | None
    repairs: tuple[Repair, ...]
    base: Array
    fit: Fit | None = None
    others: tuple[Candidate, ...] = ()
    evidence: Evidence | None = None
    chance: float = 0.0

    @property
    def cost(self) -> int:
        """How many mistakes that is."""
        exchanged = sum(repair.id == "entries-swapped" for repair in self.repairs)
        misrounded = sum(repair.id == "misrounded" for repair in self.repairs)
        alone = len(self.repairs) - exchanged - misrounded
        return (len(self.candidate.ids) if self.candidate else 0) + alone + exchanged // 2 + min(misrounded, 1)


class Match(NamedTuple):
    """A mistake that explains every entry, and what was fitted to the claim for it."""

    candidate: Candidate
    fit: Fit | None = None
    evidence: Evidence = NO_EVIDENCE
    chance: float = 0.0
    limit: float = HAND_SIZED

    @property
    def earned(self) -> bool:
        """Whether so much speaks for it that it is no chance."""
        return self.evidence.tell > 0 and self.chance <= self.limit


class Search:
    """Explains claims of one array of a case; what it takes to compare is made once."""

    def __init__(self, case: Case, array: str, truth: Array, updated_kernel: Array | None = None) -> None:
        self.truth, self.candidates = truth, Candidates(case, array, truth, updated_kernel)
        self.exact = truth.dtype == EXACT
        self.doubtful: dict[str, None] = {}
        self.paired = products_of(case) <= PAIRED and _taps(case) <= TAPS

    def whole(self, claim: Claim, known: Collection[str] = ()) -> list[Match]:
        """The mistakes that explain every entry, each once, in the catalogue's order.

        Families come after all others, where none of those fits but a general one: or, of so few numbers as db's, also
        where others do. Of those that are `known` from other arrays, fewer are tried.
        """
        found = {candidate.ids[0]: Match(candidate) for candidate in self._confirmed(claim, self.candidates.screen)}
        found |= {fit.candidate.ids[0]: Match(fit.candidate, fit) for fit in fits(self.candidates, claim)}
        order = list(self.candidates.all_forms)
        alike = self._alike(claim, self.candidates.screen)
        matches = [self._weighed(claim, match, alike, known) for match in found.values()]
        told = sorted(matches, key=lambda match: order.index(match.candidate.ids[0]))
        specific = (match.earned and match.candidate.ids[0] not in GENERAL for match in told)
        if self.truth.ndim > 1 and any(specific):
            return told
        families = [match for match in self._practised(claim, known) if match.candidate.ids[0] not in found]
        return sorted([*told, *families], key=lambda match: not match.earned)

    def _practised(self, claim: Claim, known: Collection[str] = ()) -> list[Match]:
        """The families of which a mistake explains every entry, up to one that earns its name; none on large layers."""
        alike, found = self._alike(claim, self.candidates.screen), list[Match]()
        if (clipped := self._clipped(claim)) is not None:
            found.append(self._weighed(claim, Match(clipped), alike))
            if found[0].earned:
                return found
        families = self.candidates.families
        for name, screen in zip(families.names, families if self.paired else (), strict=False):
            alike += self._alike(claim, screen)
            family = self._confirmed(claim, screen)
            found += [self._weighed(claim, Match(one), alike, known, screen.candidates) for one in family]
            if any(match.earned for match in found) and name not in FOLLOWED:
                break
        return found

    def is_family(self, match: Match) -> bool:
        """Whether a mistake is one of a family, that are tried where nothing else fits."""
        return match.fit is None and self.candidates.late(match.candidate.ids[0])

    def _clipped(self, claim: Claim) -> Candidate | None:
        candidate = self.candidates.clipped(claim.values)
        fits = candidate is not None and claim.allows(self.candidates.value(candidate)).all()
        return candidate if fits else None

    def _weighed(
        self, claim: Claim, match: Match, alike: int, known: Collection[str] = (), among: Sequence[Candidate] = ()
    ) -> Match:
        """A match with what speaks for it, where so many mistakes were alike; `among` are those of its family."""
        says = evidence(claim, self.truth, self.value(match.candidate), self._most_bits)
        if match.fit and match.fit.chance:
            return match._replace(evidence=says, chance=match.fit.chance)
        named = match.candidate.ids[0]
        names = (one.ids[0] for one in among) if among else (name for name, _ in self.candidates.variants)
        several = sum(name == named for name in names)
        tried = min(several, alike) if named in known else alike
        if variant_of(named, match.candidate.variants[0]) in known:  # the very one of another array: one guess
            tried = 1
        fitted = match.fit is not None and not match.fit.known
        chance = says.chance(max(tried, 1) * (FACTORS if match.fit else 1), int(fitted))
        return match._replace(evidence=says, chance=chance, limit=HAND_SIZED if self.exact and not fitted else FITTED)

    @property
    def _most_bits(self) -> float:
        """What an entry says at most where all explain: a largest number is one of the input's."""
        right = self.candidates.right
        largest = getattr(right, "family", "") == MAXIMUM and right.array == "output"
        return log2(max(right.x.size - 1, 1)) if largest else MOST_BITS

    def value(self, candidate: Candidate) -> Array:
        """The array of a candidate, in the shape of the right one where it has as many numbers."""
        value = self.candidates.value(candidate)
        return value.reshape(self.truth.shape) if value.size == self.truth.size else value

    def _alike(self, claim: Claim, screen: Screen) -> int:
        """How many mistakes could be the claim, as they differ from the truth where it does and nowhere else.

        Where few entries tell, those that give the same numbers are one guess.
        """
        right = as_float(self.truth.ravel()[screen.places])
        tell = abs(screen.matrix - right) > excuses(claim, places=screen.places)
        wrong = ~claim.allows(self.truth).ravel()[screen.places]
        if not wrong.any():  # where the entries that are looked at are all right, any of them could
            return len(screen.candidates)
        alike = (tell == wrong).all(axis=1)
        if wrong.sum() == 1:  # which many a mistake may move: each family is a guess
            return max(int(alike.sum()), 1)
        return _different(screen.matrix[alike][:, wrong]) if wrong.sum() <= FEW_WRONG else int(alike.sum())

    @property
    def tried(self) -> int:
        """How many single mistakes a claim is compared with."""
        return len(self.candidates.screen.candidates)

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
        unit = unit_of(claim)
        wrong = wrong_entries(claim, self.truth) if unit is not None else []
        if not wrong or not all(is_misrounded(self.truth[index], claim.values[index], unit) for index in wrong):
            return None
        return Explanation(None, tuple(Repair("misrounded", index) for index in wrong), self.truth)

    def part(self, claim: Claim) -> Explanation | None:
        """The mistake that explains most entries that tell, where that is no chance, and what explains the rest."""
        for candidate in self._most(claim):
            base = self.candidates.value(candidate)
            says, wrong = self._partial(claim, base), count_wrong(claim, base)
            chance = says.chance(self.tried)
            if says.match >= MOSTLY * (says.match + wrong) and chance <= FITTED:
                few = wrong_entries(claim, base) if wrong <= MOST_CHANGED else []
                found = self._repairs(claim, candidate, base, few)
                return Explanation(candidate, tuple(found), base, evidence=says, chance=chance)
        return None

    def _partial(self, claim: Claim, base: Array) -> Evidence:
        """What speaks for a mistake that explains a part; of a maximum an entry can be one of few numbers."""
        right = self.candidates.right
        taps = prod(getattr(axis, "size", 2) for axis in right.axes)
        selects = getattr(right, "family", "") == MAXIMUM and right.array == "dX"
        return evidence(claim, self.truth, base, np.log2(taps) if selects and taps > 1 else MOST_BITS)

    def shaped(self, claim: Claim) -> list[Match]:
        """The mistakes that give a claim of another shape."""
        found: dict[str, Match] = {}
        for candidate, value in self.candidates.shaped(claim.values.shape):
            if candidate.ids[0] not in found and claim.allows(value).all():
                found[candidate.ids[0]] = Match(candidate)
        if not found and self._in_order(claim):
            return [Match(Candidate(("flattened",), ("",), self.candidates.right))]
        return list(found.values())

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
            says = evidence(claim, self.truth, self.value(pairs[0]))
            tried = self._alike(claim, self._pair_screen) + self._alike(claim, self.candidates.screen)
            if (chance := says.chance(tried)) <= FITTED:
                yield Explanation(pairs[0], (), self.truth, others=tuple(pairs[1:]), evidence=says, chance=chance)
        for fit in scaled_mistakes(self.candidates, claim):
            says = evidence(claim, self.truth, self.value(fit.candidate))
            if (chance := says.chance(self.tried * FACTORS, fitted=1)) <= FITTED:
                yield Explanation(fit.candidate, (), self.truth, fit, evidence=says, chance=chance)
        for candidate in self._most(claim):
            if (repaired := self._repaired(claim, candidate)) is not None:
                yield repaired

    def _repaired(self, claim: Claim, candidate: Candidate | None) -> Explanation | None:
        """A mistake, or the truth, with every entry that it does not explain explained by itself."""
        base = self.candidates.value(candidate) if candidate else self.truth
        if not 0 < count_wrong(claim, base) <= MOST_REPAIRS:
            return None
        wrong = wrong_entries(claim, base)
        few = 2 * len(wrong) < base.size
        alone = candidate is None and len(wrong) <= 2  # one entry, or two exchanged, need no majority of right ones
        if not (few or alone):
            return None
        says = evidence(claim, self.truth, base) if candidate else None
        chance = says.chance(self.tried) if says else 0.0
        if chance > FITTED or (says and says.match < MOSTLY * (says.match + len(wrong))):
            return None
        found = self._repairs(claim, candidate, base, wrong)
        explained = 0 < len(found) == len(wrong) and (few or len(wrong) == 1 or all_exchanged(found))
        return Explanation(candidate, tuple(found), base, evidence=says, chance=chance) if explained else None

    def _repairs(self, claim: Claim, candidate: Candidate | None, base: Array, wrong: Sequence[Index]) -> list[Repair]:
        """What explains entries by themselves, each so that hardly anything else would; none where that is too many."""
        computation = self.candidates.computation(candidate) if candidate else self.candidates.right
        found = repairs(computation, base, claim.values, wrong, _allowing(claim), unit_of(claim))
        earned = self._earned(claim, base, found)
        kept = [repair.index for repair in earned]
        if candidate is None and len(wrong) <= 2:
            self.doubtful = {name: None for repair in found if repair.index not in kept for name in names_of(repair)}
        changes = sum(1 if repair.other is None else 0.5 for repair in earned if repair.id != "misrounded")
        return earned if changes <= MOST_CHANGED else []

    def common_term(self, claim: Claim) -> str:
        """What became of one term in every wrong entry, where that is the same in all; nothing where it is not."""
        if not 1 < count_wrong(claim, self.truth) <= MOST_REPAIRS:
            return ""
        wrong = wrong_entries(claim, self.truth)
        found = repairs(self.candidates.right, self.truth, claim.values, wrong, _allowing(claim), unit_of(claim))
        earned = [repair.id for repair in self._earned(claim, self.truth, found) if repair.other is None]
        return earned[0] if len(earned) == len(wrong) and len({*earned}) == 1 else ""

    def _earned(self, claim: Claim, base: Array, found: Sequence[Repair]) -> list[Repair]:
        """Those that are no chance, each with its chance."""
        widths, others = np.broadcast_to(width(claim), base.shape), len(found) - 1
        told = [replace(one, chance=chance_of(one, base, claim.values, widths, others)) for one in found]
        limit = REPAIRED if self.exact else REPAIRED_ROUNDED
        return [repair for repair in told if repair.chance <= limit]

    def doubted(self, claim: Claim) -> list[str]:
        """What would explain the only wrong entry, or two exchanged, but so would others."""
        self.doubtful = {}
        self._repaired(claim, None)
        return list(self.doubtful)

    def _most(self, claim: Claim) -> list[Candidate]:
        """The mistakes that explain most entries, and more than the truth does, best first."""
        screen = self.candidates.screen
        matching = agreement(claim, screen).mean(axis=1)
        least = max(0.5, float(claim.allows(self.truth).mean()))
        zero = [candidate.ids[0] == "left-at-zero" for candidate in screen.candidates]  # which is so where nothing is
        order = [row for row in np.argsort(-matching, kind="stable") if matching[row] > least and not zero[row]]
        return [screen.candidates[row] for row in order[:MOST_BASES]]

    @cached_property
    def _pair_screen(self) -> Screen:
        return Screen(self.truth, self.candidates.pairs(), Bare())

    def _pairs(self, claim: Claim) -> list[Candidate]:
        """Pairs of mistakes that explain every entry; none are tried on large layers, or where they could not tell."""
        most = sum(bits(claim)) + claim.values.size
        return self._confirmed(claim, self._pair_screen) if self.paired and most > -log2(FITTED) else []

    def _in_order(self, claim: Claim) -> bool:
        same = claim.values.size == self.truth.size
        return same and bool(claim.allows(self.truth.reshape(claim.values.shape)).all())


def _different(rows: Array) -> int:
    """How many rows differ by more than rounding."""
    unit = 1e-9 * (largest_of(rows) or 1)
    return len({row.tobytes() for row in np.round(np.nan_to_num(rows) / unit) + 0.0})  # no minus zero


def _allowing(claim: Claim) -> Callable[[Index, Any], bool]:
    """Whether a claim allows a number in an entry."""

    def allows(index: Index, value: Any) -> bool:
        margin = claim.excuse[index] if isinstance(claim.excuse, np.ndarray) else claim.excuse
        claimed = claim.values[index]
        claimed = claimed if isinstance(claimed, Fraction) else float(claimed)  # else a half type would round the sum
        return bool(abs(claimed - value) <= margin)

    return allows


def _taps(case: Case) -> int:
    """The taps of a window; one where there is none."""
    return prod(case.arguments["window"].size) if "window" in case.arguments else 1


def unit_of(claim: Claim) -> Any:
    """The last decimal place of a claim in digits, as a number; None of one that is judged by its type."""
    return 2 * claim.excuse if not claim.scale and not isinstance(claim.excuse, np.ndarray) and claim.excuse else None


def count_wrong(claim: Claim, base: Array) -> int:
    """In how many entries a claim is not a base array."""
    return int((~claim.allows(base)).sum())


def wrong_entries(claim: Claim, base: Array) -> list[Index]:
    """Where a claim is not a base array."""
    return [tuple(int(i) for i in index) for index in np.argwhere(~claim.allows(base))]


def names_of(repair: Repair) -> tuple[str, ...]:
    """All mistakes that would explain an entry."""
    return (repair.id, *repair.also)


def chance_of(repair: Repair, base: Array, values: Array, widths: Array, others: int) -> float:
    """How many terms would explain any number near what an entry is, or `others` that it may be exchanged with.

    An exchange with a 0 explains whatever was moved.
    """
    if repair.other is not None:
        sizes = [abs(float(values[index])) for index in (repair.index, repair.other)]
        margin = max(float(widths[index]) for index in (repair.index, repair.other))
        largest = max(largest_of(as_float(values)), margin)
        return inf if min(sizes) <= margin else others * (margin / largest) ** 2
    if not repair.terms or repair.also:
        return 0.0 if repair.id == "misrounded" else inf
    margin, claimed, right = float(widths[repair.index]), float(values[repair.index]), float(base[repair.index])
    terms = np.array([float(term.value) for term in repair.terms])
    offers = (np.array([[effect] for effect in EFFECTS.values()]) * terms).ravel()
    offers = distinct(np.round(offers / margin)) * margin if margin else distinct(offers)
    near = int((abs(right + offers - claimed) <= NEAR * margin).sum())
    largest = max(abs(terms).max(), margin)
    return float(max(near / NEAR, len(offers) * margin / (2 * largest))) if margin else 0.0
