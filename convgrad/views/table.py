"""Tables with a total: columns aligned at the decimal point, of a planned width; through rich, or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from convgrad.views.columns import Column, Entry, Shape, joined
from convgrad.views.look import STYLES, Line, Look, wrapped

if TYPE_CHECKING:
    from rich.box import Box

__all__ = ["Column", "Entry", "Table"]

GAP = 2
CHUNK = 256
"""Rows that are laid out together when they stream; also the most that a rich table, at 1 ms a row, is given."""


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
        return self._rich(look) if len(self.rows) <= CHUNK else "".join(self.streamed(self.rows, look))

    def _rich(self, look: Look) -> str:
        """Through a rich table on a console of just the width that was planned, so that it cuts nothing."""
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=_box(look), show_edge=False, show_footer=bool(self.total), padding=(0, 0, 0, 1),
                          header_style="bold", footer_style="bold")  # fmt: skip
        total = self.total or [""] * len(self.shapes)
        for shape, foot in zip(self.shapes, total, strict=True):
            table.add_column(Text(shape.heading()), Text(joined(shape.laid(foot))), width=shape.width, no_wrap=True)
        for row in self.rows:
            laid = [shape.laid(entry) for shape, entry in zip(self.shapes, row, strict=True)]
            table.add_row(*(Text.assemble(*((text, STYLES.get(style, "")) for text, style in line)) for line in laid))
        console = Console(width=self.width + 1, force_terminal=look.color, no_color=not look.color,
                          color_system="standard" if look.color else None, force_jupyter=False, legacy_windows=False,
                          markup=False, emoji=False, highlight=False, _environ={})  # fmt: skip
        with console.capture() as capture:
            console.print(table, no_wrap=True, overflow="ignore", crop=False)
        return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())

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


def _box(look: Look) -> Box:
    """No borders, a rule below the headings and one above the total."""
    from rich.box import Box

    rule = look.symbols.rule
    empty, ruled = "    \n", f" {rule}{rule} \n"
    return Box(empty * 2 + ruled + empty * 2 + ruled + empty * 2, ascii=look.symbols.rule == "-")
