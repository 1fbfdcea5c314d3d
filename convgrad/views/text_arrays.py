"""Arrays of any rank as text: a number, a row, a grid, slices of a volume; of a huge one an excerpt that says so."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.views.block_kinds import TIES, WINS, Arrays, Beside, Cell, Grid, Remark, shape_text
from convgrad.views.look import Look, plain_lines, wrapped
from convgrad.views.text_cards import card, is_card
from convgrad.views.text_grid import Lines, Marks, Picked, beside, grid, signs, titled, together
from convgrad.views.text_words import Pen

MOST = 1024
"""Numbers of an array that are shown whole."""
LONGEST, GIVEN = 32, 10
"""Cells of an axis up to which an array is shown whole: one that was asked for, and one that came in."""
FIRST, LAST = 6, 3
"""Of a longer axis so many are shown from either end."""
SLICES = 8
NEAR = 2
"""Cells shown around those in focus."""


def grid_lines(block: Grid, pen: Pen) -> Lines:
    """An array under its title, its cells marked; of a long axis the ends, or what lies around the focus."""
    values, look, title = block.values, pen.look, pen.words(block.title) + _legend(block)
    if values.size == 0:
        return titled(f"{title}  empty: its shape is {shape_text(values.shape)}", together([]), look.width)
    picked, left = _picked(block)
    marks = signs(block.marks or {}, block.rules)
    if values.ndim <= 2:
        return _noted(title, _plane(values, picked, look, marks), left, look)
    leads, count = _leads(block), prod(values.shape[:-2])
    slices = (
        titled(_lead(lead, block.origin), _plane(values[lead], picked, look, marks, lead), None, "quiet")
        for lead in leads
    )
    left += [f"{len(leads)} of {count} slices"] if len(leads) < count else []
    return _noted(title, together(beside(slices, look.room)), left, look)


def _picked(block: Grid) -> tuple[Picked, list[str]]:
    """The rows and columns that are shown, and in words how many, where that is not all."""
    shape = (1, 1, *block.values.shape)[-2:]
    around = [(0,), (), *block.focus][-2:] if block.focus else [(), ()]
    longest, size = block.longest or LONGEST, block.values.size
    rows, columns = (picks(n, longest, size, at) for n, at in zip(shape, around, strict=True))
    return Picked(rows, columns, (0, *block.origin)[-1]), _left_out(shape, rows, columns)


def _leads(block: Grid) -> list[Cell]:
    """The slices of a volume that are shown: all, or those in focus, or the first ones."""
    shape = block.values.shape[:-2]
    few = (block.longest or LONGEST) < LONGEST or block.values.size > MOST
    most, focus = SLICES if few else MOST, block.focus[: len(shape)]
    leads: Iterator[Cell] = iter(np.ndindex(shape))
    if prod(shape) > most and focus:
        leads = (lead for lead in leads if all(i in cells for i, cells in zip(lead, focus, strict=True)))
    return list(islice(leads, most))


def _legend(block: Grid) -> str:
    """What the signs of winners mean."""
    kinds = set((block.marks or {}).values())
    return ("   [ ] wins" if WINS in kinds else "") + ("   = ties, loses" if {WINS, TIES} <= kinds else "")


def beside_text(block: Beside, pen: Pen) -> str:
    """Grids and remarks side by side."""
    parts = (grid_lines(part, pen) if isinstance(part, Grid) else _remark(part, pen) for part in block.blocks)
    return pen.look.text(beside(parts, pen.look.room))


def _remark(block: Remark, pen: Pen) -> Lines:
    return together([[(pen.words(block.title), "title")], [(pen.words(block.words), "")]])


def _noted(title: str, shown: Lines, left: Sequence[str], look: Look) -> Lines:
    """A block under its title, and below it a note that some is left out."""
    width = min(max(shown.width, len(title), 24), look.width or sys.maxsize)
    note = wrapped([f"{' and '.join(left)}; --format json has all"], width, indent="")
    lines = [*shown.lines, *(plain_lines(*note, style="quiet") if left else [])]
    return titled(title, together(lines), look.width)


def _lead(lead: Cell, origin: Sequence[int]) -> str:
    """What a slice is called."""
    return f"[{','.join(str(i + first) for i, first in zip(lead, origin or (0,) * len(lead), strict=False))}]"


def _plane(values: Array, picked: Picked, look: Look, marks: Marks, lead: Cell = ()) -> Lines:
    """The last two axes; a row or a number as a grid of one row, whose marks have one index."""
    if values.ndim < 2:
        before, after, style = ({(0, *cell): sign for cell, sign in part.items()} for part in marks[:3])
        marks, values = Marks(before, after, style, marks.rules), values.reshape(1, -1)
    texts = np.full((len(picked.rows), len(picked.columns)), look.symbols.dot * 2, object)
    places, cells = zip(*map(_kept, (picked.rows, picked.columns)), strict=True)
    texts[np.ix_(*places)] = look.numbers.array(values[np.ix_(*cells)])  # what is left out is not written either
    return grid(texts, picked, look, marks, lead, look.width)


def _kept(indices: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Where in a grid the indices stand that are shown, and which they are."""
    kept = [(place, i) for place, i in enumerate(indices) if i is not None]
    return [place for place, _ in kept], [i for _, i in kept]


