"""What every written format takes from blocks: alternatives at their richest, rows that are shown, planes of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.views.block_kinds import Alternatives, Block, Cell, Grid, Part, Row, Section, Table, index

MOST_ROWS = 200
"""Rows of a table without a brief form that are written; a page holds no more than anyone reads."""
MOST, ENDS = 20, 6
"""Cells of an axis up to which an array is written whole, and how many of a longer one at either end."""
SLICES = 8
"""Planes of a volume that are written."""


def flattened(parts: Iterable[Part]) -> Iterator[Block]:
    """The blocks of a view one after the other, of alternatives the richest."""
    for part in parts:
        if isinstance(part, Alternatives):
            yield from flattened(next(iter(part.options)).sections)
        elif isinstance(part, Section):
            yield from part.blocks
        else:
            yield part


def shown_rows(block: Table) -> Iterator[Row]:
    """The rows that are shown: of many those at the ends, what lies between summed, or as many as are read."""
    if isinstance(block.rows, Iterator) or block.brief is None or block.summed is None:
        yield from islice(iter(block.rows), MOST_ROWS)
        return
    (first, last), count = block.brief, len(block.rows)
    if first + last >= count:
        yield from islice(iter(block.rows), MOST_ROWS)
        return
    yield from (block.rows[number] for number in range(first))
    yield block.summed(first, count - last)
    yield from (block.rows[number] for number in range(count - last, count))


class Plane(NamedTuple):
    """The last two axes of an array as rows of cells (a value and its mark; None for what is left out)."""

    label: str
    rows: Sequence[int | None]
    columns: Sequence[int | None]
    cells: list[list[tuple[Any, str] | None]]


def planes(block: Grid) -> Iterator[Plane]:
    """The planes of a grid that are written, a number or a row as a plane of one row; long axes by their ends."""
    flat = 2 - min(block.values.ndim, 2)
    values = block.values.reshape((1,) * flat + block.values.shape)
    marks = {(0,) * flat + tuple(cell): mark for cell, mark in (block.marks or {}).items()}
    for lead in islice(np.ndindex(values.shape[:-2]), SLICES):
        rows, columns = (picked(length) for length in values.shape[-2:])
        cells = [[_cell(values, marks, (*lead, i, j)) for j in columns] for i in rows]
        yield Plane(index(lead) if lead else "", rows, columns, cells)


def left_out(block: Grid) -> bool:
    """Whether not all of an array is written."""
    return max(block.values.shape, default=0) > MOST or prod(block.values.shape[:-2]) > SLICES


def _cell(values: Any, marks: dict[Cell, str], at: tuple[int | None, ...]) -> tuple[Any, str] | None:
    if None in at:
        return None
    return values[at], marks.get(at, "")  # type: ignore[arg-type]


def picked(length: int) -> Sequence[int | None]:
    """The indices of an axis that are written, None where some are left out."""
    if length <= MOST:
        return range(length)
    return [*range(ENDS), None, *range(length - ENDS, length)]
