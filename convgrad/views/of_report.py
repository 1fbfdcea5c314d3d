"""A check: what agrees, what does not and where, the mistake by name, and what the case could not have shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convgrad.checking import CLAIM, DIFFERENCES, Report
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Item, Prose, Section, Verdict, View, index
from convgrad.views.case_header import header
from convgrad.views.findings_said import Judged, diagnosis_items, judged, said, telling_apart, wrong_entries_table
from convgrad.views.identity_blocks import identities

NAMED = 4
"""Mistakes that the case is blind to which are named where not all are asked for."""


def view(report: Report, asked: Asked) -> View:
    """Findings, each wrong array with its diagnosis, strength, checksums; the verdict last."""
    return iter((Verdict(report.verdict),)) if asked.quiet else _sections(report)


def _sections(report: Report) -> View:
    findings = [judged(finding, finding.array, finding.against, DIFFERENCES) for finding in report.findings]
    yield header(report.case)
    yield Section(_findings(report, findings))
    for name in dict.fromkeys(diagnosis.array for diagnosis in report.diagnosis):
        yield Section(_diagnosis(report, name))
    if report.all_entries:
        yield from (wrong_entries_table(one) for one in findings if one.finding.wrong)
    yield Item(_strength(report))
    yield Section(_checksums(report))
    yield Verdict(report.verdict)


def _findings(report: Report, findings: list[Judged]) -> Iterator[Item]:
    for one in findings:
        yield Item(said(one))
        for kink in one.finding.kinks:
            cells = ", ".join(f"x{index(cell)}" for cell in kink.cells)
            yield Item(f"at output{index(kink.output)}: {kink.why} ({cells})", 1)
    if sample := report.sample:
        yield Item(f"{sample.entries} of {sample.of} entries were differenced, chosen by seed {sample.seed}")
    yield Item(f"{report.evaluations} forward passes")


def _diagnosis(report: Report, name: str) -> Iterator[Item]:
    """What the claimed array of a name comes from."""
    yield Item(f"{name}:")
    for diagnosis in report.diagnosis:
        if diagnosis.array == name:
            yield from diagnosis_items(diagnosis, 1)
            yield from telling_apart(diagnosis, 1)


def _checksums(report: Report) -> Iterator[Block]:
    """The identities; beside a claim it is said that they are not the claim's."""
    claimed = any(finding.against == CLAIM for finding in report.findings)
    if claimed and report.checksums:
        yield Prose("our own gradients:")
    yield identities(report.checksums, level=int(claimed))


def _strength(report: Report) -> str:
    """How many mistakes the case could show, and which it could not."""
    strength = report.strength
    blind: list[Any] = list(strength.blind_to)
    most = len(blind) if report.all_entries else NAMED
    named = ", ".join(f"{one.id} ({one.why})" for one in blind[:most])
    more = f", and {len(blind) - most} more" if len(blind) > most else ""
    catches = f"this case catches {strength.catches} of {strength.of} known mistakes"
    return f"{catches}; it is blind to {named}{more}" if blind else catches
