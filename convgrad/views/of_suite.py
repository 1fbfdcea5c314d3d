"""Cases as a table: what each is, what it catches, and how many numbers it has."""

from __future__ import annotations

from convgrad.suites.record import Table as Suite
from convgrad.suites.selection import caught
from convgrad.suites.trial import Trial
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Column, Prose, Row, Section, Table, View

COLUMNS = (Column("case", "left"), Column("numbers"), Column("catches"), Column("what it is", "left"))


def view(suite: Suite, asked: Asked) -> View:
    """A row a case."""
    yield Section((Table(COLUMNS, [_row(trial) for trial in suite.trials]),))
    every = {name for trial in suite.trials for name in caught(trial)}
    if not asked.quiet and every:
        yield Prose(
            f"together they catch {len(every)} known mistakes; --output FILE writes them, with what must come out"
        )


def _row(trial: Trial) -> Row:
    sketch = trial.sketch
    source = sketch.source.removeprefix("https://github.com/").replace("/issues/", "#") if sketch else ""
    comment = sketch.comment if sketch else ""
    return [trial.id, trial.numbers, len(caught(trial)) or None, f"{comment} ({source})" if source else comment]
