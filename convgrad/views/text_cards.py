"""A volume that is too large to read number by number, as a card: how large its numbers are, and where."""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.views.block_kinds import shape_text
from convgrad.views.look import plain_lines, wrapped
from convgrad.views.text_grid import Lines, titled, together
from convgrad.views.text_words import Pen

SLICES, FEW, MOST = 8, 150, 1024
"""Planes of a volume up to which it is shown as such, numbers of many planes and of a few."""
WIDTH = 38
"""Columns of a card, so that two stand side by side in 80."""
LEGEND = "shade: largest |value| of each block"
ROWS, COLUMNS = 5, 28
"""Blocks that a map has at most."""
SHADES = {True: " .:*#", False: " ░▒▓█"}
"""From zero to the largest, in ASCII or not."""


def is_card(array: Array) -> bool:
    """Whether an array is shown as a card: beyond a few planes."""
    planes = prod(array.shape[:-2])
    return array.ndim > 2 and planes > 1 and array.size > (FEW if planes > SLICES else MOST)


def card(name: str, array: Array, pen: Pen) -> Lines:
    """Shape, smallest, largest, norm and zeros; and a map of the largest absolute values over all planes."""
    width = min(pen.look.room, WIDTH)
    lines = wrapped(_facts(array.astype(np.float64), pen), width, indent="")
    drawn = _map(array, min(COLUMNS, width - 2), ascii=pen.symbols.total == "sum")
    lines += [f"|{row}|" for row in drawn]
    notes = wrapped([LEGEND], width, indent="") if drawn else []
    title = f"{name}  {shape_text(array.shape)}  (--format json has all)"
    return titled(title, together([*plain_lines(*lines), *plain_lines(*notes, style="quiet")]), pen.look.width)


def _facts(array: Array, pen: Pen) -> list[str]:
    number = pen.numbers.to(min(pen.numbers.digits, 4)).text
    norm = float(np.sqrt((np.abs(array).astype(np.float64) ** 2).sum()))
    zeros = int((array == 0).sum())
    return [f"smallest {number(array.min())}", f"largest {number(array.max())}", f"norm {number(norm)}",
            f"{zeros} of {array.size} are 0"]  # fmt: skip


def _map(array: Array, most: int, *, ascii: bool) -> list[str]:
    """Blocks of the last two axes in shades; none for a plane of a few cells, or where there is no finite scale."""
    sizes = np.abs(array).astype(np.float64).reshape(-1, *array.shape[-2:]).max(axis=0)
    if min(sizes.shape) < ROWS or not np.isfinite(sizes).all() or not sizes.any():
        return []
    rows, columns = _starts(sizes.shape[0], ROWS), _starts(sizes.shape[1], most)
    blocks = np.maximum.reduceat(np.maximum.reduceat(sizes, rows, axis=0), columns, axis=1)
    shades = SHADES[ascii]
    levels = np.ceil(blocks / blocks.max() * (len(shades) - 1)).astype(int)
    return ["".join(shades[level] for level in line) for line in levels]


def _starts(length: int, most: int) -> Array:
    """Where each of at most so many blocks of an axis begins."""
    starts: Array = np.linspace(0, length, min(length, most) + 1).astype(int)[:-1]
    return starts
