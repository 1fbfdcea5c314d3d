"""Judgements counted by kind, and the few that may not be, each with the command that repeats it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.court.judged import BAD, OUTCOMES, Judgement

PIPE = 200
"""Columns where no terminal limits them."""
EACH = 3
"""How many of a kind are listed."""


def shown(part: str, judgements: Iterable[Judgement], seed: int, peer: bool) -> None:
    """A part's table as it grows, then what may not be."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    bad: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for judgement in judgements:
            counts[judgement.kind][judgement.outcome] += 1
            if judgement.outcome in BAD:
                bad[judgement.kind, judgement.outcome].append(judgement)
            if console.is_terminal:
                live.update(table(part, counts), refresh=True)
        live.update(table(part, counts), refresh=True)
    console.print()
    if part == "claims" and not peer:
        console.print("PyTorch is not installed (extra `oracle`): four kinds are left out\n")
    for line in offenders(part, bad, seed):
        console.print(line, markup=False, soft_wrap=True)


def table(part: str, counts: dict[str, Counter[str]]) -> Table:
    """Kinds as rows, outcomes as columns, and their sum."""
    columns = [outcome for outcome in OUTCOMES if outcome in BAD or any(outcome in row for row in counts.values())]
    result = Table("", "arrays", *columns, title=part, title_justify="left", box=None)
    for column in result.columns[1:]:
        column.justify = "right"
    for kind, row in counts.items():
        result.add_row(*cells(kind, row, columns))
    if len(counts) > 1:
        result.add_row(*cells("all", sum(counts.values(), Counter()), columns))
    return result


def cells(kind: str, row: Counter[str], columns: list[str]) -> list[str]:
    return [kind, str(row.total()), *(str(row[outcome] or "") for outcome in columns)]


def offenders(part: str, bad: dict[tuple[str, str], list[Judgement]], seed: int) -> Iterable[str]:
    """A few of each kind: what was said, and what would have been right."""
    for (kind, outcome), judgements in bad.items():
        yield f"{kind}: {outcome} {len(judgements)}"
        for one in judgements[:EACH]:
            yield f"  {said(one)}\n    python -m tests.court {part} --seed {seed} --only '{one.kind}: {one.name}'"
        yield ""


def said(one: Judgement) -> str:
    told = f", told {', '.join(dict.fromkeys(one.told))}" if one.told else ""
    right = f", right would be {', '.join(one.right) or 'no name'}" if one.outcome == "named wrongly" else ""
    return f"{one.name} {one.array}: {one.entries} entries wrong{told}{right}"
