"""Which mistake a wrong claim comes from: each of the catalogue alone, then single entries, then pairs of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log2
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.core.arithmetic import Array
from convgrad.mistakes.candidates import Candidate, Candidates, Screen, differs, squeezed
from convgrad.mistakes.computation import Computation
from convgrad.mistakes.entries import ENTRIES, Repair, all_exchanged, repairs
from convgrad.mistakes.fitting import Fit, agreement, bits, fits
from convgrad.mistakes.pattern import pattern
from convgrad.mistakes.telling import entries_text, number_text, repair_text, tell_apart
from convgrad.operations.geometry import shape_text
from convgrad.verify.claims import Claim
from convgrad.verify.findings import user_index

LARGE = 20_000
"""Entries of an array from which on pairs of mistakes are not tried."""
MOST_REPAIRS = 16
"""Wrong entries up to which each is tried against the terms of its own sum."""
MOST_BASES = 4
"""Mistakes that explain most entries, tried with repairs of the rest."""
CHANCE_BITS = 6
"""How much more than the number of candidates a claim must say, in bits, before a match is no chance: 1 in 64."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What became of an array: the mistake (None where nothing matches), how many entries it explains, and what to do.

    `details` may have: variant; also, a second mistake on the same array; factor or rate, where one was fitted; index,
    term and sum of a single entry; alternatives, other mistakes that give these numbers on this case, and tell_apart,
    the smallest change that would separate them; uncertain, where so few numbers match by chance.
    """

    array: str
    mistake: str | None
    matches: int
    entries: int
    message: str
    fix: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A mistake (or the truth, without one), with what explains the entries that it does not: fewer is better."""

    candidate: Candidate | None
    repairs: tuple[Repair, ...]
    base: Array

    @property
    def cost(self) -> int:
        swapped = sum(repair.id == "entries-swapped" for repair in self.repairs)
        return (len(self.candidate.ids) if self.candidate else 0) + len(self.repairs) - swapped // 2


def diagnose(
    case: Case, truth: Mapping[str, Array], claims: Mapping[str, Claim], *, updated_kernel: Array | None = None
) -> list[Diagnosis]:
    """Every wrong claim compared with the catalogue, best first; nothing for a claim that is right.

    `truth` has the right arrays in full shape under dW, db, dX and output; `updated_kernel` the stepped kernel, where
    there is a learning rate.
    """
    return [
        diagnosis
        for name, claim in claims.items()
        for diagnosis in Diagnoser(case, name, truth[name], updated_kernel).of(claim)
    ]


