"""What is worked out entry by entry, in pieces of an array: what lies in between stays in the cache, and is small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT64, Array

PIECE = 1 << 15
"""Entries of a piece: 256 KB of float64."""

At = tuple[slice, ...]


def pieces(shape: Sequence[int], most: int | None = None) -> Iterator[At]:
    """Boxes that cover an array, each of at most so many entries.

    >>> list(pieces((2, 3), 2))
    [(slice(0, 1, None), slice(0, 2, None)), (slice(0, 1, None), slice(2, 3, None)), (slice(1, 2, None), \
slice(0, 2, None)), (slice(1, 2, None), slice(2, 3, None))]
    """
    room, cuts = PIECE if most is None else most, list[list[slice]]()
    for axis, length in enumerate(shape):
        below = prod(shape[axis + 1 :])
        step = min(max(room // max(below, 1), 1), max(length, 1))
        cuts.append([slice(start, min(start + step, length)) for start in range(0, length, step)])
    return product(*cuts)


def taken(array: Any, at: At) -> Any:
    """A piece of an array that has the shape that is cut, or is spread over it: numbers and axes of length 1 stay."""
    if not at or np.ndim(array) != len(at):
        return array
    return array[tuple(slice(None) if length == 1 else part for part, length in zip(at, array.shape, strict=True))]


def by_pieces(function: Callable[[At], Any], shape: Sequence[int], dtype: Any = FLOAT64) -> Array:
    """An array whose pieces a function gives."""
    result = np.empty(shape, dtype)
    for at in pieces(shape):
        result[at] = function(at)
    return result
