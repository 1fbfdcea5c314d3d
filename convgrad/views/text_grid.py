"""Aligned grids with brackets and rules, and blocks of lines side by side, that wrap where they would not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from convgrad.core.arithmetic import Array
from convgrad.views.block_kinds import TIES, WINDOW, WINS, Cell
from convgrad.views.look import Line, Look, width_of, wrapped
from convgrad.views.numbers import aligned

GAP = 3


class Lines(NamedTuple):
    """Lines that belong together, and the columns that the widest takes."""

    lines: list[Line]
    width: int


def together(lines: list[Line]) -> Lines:
    """Lines, measured."""
    return Lines(lines, max(map(width_of, lines), default=0))


class Marks(NamedTuple):
    """What stands beside the cells of a grid: a sign before and after, a style; and after which cells rules run."""

    before: Mapping[Cell, str]
    after: Mapping[Cell, str]
    style: Mapping[Cell, str]
    rules: tuple[frozenset[int], frozenset[int]]


class Picked(NamedTuple):
    """The rows and columns that a grid shows, None where some are left out; `first` is what column 0 is called."""

    rows: Sequence[int | None]
    columns: Sequence[int | None]
    first: int = 0


def signs(kinds: Mapping[Cell, str], rules: tuple[frozenset[int], frozenset[int]]) -> Marks:
    """Brackets around the runs of a window's cells in a row, and around each winner; `=` after what ties and loses."""
    windowed = [cell for cell, kind in kinds.items() if kind == WINDOW]
    wins = [cell for cell, kind in kinds.items() if kind == WINS]
    ties = [cell for cell, kind in kinds.items() if kind == TIES]
    before = [cell for cell in windowed if (*cell[:-1], cell[-1] - 1) not in kinds]
    after = [cell for cell in windowed if (*cell[:-1], cell[-1] + 1) not in kinds]
    ends = {**dict.fromkeys(ties, "="), **dict.fromkeys([*after, *wins], "]")}
    return Marks(dict.fromkeys([*before, *wins], "["), ends, kinds, rules)


def grid(texts: Array, picked: Picked, look: Look, marks: Marks, lead: Cell = (), room: int | None = None) -> Lines:
    """The texts of the rows and columns picked; columns that go beyond the room follow below."""
    columns = [_column(texts[:, place], picked.rows, j, marks, lead, look) for place, j in enumerate(picked.columns)]
    lines: list[Line] = []
    bands = _bands([width_of(column[0]) for column in columns if column], room)
    for first, last in bands:
        if len(bands) > 1:
            lines += [[]] if lines else []
            lines.append([(f"columns {_name(picked, first, look)} to {_name(picked, last - 1, look)}", "quiet")])
        lines += [[span for column in columns[first:last] for span in column[i]] for i in range(len(columns[first]))]
    return together(lines)


def _name(picked: Picked, number: int, look: Look) -> str:
    column = picked.columns[number]
    return look.symbols.dot * 2 if column is None else str(column + picked.first)


def _bands(widths: Sequence[int], room: int | None) -> list[tuple[int, int]]:
    """Runs of columns that fit the room; a column wider than it is still shown whole."""
    bands, first, used = [], 0, 0
    for number, width in enumerate(widths):
        if room is not None and number > first and used + width > room:
            bands.append((first, number))
            first, used = number, 0
        used += width
    return [*bands, (first, len(widths))] if widths else []


def _column(
    texts: Array, rows: Sequence[int | None], column: int | None, marks: Marks, lead: Cell, look: Look
) -> list[Line]:
    """One column from top to bottom, its rules included."""
    lines: list[Line] = []
    for i, text in zip(rows, aligned(list(texts)), strict=True):
        cell = (*lead, *(() if i is None or column is None else (i, column)))
        line = _cell(text, cell, marks)
        if column in marks.rules[1]:
            line = [*line, (look.symbols.bar, "quiet")]
        lines.append(line)
        if i in marks.rules[0] and i is not None:
            crossing = look.symbols.cross if column in marks.rules[1] else ""
            lines.append([(look.symbols.rule * (len(text) + 2) + crossing, "quiet")])
    return lines


def _cell(text: str, cell: Cell, marks: Marks) -> Line:
    """A number between its two signs."""
    before, after = marks.before.get(cell, " "), marks.after.get(cell, " ")
    return [(before + text + after, marks.style.get(cell, ""))]


def titled(title: str, block: Lines, room: int | None = None, style: str = "title") -> Lines:
    """A block under its title, which is broken between words where it is longer than the room."""
    return together([*([(line, style)] for line in wrapped([title], room, indent="")), *block.lines])


def beside(blocks: Iterable[Lines], room: int) -> list[Line]:
    """Blocks side by side, in as many rows as the room asks for."""
    lines: list[Line] = []
    for row in _rows(list(blocks), room):
        lines += [[]] if lines else []
        for number in range(max(len(block.lines) for block in row)):
            line: Line = []
            for block in row:
                part = block.lines[number] if number < len(block.lines) else []
                line += [*part, (" " * (block.width - width_of(part) + GAP), "")]
            lines.append(line)
    return lines


def _rows(blocks: Sequence[Lines], room: int) -> list[list[Lines]]:
    rows: list[list[Lines]] = []
    used = 0
    for block in blocks:
        if rows and used + GAP + block.width <= room:
            rows[-1].append(block)
            used += GAP + block.width
        else:
            rows.append([block])
            used = block.width
    return rows
