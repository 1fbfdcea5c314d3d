"""The checks of several cases, such as the layers of a model: which differ, and then each as a check by itself."""

from __future__ import annotations

from convgrad.checking.report import Report, Reports
from convgrad.views import of_report
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Column, Row, Section, Table, Verdict, View, printable

COLUMNS = (Column("layer", "left"), Column("operation", "left"), Column("verdict", "left"), Column("mistakes", "left"))


def view(reports: Reports, asked: Asked) -> View:
    """A row a layer; then the check of each that does not agree; the verdict last."""
    if not asked.quiet:
        yield Section((Table(COLUMNS, list(map(_row, reports.reports))),))
        for report in reports.reports:
            if report.verdict == "differs":
                yield from _without_verdict(report, asked)
    yield Verdict(reports.verdict)


def _row(report: Report) -> Row:
    parts = ", ".join(part.op for part in report.subject.parts)
    return [printable(str(report.subject.chain.id)), parts, report.verdict, ", ".join(report.mistakes)]


def _without_verdict(report: Report, asked: Asked) -> View:
    return (part for part in of_report.view(report, asked) if not isinstance(part, Verdict))
