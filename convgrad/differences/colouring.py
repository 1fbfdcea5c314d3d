"""Cells that can be perturbed together, because no output position reads two of them.

Curtis, Powell and Reid, On the Estimation of Sparse Jacobian Matrices (1974): columns of a Jacobian that share no row
are estimated in one difference. Here the pattern is a product over the axes, and so are the groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.differences.reach import Selectors, mesh, spaced


@dataclass(frozen=True)
class Colouring:
    """The cells of several axes in groups: a group is a number an axis, (m, axes) for several.

    `numbers` are per axis those of its cells, `owners` (numbers, positions) the cell of each that a position reads, -1
    for none.
    """

    numbers: tuple[Array, ...]
    owners: tuple[Array, ...]

    def groups(self, marks: Array | None = None) -> Array:
        """All groups, or those that hold any cell that is marked: marks (…,*cells) -> (m, axes)."""
        shape = [len(axis) for axis in self.owners]
        if marks is None:
            return np.indices(shape).reshape(len(shape), -1).T
        cells = np.nonzero(marks.any(axis=tuple(range(marks.ndim - len(shape)))))
        held = np.zeros(shape, bool)
        held[tuple(number[cell] for number, cell in zip(self.numbers, cells, strict=True))] = True
        return np.argwhere(held)

    def members(self, groups: Array) -> Array:
        """Which cells are in each group: (m, axes) -> (m,*cells)."""
        per_axis = [number == group[:, None] for number, group in zip(self.numbers, groups.T, strict=True)]
        return reduce(np.logical_and, (_spread_out(part, n, len(per_axis)) for n, part in enumerate(per_axis)))

    def cells(self, group: Array) -> Selectors:
        """Selectors of the cells of a group, after two leading axes."""
        return mesh([parts[number] for parts, number in zip(self._parts, group.tolist(), strict=True)])

    @cached_property
    def _parts(self) -> list[list[slice | Array]]:
        """Per axis, by number, its cells."""
        return [[spaced(np.flatnonzero(numbers == n)) for n in range(len(owners))]
                for numbers, owners in zip(self.numbers, self.owners, strict=True)]  # fmt: skip

    def read(self, groups: Array) -> Array:
        """The cell of each group that each position reads, counted in row-major order; -1 for none: -> (m,*P)."""
        per_axis = [owner[group] for owner, group in zip(self.owners, groups.T, strict=True)]
        total: Any = 0
        for axis, (cells, numbers) in enumerate(zip(per_axis, self.numbers, strict=True)):
            part = _spread_out(cells, axis, len(per_axis))
            total = np.where((np.asarray(total) < 0) | (part < 0), -1, total * len(numbers) + part)
        return np.asarray(total)

    def unread(self, group: Array) -> list[Array]:
        """Per axis the positions that read nothing of a group, where nothing may change."""
        return [np.flatnonzero(owner[number] < 0) for owner, number in zip(self.owners, group, strict=True)]


def _spread_out(array: Array, axis: int, axes: int) -> Array:
    """(m, length) with axes of length 1 for the others."""
    return array.reshape(len(array), *(1,) * axis, array.shape[1], *(1,) * (axes - axis - 1))


def colouring(reads: Sequence[Array], lengths: Sequence[int], periods: Sequence[int | None]) -> Colouring:
    """The cells of every axis in groups; `reads` (positions, taps) say what each position reads.

    With a period, cells that far apart go together; else each cell joins the first group that it does not meet.
    """
    axes = list(zip(reads, lengths, periods, strict=True))
    numbers = [np.arange(n) % period if period else _first_fit(cells, n) for cells, n, period in axes]
    owners = [_owners(cells, number) for cells, number in zip(reads, numbers, strict=True)]
    return Colouring(tuple(numbers), tuple(owners))


def _owners(cells: Array, number: Array) -> Array:
    """For every group the cell that each position reads of it."""
    owners = np.full((number.max(initial=-1) + 1, len(cells)), -1)
    positions, taps = np.nonzero(cells >= 0)
    read = cells[positions, taps]
    owners[number[read], positions] = read
    if (owners[number[read], positions] != read).any():
        raise AssertionError("two cells that one window holds were to be perturbed together")
    return owners


def _first_fit(cells: Array, length: int) -> Array:
    """The number of a group for every cell, greedily, in order."""
    if len(cells) == 1:  # whatever one position reads goes apart
        read = np.isin(np.arange(length), cells)
        return np.where(read, read.cumsum() - 1, 0)
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
