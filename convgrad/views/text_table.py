"""Tables as text: columns aligned at the decimal point, of a planned width; through rich, or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from convgrad.views.block_kinds import Row, Rows, Table
from convgrad.views.look import Line, wrapped
from convgrad.views.text_columns import Room
from convgrad.views.text_rich import rich_text
from convgrad.views.text_words import Pen, Text

GAP = 2
CHUNK = 256
"""Rows that are laid out together when they stream; also the most that a rich table, at 1 ms a row, is given."""
SAMPLE = 12
"""Rows at the head by which a table of numbered rows is measured before it streams; and the last, whose number is
longest."""


def written(table: Table, pen: Pen, measured: Measured | None = None) -> Iterator[str]:
    """A table, or where it is wider than the terminal its rows as running text."""
    if isinstance(table.rows, Iterator):
        return _unending(table, table.rows, pen)
    return (measured or Measured(table, pen)).text()


def _unending(table: Table, rows: Iterator[Row], pen: Pen) -> Iterator[str]:
    """Rows of which nobody knows how many come, measured by the first ones."""
    first = list(islice(rows, CHUNK))
    if pen.look.fits(Measured(Table(table.columns, first), pen).width):
        yield from Measured(Table(table.columns, []), pen).streamed(chain(first, rows))
        return
    while first:
        yield from Measured(Table(table.columns, first), pen).stacked()
        first = list(islice(rows, CHUNK))


class Measured:
    """A table with as much room for each column as its rows need: those that are shown, or, where these stream, some.

    Each width is worked out once, when rows come.
    """

    def __init__(self, table: Table, pen: Pen) -> None:
        self.table, self.pen, self.look = table, pen, pen.look
        self.rooms = [Room(column, pen) for column in table.columns]
        rows = _counted(table)
        first, last = table.brief or (len(rows), 0)
        self.streams = isinstance(rows, Rows) and first > CHUNK
        self.rows = [] if self.streams else self._texts(_brief(table, first, last))
        self.total = self._text(table.total) if table.total else None
        sample = self._texts(_sample(table)) if self.streams else self.rows
        for row in [*sample, *([self.total] if self.total else [])]:
            for room, entry in zip(self.rooms, row, strict=True):
                room.grow(entry)

    def _texts(self, rows: Sequence[Row]) -> list[list[Text]]:
        return list(map(self._text, rows))

    def _text(self, row: Row) -> list[Text]:
        return list(map(self.pen.entry, row))

    @property
    def widths(self) -> list[int]:
        return [room.width for room in self.rooms]

    @property
    def width(self) -> int:
        """The columns of the terminal that the table takes."""
        return 1 + sum(self.widths) + GAP * (len(self.rooms) - 1)

    def text(self) -> Iterator[str]:
        """Streamed where it is long, else at once."""
        if self.streams:
            return self.streamed(_head_of(self.table))
        if not self.look.fits(self.width):
            return self.stacked()
        if len(self.rows) <= CHUNK:
            return iter((rich_text(self.rooms, self.rows, self.total, self.width, self.look),))
        return self._laid(zip(*chunk, strict=True) for chunk in _chunks(self.rows))

    def streamed(self, rows: Iterable[Row]) -> Iterator[str]:
        """The same look in plain strings, some rows at a time; where a wider number comes, the headings come again."""
        return self._laid(map(self.pen.entries, zip(*chunk, strict=True)) for chunk in _chunks(rows))

    def _laid(self, chunks: Iterable[Iterable[Sequence[Text]]]) -> Iterator[str]:
        """Chunks of rows, each given column by column."""
        known: list[int] | None = None
        for columns in chunks:
            laid = [room.whole(entries) for room, entries in zip(self.rooms, columns, strict=True)]
            head = self._head() if self.widths != known else ""
            known = self.widths
            yield head + "".join(f" {'  '.join(line).rstrip()}\n" for line in zip(*laid, strict=True))
        if self.total:
            yield self.look.text([self._rule(), self._total(self.total)])

    def _head(self) -> str:
        line = "  ".join(room.heading() for room in self.rooms)
        return self.look.text([[(" " + line, "head")], self._rule()])

    def _rule(self) -> Line:
        return [(self.look.symbols.rule * self.width, "")]

    def _total(self, row: Sequence[Text]) -> Line:
        line: Line = []
        for room, entry in zip(self.rooms, row, strict=True):
            line += [("  " if line else " ", ""), *((text, "total") for text, _ in room.laid(entry))]
        return line

    def stacked(self) -> Iterator[str]:
        """Each row as running text, `heading entry`, broken between entries."""
        for row in [*self.rows, *([self.total] if self.total else [])]:
            yield "".join(f"{line}\n" for line in self._stack(row))

    def _stack(self, row: Sequence[Text]) -> list[str]:
        pairs = [
            f"{room.name} {text}".strip()
            for room, entry in zip(self.rooms, row, strict=True)
            if (text := "".join(_parts(entry)).strip())
        ]
        return wrapped(pairs, self.look.width, "   ", "    ")


def _counted(table: Table) -> Sequence[Row] | Rows:
    """The rows of a table that ends."""
    assert not isinstance(table.rows, Iterator)
    return table.rows


def _brief(table: Table, first: int, last: int) -> list[Row]:
    """The rows at both ends, what lies between summed."""
    rows = _counted(table)
    count = len(rows)
    if first + last >= count or table.summed is None:
        return list(rows)
    middle = table.summed(first, count - last)
    return [*(rows[i] for i in range(first)), middle, *(rows[i] for i in range(count - last, count))]


def _head_of(table: Table) -> Iterator[Row]:
    """Rows that stream: the first ones, the rest summed."""
    rows = _counted(table)
    first = table.brief[0] if table.brief else len(rows)
    yield from islice(rows, first)
    if first < len(rows) and table.summed:
        yield table.summed(first, len(rows))


def _sample(table: Table) -> list[Row]:
    """Rows to measure by before a table streams."""
    rows = _counted(table)
    if all(column.kind != "ordinal" for column in table.columns):
        return []
    return [rows[i] for i in (*range(SAMPLE), len(rows) - 1)]


def _chunks(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _parts(entry: Text) -> list[str]:
    if isinstance(entry, list):
        return [text for text, _ in entry]
    return list(entry) if isinstance(entry, tuple) else [entry]
