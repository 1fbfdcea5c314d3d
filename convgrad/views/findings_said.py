"""What a check found in sentences and tables: how much agrees, what is wrong and where, the mistake by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convgrad.checking.report import CLAIM
from convgrad.claims.findings import Entry, Finding
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.operations.geometry import shape_text
from convgrad.views.block_kinds import Apart, Column, Item, Row, Table, Words, index

NOUNS = {"output": "output", "kernel": "stepped kernel", "bias": "stepped bias", "delta": "delta",
         "indices": "winners"}  # fmt: skip
"""What an array is called where it is no gradient."""
COARSE = (
    "half of it, or nothing at all, would agree as well; more digits, another type, or a smaller case of whole "
    "numbers would tell"
)
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
        return (f"{whose} differs from {one.other} in {wrong_of(finding)}", *_worst(one))
    return f"{whose} {agreement(finding, one.other)}"


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
        return f"cannot be told from {other}: {COARSE}{to}"
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


def diagnosis_items(diagnosis: Diagnosis, level: int, given: str = "") -> Iterator[Item]:
    """A mistake by name, with its fix; `given` is a claim that it starts from."""
    yield Item(f"{diagnosis.message}{given}", level)
    if diagnosis.fix:
        yield Item(f"fix: {diagnosis.fix}", level)


def telling_apart(diagnosis: Diagnosis, level: int) -> Iterator[Item]:
    """What would tell a mistake from others that give the same numbers."""
    if told := diagnosis.details.get("tell_apart"):
        yield Item(f"to tell them apart: {told}", level)
