"""A check: what agrees, what does not and where, the mistake by name, and what the case could not have shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convgrad.checking import CLAIM, Report
from convgrad.mistakes import Diagnosis
from convgrad.verify.findings import Entry, Finding
from convgrad.views.backward import checksum_lines, rounding, sections
from convgrad.views.header import header
from convgrad.views.ledger import index
from convgrad.views.look import Look, prose
from convgrad.views.table import Column, Table

NAMED = 4
"""Mistakes that the case is blind to which are named; JSON has all."""


def view(report: Report, look: Look) -> Iterator[str]:
    """Findings, each wrong array with its diagnosis, strength, checksums; the verdict last."""
    if look.quiet:
        yield f"{report.verdict}\n"
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
    yield checksum_lines(report.checksums, look)
    yield f"{report.verdict}\n"
    yield rounding(look)


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
        sample = report.sample
        yield "", f"{sample.entries} of {sample.of} entries were differenced, chosen by seed {sample.seed}"
    yield "", f"{report.evaluations} forward passes"


def _finding(finding: Finding, look: Look) -> str:
    whose = f"the claimed {finding.array}" if finding.against == CLAIM else f"our {finding.array}"
    other = "the gradient" if finding.against == CLAIM else "finite differences"
    if finding.array == "output":
        other = "the output"
    if finding.shapes:
        claimed, correct = (f"({', '.join(map(str, shape))})" for shape in finding.shapes)
        return f"{whose} has shape {claimed}, but it must have {correct}"
    if finding.wrong:
        return f"{whose} differs from {other} in {finding.wrong} of {finding.entries} entries{_worst(finding, look)}"
    said = f"{whose} agrees with {other} in {'all ' if not finding.undecided else ''}{finding.entries} entries"
    if finding.undecided:
        said += f"; {finding.undecided} are undecided: no gradient exists there to compare with"
    return said + (f" (to {finding.rule})" if finding.rule else "")


def _worst(finding: Finding, look: Look) -> str:
    worst = finding.worst
    if worst is None:
        return ""
    text = look.numbers.text
    claimed = "claimed" if finding.against == CLAIM else "ours"
    return (
        f"; the worst, {finding.array}{index(worst.index)}: {claimed} {text(worst.claimed)}, "
        f"correct {text(worst.correct)}, allowed to be off by {text(worst.allowed)}"
    )


def _wrong_entries(finding: Finding, look: Look) -> Iterator[str]:
    """Every wrong entry with the overlays that make it."""
    if not finding.wrong:
        return
    columns = [
        Column("entry", "left"), Column("claimed"), Column("correct"), Column("error"), Column("overlays", "left"),
    ]  # fmt: skip
    rows = (_row(finding, entry, look) for entry in finding.wrong_entries())
    yield from Table(columns).streamed(rows, look)


def _row(finding: Finding, entry: Entry, look: Look) -> Sequence[str]:
    numbers = [look.numbers.text(value) for value in (entry.claimed, entry.correct, entry.error)]
    return [f"{finding.array}{index(entry.index)}", *numbers, _overlays(entry)]


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
        named = ", ".join(f"{one.id} ({one.why})" for one in blind[:NAMED])
        said += f"; it is blind to {named}" + (f", and {len(blind) - NAMED} more" if len(blind) > NAMED else "")
    yield "", said
