"""Tables with a total: columns aligned at the decimal point, of a planned width; through rich, or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from convgrad.views.look import STYLES, Line, Look, width_of, wrapped
from convgrad.views.numbers import split

if TYPE_CHECKING:
    from rich.box import Box

Entry = str | tuple[str, ...] | Line
"""A text; parts that are each aligned with the same part above and below; or spans that are laid out already."""

BLANK = "·"
GAP = 2
CHUNK = 256
"""Rows that are laid out together when they stream; also the most that a rich table, at 1 ms a row, is given."""


class Column(NamedTuple):
    """A heading, and how entries stand: `number` at the decimal point, `left` or `right`."""

    heading: str = ""
    kind: str = "number"


class Shape:
    """The room that a column needs: per part the width before and after the point. It only ever grows.

    In a column of numbers only the last part is a number, what stands before it (`0.2×-1`, ` = `) keeps to the right;
    elsewhere every part is one (the cells of a window).
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self.numeric = column.kind == "number"
        self.parts: list[list[int]] = []
        self.width = len(column.heading)

    def grow(self, entry: Entry) -> None:
        """Make room for an entry."""
        if isinstance(entry, list) or (isinstance(entry, str) and not self.numeric):
            self.width = max(self.width, len(entry) if isinstance(entry, str) else width_of(entry))
            return
        pieces = self._pieces(entry)
        while len(self.parts) < len(pieces):
            self.parts.insert(0, [0, 0])
        for room, (before, after) in zip(self.parts[-len(pieces) :], pieces, strict=True):
            if len(before) > room[0] or len(after) > room[1]:
                room[:] = max(len(before), room[0]), max(len(after), room[1])
                self.width = max(self.width, sum(map(sum, self.parts)))

    def laid(self, entry: Entry) -> Line:
        """An entry, as wide as the column."""
        if isinstance(entry, list):
            return [*entry, (" " * (self.width - width_of(entry)), "")]
        return [(self.text(entry), "quiet" if entry == BLANK else "")]

    def text(self, entry: str | tuple[str, ...]) -> str:
        """As `laid`, without styles."""
        if isinstance(entry, str) and not self.numeric:
            return self._padded(entry)
        pieces = self._pieces(entry)
        text = ""
        for (head, tail), (before, after) in zip(pieces, self.parts[-len(pieces) :], strict=True):
            text += head.rjust(before) + tail.ljust(after)
        return self._padded(text)

    def heading(self) -> str:
        return self._padded(self.column.heading)

    def _padded(self, text: str) -> str:
        return text.ljust(self.width) if self.column.kind == "left" else text.rjust(self.width)

    def _pieces(self, entry: str | tuple[str, ...]) -> list[tuple[str, str]]:
        if isinstance(entry, str):
            return [split(entry)]
        if self.numeric:
            return [*((part, "") for part in entry[:-1]), split(entry[-1])]
        return list(map(split, entry))


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
            table.add_column(Text(shape.heading()), Text(_joined(shape.laid(foot))), width=shape.width, no_wrap=True)
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
            for row in chunk:
                self._grow(row)
            head = self._head(look) if self.widths != known else ""
            known = self.widths
            yield head + "".join(self._line(row, look) for row in chunk)
        if self.total:
            yield look.text([self._rule(look)]) + look.text([self._spans(self.total, "total")])

    def _head(self, look: Look) -> str:
        line = "  ".join(shape.heading() for shape in self.shapes)
        return look.text([[(" " + line, "head")], self._rule(look)])

    def _rule(self, look: Look) -> Line:
        return [(look.symbols.rule * self.width, "")]

    def _line(self, row: Sequence[Entry], look: Look) -> str:
        if look.color or any(isinstance(entry, list) for entry in row):
            return look.text([self._spans(row)])
        line = "  ".join([shape.text(entry) for shape, entry in zip(self.shapes, row, strict=True)])  # type: ignore[arg-type]
        return f" {line.rstrip()}\n"

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


def _joined(line: Line) -> str:
    return "".join(text for text, _ in line)


def _box(look: Look) -> Box:
    """No borders, a rule below the headings and one above the total."""
    from rich.box import Box

    rule = look.symbols.rule
    empty, ruled = "    \n", f" {rule}{rule} \n"
    return Box(empty * 2 + ruled + empty * 2 + ruled + empty * 2, ascii=look.symbols.rule == "-")
