"""What the installation computes on its built-in cases: a row a case, and what was planted and caught."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.checking.installation import Installation, Verified
from convgrad.views.look import Look, prose
from convgrad.views.table import Column, Table

TIED = "undecided is meant to be: those cases have ties, where a maximum has no gradient to compare with"


def view(installation: Installation, look: Look) -> Iterator[str]:
    """A table of the cases, then the verdict."""
    if not look.quiet:
        columns = [Column("case", "left"), Column("entries"), Column("verdict", "left"), Column("planted"),
                   Column("named"), Column("holds", "left")]  # fmt: skip
        yield Table(columns, [_row(case) for case in installation.cases]).text(look)
        for case in installation.cases:
            for one in case.missed:
                yield prose(f"planted in {_row(case)[0]}, {one.array}: {one.id} was not named", look)
        said = "every mistake of the catalogue was planted where it shows, to see that it is caught and named"
        yield f"\n{prose(said, look)}"
        if any(case.report.verdict == "undecided" for case in installation.cases):
            yield prose(TIED, look)
        yield "\n"
    yield f"{installation.verdict}\n"


def _row(verified: Verified) -> list[str]:
    report = verified.report
    case = report.case
    entries = sum(finding.entries for finding in report.findings)
    planted, missed = len(verified.planted), len(verified.missed)
    name = f"{case.operation.name} {case.dims}-D" if case.id is None else str(case.id)
    holds = "yes" if verified.holds else "no"
    return [name, str(entries), report.verdict, str(planted), str(planted - missed), holds]
