"""What a check found in sentences and tables: how much agrees, what is wrong and where, the mistake by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from convgrad.checking.report import CLAIM
from convgrad.claims.findings import Entry, Finding
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.operations.geometry import shape_text
from convgrad.views.block_kinds import Apart, Column, Item, Row, Table, Words, index
from convgrad.vocabulary import INDICES

NOUNS = {"output": "output", "kernel": "stepped kernel", "bias": "stepped bias", "delta": "delta",
         "indices": "winners"}  # fmt: skip
"""What an array is called where it is no gradient."""
COARSE = (
    "half of it, or nothing at all, would agree as well; more digits, another type, or a smaller case of whole "
    "numbers would tell"
)
FEW = 3
"""Examples of one mistake that are shown where not all are asked for."""
OVERLAYS = 6
"""Overlays of a wrong entry that are named."""


class Judged(NamedTuple):
    """A finding, and what it was compared with."""

    finding: Finding
    claimed: bool
    other: str

    @property
    def array(self) -> str:
        return self.finding.array


def judged(finding: Finding, differences: str) -> Judged:
    """A finding against a claim, or against differences that are called so."""
    claimed, array = finding.against == CLAIM, finding.array
    return Judged(finding, claimed, f"the {NOUNS.get(array, 'gradient')}" if claimed else differences)


def said(one: Judged) -> Words:
    """How much of an array agrees; of one that does not, the worst entry."""
    finding, whose = one.finding, f"{'the claimed' if one.claimed else 'our'} {one.array}"
    if finding.shapes:
        return f"{whose} {misshapen(*finding.shapes)}"
    if finding.wrong:
        return (f"{whose} {_of(one, f'differs from {one.other} in {wrong_of(finding)}')}", *_worst(one))
    return f"{whose} {_of(one, agreement(finding, one.other))}"


def _of(one: Judged, text: str) -> str:
    """What an array does, of indices in the plural."""
    several = {"agrees": "agree", "differs": "differ"} if one.array == INDICES else {}
    verb, _, rest = text.partition(" ")
    return f"{several.get(verb, verb)} {rest}"


def answered(findings: Iterable[Finding], diagnosis: Iterable[Diagnosis]) -> Iterator[str]:
    """In a line each what was found of claims, before all else: which agree, which do not, the mistakes by name."""
    names = [(one.place, one.mistake) for one in diagnosis if one.mistake]
    for finding in findings:
        one = judged(finding, "")
        if finding.verdict != "differs":
            yield f"the claimed {finding.place} {_of(one, agreement(finding, one.other))}"
            continue
        named = ", ".join(dict.fromkeys(mistake for place, mistake in names if place == finding.place))
        shapes = finding.shapes and misshapen(*finding.shapes)
        text = shapes or _of(one, f"differs from {one.other} in {wrong_of(finding)}")
        yield f"the claimed {finding.place} {text}{f': {named}' if named else ''}"


def misshapen(given: Sequence[int], needed: Sequence[int]) -> str:
    """What a claim is and what it must be, of shapes that differ."""
    if not given:
        return f"is a number, but it must have shape {shape_text(needed)}"
    return f"has shape {shape_text(given)}, but it must {'have ' if needed else 'be '}{shape_text(needed)}"


def wrong_of(finding: Finding) -> str:
    """How many entries are wrong, of how many."""
    return "its only entry" if finding.entries == 1 else f"{finding.wrong} of {finding.entries} entries"


def agreement(finding: Finding, other: str) -> str:
    """How much agrees with the other, what is undecided, and how closely that could be told."""
    to = f" (to {finding.rule}{_part_of_it(finding)})" if finding.rule else ""
    if getattr(finding, "vague", False):
        return f"cannot be told from {other}{'' if finding.doubtful else f': {COARSE}'}{to}"
    count, undecided = finding.entries, finding.undecided
    if count == 1 and not undecided:
        agrees = f"agrees with {other} in its only entry"
    else:
        agrees = f"agrees with {other} in {'' if undecided else 'all '}{count} entr{'y' if count == 1 else 'ies'}"
    if undecided:
        is_or_are = "is" if undecided == 1 else "are"
        agrees += f"; {undecided} {is_or_are} undecided: no gradient exists there to compare with"
    return agrees + to


def _part_of_it(finding: Finding) -> str:
    """The largest error, in units of its bound: of digits it goes without saying."""
    return f"; {finding.units:.2g} of what that allows" if finding.units and finding.by != "digits" else ""


def _worst(one: Judged) -> Words:
    worst = one.finding.worst
    if worst is None:
        return ()
    named = f"; the worst, {entry_name(one.array, worst.index)}" if one.finding.entries > 1 else ""
    claimed, correct = apart(worst)
    whose = "claimed" if one.claimed else "ours"
    return (f"{named}: {whose} ", claimed, ", correct ", correct, ", allowed to be off by ", worst.allowed)


def entry_name(array: str, at: Sequence[int]) -> str:
    """An entry as people write it; an array that is a number has but itself."""
    return array + (index(at) if at else "")


def apart(entry: Entry) -> tuple[Apart, Apart]:
    """What was claimed and what is correct, to be written so that they are seen to differ."""
    return Apart(entry.claimed, entry.correct), Apart(entry.correct, entry.claimed)


def wrong_entries(one: Judged) -> Iterator[Row]:
    """Every wrong entry: both numbers, and the error."""
    return ([entry_name(one.array, entry.index), *apart(entry), entry.error] for entry in one.finding.wrong_entries())


def wrong_entries_table(one: Judged) -> Table:
    """Every wrong entry with the overlays that make it."""
    whose = "claimed" if one.claimed else "ours"
    columns = (Column("entry", "left"), Column(whose), Column("correct"), Column("error"), Column("overlays", "left"))
    rows = (
        [entry_name(one.array, entry.index), *apart(entry), entry.error, _overlays(entry)]
        for entry in one.finding.wrong_entries()
    )
    return Table(columns, rows)


def _overlays(entry: Entry) -> str:
    where = [index(position) for _, position in entry.overlays or ()]
    return " ".join(where[:OVERLAYS]) + (f" and {len(where) - OVERLAYS} more" if len(where) > OVERLAYS else "")


def diagnosis_items(told: Sequence[Diagnosis], level: int, *, every: bool) -> Iterator[Item]:
    """What a wrong array comes from: the first mistake with its fix, then a few examples of what else there is.

    What would give the same numbers the first one has said; `every` shows that in full, and all examples.
    """
    shown = list(told) if every else [one for one in told if one is told[0] or not _said_before(one, told[0])]
    kept = [
        one for number, one in enumerate(shown) if every or sum(_alike(one, other) for other in shown[:number]) < FEW
    ]
    for number, diagnosis in enumerate(kept):
        yield Item(f"{diagnosis.message}{_given(diagnosis)}", level)
        following = kept[number + 1].fix if number + 1 < len(kept) else ""
        if diagnosis.fix and diagnosis.fix != following:
            yield Item(f"fix: {diagnosis.fix}", level)
        if advice := diagnosis.details.get("tell_apart"):
            yield Item(f"to tell them apart: {advice}", level)
    if hidden := len(shown) - len(kept):
        yield Item(f"and {hidden} more of the kind; --all shows all", level)


def _said_before(one: Diagnosis, first: Diagnosis) -> bool:
    """Whether a mistake that explains the whole array is one that the first says would give the same."""
    whole = one.matches == first.matches and "index" not in one.details
    return whole and one.mistake in first.details.get("alternatives", ())


def _alike(one: Diagnosis, other: Diagnosis) -> bool:
    """Whether two are examples of one thing."""
    return one.mistake == other.mistake and one.given == other.given and "index" in one.details


def _given(diagnosis: Diagnosis) -> str:
    """The claim that a mistake starts from; one of what is carried forward says so itself."""
    given = diagnosis.given if diagnosis.mistake != "carried-forward" else ""
    return f", given the claimed {given}" if given else ""
