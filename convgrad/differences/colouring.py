"""Cells that can be perturbed together, because no output position reads two of them.

Curtis, Powell and Reid, On the Estimation of Sparse Jacobian Matrices (1974): columns of a Jacobian that share no row
are estimated in one difference. Here the pattern is a product over the axes, and so are the groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from convgrad.core.arithmetic import Array, zeros


@dataclass(frozen=True)
class Colour:
    """Some cells of one axis, and which of them each output position reads: an index into `cells`, -1 for none."""

    cells: Array
    owner: Array

    @cached_property
    def unread(self) -> Array:
        """The positions that read none of the cells, where nothing may change."""
        return np.flatnonzero(self.owner < 0)

    @cached_property
    def _runs(self) -> tuple[Array, Array, Array]:
        """Positions sorted by the cell that they read, where each cell's begin, and the cells that any reads."""
        order = np.argsort(self.owner, kind="stable")[len(self.unread) :]
        reached, starts = np.unique(self.owner[order], return_index=True)
        return order, starts, reached

    def gathered(self, values: Array, axis: int) -> Array:
        """Sums over the positions that read each cell: `axis` goes from positions to cells."""
        order, starts, reached = self._runs
        shape = list(values.shape)
        shape[axis] = len(self.cells)
        result = zeros(shape, values.dtype)
        if len(order):
            into = (slice(None),) * axis + (reached,)
            result[into] = np.add.reduceat(values.take(order, axis=axis), starts, axis=axis)
        return result


def colours(cells: Array, length: int, period: int | None) -> list[Colour]:
    """The cells of an axis in groups; `cells` (positions, taps) says what each position reads.

    With a period, cells that far apart go together; else each cell joins the first group that it does not meet.
    """
    number = np.arange(length) % period if period else _first_fit(cells, length)
    return [_colour(cells, length, np.flatnonzero(number == colour)) for colour in np.unique(number)]


def _colour(cells: Array, length: int, members: Array) -> Colour:
    place = np.full(length + 1, -1)  # the last for cell -1, which is none
    place[members] = np.arange(len(members))
    found = place[cells]
    owner = found.max(axis=1, initial=-1)
    if ((found >= 0) & (found != owner[:, None])).any():
        raise AssertionError("two cells that one window holds were to be perturbed together")
    return Colour(members, owner)


def _first_fit(cells: Array, length: int) -> Array:
    """The number of a group for every cell, greedily, in order."""
    taken: list[Array] = []
    number = np.zeros(length, int)
    for cell, positions in enumerate(_readers(cells, length)):
        number[cell] = next((n for n, used in enumerate(taken) if not used[positions].any()), len(taken))
        if number[cell] == len(taken):
            taken.append(np.zeros(len(cells), bool))
        taken[number[cell]][positions] = True
    return number


def _readers(cells: Array, length: int) -> Iterator[Array]:
    """The positions that read each cell."""
    positions, taps = np.nonzero(cells >= 0)
    read = cells[positions, taps]
    order = np.argsort(read, kind="stable")
    return iter(np.split(positions[order], np.searchsorted(read[order], np.arange(1, length))))
