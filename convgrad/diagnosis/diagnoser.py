"""Which mistake a wrong claim comes from: each of the catalogue alone, then single entries, then pairs of two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.catalogue.computation import pads_of
from convgrad.catalogue.of_entries import ENTRIES, Repair
from convgrad.claims.claim import Claim, finite, within
from convgrad.core.arithmetic import EXACT, Array, nearest
from convgrad.diagnosis.candidates import Candidate, as_float, differs, squeezed
from convgrad.diagnosis.diagnosis import Diagnosis, Names
from convgrad.diagnosis.fitting import Fit
from convgrad.diagnosis.pattern import pattern
from convgrad.diagnosis.search import Explanation, Match, Search, wrong_entries
from convgrad.diagnosis.telling import also_text, entries_text, number_text, repair_text, tell_apart
from convgrad.operations.geometry import shape_text
from convgrad.operations.terms import Term
from convgrad.subject.case import Case
from convgrad.subject.place import Place

FEW = 3
"""Misrounded entries up to which each is named."""
RATES = (Fraction(1), Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000), Fraction(1, 2))
"""Learning rates that a claimed dW is tried with, as a kernel that has been stepped."""
LIKELY = 0.5
"""From which chance on a term that explains an entry is called uncertain."""


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
    """Diagnoses claims of one array of a case; what it takes to compare is made once.

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

    def of(self, claim: Claim) -> list[Diagnosis]:
        """What a claim comes from, best first."""
        with np.errstate(all="ignore"):  # data may hold infinities where they were allowed
            return self._of(finite(claim)) if claim.values.size + self.truth.size else []

    def _of(self, claim: Claim) -> list[Diagnosis]:
        if squeezed(claim.values.shape) != squeezed(self.truth.shape):
            return self._told(claim, self.search.shaped(claim)) or [self._uncut(claim) or self._misshapen(claim)]
        claim = _reshaped(claim, self.truth.shape)
        if (none := _not_finite(claim.values)) and not _not_finite(self.truth):
            return [self._no_numbers(none)]
        if claim.allows(self.truth).all():
            return self._imprecise(claim)
        if not claim.values.any():
            return [self._never_written(claim)]
        return self._whole(claim) or self._stepped(claim) or self._composed(claim) or [self._unknown(claim)]

    # -- One mistake ---------------------------------------------------------------------------------------------------

    def _whole(self, claim: Claim) -> list[Diagnosis]:
        """The mistakes that explain every entry, and after them what a single entry's mistake explains as well.

        A family of mistakes comes after it: of so many, some may explain a single entry.
        """
        matches = self.search.whole(claim)
        told = self._told(claim, matches)
        single = self.search.single_entry(claim) if told else None
        if single is not None:
            told = self._beside(told, self._repairs(claim, single)[0], self.search.is_family(matches[0]))
        return [replace(told[0], message=told[0].message + also_text(told[0].details)), *told[1:]] if told else []

    def _beside(self, told: list[Diagnosis], entry: Diagnosis, entry_first: bool) -> list[Diagnosis]:
        """A single entry's mistake with those of the whole array."""
        if entry_first:
            others = (*entry.details.get("alternatives", ()), *(one.mistake for one in told))
            return [_with(entry, alternatives=list(others)), *told]
        others = (*told[0].details.get("alternatives", ()), entry.mistake, *entry.details.get("alternatives", ()))
        return [_with(told[0], alternatives=list(others)), *told[1:], entry]

    def _told(self, claim: Claim, matches: Sequence[Match]) -> list[Diagnosis]:
        """Mistakes that explain everything, each with the others that do."""
        told = [self._named(claim, match, matches) for match in matches]
        if len(told) > 1 and self.advise and (advice := self._telling(matches)):
            told[0] = _with(told[0], tell_apart=advice)
        return told

    def _named(self, claim: Claim, match: Match, matches: Sequence[Match]) -> Diagnosis:
        details: dict[str, Any] = {}
        if match.fit:
            details[match.fit.name] = self._plain(match.fit.value)
        elif match.candidate.variants[0]:
            details["variant"] = match.candidate.variants[0]
        if others := [other.candidate.ids[0] for other in matches if other is not match]:
            details["alternatives"] = others
        return self._diagnosis(claim, match.candidate, self.truth.size, details, match.fit)

    def _telling(self, matches: Sequence[Match]) -> str | None:
        """What would separate the first mistake from the others: more digits, or a change of the case."""
        first, *others = (self.search.candidates.value(match.candidate) for match in matches)
        if any(differs(first, other) for other in others):
            return "give the claim with more digits"
        return tell_apart(self.case, self.array, [match.candidate.ids[0] for match in matches])

    def _diagnosis(
        self, claim: Claim, candidate: Candidate, matches: int, details: dict[str, Any], fit: Fit | None = None
    ) -> Diagnosis:
        """A mistake, or two, in words."""
        table = [self.search.candidates.form(*row) for row in zip(candidate.ids, candidate.variants, strict=True)]
        factor = number_text(fit.value) if fit else ""
        what = ", and ".join(
            form.what.format(factor=factor, variant=variant)
            for form, variant in zip(table, candidate.variants, strict=True)
        )
        rate = f", with learning rate {number_text(fit.value)}" if fit and fit.name == "rate" else ""
        where = entries_text(matches, self.truth.size)
        message = f"it is{where} what comes out when {what}{rate} ({' and '.join(candidate.ids)})"
        if self.search.by_chance(claim, len(candidate.ids)):
            details["uncertain"] = True
            message += "; so few numbers could match by chance"
        fix = "; ".join(form.fix for form in table)
        return Diagnosis(self.names.place, candidate.ids[0], matches, self.truth.size, message, fix, details)

    def _stepped(self, claim: Claim) -> list[Diagnosis]:
        """The kernel after its step, given in place of its gradient."""
        w = getattr(self.search.candidates.right, "w", None)
        if self.array != "dW" or w is None or w.shape != self.truth.shape or self.search.by_chance(claim, 1):
            return []
        if not self.truth.any() or claim.allows(w).all():
            return []
        for rate in RATES:
            step = self.truth * (rate if self.truth.dtype == EXACT else float(rate))
            size = as_float(abs(w) + abs(step)).max()  # which cancels, and leaves the rounding of its terms
            excuse = claim.excuse + 2 * claim.unit * size if claim.unit else claim.excuse
            if replace(claim, excuse=excuse).allows(w - step).all():
                message = f"it is the kernel after its step, w - {number_text(rate)} dW (updated-kernel)"
                fix = "give the gradient itself, not the kernel that it was subtracted from"
                details = {"rate": self._plain(rate)}
                return [Diagnosis(self.names.place, "updated-kernel", w.size, w.size, message, fix, details)]
        return []

    # -- Several -------------------------------------------------------------------------------------------------------

    def _composed(self, claim: Claim) -> list[Diagnosis]:
        """The fewest mistakes that explain every entry; else the one that explains most of them."""
        if (best := self.search.fewest(claim)) is not None:
            first = [] if best.candidate is None else [self._combined(claim, best, self.truth.size - len(best.repairs))]
            return [*first, *self._repairs(claim, best)]
        if (best := self.search.part(claim)) is not None:
            wrong = len(wrong_entries(claim, best.base))
            first = [self._combined(claim, best, self.truth.size - wrong)]
            rest = pattern(self.case, self.array, best.base, claim)
            message = f"{first[0].message}; of the other {wrong}, {rest}"
            return [replace(first[0], message=message), *self._repairs(claim, best)]
        return []

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
        return self._diagnosis(claim, candidate, matches, details, explanation.fit)

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
        if repair.chance > LIKELY:
            details["uncertain"] = True
            text += "; with so many terms and so few digits this could be chance"
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

    # -- Nothing that has a name ---------------------------------------------------------------------------------------

    def _imprecise(self, claim: Claim) -> list[Diagnosis]:
        """Nothing of a right claim; of one that is only a little off, that this is no mistake of the catalogue."""
        over = int((~within(claim.values, self.truth, claim.allowed)).sum())
        if not over:
            return []
        entries = self.truth.size
        message = f"{over} of {entries} entries are off by more than rounding excuses, but none by as much as a mistake"
        fix = "say in which type it was computed (claim_dtype), or give it with more digits"
        return [Diagnosis(self.names.place, None, 0, entries, message, fix)]

    def _no_numbers(self, none: str) -> Diagnosis:
        """A claim with entries that are not finite, where all of the right ones are: no sum of products gives these."""
        fix = "find where that comes from: a division by 0, an overflow, or memory that was never written"
        return Diagnosis(self.names.place, None, 0, self.truth.size, none, fix)

    def _never_written(self, claim: Claim) -> Diagnosis:
        """Zeros, where not all should be: what else would give them is listed, but not told."""
        told = [name for part in self._whole(claim) for name in (part.mistake, *part.details.get("alternatives", ()))]
        others = [name for name in dict.fromkeys(told) if name != "left-at-zero"]
        details = {"alternatives": others} if others else {}
        form, entries = self.search.candidates.all_forms["left-at-zero"], self.truth.size
        message = "the claim is 0 everywhere: it was never written (left-at-zero)"
        return Diagnosis(self.names.place, "left-at-zero", entries, entries, message, form.fix, details)

    def _unknown(self, claim: Claim) -> Diagnosis:
        wrong, entries = wrong_entries(claim, self.truth), self.truth.size
        shape = pattern(self.case, self.array, self.truth, claim)
        skipped = "" if self.search.paired else "; pairs of mistakes were not tried on so large a layer"
        message = f"no mistake of the catalogue gives these numbers: {len(wrong)} of {entries} entries differ, {shape}"
        entry = self.names.entry(wrong[0], self.truth.shape).replace("output", "y")
        return Diagnosis(self.names.place, None, 0, entries, message + skipped, f"look at one: explain {entry}")

    def _uncut(self, claim: Claim) -> Diagnosis | None:
        """dX in the shape of the padded input, whatever its numbers are; None for any other."""
        table = self.search.candidates.all_forms
        if self.array != "dX" or "padding-kept" not in table or not any(map(any, pads_of(self.case))):
            return None
        rows = list(zip(self.truth.shape[2:], pads_of(self.case), strict=True))
        padded = (*self.truth.shape[:2], *(length + sum(pair) for length, pair in rows))
        if squeezed(claim.values.shape) != squeezed(padded):
            return None
        inside = (..., *(slice(before, before + length) for length, (before, _) in rows))
        inner = {name: _part(getattr(claim, name), padded, inside) for name in ("values", "excuse")}
        matches, entries = int(replace(claim, **inner).allows(self.truth).sum()), self.truth.size
        form = table["padding-kept"]
        message = f"it has the shape of the padded input: {form.what} (padding-kept)"
        message += f"; of the {entries} entries inside, {matches} are right"
        return Diagnosis(self.names.place, "padding-kept", matches, entries, message, form.fix)

    def _misshapen(self, claim: Claim) -> Diagnosis:
        given, needed = shape_text(claim.values.shape), shape_text(claim.expected)
        message = f"no mistake of the catalogue gives this shape: it has {given}, but {self.array} has {needed}"
        return Diagnosis(self.names.place, None, 0, self.truth.size, message, "give it the shape of its operand")


def _with(diagnosis: Diagnosis, **details: Any) -> Diagnosis:
    return replace(diagnosis, details={**diagnosis.details, **details})


def _not_finite(values: Array) -> str:
    """How many entries are not finite, in words; nothing where all are."""
    floats = as_float(values)
    counts = {"NaN": int(np.isnan(floats).sum()), "infinity": int(np.isinf(floats).sum())}
    said = (f"{name} in {count} {'entry' if count == 1 else 'entries'}" for name, count in counts.items() if count)
    return ", ".join(said)


def _part(values: Any, shape: tuple[int, ...], where: Any) -> Any:
    return values.reshape(shape)[where] if isinstance(values, np.ndarray) and values.ndim else values


def _reshaped(claim: Claim, shape: tuple[int, ...]) -> Claim:
    def reshape(part: Any) -> Any:
        return part.reshape(shape) if isinstance(part, np.ndarray) and part.ndim else part

    parts: Iterable[str] = ("values", "excuse", "allowed")
    return replace(claim, **{name: reshape(getattr(claim, name)) for name in parts}, fits=True)
