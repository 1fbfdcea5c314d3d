"""Rows as a table that grows as they are measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.benchmarks.row import ALONE, FASTER, RATE, Row

PIPE = 200
"""Columns where no terminal limits them."""


def shown(name: str, made: Iterable[Row] | Mapping[str, object]) -> None:
    """A benchmark as a table; a mapping as a list."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE
    if isinstance(made, Mapping):
        console.print(
            *(f"{key} {_brief(value)}" for key, value in made.items()), sep=", ", markup=False, soft_wrap=True
        )
        console.print()
        return
    table = Table("", "ours", "peer", "ours is", "target", "peer", "", title=name, title_justify="left", box=None)
    for column in table.columns[1:3]:
        column.justify = "right"
    with Live(table, console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for row in made:
            table.add_row(*cells(row))
            live.refresh()
    if not table.rows:
        console.print("no rows: no name has what --only says, or the peer is not installed (extra `oracle`)")
    console.print("" if console.is_terminal else "\n")  # a table in a pipe ends without a new line


def cells(row: Row) -> tuple[str, ...]:
    """The texts of a row."""
    met = {None: "", True: "", False: " (missed)"}[row.met]
    peer = "" if row.peer is None else amount(row.peer, row.unit)
    return row.name, amount(row.ours, row.unit), peer, figure(row), row.target + met, row.against, row.note


def figure(row: Row) -> str:
    """The figure in words; of a time, which is there already, how it compares with the peer's."""
    if row.figure == RATE:
        return f"{row.value:,.0f} {RATE}"
    if row.figure == ALONE:
        return "" if row.peer is None else f"{row.peer / row.ours:.2f} {FASTER}"
    return f"{row.value:.2f} {row.figure}"


def amount(value: float, unit: str) -> str:
    """A time or a size, with three digits or so.

    >>> amount(0.00123, "s"), amount(12.3456, "s"), amount(123.4, "MB")
    ('1.23 ms', '12.3 s', '123 MB')
    """
    if unit == "s" and value < 1:
        value, unit = (value * 1e3, "ms") if value >= 1e-3 else (value * 1e6, "us")
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def _brief(value: object) -> str:
    return "; ".join(f"{key}: {part}" for key, part in value.items()) if isinstance(value, Mapping) else str(value)
