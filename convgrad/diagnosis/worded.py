"""What is found of a claim put into words: a mistake, or several, parts of a sum, single entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.catalogue.of_entries import ENTRIES, Repair
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import Array, nearest
from convgrad.diagnosis.candidates import Candidate, differs
from convgrad.diagnosis.coefficients import Weighed
from convgrad.diagnosis.diagnosis import Diagnosis, Names
from convgrad.diagnosis.fitting import Fit
from convgrad.diagnosis.parts_told import Told
from convgrad.diagnosis.pattern import region
from convgrad.diagnosis.search import Explanation, Match, Search
from convgrad.diagnosis.telling import also_text, evidence_text, number_text, repair_text, tell_apart
from convgrad.operations.terms import Term
from convgrad.passes.explanation import bracketed
from convgrad.subject.case import Case
from convgrad.subject.place import Place

FEW = 3
"""Misrounded entries up to which each is named."""
EXPLAINED = {"output": "y", "dX": "dX", "dW": "dW", "db": "db"}
"""The arrays whose entries can be explained, and what they are called there."""


class Worded:
    """Diagnoses of one array of a case in words.

    `advise` has it say what would tell apart the mistakes that match, which takes longer than finding them; `names` is
    what the entries are called where that is not as the case has them.
    """

    def __init__(
        self, case: Case, array: str, truth: Array, updated_kernel: Array | None = None, *, advise: bool = True,
        names: Names | None = None,
    ) -> None:  # fmt: skip
        self.case, self.array, self.truth, self.advise = case, array, truth, advise
        self.names = names or Names(Place(array), case, array)
        self.search = Search(case, array, truth, updated_kernel)

    def _named(self, claim: Claim, match: Match, matches: Sequence[Match]) -> Diagnosis:
        details: dict[str, Any] = {}
        if match.fit:
            details[match.fit.name] = self._plain(match.fit.value)
        elif match.candidate.variants[0]:
            details["variant"] = match.candidate.variants[0]
        if others := [other.candidate.ids[0] for other in matches if other is not match]:
            details["alternatives"] = others
        if match.evidence.tell:
            details |= {"evidence": match.evidence.to_dict(), "chance": match.chance}
        return self._diagnosis(match.candidate, self.truth.size, details, match.fit)

    def _telling(self, matches: Sequence[Match]) -> str | None:
        """What would separate the first mistake from the others: more digits, or a change of the case."""
        first, *others = (self.search.candidates.value(match.candidate) for match in matches)
        if any(differs(first, other) for other in others):
            return "give the claim with more digits"
        return tell_apart(self.case, self.array, [match.candidate.ids[0] for match in matches])

    def _diagnosis(
        self, candidate: Candidate, matches: int, details: dict[str, Any], fit: Fit | None = None
    ) -> Diagnosis:
        """A mistake, or two, in words."""
        table = [self.search.candidates.form(*row) for row in zip(candidate.ids, candidate.variants, strict=True)]
        factor = number_text(fit.value) if fit else ""
        what = ", and ".join(
            form.what.format(factor=factor, variant=variant)
            for form, variant in zip(table, candidate.variants, strict=True)
        )
        rate = f", with learning rate {number_text(fit.value)}" if fit and fit.name == "rate" else ""
        fix = "; ".join(form.fix for form in table)
        names = " and ".join(candidate.ids)
        return self._explained(candidate.ids[0], names, what + rate, fix, matches, details)

    def _explained(
        self, mistake: str, names: str, what: str, fix: str, matches: int, details: dict[str, Any]
    ) -> Diagnosis:
        """What comes out when something happened, in how many of the entries that tell."""
        entries = self.truth.size
        where = evidence_text(details.get("evidence"), matches, entries)
        message = f"it is{where} what comes out when {what} ({names})"
        return Diagnosis(self.names.place, mistake, matches, entries, message, fix, details)

    def _of_parts(self, one: Weighed, words: Told, chance: float) -> Diagnosis:
        details = {"evidence": one.evidence.to_dict(), "chance": chance, "parts": words.parts}
        if words.also:
            details["alternatives"] = list(words.also)
        told = self._explained(words.id, words.id, words.what, words.fix, self.truth.size, details)
        return replace(told, message=told.message + also_text(details))

    def _combined(self, claim: Claim, explanation: Explanation, matches: int) -> Diagnosis:
        candidate = explanation.candidate
        assert candidate is not None
        variants = [variant for variant in candidate.variants if variant]
        details: dict[str, Any] = {"variant": "; ".join(variants)} if variants else {}
        if len(candidate.ids) > 1:
            details["also"] = candidate.ids[1]
        if explanation.fit:
            details[explanation.fit.name] = self._plain(explanation.fit.value)
        if explanation.others:
            details["alternatives"] = [" and ".join(other.ids) for other in explanation.others]
        if explanation.evidence:
            details |= {"evidence": explanation.evidence.to_dict(), "chance": explanation.chance}
        return self._diagnosis(candidate, matches, details, explanation.fit)

    def _repairs(self, claim: Claim, explanation: Explanation) -> list[Diagnosis]:
        """The entries that are explained by themselves; of two that are exchanged, the first speaks for both."""
        if len(explanation.repairs) > FEW and {repair.id for repair in explanation.repairs} == {"misrounded"}:
            return [self._rounding(claim, explanation)]
        told: dict[frozenset[Any], Diagnosis] = {}
        for repair in explanation.repairs:
            key = frozenset((repair.index, repair.other))
            told.setdefault(key, self._repair(claim, repair, explanation.base))
        return list(told.values())

    def _rounding(self, claim: Claim, explanation: Explanation) -> Diagnosis:
        """Many entries rounded wrongly, in one sentence."""
        count, first = len(explanation.repairs), self._repair(claim, explanation.repairs[0], explanation.base)
        message = f"{count} of {first.entries} entries are rounded wrongly, by less than two units: {first.message}"
        fix = f"{first.fix}; digits cut off, and inputs that were rounded before, give this too"
        return replace(first, matches=count, message=message, fix=fix, details={})

    def _repair(self, claim: Claim, repair: Repair, base: Array) -> Diagnosis:
        details: dict[str, Any] = {"index": self.names.index(repair.index, self.truth.shape)}
        if repair.other is not None:
            details["other"] = self.names.index(repair.other, self.truth.shape)
        if repair.term is not None:
            details["term"] = self._term(repair.term)
        if repair.also:
            details["alternatives"] = list(repair.also)
        text = repair_text(self.names, repair, base, claim.values)
        matches = 1 if repair.other is None else 2
        details |= {"evidence": {"tell": matches, "match": matches}, "chance": repair.chance}
        return Diagnosis(self.names.place, repair.id, matches, self.truth.size, text, ENTRIES[repair.id].fix, details)

    def _term(self, term: Term) -> dict[str, Any]:
        """A term as the JSON says it."""
        factors = [{"name": factor.name, "value": self._plain(factor.value)} for factor in term.factors]
        where = {"sample": term.sample, "position": term.position, "tap": term.tap}
        return {**where, "factors": factors, "value": self._plain(term.value)}

    def _plain(self, value: Any) -> Any:
        """A number as its user gets it: a fraction only where that was asked for."""
        if isinstance(value, Fraction):
            return value if self.case.arithmetic == "exact" and not self.case.rounded else nearest(value)
        return value if isinstance(value, int) else float(value)

    def _where(self, spoiled: Array) -> str:
        """Where entries are: one by name, more by what they have in common."""
        if spoiled.sum() > 1:
            return region(self.case, self.array, spoiled)
        return self.names.entry(first_of(spoiled), self.truth.shape)

    def _look(self, index: tuple[int, ...]) -> str:
        """The command that shows an entry; what is no sum has none."""
        array, part = self.names.place
        if array not in EXPLAINED:
            return ""
        entry = str(Place(EXPLAINED[array], part)) + bracketed(self.names.index(index, self.truth.shape))
        return f"look at one: convgrad explain '{entry}'"


def first_of(marked: Array) -> tuple[int, ...]:
    """The first entry that is marked."""
    return tuple(int(i) for i in np.unravel_index(int(marked.argmax()), marked.shape))


def with_details(diagnosis: Diagnosis, **details: Any) -> Diagnosis:
    return replace(diagnosis, details={**diagnosis.details, **details})
