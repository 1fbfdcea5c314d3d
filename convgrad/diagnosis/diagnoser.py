"""Which mistake a wrong claim comes from: each of the catalogue alone, then single entries, then pairs of two."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.claims.claim import Claim, finite, within
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.added import added
from convgrad.diagnosis.candidates import squeezed
from convgrad.diagnosis.chance import FITTED, HAND_SIZED, as_float, evidence
from convgrad.diagnosis.coefficients import Parts
from convgrad.diagnosis.diagnosis import Diagnosis, variant_of
from convgrad.diagnosis.garbage import garbage, garbage_text
from convgrad.diagnosis.misshapen import Misshapen
from convgrad.diagnosis.parts_told import told as told_parts
from convgrad.diagnosis.pattern import pattern, shared
from convgrad.diagnosis.reordered import ORDERS, REORDERED, reshaped
from convgrad.diagnosis.search import Match, count_wrong
from convgrad.diagnosis.telling import also_text, number_text
from convgrad.diagnosis.worded import Worded, first_of, with_details
from convgrad.operations.geometry import shape_text
from convgrad.subject.case import Case

RATES = (Fraction(1), Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000), Fraction(1, 2))
"""Learning rates that a claimed dW is tried with, as a kernel that has been stepped."""
OF_PARTS = ("overwritten", "taps-overwritten", "cut-short", "wrong-index")
"""Mistakes that lose parts of a sum, as other things may."""
EACH = {
    "term-missing": "each of them lost one term of its sum", "term-doubled": "in each of them one term counts twice",
    "term-sign": "in each of them one term has the wrong sign",
}  # fmt: skip
"""What all wrong entries share, where one term of each explains it."""


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


class Diagnoser(Worded):
    """Diagnoses claims of one array of a case; what it takes to compare is made once."""

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.search.candidates)

    def of(self, claim: Claim, known: Collection[str] = ()) -> list[Diagnosis]:
        """What a claim comes from, best first; `known` are mistakes that other arrays of the case show."""
        with np.errstate(all="ignore"):  # data may hold infinities where they were allowed
            return self._of(finite(claim), known) if claim.values.size + self.truth.size else []

    def _of(self, claim: Claim, known: Collection[str] = ()) -> list[Diagnosis]:
        if squeezed(claim.values.shape) != squeezed(self.truth.shape):
            told = self._told(claim, self.search.shaped(claim)) or self._reordered(claim, known)
            return told or [Misshapen(self.case, self.names, self.search).told(claim)]
        claim = reshaped(claim, self.truth.shape)
        if (spoiled := garbage(claim.values, self.truth)).any():
            return self._spoiled(claim, spoiled, known)
        if claim.allows(self.truth).all():
            return self._imprecise(claim)
        if not claim.values.any():
            return [self._never_written(claim)]
        whole = self._whole(claim, known)
        if whole and whole[0].details.get("earned"):
            return [_without(one, "earned") for one in whole]
        found = self._single(claim) or self._stepped(claim) or self._weighed(claim, known) or self._added(claim)
        if found and whole:  # fits, though it is not earned
            fit = [one.mistake for one in whole]
            found[0] = with_details(found[0], alternatives=[*found[0].details.get("alternatives", ()), *fit])
        if whole:
            return found or [self._unknown(claim, whole)]
        return found or self._composed(claim, known) or [self._unknown(claim)]

    # -- One mistake ---------------------------------------------------------------------------------------------------

    def _whole(self, claim: Claim, known: Collection[str] = ()) -> list[Diagnosis]:
        """The mistakes that explain every entry, and after them what a single entry's mistake explains as well.

        A family of mistakes comes after it: of so many, some may explain a single entry.
        """
        matches = self.search.whole(claim, known)
        told = self._told(claim, matches)
        if not told:
            return []
        if not matches[0].earned:
            return told
        told[0] = with_details(told[0], earned=True)
        if told[0].mistake in OF_PARTS:
            told[0] = self._beside_parts(claim, told[0], known)
        single = self.search.single_entry(claim)
        if single is not None:
            told = self._beside(told, self._repairs(claim, single)[0], self.search.is_family(matches[0]))
        return [replace(told[0], message=told[0].message + also_text(told[0].details)), *told[1:]]

    def _beside_parts(self, claim: Claim, first: Diagnosis, known: Collection[str]) -> Diagnosis:
        """A mistake with the parts of the sum that would give the same numbers if they did not count."""
        others = [*first.details.get("alternatives", ())]
        for one in self._weighed(claim, known):
            others += [one.mistake, *one.details.get("alternatives", ())]
        others = [name for name in dict.fromkeys(others) if name != first.mistake]
        return with_details(first, alternatives=others) if others else first

    def _beside(self, told: list[Diagnosis], entry: Diagnosis, entry_first: bool) -> list[Diagnosis]:
        """A single entry's mistake with those of the whole array."""
        if entry_first:
            others = (*entry.details.get("alternatives", ()), *(one.mistake for one in told))
            return [with_details(entry, alternatives=list(others)), *told]
        others = (*told[0].details.get("alternatives", ()), entry.mistake, *entry.details.get("alternatives", ()))
        return [with_details(told[0], alternatives=list(others)), *told[1:], entry]

    def _told(self, claim: Claim, matches: Sequence[Match]) -> list[Diagnosis]:
        """Mistakes that explain everything, each with the others that do."""
        named = any(match.earned for match in matches)
        once = [match for match in matches if match.candidate.ids[0] != "scaled" or len(matches) == 1 or not named]
        told = [self._named(claim, match, matches) for match in once]
        if len(told) > 1 and self.advise and (advice := self._telling(matches)):
            told[0] = with_details(told[0], tell_apart=advice)
        return told

    def _stepped(self, claim: Claim) -> list[Diagnosis]:
        """The kernel after its step, given in place of its gradient."""
        w = getattr(self.search.candidates.right, "w", None)
        if self.array != "dW" or w is None or w.shape != self.truth.shape:
            return []
        if not self.truth.any() or claim.allows(w).all():
            return []
        for rate in RATES:
            step = self.truth * (rate if self.truth.dtype == EXACT else float(rate))
            size = as_float(abs(w) + abs(step)).max()  # which cancels, and leaves the rounding of its terms
            excuse = claim.excuse + 2 * claim.unit * size if claim.unit else claim.excuse
            says = evidence(claim, self.truth, w - step)
            chance = says.chance(self.search.tried + len(RATES))
            if chance <= FITTED and replace(claim, excuse=excuse).allows(w - step).all():
                message = f"it is the kernel after its step, w - {number_text(rate)} dW (updated-kernel)"
                fix = "give the gradient itself, not the kernel that it was subtracted from"
                details = {"rate": self._plain(rate), "evidence": says.to_dict(), "chance": chance}
                return [Diagnosis(self.names.place, "updated-kernel", w.size, w.size, message, fix, details)]
        return []

    # -- Parts of the sum, and what was added --------------------------------------------------------------------------

    def _single(self, claim: Claim) -> list[Diagnosis]:
        """One entry of the right array altered, or two exchanged."""
        single = self.search.single_entry(claim)
        return self._repairs(claim, single) if single is not None else []

    def _weighed(self, claim: Claim, known: Collection[str] = (), *, alike: bool = True) -> list[Diagnosis]:
        """Parts of the sum that count otherwise than once, all of them `alike` or not, with what else would do it."""
        told: dict[str, Diagnosis] = {}
        for one in self._parts.of(claim):
            if one.alike != alike:
                continue
            words = told_parts(one.way, one.weights, self.case.dims)
            shown = str(words.parts) in known and one.evidence.tell > 0  # the very parts of another array: one guess
            tried = 1.0 if shown else one.tried + self.search.tried
            if shown or one.chance <= self._limit(one.fitted):
                told.setdefault(words.what, self._of_parts(one, words, one.evidence.chance(tried, int(one.fitted))))
        if len(told) < 2:
            return list(told.values())
        first, *rivals = told.items()
        either = f"; it may as well be that {' or that '.join(what for what, _ in rivals)}"
        alternatives = [*first[1].details.get("alternatives", ()), *(rival.mistake for _, rival in rivals)]
        return [replace(with_details(first[1], alternatives=alternatives), message=first[1].message + either)]

    def _limit(self, fitted: bool) -> float:
        """How many false explanations may be expected of one that fits everything."""
        return HAND_SIZED if self.search.exact and not fitted else FITTED

    def _added(self, claim: Claim) -> list[Diagnosis]:
        """Something else on top of the right array."""
        for one in added(self.search.candidates, claim, self.search.tried):
            if one.evidence.tell > 1 and one.chance <= self._limit(one.fitted):
                details: dict[str, Any] = {"added": one.name, "factor": self._plain(one.factor)}
                details |= {"evidence": one.evidence.to_dict(), "chance": one.chance}
                return [self._explained("added-array", "added-array", one.what, one.fix, self.truth.size, details)]
        return []

    # -- Several -------------------------------------------------------------------------------------------------------

    def _composed(self, claim: Claim, known: Collection[str] = ()) -> list[Diagnosis]:
        """The fewest mistakes that explain every entry; else the one that explains most of them."""
        if (best := self.search.fewest(claim)) is not None:
            first = [] if best.candidate is None else [self._combined(claim, best, self.truth.size - len(best.repairs))]
            return [*first, *self._repairs(claim, best)]
        if several := self._weighed(claim, known, alike=False):
            return several
        if (best := self.search.part(claim)) is not None:
            wrong = count_wrong(claim, best.base)
            first = [self._combined(claim, best, self.truth.size - wrong)]
            rest = pattern(self.case, self.array, best.base, claim)
            message = f"{first[0].message}; of the other {wrong}, {rest}"
            return [replace(first[0], message=message), *self._repairs(claim, best)]
        return []

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

    def _spoiled(self, claim: Claim, spoiled: Array, known: Collection[str]) -> list[Diagnosis]:
        """A claim with entries that no sum of products gives: where they are, and what the rest says."""
        entries, count = self.truth.size, int(spoiled.sum())
        said, mistake = garbage_text(claim.values, spoiled)
        wrong = int((~claim.allows(self.truth) & ~spoiled).sum())
        where = f", {self._where(spoiled)}; {_others(entries - count, wrong)}" if count < entries else ""
        if 0 < wrong < entries - count and (same := shared(~claim.allows(self.truth) & ~spoiled, spoiled)):
            where += f", {'all ' if wrong > 1 else ''}{same}"
        fix = "find where that comes from: a division by 0, an overflow, or memory that was never written"
        rest = self._rest(claim, spoiled, known) if wrong else []
        return [Diagnosis(self.names.place, mistake, 0, entries, said + where, fix), *rest]

    def _rest(self, claim: Claim, spoiled: Array, known: Collection[str]) -> list[Diagnosis]:
        """What the entries say that are numbers, the others taken for right."""
        values = np.where(spoiled, self.truth if claim.values.dtype == EXACT else as_float(self.truth), claim.values)
        rest = replace(claim, values=values)
        return self._of(rest, known) if not garbage(values, self.truth).any() else []

    def _never_written(self, claim: Claim) -> Diagnosis:
        """Zeros, where not all should be: what else would give them is listed, but not told."""
        told = [name for part in self._whole(claim) for name in (part.mistake, *part.details.get("alternatives", ()))]
        others = [name for name in dict.fromkeys(told) if name != "left-at-zero"]
        details: dict[str, Any] = {"alternatives": others} if others else {}
        says = evidence(claim, self.truth, claim.values)
        details |= {"evidence": says.to_dict(), "chance": says.chance(1)} if says.tell else {}
        form, entries = self.search.candidates.all_forms["left-at-zero"], self.truth.size
        message = "the claim is 0 everywhere: it was never written (left-at-zero)"
        return Diagnosis(self.names.place, "left-at-zero", entries, entries, message, form.fix, details)

    def _unknown(self, claim: Claim, unearned: Sequence[Diagnosis] = ()) -> Diagnosis:
        """Where it differs, and which mistakes would fit so little that they are no explanation."""
        wrong, entries = ~claim.allows(self.truth), self.truth.size
        shape = EACH.get(self.search.common_term(claim)) or pattern(self.case, self.array, self.truth, claim)
        skipped = "" if self.search.paired else "; pairs of mistakes were not tried on so large a layer"
        message = f"no mistake of the catalogue gives these numbers: {wrong.sum()} of {entries} entries differ, {shape}"
        details: dict[str, Any] = {}
        if doubted := self.search.doubted(claim):
            message += f"; {' or '.join(doubted)} would fit, but so would others by chance"
            details = {"alternatives": doubted, "uncertain": True}
        if names := [one.mistake for one in unearned if one.mistake]:
            few = "so few numbers say" if entries > 1 else "a single number says"
            would = f"{' or '.join(names)} would give {'them' if entries > 1 else 'it'}"
            message = f"{few} nothing for certain: {would}, but so would others by chance"
            details = {"alternatives": [*names, *doubted], "uncertain": True}
            details["likely"] = [variant_of(str(one.mistake), one.details.get("variant", "")) for one in unearned]
            details |= {key: value for key, value in unearned[0].details.items() if key == "chance"}
        return Diagnosis(self.names.place, None, 0, entries, message + skipped, self._look(first_of(wrong)), details)

    def _reordered(self, claim: Claim, known: Collection[str]) -> list[Diagnosis]:
        """A claim of as many numbers in another shape: in which order they are right, and what is wrong in it."""
        if claim.values.size != self.truth.size or not self.truth.size:
            return []
        read = {order: reshaped(claim, self.truth.shape, order) for order in ORDERS}
        right = {order: int(one.allows(self.truth).sum()) for order, one in read.items()}
        order = max(right, key=lambda name: right[name])  # the first of the best
        entries, rest = self.truth.size, [] if right[order] == self.truth.size else self._of(read[order], known)
        if 2 * right[order] < entries and not any(one.mistake for one in rest):
            return []
        given, needed = shape_text(claim.values.shape), shape_text(claim.expected)
        count = f"all {entries}" if right[order] == entries else f"{right[order]} of {entries}"
        message = f"it has shape {given}, but {self.array} has {needed}; read in {order} {count} entries are right"
        fix = f"give it in the shape {needed}: {REORDERED[order]}"
        mistake = None if rest else "flattened"
        message += f" ({mistake})" if mistake else ""
        return [Diagnosis(self.names.place, mistake, right[order], entries, message, fix), *rest]


def _others(count: int, wrong: int) -> str:
    """What is said of the entries that are numbers."""
    if not wrong:
        return "the rest is right"
    return f"of the other {count}, {wrong} {'is' if wrong == 1 else 'are'} wrong" if count > 1 else "the other is wrong"


def _without(diagnosis: Diagnosis, name: str) -> Diagnosis:
    return replace(diagnosis, details={key: value for key, value in diagnosis.details.items() if key != name})
