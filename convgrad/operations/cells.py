"""Numbers of cells: here row by row in each plane, with others in other orders, and over all planes at once."""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Problem, RequestError
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape

PLANE, BATCH, COLUMNS, LAST, BATCH_LAST = "plane", "batch", "batch-columns", "channels-last", "batch-channels-last"


def numbered(cells: Array, lengths: Shape, counted: str) -> Array:
    """Cells of planes of these lengths, by their number in their plane, as others count them: (N,C,*P) -> (N,C,*P).

    >>> numbered(np.array([[[1]], [[2]]]), (2, 2), BATCH).tolist()
    [[[1]], [[6]]]
    """
    channels, plane = cells.shape[1], prod(lengths)
    n, c = _planes(cells.shape)
    if counted in (LAST, BATCH_LAST):
        rows = cells if counted == LAST else n * plane + cells
        return np.asarray(rows * channels + c)
    if counted == COLUMNS:
        cells = _by_columns(cells, lengths)
    return cells if counted == PLANE else np.asarray((n * channels + c) * plane + cells)


def in_planes(numbers: Array, lengths: Shape, counted: str) -> Array:
    """The number in its plane of each cell that others count so; below 0 or beyond the plane where it is in none.

    `numbers` stand where their planes are, (N,C,*P): one of another plane is beyond its own.
    """
    plane, channels = prod(lengths), numbers.shape[1]
    n, c = _planes(numbers.shape)
    if counted == PLANE:
        return numbers
    if counted in (LAST, BATCH_LAST):
        rows, channel = numbers // channels, numbers % channels
        cells = rows if counted == LAST else rows - n * plane
        return np.where(channel == c, cells, -1)
    cells = numbers - (n * channels + c) * plane
    inside = (cells >= 0) & (cells < plane)
    if counted == COLUMNS:
        cells = np.where(inside, _by_columns(np.where(inside, cells, 0), lengths[::-1]), -1)
    return np.where(inside, cells, -1)


def _planes(shape: Shape) -> tuple[Array, Array]:
    """The number of the sample and of the channel of each plane."""
    beside = (1,) * (len(shape) - 2)
    return np.arange(shape[0]).reshape(-1, 1, *beside), np.arange(shape[1]).reshape(-1, *beside)


def _by_columns(cells: Array, lengths: Shape) -> Array:
    """Cells that are counted along the last axis first, counted along the first one first."""
    at = np.unravel_index(cells, lengths)
    return np.asarray(np.ravel_multi_index(at[::-1], lengths[::-1]))


def placed(numbers: Array, lengths: Shape, counted: str, counted_in: Shape | None) -> Array:
    """The cells of planes of these lengths, by their numbers there, counted in planes of `counted_in` if told.

    Raises RequestError for a number that is no cell of its plane.
    """
    inner = counted_in or lengths
    cells = in_planes(numbers, inner, counted)
    for index in map(tuple, np.argwhere((cells < 0) | (cells >= prod(inner)))[:1].tolist()):
        raise RequestError(_outside(numbers, index, inner, counted))
    if inner == lengths:
        return cells
    at = np.unravel_index(cells, inner)
    for index in map(tuple, np.argwhere(sum(i >= n for i, n in zip(at, lengths, strict=True)))[:1].tolist()):
        message = f"cell {numbers[index]} of a plane of {shape_text(inner)} is none of one of {shape_text(lengths)}"
        raise RequestError(Problem(message, "check `counted_in` and `output_size`", ("indices", *index)))
    return np.asarray(np.ravel_multi_index(at, lengths))


def _outside(numbers: Array, index: tuple[int, ...], lengths: Shape, counted: str) -> Problem:
    plane, path = shape_text(lengths), tuple[str | int, ...](("indices", *index))
    if counted == PLANE:
        message = f"there is no cell {numbers[index]}: a plane of {plane} has cells 0 to {prod(lengths) - 1}"
        return Problem(message, "cells are counted row by row in each plane", path)
    n, c = index[:2]
    ends = np.broadcast_to(np.array([0, prod(lengths) - 1]), (*numbers.shape[:2], 2))
    first, last = numbered(ends, lengths, counted)[n, c].tolist()
    own = f"sample {n}, channel {c} has cells from {first} to {last} in a plane of {plane}"
    message = f"cell {numbers[index]} is none of its plane: counted by {counted} {own}"
    return Problem(message, "`counted` says how cells are counted", path)
