"""A maximum looked for cell by cell that compares with, or keeps, the number of another cell; families."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.loops import AXES, Numbers
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pool_loops import cell_of, variables_of
from convgrad.catalogue.pooling import Pool
from convgrad.catalogue.scanned import OUTSIDE, given_to_taken, ranks_of
from convgrad.core.arithmetic import Array
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM

MOST = 10_000
"""Cells under all windows up to which they are looked through: a few milliseconds."""


def others_compared(c: Any) -> Variants:
    """The winner of a loop that compares, or keeps as the best, x at another loop's index than its own."""
    evenly = isinstance(c, Pool) and c.array == "dX" and all(isinstance(axis, Axis) for axis in c.axes)
    if not evenly or c.family != MAXIMUM or not 0 < c.delta.size * prod(a.size for a in c.axes) <= MOST:
        return {}
    found = {}
    for text, other in _elsewhere(c, ranks_of(c)):
        for name, rule in (("kept", partial(_taken, kept=other)), ("compared", partial(_taken, compared=other))):
            found[f"by the best of x {text}, which is {name}"] = c.but(regroup=partial(given_to_taken, c=c, rule=rule))
    return found


def _taken(ranks: Array, row: int, kept: Array | None = None, compared: Array | None = None) -> Array:
    """The last tap that was larger than the best before it: (taps, N,C,*P) -> (N,C,*P)."""
    best, taken = np.full(ranks.shape[1:], OUTSIDE), np.asarray((ranks != OUTSIDE).argmax(axis=0))
    looked, held = (ranks if part is None else part for part in (compared, kept))
    for number, (rank, look, hold) in enumerate(zip(ranks, looked, held, strict=True)):
        better = (rank != OUTSIDE) & (look > best)
        best, taken = np.where(better, hold, best), np.where(better, number, taken)
    return taken


def _elsewhere(c: Pool, ranks: Array) -> Iterator[tuple[str, Array]]:
    """The ranks of what is met where one index is another's, tap by tap, of every such index that leads to x."""
    order = np.unique(c.x, return_inverse=True)[1].reshape(c.x.shape)
    grid, names = variables_of(c)
    cells = tuple(map(cell_of, c.axes, grid[2 + c.dims :], grid[2 : 2 + c.dims]))
    own, nouns = (*grid[:2], *cells), AXES.get(c.dims, tuple(f"axis {axis}" for axis in range(c.dims)))
    called = ("sample", "channel", *(f"cell's {noun}".rstrip() for noun in nouns))
    met = np.moveaxis(ranks.reshape(*(a.size for a in c.axes), *c.delta.shape), (c.dims, c.dims + 1), (0, 1)) != OUTSIDE
    for axis, (name, length) in enumerate(zip(called, c.x.shape, strict=True)):
        for other, number in (*names.items(), *zip(called[2:], cells, strict=True)):
            wrong = (number < 0) | (number >= length)
            if number is not own[axis] and not (met & wrong).any():
                index = _clipped((*own[:axis], number, *own[axis + 1 :]), c.x.shape)
                yield f"by the {other}, not the {name}", _by_tap(order[index], c)


def _clipped(numbers: Numbers, shape: tuple[int, ...]) -> Numbers:
    return tuple(np.clip(part, 0, n - 1) for part, n in zip(np.broadcast_arrays(*numbers), shape, strict=True))


def _by_tap(array: Array, c: Pool) -> Array:
    """n c k p -> (taps, N,C,*P)."""
    whole = np.broadcast_to(array, (*c.delta.shape[:2], *(a.size for a in c.axes), *c.delta.shape[2:]))
    return np.moveaxis(whole.reshape(*c.delta.shape[:2], -1, *c.delta.shape[2:]), 2, 0)
