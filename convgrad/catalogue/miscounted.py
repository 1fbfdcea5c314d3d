"""Positions and taps met where another count of rows and columns puts them; families of computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis

Map = tuple[str, Callable[[Array, int, int], Array]]
ROWS: tuple[Map, ...] = (
    ("n // W", lambda n, h, w: n // w), ("n // H", lambda n, h, w: n // h),
    ("n % H", lambda n, h, w: n % h), ("n % W", lambda n, h, w: n % w),
)  # fmt: skip
COLUMNS: tuple[Map, ...] = (ROWS[3], ROWS[2], ROWS[1], ROWS[0])
ROW_FOR_COLUMN = {("n // W", "n // W"): "the column's start from the row's index",
                  ("n % W", "n % W"): "the row's start from the column's index"}  # fmt: skip
EXCHANGED = ("n % W", "n // W")
BY_COLUMNS = ("n % H", "n // H")
"""Row and column of a number where those of a column follow each other: which says that axes are exchanged."""


def counted_otherwise(shape: tuple[int, ...]) -> Iterator[tuple[tuple[str, str], Array, Array]]:
    """Row and column of every number of a plane, counted in every other way than the right one."""
    height, width = shape
    numbers = np.arange(height * width)
    for (row, rows), (column, cols) in product(ROWS, COLUMNS):
        if (row, column) != ("n // W", "n % W"):
            yield (row, column), rows(numbers, height, width), cols(numbers, height, width)


def positions_counted(c: Any, which: Callable[[tuple[str, str]], bool]) -> Variants:
    """Windows at other places than those of their numbers: row and column counted otherwise (two axes)."""
    if c.dims != 2 or c.array == "db" or not is_even(c):
        return {}
    found = {}
    for names, rows, cols in counted_otherwise(c.near.shape[2:]):
        if which(names):
            label = ROW_FOR_COLUMN.get(names, f"row {names[0]}, column {names[1]}")
            found[label] = _at_places(c, rows, cols)
    return found


def _at_places(c: Any, rows: Array, cols: Array) -> Any:
    name, wanted = ("x", "dX") if getattr(c, "transposed", False) else ("delta", "output")
    near = zeros((*c.near.shape[:2], rows.max() + 1, cols.max() + 1), c.near.dtype)
    if c.array == wanted:  # made at those places, and taken from there
        return c.but(**{name: near}).then(lambda made: made[:, :, rows, cols].reshape(c.near.shape))
    return c.but(**{name: _put(c.near, near, rows, cols)})


def _put(array: Array, to: Array, rows: Array, cols: Array) -> Array:
    where: Any = (slice(None), slice(None), rows, cols)
    np.add.at(to, where, array.reshape(*array.shape[:2], -1))
    return to


def taps_counted(c: Any) -> Variants:
    """Taps met at other places of the window: row, column or channel counted otherwise (two axes, one group)."""
    if c.dims != 2 or not isinstance(c, Convolution) or c.array == "db" or c.turned:
        return {}
    found, (channels, height, width) = {}, c.w.shape[1:]
    numbers = np.arange(channels * height * width)
    right = (numbers // (height * width), numbers // width % height, numbers % width)
    for names, rows, cols in counted_otherwise((height, width)):
        label = f"taps: row {names[0]}, column {names[1]}"
        found[label] = _at_taps(c, right[0], np.tile(rows, channels), np.tile(cols, channels))
    found["taps: channel n % C"] = _at_taps(c, numbers % channels, *right[1:])
    return found


def _at_taps(c: Convolution, channels: Array, rows: Array, cols: Array) -> Any:
    size = (rows.max() + 1, cols.max() + 1)
    axes = tuple(replace(axis, size=int(length)) for axis, length in zip(c.axes, size, strict=True))
    if c.array == "dW":
        return c.but(axes=axes).then(lambda dw: dw[:, channels, rows, cols].reshape(c.w.shape))
    w = zeros((*c.w.shape[:2], *size), c.w.dtype)
    where: Any = (slice(None), channels, rows, cols)
    np.add.at(w, where, c.w.reshape(len(c.w), -1))
    return c.but(axes=axes, w=w)


def is_even(c: Any) -> bool:
    """Whether there are windows, evenly spaced."""
    return all(isinstance(axis, Axis) for axis in c.axes)
