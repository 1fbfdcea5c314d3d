"""What the installation computes on its built-in cases: a row a case, and what was planted and caught."""

from __future__ import annotations

from convgrad.checking.installation import Installation, Verified
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Column, Prose, Row, Section, Table, Verdict, View

PLANTED = "every mistake of the catalogue was planted wherever it shows, to see that it is caught and named"
ONCE = (
    "each of {} mistakes of the catalogue was planted in the smallest case that shows it, and at least one in every "
    "case, to see that it is caught and named; --every plants all of them wherever they show"
)
TIED = "undecided is meant to be: those cases have ties, where a maximum has no gradient to compare with"
COLUMNS = (Column("case", "left"), Column("entries"), Column("verdict", "left"), Column("planted"), Column("named"),
           Column("holds", "left"))  # fmt: skip


def view(installation: Installation, asked: Asked) -> View:
    """A table of the cases, then the verdict."""
    if not asked.quiet:
        table = Table(COLUMNS, [_row(case) for case in installation.cases])
        missed = (
            Prose(f"planted in {_name(case)}, {one.array}: {one.id} was not named")
            for case in installation.cases
            for one in case.missed
        )
        yield Section((table, *missed))
        yield Section(_remarks(installation))
    yield Verdict(installation.verdict)


def _remarks(installation: Installation) -> tuple[Block, ...]:
    undecided = any(case.report.verdict == "undecided" for case in installation.cases)
    names = {one.id for case in installation.cases for one in case.planted}
    planted = Prose(PLANTED if installation.every else ONCE.format(len(names)))
    return (planted, Prose(TIED)) if undecided else (planted,)


def _row(verified: Verified) -> Row:
    report = verified.report
    entries = sum(finding.entries for finding in report.findings)
    planted, missed = len(verified.planted), len(verified.missed)
    return [_name(verified), entries, report.verdict, planted, planted - missed, "yes" if verified.holds else "no"]


def _name(verified: Verified) -> str:
    case = verified.report.case
    return f"{case.operation.name} {case.dims}-D" if case.id is None else str(case.id)
