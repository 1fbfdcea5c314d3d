"""Tables with a total: columns aligned at the decimal point, of a planned width; whole, or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from convgrad.views.columns import Column, Entry, Shape
from convgrad.views.look import Line, Look, wrapped

__all__ = ["Column", "Entry", "Table"]

GAP = 2
CHUNK = 256
"""Rows that are laid out together when they stream."""


class Table:
    """Rows of entries under headings, with a total below."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Sequence[Entry]] = (),
                 total: Sequence[Entry] | None = None) -> None:  # fmt: skip
        self.shapes = [Shape(column) for column in columns]
        self.rows = list(rows)
        self.total = total
        for row in [*self.rows, *([total] if total else [])]:
            self._grow(row)

    def _grow(self, row: Sequence[Entry]) -> None:
        for shape, entry in zip(self.shapes, row, strict=True):
            shape.grow(entry)

    @property
    def widths(self) -> list[int]:
        return [shape.width for shape in self.shapes]

    @property
    def width(self) -> int:
        """The columns of the terminal that the table takes."""
        return 1 + sum(self.widths) + GAP * (len(self.shapes) - 1)

    def text(self, look: Look) -> str:
        """The table, or where it is wider than the terminal its rows as running text."""
        if not look.fits(self.width):
            return "".join(self.stacked(look))
        return self._whole(look) if len(self.rows) <= CHUNK else "".join(self.streamed(self.rows, look))

    def _whole(self, look: Look) -> str:
        total = [self._rule(look), self._spans(self.total, "total")] if self.total else []
        return self._head(look) + look.text([*map(self._spans, self.rows), *total])

    def streamed(self, rows: Iterable[Sequence[Entry]], look: Look) -> Iterator[str]:
        """The same look in plain strings, some rows at a time; where a wider number comes, the headings come again."""
        known: list[int] | None = None
        source = iter(rows)
        while chunk := list(islice(source, CHUNK)):
            parts = zip(self.shapes, zip(*chunk, strict=True), strict=True)
            laid = [shape.whole(entries) for shape, entries in parts]
            head = self._head(look) if self.widths != known else ""
            known = self.widths
            yield head + "".join(f" {'  '.join(line).rstrip()}\n" for line in zip(*laid, strict=True))
        if self.total:
            yield look.text([self._rule(look)]) + look.text([self._spans(self.total, "total")])

    def _head(self, look: Look) -> str:
        line = "  ".join(shape.heading() for shape in self.shapes)
        return look.text([[(" " + line, "head")], self._rule(look)])

    def _rule(self, look: Look) -> Line:
        return [(look.symbols.rule * self.width, "")]

    def _spans(self, row: Sequence[Entry], style: str = "") -> Line:
        line: Line = []
        for shape, entry in zip(self.shapes, row, strict=True):
            line += [("  " if line else " ", ""), *((text, style or own) for text, own in shape.laid(entry))]
        return line

    def stacked(self, look: Look) -> Iterator[str]:
        """Each row as running text, `heading entry`, broken between entries."""
        for row in [*self.rows, *([self.total] if self.total else [])]:
            yield "".join(f"{line}\n" for line in self._stack(row, look))

    def _stack(self, row: Sequence[Entry], look: Look) -> list[str]:
        pairs = [
            f"{shape.column.heading} {text}".strip()
            for shape, entry in zip(self.shapes, row, strict=True)
            if (text := "".join(_parts(entry)).strip())
        ]
        return wrapped(pairs, look.width, "   ", "    ")


def _parts(entry: Entry) -> list[str]:
    if isinstance(entry, list):
        return [text for text, _ in entry]
    return list(entry) if isinstance(entry, tuple) else [entry]