class Diagnoser:
    """Diagnoses claims of one array of a case; what it takes to compare is made once."""

    def __init__(self, case: Case, array: str, truth: Array, updated_kernel: Array | None = None) -> None:
        self.case, self.array, self.truth = case, array, truth
        self.candidates = Candidates(case, array, truth, updated_kernel)

    def of(self, claim: Claim) -> list[Diagnosis]:
        """What a claim comes from, best first."""
        if claim.values.shape != self.truth.shape:
            if squeezed(claim.values.shape) != squeezed(self.truth.shape):
                return self._of_shape(claim)
            claim = _reshaped(claim, self.truth.shape)
        if claim.allows(self.truth).all():
            return []
        return self._whole(claim) or self._composed(claim) or [self._unknown(claim)]

    # -- One mistake ---------------------------------------------------------------------------------------------------

    def _whole(self, claim: Claim) -> list[Diagnosis]:
        """Mistakes that explain every entry: all of them, in the catalogue's order."""
        matches = self._confirmed(claim, self.candidates.screen)
        order = list(self.candidates.forms)
        fitted = {fit.candidate.ids[0]: fit for fit in fits(self.candidates, claim)}
        found = {candidate.ids[0]: candidate for candidate in matches}
        found |= {name: fit.candidate for name, fit in fitted.items()}
        names = sorted(found, key=lambda name: order.index(name) if name in order else _general(name, order))
        told = self._told(claim, [found[name] for name in names], fitted)
        return told and self._with_single_entry(claim, told)

    def _with_single_entry(self, claim: Claim, told: list[Diagnosis]) -> list[Diagnosis]:
        """What a single entry's mistake would explain as well, after the mistakes that explain the whole array."""
        repaired = self._repaired(claim, None)
        if repaired is None or repaired.cost > 1:
            return told
        entry = self._told_repairs(claim, repaired.repairs, repaired.base)[0]
        also = (entry.mistake, *entry.details.get("alternatives", ()))
        others = [*told[0].details.get("alternatives", ()), *also]
        return [replace(told[0], details={**told[0].details, "alternatives": others}), *told[1:], entry]

    def _confirmed(self, claim: Claim, screen: Screen) -> list[Candidate]:
        """The first variant of every mistake that gives the claim's numbers, in full and in its own kind of number."""
        found: dict[tuple[str, ...], Candidate] = {}
        for row in np.flatnonzero(agreement(claim, screen).all(axis=1)):
            candidate = self.candidates.rebuilt(screen.candidates[row])
            if candidate.ids not in found and claim.allows(self.candidates.value(candidate)).all():
                found[candidate.ids] = candidate
        return list(found.values())

    def _told(self, claim: Claim, found: Sequence[Candidate], fitted: Mapping[str, Fit]) -> list[Diagnosis]:
        names = [candidate.ids[0] for candidate in found]
        told = [self._named(claim, candidate, fitted.get(candidate.ids[0]), names) for candidate in found]
        if len(told) > 1:
            advice = self._telling(found)
            told[0] = replace(told[0], details={**told[0].details, "tell_apart": advice}) if advice else told[0]
        return told

    def _named(self, claim: Claim, candidate: Candidate, fit: Fit | None, names: Sequence[str]) -> Diagnosis:
        details: dict[str, Any] = {"variant": candidate.variants[0]} if candidate.variants[0] and not fit else {}
        if fit:
            details[fit.name] = fit.value
        if others := [name for name in names if name != candidate.ids[0]]:
            details["alternatives"] = others
        return self._diagnosis(claim, candidate, self.truth.size, details, fit)

    def _telling(self, found: Sequence[Candidate]) -> str | None:
        """What would separate the first mistake from the others: more digits, or a change of the case."""
        first, *others = (self.candidates.value(candidate) for candidate in found)
        if any(differs(first, other) for other in others):
            return "give the claim with more digits"
        return tell_apart(self.case, self.array, [candidate.ids[0] for candidate in found])

    def _diagnosis(
        self, claim: Claim, candidate: Candidate, matches: int, details: dict[str, Any], fit: Fit | None = None
    ) -> Diagnosis:
        """A mistake, or two, in words."""
        table = [self.candidates.all_forms[name] for name in candidate.ids]
        what = ", and ".join(form.what for form in table)
        if fit:
            what = what.format(factor=number_text(fit.value)) + (
                f", with learning rate {number_text(fit.value)}" if fit.name == "rate" else ""
            )
        ids = " and ".join(candidate.ids)
        message = f"it is{entries_text(matches, self.truth.size) or ' '} what comes out when {what} ({ids})"
        if self._by_chance(claim, len(candidate.ids)):
            details["uncertain"] = True
            message += "; so few numbers could match by chance"
        return Diagnosis(
            self.array, candidate.ids[0], matches, self.truth.size, message.replace("  ", " "),
            "; ".join(form.fix for form in table), details,
        )  # fmt: skip

    def _by_chance(self, claim: Claim, mistakes: int) -> bool:
        """Whether what the claim says is little beside the number of arrays that it was compared with."""
        tried = max(len(self.candidates.singles), 2) ** mistakes
        return sum(bits(claim)) < log2(tried) + CHANCE_BITS / 2 * mistakes

    # -- Several -------------------------------------------------------------------------------------------------------

    def _composed(self, claim: Claim) -> list[Diagnosis]:
        """The fewest mistakes that explain every entry; else the one that explains most of them."""
        best: Explanation | None = None
        for explanation in self._explanations(claim):
            if best is None or explanation.cost < best.cost:
                best = explanation
            if best.cost <= 1:
                break
        if best is not None:
            return self._explained(claim, best)
        return self._partly(claim)

    def _explanations(self, claim: Claim) -> Iterator[Explanation]:
        """In the order of their worth among equals."""
        if (repaired := self._repaired(claim, None)) is not None:
            yield repaired
        for pair in self._pairs(claim):
            yield Explanation(pair, (), self.truth)
        for candidate in self._most(claim):
            if (repaired := self._repaired(claim, candidate)) is not None:
                yield repaired

    def _repaired(self, claim: Claim, candidate: Candidate | None) -> Explanation | None:
        """A mistake, or the truth, with every entry that it does not explain explained by itself."""
        base = self.candidates.value(candidate) if candidate else self.truth
        wrong = _wrong(claim, base)
        few = 2 * len(wrong) < base.size
        alone = candidate is None and len(wrong) <= 2  # one entry, or two exchanged, need no majority of right ones
        if not 0 < len(wrong) <= MOST_REPAIRS or not (few or alone):
            return None
        found = self._repairs(claim, candidate, base, wrong)
        explained = len(found) == len(wrong) and (few or len(wrong) == 1 or all_exchanged(found))
        return Explanation(candidate, tuple(found), base) if explained else None

    def _repairs(
        self, claim: Claim, candidate: Candidate | None, base: Array, wrong: Sequence[tuple[int, ...]]
    ) -> list[Repair]:
        computation: Computation = candidate.computation if candidate else self.candidates.right
        excuse = claim.excuse
        unit = 2 * excuse if not claim.scale and not isinstance(excuse, np.ndarray) else None

        def allows(index: tuple[int, ...], value: Any) -> bool:
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
        """Pairs of mistakes that explain every entry, where that is no chance; none are tried on large arrays."""
        if self.truth.size > LARGE or self._by_chance(claim, 2):
            return []
        return self._confirmed(claim, self._pair_screen)

    def _explained(self, claim: Claim, best: Explanation) -> list[Diagnosis]:
        told = []
        if best.candidate is not None:
            matches = self.truth.size - len(best.repairs)
            told.append(self._combined(claim, best.candidate, matches))
        return told + self._told_repairs(claim, best.repairs, best.base)

    def _combined(self, claim: Claim, candidate: Candidate, matches: int) -> Diagnosis:
        variants = [variant for variant in candidate.variants if variant]
        details: dict[str, Any] = {"variant": "; ".join(variants)} if variants else {}
        if len(candidate.ids) > 1:
            details["also"] = candidate.ids[1]
        return self._diagnosis(claim, candidate, matches, details)

    def _told_repairs(self, claim: Claim, found: Sequence[Repair], base: Array) -> list[Diagnosis]:
        told, seen = [], set()
        for repair in found:
            if repair.index in seen:
                continue
            seen |= {repair.index, repair.other}
            details: dict[str, Any] = {"index": user_index(self.case, self.array, repair.index)}
            if repair.other is not None:
                details["other"] = user_index(self.case, self.array, repair.other)
            if repair.term is not None:
                details["term"] = repair.term
            if repair.also:
                details["alternatives"] = list(repair.also)
            text = repair_text(self.case, self.array, repair, base, claim.values)
            matches = 1 if repair.other is None else 2
            fix = ENTRIES[repair.id].fix
            told.append(Diagnosis(self.array, repair.id, matches, self.truth.size, text, fix, details))
        return told

    # -- What is left --------------------------------------------------------------------------------------------------

    def _partly(self, claim: Claim) -> list[Diagnosis]:
        """The mistake that explains most entries, where that is no chance, and what the rest have in common."""
        for candidate in self._most(claim):
            base = self.candidates.value(candidate)
            explained = claim.allows(base) & ~claim.allows(self.truth)
            if sum(bits(claim, explained)) >= log2(len(self.candidates.singles) + 1) + CHANCE_BITS:
                wrong = _wrong(claim, base)
                found = self._repairs(claim, candidate, base, wrong) if len(wrong) <= MOST_REPAIRS else []
                first = self._combined(claim, candidate, base.size - len(wrong))
                rest = pattern(self.case, self.array, base, claim)
                message = f"{first.message}; of the other {len(wrong)}, {rest}"
                return [replace(first, message=message), *self._told_repairs(claim, found, base)]
        return []

    def _unknown(self, claim: Claim) -> Diagnosis:
        wrong, entries = len(_wrong(claim, self.truth)), self.truth.size
        shape = pattern(self.case, self.array, self.truth, claim)
        skipped = "; pairs of mistakes were not tried on so large an array" if entries > LARGE else ""
        message = f"no mistake of the catalogue gives these numbers: {wrong} of {entries} entries differ, {shape}"
        return Diagnosis(self.array, None, 0, entries, message + skipped, f"look at one: explain {self._entry(claim)}")

    def _entry(self, claim: Claim) -> str:
        index = user_index(self.case, self.array, _wrong(claim, self.truth)[0])
        return ("y" if self.array == "output" else self.array) + (f"[{','.join(map(str, index))}]" if index else "")

    # -- Another shape -------------------------------------------------------------------------------------------------

    def _of_shape(self, claim: Claim) -> list[Diagnosis]:
        """A claim of another shape: the mistakes that give that shape, or the right numbers in it."""
        found: dict[str, Candidate] = {}
        for candidate, value in self.candidates.shaped(claim.values.shape):
            if candidate.ids[0] not in found and claim.allows(value).all():
                found[candidate.ids[0]] = candidate
        if not found and self._in_order(claim):
            found = {"flattened": Candidate(("flattened",), ("",), self.candidates.right)}
        if found:
            return [self._named(claim, candidate, None, list(found)) for candidate in found.values()]
        given, needed = shape_text(claim.values.shape), shape_text(_shown(self.case, self.array, self.truth).shape)
        message = f"no mistake of the catalogue gives this shape: it has {given}, but {self.array} has {needed}"
        return [Diagnosis(self.array, None, 0, self.truth.size, message, "give it the shape of its operand")]

    def _in_order(self, claim: Claim) -> bool:
        same = claim.values.size == self.truth.size
        return same and bool(claim.allows(self.truth.reshape(claim.values.shape)).all())


def _general(name: str, order: Sequence[str]) -> float:
    """Where a mistake with a fitted number stands: a factor after the sign, a rate last of the specific ones."""
    return order.index("negated") + (0.5 if name == "scaled" else -0.5)


def _wrong(claim: Claim, base: Array) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in index) for index in np.argwhere(~claim.allows(base))]


def _reshaped(claim: Claim, shape: tuple[int, ...]) -> Claim:
    excuse = claim.excuse.reshape(shape) if isinstance(claim.excuse, np.ndarray) and claim.excuse.ndim else claim.excuse
    return replace(claim, values=claim.values.reshape(shape), excuse=excuse, fits=True)


def _shown(case: Case, array: str, truth: Array) -> Array:
    return case.layout.restored({"dW": "w", "db": "b", "dX": "x", "output": "y"}[array], truth)

