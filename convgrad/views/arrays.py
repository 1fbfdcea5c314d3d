"""Arrays of any rank as blocks: a number, a row, a grid, slices of a volume; of a huge one an excerpt that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.views.grid import Block, Cell, Marks, Picked, beside, grid, titled
from convgrad.views.look import Look, plain_lines, wrapped

MOST = 1024
"""Numbers of an array that are shown whole."""
LONGEST = 32
FIRST, LAST = 6, 3
"""Of a longer axis so many are shown from either end."""
SLICES = 8
NEAR = 2
"""Cells shown around those in focus."""


def block(
    title: str, values: Array, look: Look, *, marks: Marks | None = None, longest: int = LONGEST,
    focus: Sequence[Sequence[int]] = (), origin: Sequence[int] = (),
) -> Block:  # fmt: skip
    """An array under its title.

    Axes up to `longest` are shown whole, of longer ones the ends, or what lies around `focus`, cells per axis.
    `origin` is what the first cell of each axis is called: negative where padding is drawn.
    """
    if values.size == 0:
        return titled(f"{title}  empty: its shape is {shape_text(values.shape)}", Block([]), look.width)
    shape = (1, 1, *values.shape)[-2:]
    around = [(0,), (), *focus][-2:] if focus else [(), ()]
    rows, columns = (picks(n, longest, values.size, at) for n, at in zip(shape, around, strict=True))
    picked, left = Picked(rows, columns, (0, *origin)[-1]), _left_out(shape, rows, columns)
    if values.ndim <= 2:
        return _noted(title, _plane(values, picked, look, marks or Marks()), left, look)
    few, lead_shape = longest < LONGEST or values.size > MOST, values.shape[:-2]
    leads = _slices(lead_shape, focus[: len(lead_shape)], SLICES if few else MOST)
    slices = [
        titled(_lead(lead, origin), _plane(values[lead], picked, look, marks or Marks(), lead), None, "quiet")
        for lead in leads
    ]
    if len(leads) < prod(lead_shape):
        left = [*left, f"{len(leads)} of {prod(lead_shape)} slices"]
    return _noted(title, Block(beside(slices, look.room)), left, look)


def _noted(title: str, shown: Block, left: Sequence[str], look: Look) -> Block:
    """A block under its title, and below it a note that some is left out."""
    note = wrapped([f"{' and '.join(left)}; --format json has all"], max(shown.width, len(title), 24), indent="")
    lines = [*shown.lines, *(plain_lines(*note, style="quiet") if left else [])]
    return titled(title, Block(lines), look.width)


def _lead(lead: Cell, origin: Sequence[int]) -> str:
    """What a slice is called."""
    return f"[{','.join(str(i + first) for i, first in zip(lead, origin or (0,) * len(lead), strict=False))}]"


def _slices(shape: Cell, focus: Sequence[Sequence[int]], most: int) -> list[Cell]:
    """The slices of a volume that are shown: all, or those in focus, or the first ones."""
    leads: Iterator[Cell] = iter(np.ndindex(shape))
    if prod(shape) > most and focus:
        leads = (lead for lead in leads if all(i in cells for i, cells in zip(lead, focus, strict=True)))
    return list(islice(leads, most))


def _plane(values: Array, picked: Picked, look: Look, marks: Marks, lead: Cell = ()) -> Block:
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


def shape_text(shape: Sequence[int]) -> str:
    """A shape as in the header.

    >>> shape_text((2, 3, 5)), shape_text(())
    ('2x3x5', '1')
    """
    return "x".join(map(str, shape)) or "1"


def listed(named: Iterable[tuple[str, Any]], look: Look, longest: int = LONGEST) -> Iterator[str]:
    """Named arrays: numbers and rows in one line as far as they fit, larger ones as grids."""
    small: list[tuple[str, Array]] = []
    large: list[tuple[str, Array]] = []
    for name, values in named:
        if values is not None:
            array = np.asarray(values)
            fits = array.ndim <= 1 and (array.size <= longest or array.size <= FIRST + LAST + 1)
            (small if fits else large).append((name, array))
    if small:
        yield look.text([[(line, "")] for line in _inline(small, look)])
    if large:
        yield look.text(beside([block(_sized(name, a, longest), a, look, longest=longest) for name, a in large],
                               look.room))  # fmt: skip


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
