"""The check of a network: what agrees, what does not and where, and each mistake by name, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.checking.report import CLAIM, Report
from convgrad.claims.findings import Finding
from convgrad.views.backward import rounding, sections
from convgrad.views.check import agreement, apart, entry_name, misshapen, sample_text, wrong_of
from convgrad.views.header import printable
from convgrad.views.look import Look, plain_lines, prose, wrapped
from convgrad.views.network import network_head
from convgrad.views.table import Column, Table


def view(report: Report, look: Look) -> Iterator[str]:
    """Findings by layer, then what became of the wrong ones; the verdict last."""
    if look.quiet:
        return iter((f"{report.verdict}\n",))
    return sections(_parts(report, look))


def _parts(report: Report, look: Look) -> Iterator[Iterator[str] | str]:
    yield network_head(report.subject, look)
    for layer in dict.fromkeys(finding.place.part for finding in report.findings):
        yield _layer(report, layer, look)
    how = "exact differences" if report.exact else "complex steps"
    if report.sample:
        yield prose(sample_text(report.sample), look)
    yield prose(f"{report.evaluations} forward passes, {how}", look)
    yield f"{report.verdict}\n"
    yield rounding(look)


def _layer(report: Report, layer: str, look: Look) -> Iterator[str]:
    """A layer's findings, and under each wrong claim its diagnosis."""
    yield look.text(plain_lines(*wrapped([printable(layer)], look.width), style="title"))
    for finding in report.findings:
        if finding.place.part != layer:
            continue
        yield prose(f"  {_said(finding, look)}", look, "    ")
        if report.all_entries and finding.wrong and finding.comparable:
            yield _entries(finding, look)
        for part in report.diagnosis:
            if part.place == finding.place and finding.against == CLAIM:
                given = f", given the claimed {part.given}" if _needs(part.mistake, part.given) else ""
                yield prose(f"    {part.message}{given}", look, "      ")
                if part.fix:
                    yield prose(f"    fix: {part.fix}", look, "      ")


def _needs(mistake: str | None, given: str) -> bool:
    """Whether the message is to say what it takes for given; one of what is carried forward says so itself."""
    return bool(given) and mistake != "carried-forward"


def _said(finding: Finding, look: Look) -> str:
    claimed = finding.against == CLAIM
    whose = f"the claimed {finding.array}" if claimed else f"our {finding.array}"
    other = f"the {NOUNS.get(finding.array, 'gradient')}" if claimed else "differences of the loss"
    if finding.shapes:
        return f"{whose} {misshapen(*finding.shapes)}"
    if finding.wrong and finding.worst is not None:
        worst = finding.worst
        given, correct = apart(worst.claimed, worst.correct, look)
        named = f"; the worst, {entry_name(finding.array, worst.index)}" if finding.entries > 1 else ""
        return (
            f"{whose} differs from {other} in {wrong_of(finding)}{named}: {'claimed' if claimed else 'ours'} "
            f"{given}, correct {correct}, allowed to be off by {look.numbers.text(worst.allowed)}"
        )
    return f"{whose} {agreement(finding, other)}"


NOUNS = {"output": "output", "kernel": "stepped kernel", "bias": "stepped bias", "delta": "delta"}


def _entries(finding: Finding, look: Look) -> str:
    rows = [
        [
            entry_name(finding.array, entry.index),
            *apart(entry.claimed, entry.correct, look),
            look.numbers.text(entry.error),
        ]
        for entry in finding.wrong_entries()
    ]
    return Table([Column("entry", "left"), Column("claimed"), Column("correct"), Column("error")], rows).text(look)
