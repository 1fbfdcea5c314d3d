"""A check: what agrees, what does not and where, the mistake by name, and what the case could not have shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from convgrad.checking.report import CLAIM, Report, Sample
from convgrad.claims.findings import Entry, Finding
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.operations.geometry import shape_text
from convgrad.views.backward import checksum_lines, rounding, sections
from convgrad.views.header import header
from convgrad.views.ledger import index
from convgrad.views.look import Look, prose
from convgrad.views.table import CHUNK, Column, Table

NAMED = 4
"""Mistakes that the case is blind to which are named where not all are asked for."""
MOST_DIGITS = 17
"""Digits by which any two floats differ."""


def view(report: Report, look: Look) -> Iterator[str]:
    """Findings, each wrong array with its diagnosis, strength, checksums; the verdict last."""
    if look.quiet:
        yield f"{report.verdict}\n"
        return
    if report.subject.chain.alone is None:
        from convgrad.views.network_check import view as of_network

        yield from of_network(report, look)
        return
    yield from sections(_parts(report, look))


def _parts(report: Report, look: Look) -> Iterator[Iterator[str] | str]:
    yield header(report.case, look)
    yield _sentences(_findings(report, look), look)
    for name in dict.fromkeys(diagnosis.array for diagnosis in report.diagnosis):
        found = [diagnosis for diagnosis in report.diagnosis if diagnosis.array == name]
        yield _sentences(_diagnoses(name, found), look)
    if report.all_entries:
        for finding in report.findings:
            yield _wrong_entries(finding, look)
    yield _sentences(_strength(report), look)
    yield _checksums(report, look)
    yield f"{report.verdict}\n"
    yield rounding(look)


def _checksums(report: Report, look: Look) -> str:
    """The identities; beside a claim it is said that they are not the claim's."""
    claimed = any(finding.against == CLAIM for finding in report.findings)
    lines = checksum_lines(report.checksums, look, "  " if claimed else "")
    return prose("our own gradients:", look) + lines if claimed and lines else lines


def _sentences(sentences: Iterator[tuple[str, str]], look: Look) -> str:
    """Sentences, each with the indent of its lines, broken between words."""
    return "".join(prose(indent + text, look, f"{indent}  ") for indent, text in sentences)


# -- Findings ----------------------------------------------------------------------------------------------------------


def _findings(report: Report, look: Look) -> Iterator[tuple[str, str]]:
    for finding in report.findings:
        yield "", _finding(finding, look)
        for kink in finding.kinks:
            cells = ", ".join(f"x{index(cell)}" for cell in kink.cells)
            yield "  ", f"at output{index(kink.output)}: {kink.why} ({cells})"
    if report.sample:
        yield "", sample_text(report.sample)
    yield "", f"{report.evaluations} forward passes"


def sample_text(sample: Sample) -> str:
    """Which entries were differenced, where not all."""
    return f"{sample.entries} of {sample.of} entries were differenced, chosen by seed {sample.seed}"


def _finding(finding: Finding, look: Look) -> str:
    whose = f"the claimed {finding.array}" if finding.against == CLAIM else f"our {finding.array}"
    other = "the gradient" if finding.against == CLAIM else "finite differences"
    if finding.array == "output":
        other = "the output"
    if finding.shapes:
        return f"{whose} {misshapen(*finding.shapes)}"
    if finding.wrong:
        return f"{whose} differs from {other} in {wrong_of(finding)}{_worst(finding, look)}"
    return f"{whose} {agreement(finding, other)}"


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
    to = f" (to {finding.rule})" if finding.rule else ""
    if getattr(finding, "vague", False):
        return f"cannot be told from {other}: its digits are too few to tell{to}"
    count, undecided = finding.entries, finding.undecided
    if count == 1 and not undecided:
        said = f"agrees with {other} in its only entry"
    else:
        said = f"agrees with {other} in {'' if undecided else 'all '}{count} entr{'y' if count == 1 else 'ies'}"
    if undecided:
        is_or_are = "is" if undecided == 1 else "are"
        said += f"; {undecided} {is_or_are} undecided: no gradient exists there to compare with"
    return said + to


def _worst(finding: Finding, look: Look) -> str:
    worst = finding.worst
    if worst is None:
        return ""
    claimed, correct = apart(worst.claimed, worst.correct, look)
    named = f"; the worst, {entry_name(finding.array, worst.index)}" if finding.entries > 1 else ""
    return (
        f"{named}: {'claimed' if finding.against == CLAIM else 'ours'} {claimed}, "
        f"correct {correct}, allowed to be off by {look.numbers.text(worst.allowed)}"
    )


def entry_name(array: str, at: Sequence[int]) -> str:
    """An entry as people write it; an array that is a number has but itself."""
    return array + (index(at) if at else "")


def apart(claimed: Any, correct: Any, look: Look) -> tuple[str, str]:
    """Two numbers that differ, to as many digits as it takes to see that."""
    for digits in range(look.numbers.digits, MOST_DIGITS + 1):
        numbers = look.numbers if digits == look.numbers.digits else look.numbers.to(digits)
        texts = numbers.text(claimed), numbers.text(correct)
        if texts[0] != texts[1]:
            return texts
    return look.numbers.text(claimed), look.numbers.text(correct)


def _wrong_entries(finding: Finding, look: Look) -> Iterator[str]:
    """Every wrong entry with the overlays that make it."""
    if not finding.wrong:
        return
    columns = [
        Column("entry", "left"), Column("claimed" if finding.against == CLAIM else "ours"), Column("correct"),
        Column("error"), Column("overlays", "left"),
    ]  # fmt: skip
    rows = (_row(finding, entry, look) for entry in finding.wrong_entries())
    first = list(islice(rows, CHUNK))
    if look.fits(Table(columns, first).width):
        yield from Table(columns).streamed(chain(first, rows), look)
        return
    while first:
        yield from Table(columns, first).stacked(look)
        first = list(islice(rows, CHUNK))


def _row(finding: Finding, entry: Entry, look: Look) -> Sequence[str]:
    numbers = [*apart(entry.claimed, entry.correct, look), look.numbers.text(entry.error)]
    return [entry_name(finding.array, entry.index), *numbers, _overlays(entry)]


def _overlays(entry: Entry, most: int = 6) -> str:
    found = [index(position) for _, position in entry.overlays or ()]
    return " ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


# -- Diagnosis, strength -----------------------------------------------------------------------------------------------


def _diagnoses(name: str, found: Sequence[Diagnosis]) -> Iterator[tuple[str, str]]:
    yield "", f"{name}:"
    for diagnosis in found:
        yield "  ", diagnosis.message
        if diagnosis.fix:
            yield "  ", f"fix: {diagnosis.fix}"
        if told := diagnosis.details.get("tell_apart"):
            yield "  ", f"to tell them apart: {told}"


def _strength(report: Report) -> Iterator[tuple[str, str]]:
    strength = report.strength
    said = f"this case catches {strength.catches} of {strength.of} known mistakes"
    blind: list[Any] = list(strength.blind_to)
    if blind:
        most = len(blind) if report.all_entries else NAMED
        named = ", ".join(f"{one.id} ({one.why})" for one in blind[:most])
        said += f"; it is blind to {named}" + (f", and {len(blind) - most} more" if len(blind) > most else "")
    yield "", said