def picks(length: int, longest: int, size: int = 0, around: Sequence[int] = ()) -> list[int | None]:
    """The indices of an axis that are shown, None where some are left out.

    >>> picks(4, 8), picks(40, 8), picks(40, 8, around=[20, 21])
    ([0, 1, 2, 3], [0, 1, 2, 3, 4, 5, None, 37, 38, 39], [None, 18, 19, 20, 21, 22, 23, None])
    """
    if length <= longest and (size <= MOST or length <= FIRST + LAST + 1):
        return list(range(length))
    if not around:
        return [*range(FIRST), None, *range(length - LAST, length)]
    first, last = max(min(around) - NEAR, 0), min(max(around) + NEAR + 1, length)
    return [*([None] if first else []), *range(first, last), *([None] if last < length else [])]


def _left_out(shape: Sequence[int], rows: Sequence[int | None], columns: Sequence[int | None]) -> list[str]:
    """How many rows and columns are shown, where that is not all."""
    return [
        f"{sum(i is not None for i in picked)} of {length} {name}"
        for name, picked, length in zip(("rows", "columns"), (rows, columns), shape, strict=True)
        if None in picked
    ]


def arrays_text(block: Arrays, pen: Pen) -> Iterator[str]:
    """Named arrays: numbers and rows in one line as far as they fit, larger ones as grids."""
    longest, look = GIVEN if block.brief else LONGEST, pen.look
    named = [(name, np.asarray(values)) for name, values in block.named if values is not None]
    small = [(name, array) for name, array in named if _is_small(array, longest)]
    large = [(name, array) for name, array in named if not _is_small(array, longest)]
    if small:
        yield look.text([[(line, "")] for line in _inline(small, look)])
    if large:
        yield look.text(beside((_large(name, array, longest, pen) for name, array in large), look.room))


def _large(name: str, array: Array, longest: int, pen: Pen) -> Lines:
    """An array as a grid, or of many planes a card."""
    if is_card(array):
        return card(name, array, pen)
    return grid_lines(Grid(_sized(name, array, longest), array, longest=longest), pen)


def _is_small(array: Array, longest: int) -> bool:
    """Whether an array has room in a line."""
    return array.ndim <= 1 and (array.size <= longest or array.size <= FIRST + LAST + 1)


def _sized(name: str, array: Array, longest: int) -> str:
    cut = prod(array.shape) > MOST or max(array.shape, default=0) > longest
    return f"{name}  {shape_text(array.shape)}" if cut else name


def _inline(named: Iterable[tuple[str, Array]], look: Look) -> list[str]:
    """`dW = [0.3, 0.4]    db = 0.1`, a long row broken between its numbers."""
    lines: list[str] = []
    items = [(name, look.numbers.list(array), array.ndim) for name, array in named]
    for name, texts, rank in items:
        text = f"{name} = " + (f"[{', '.join(texts)}]" if rank else texts[0])
        if lines and not lines[-1].startswith(" ") and len(lines[-1]) + 4 + len(text) <= look.room:
            lines[-1] += f"    {text}"
        elif look.fits(len(text)):
            lines.append(text)
        else:
            lines += wrapped([text], look.width)
    return lines
