"""The check of a network: what agrees, what does not and where, and each mistake by name, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.checking import CLAIM
from convgrad.network_checking import LayerFinding, NetworkReport
from convgrad.views.backward import rounding, sections
from convgrad.views.header import printable
from convgrad.views.ledger import index
from convgrad.views.look import Look, plain_lines, prose, wrapped
from convgrad.views.network import network_head
from convgrad.views.table import Column, Table


def view(report: NetworkReport, look: Look) -> Iterator[str]:
    """Findings by layer, then what became of the wrong ones; the verdict last."""
    if look.quiet:
        return iter((f"{report.verdict}\n",))
    return sections(_parts(report, look))


def _parts(report: NetworkReport, look: Look) -> Iterator[Iterator[str] | str]:
    yield network_head(report.network, look)
    for layer in dict.fromkeys(finding.layer for finding in report.findings):
        yield _layer(report, layer, look)
    how = "exact differences" if report.exact else "complex steps"
    yield prose(f"{report.evaluations} forward passes, {how}", look)
    yield f"{report.verdict}\n"
    yield rounding(look)


def _layer(report: NetworkReport, layer: str, look: Look) -> Iterator[str]:
    """A layer's findings, and under each wrong claim its diagnosis."""
    yield look.text(plain_lines(*wrapped([printable(layer)], look.width), style="title"))
    for finding in report.findings:
        if finding.layer != layer:
            continue
        yield prose(f"  {_said(finding, look)}", look, "    ")
        if report.all_entries and finding.finding.wrong and finding.finding.comparable:
            yield _entries(finding, look)
        for part in report.diagnosis:
            if (part.layer, part.array) == (layer, finding.array) and finding.against == CLAIM:
                given = (
                    f", given the claimed {part.told.given}"
                    if _needs(part.told.diagnosis.mistake, part.told.given)
                    else ""
                )
                yield prose(f"    {part.told.diagnosis.message}{given}", look, "      ")
                if part.told.diagnosis.fix:
                    yield prose(f"    fix: {part.told.diagnosis.fix}", look, "      ")


def _needs(mistake: str | None, given: str) -> bool:
    """Whether the message is to say what it takes for given; one of what is carried forward says so itself."""
    return bool(given) and mistake != "carried-forward"


def _said(one: LayerFinding, look: Look) -> str:
    finding, number = one.finding, look.numbers.text
    claimed = one.against == CLAIM
    whose = f"the claimed {one.array}" if claimed else f"our {one.array}"
    other = f"the {NOUNS.get(one.array, 'gradient')}" if claimed else "differences of the loss"
    if finding.shapes:
        given, correct = (f"({', '.join(map(str, shape))})" for shape in finding.shapes)
        return f"{whose} has shape {given}, but it must have {correct}"
    if finding.wrong and finding.worst is not None:
        worst = finding.worst
        return (
            f"{whose} differs from {other} in {finding.wrong} of {finding.entries} entries; the worst, "
            f"{one.array}{index(worst.index) if worst.index else ''}: {'claimed' if claimed else 'ours'} "
            f"{number(worst.claimed)}, correct {number(worst.correct)}, allowed to be off by {number(worst.allowed)}"
        )
    said = f"{whose} agrees with {other} in {'all ' if not finding.undecided else ''}{finding.entries} entries"
    if finding.undecided:
        said += f"; {finding.undecided} are undecided: no gradient exists there to compare with"
    return said + (f" (to {finding.rule})" if finding.rule else "")


NOUNS = {"output": "output", "kernel": "stepped kernel", "bias": "stepped bias", "delta": "delta"}


def _entries(one: LayerFinding, look: Look) -> str:
    rows = [
        [
            f"{one.array}{index(entry.index) if entry.index else ''}",
            *map(look.numbers.text, (entry.claimed, entry.correct, entry.error)),
        ]
        for entry in one.finding.wrong_entries()
    ]
    return Table([Column("entry", "left"), Column("claimed"), Column("correct"), Column("error")], rows).text(look)
