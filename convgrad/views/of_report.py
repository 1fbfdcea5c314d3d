"""A check: what agrees, what does not and where, the mistake by name, and what the case could not have shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convgrad.checking.report import CLAIM, DIFFERENCES, Report
from convgrad.claims.findings import Finding
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    Block,
    Column,
    Heading,
    Item,
    Prose,
    Section,
    Table,
    Verdict,
    View,
    index,
    printable,
)
from convgrad.views.case_header import header
from convgrad.views.findings_said import (
    Judged,
    diagnosis_items,
    judged,
    said,
    wrong_entries,
    wrong_entries_table,
)
from convgrad.views.identity_blocks import identities
from convgrad.views.of_network import network_head

COLUMNS = (Column("entry", "left"), Column("claimed"), Column("correct"), Column("error"))
NAMED = 4
"""Mistakes that the case is blind to which are named where not all are asked for."""


def view(report: Report, asked: Asked) -> View:
    """Findings, each wrong array with its diagnosis; of a case its strength and identities; the verdict last."""
    if asked.quiet:
        return _briefly(report)
    return _of_case(report) if report.subject.chain.alone is not None else _of_network(report)


def _briefly(report: Report) -> View:
    """The mistakes that were named, if any, and the verdict: the result of a check, and nothing around it."""
    places = {diagnosis.place: str(diagnosis.place) for diagnosis in report.diagnosis}
    for place, name in places.items():
        yield Section(_of_place(report, place, name))
    yield Verdict(report.verdict)


def _of_place(report: Report, place: Any, name: str) -> Iterator[Item]:
    yield Item(f"{printable(name)}:")
    told = [diagnosis for diagnosis in report.diagnosis if diagnosis.place == place]
    yield from diagnosis_items(told, 1, every=report.all_entries)


# -- A case ------------------------------------------------------------------------------------------------------------


def _of_case(report: Report) -> View:
    findings = [judged(finding, DIFFERENCES) for finding in report.findings]
    yield header(report.case)
    yield Section(_findings(report, findings))
    for name in dict.fromkeys(diagnosis.array for diagnosis in report.diagnosis):
        yield Section(_diagnosis(report, name))
    if report.all_entries:
        yield from (wrong_entries_table(one) for one in findings if one.finding.wrong)
    yield Section(Item(text) for text in _strength(report))
    yield Section(_checksums(report))
    yield Verdict(report.verdict)


def _findings(report: Report, findings: list[Judged]) -> Iterator[Item]:
    for one in findings:
        yield Item(said(one))
        yield from (Item(text, 1) for text in one.finding.told)
        for kink in one.finding.kinks:
            cells = ", ".join(f"x{index(cell)}" for cell in kink.cells)
            yield Item(f"at output{index(kink.output)}: {kink.why} ({cells})", 1)
    yield from (Item(text) for text in _sample(report))
    forward = "no delta is given, so that no gradient is looked at"
    yield Item(forward if report.subject.is_forward else f"{report.evaluations} forward passes")


def _diagnosis(report: Report, name: str) -> Iterator[Item]:
    """What the claimed array of a name comes from."""
    yield Item(f"{name}:")
    told = [diagnosis for diagnosis in report.diagnosis if diagnosis.array == name]
    yield from diagnosis_items(told, 1, every=report.all_entries)


def _checksums(report: Report) -> Iterator[Block]:
    """The identities; beside a claim it is said that they are not the claim's."""
    claimed = any(finding.against == CLAIM for finding in report.findings)
    if claimed and report.checksums:
        yield Prose("our own gradients:")
    yield identities(report.checksums, level=int(claimed))


def _strength(report: Report) -> Iterator[str]:
    """How many mistakes the case could show, which it could not, and what hides some ways of others."""
    strength = report.strength
    if not strength.of:
        yield f"which mistakes there are is not known for {report.case.operation.name}"
        return
    blind: list[Any] = list(strength.blind_to)
    most = len(blind) if report.all_entries else NAMED
    named = ", ".join(f"{one.id} ({one.why})" for one in blind[:most])
    more = f", and {len(blind) - most} more" if len(blind) > most else ""
    catches = f"this case catches {strength.catches} of {strength.of} known mistakes"
    yield f"{catches}; it is blind to {named}{more}" if blind else catches
    if strength.spots:
        spots = (f"{one.why} ({one.advice})" if report.all_entries else one.why for one in strength.spots)
        yield f"some ways of other mistakes are hidden, too: {', and '.join(spots)}"


# -- A network ---------------------------------------------------------------------------------------------------------


def _of_network(report: Report) -> View:
    """Findings layer by layer, each wrong claim with what became of it."""
    yield network_head(report.subject)
    for layer in dict.fromkeys(finding.place.part for finding in report.findings):
        yield Section(_layer(report, layer))
    yield Section(Prose(text) for text in _sample(report))
    how = "exact differences" if report.exact else "complex steps"
    if report.by_layer:
        how = "layer by layer, and along a direction of every kernel, bias and the input through all of it"
    yield Prose(f"{report.evaluations} forward passes, {how}")
    yield Verdict(report.verdict)


def _layer(report: Report, layer: str) -> Iterator[Block]:
    """A layer's findings, and under each wrong claim its diagnosis."""
    yield Heading((printable(layer),))
    for finding in report.findings:
        if finding.place.part == layer:
            yield from _finding(report, finding)


def _finding(report: Report, finding: Finding) -> Iterator[Block]:
    one = judged(finding, "finite differences" if report.by_layer else "differences of the loss")
    yield Item(said(one), 1)
    yield from (Item(text, 2) for text in finding.told)
    if report.all_entries and finding.wrong and finding.comparable:
        yield Table(COLUMNS, list(wrong_entries(one)))
    told = [diagnosis for diagnosis in report.diagnosis if diagnosis.place == finding.place]
    if told and finding.against == CLAIM:
        yield from diagnosis_items(told, 2, every=report.all_entries)


def _sample(report: Report) -> Iterator[str]:
    """Which entries were differenced, where not all."""
    if sample := report.sample:
        yield f"{sample.entries} of {sample.of} entries were differenced, chosen by seed {sample.seed}"
