"""The check of a network: what agrees, what does not and where, and each mistake by name, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.checking import CLAIM
from convgrad.network_checking import LayerFinding, NetworkReport
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Column, Heading, Item, Prose, Section, Table, Verdict, View, printable
from convgrad.views.findings_said import diagnosis_items, judged, said, wrong_entries
from convgrad.views.of_network import network_head

COLUMNS = (Column("entry", "left"), Column("claimed"), Column("correct"), Column("error"))


def view(report: NetworkReport, asked: Asked) -> View:
    """Findings by layer, then what became of the wrong ones; the verdict last."""
    return iter((Verdict(report.verdict),)) if asked.quiet else _sections(report)


def _sections(report: NetworkReport) -> View:
    yield network_head(report.network)
    for layer in dict.fromkeys(finding.layer for finding in report.findings):
        yield Section(_layer(report, layer))
    how = "exact differences" if report.exact else "complex steps"
    yield Prose(f"{report.evaluations} forward passes, {how}")
    yield Verdict(report.verdict)


def _layer(report: NetworkReport, layer: str) -> Iterator[Block]:
    """A layer's findings, and under each wrong claim its diagnosis."""
    yield Heading((printable(layer),))
    for finding in report.findings:
        if finding.layer == layer:
            yield from _finding(report, finding)


def _finding(report: NetworkReport, finding: LayerFinding) -> Iterator[Block]:
    one = judged(finding.finding, finding.array, finding.against, "differences of the loss")
    yield Item(said(one), 1)
    if report.all_entries and one.finding.wrong and one.finding.comparable:
        yield Table(COLUMNS, list(wrong_entries(one)))
    for part in report.diagnosis:
        if (part.layer, part.array) == (finding.layer, finding.array) and finding.against == CLAIM:
            diagnosis, given = part.told.diagnosis, part.told.given
            yield from diagnosis_items(diagnosis, 2, _given(diagnosis.mistake, given))


def _given(mistake: str | None, given: str) -> str:
    """The claim that a mistake starts from; one of what is carried forward says so itself."""
    return f", given the claimed {given}" if given and mistake != "carried-forward" else ""
