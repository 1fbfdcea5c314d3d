"""Values by group of cells and by position: moved cells on their way there, sums and marks on their way back."""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.differences.patches import Patch

FEW_CELLS = 1024
"""Cells of a patch up to which to choose each is cheaper than a step of Python a group."""


def moved(patch: Patch, x: Array, end: Array, groups: Array) -> Array:
    """Copies of the cells of a patch, each with those of a group at an end of their difference: -> m n c *cells."""
    if x.size <= FEW_CELLS:
        members = patch.box.colouring.members(groups)[:, None, None]
        return np.where(members, end, x)
    copies: Array = np.empty((len(groups), *x.shape), end.dtype)
    copies[...] = x
    for copy, group in zip(copies, groups, strict=True):
        at = patch.box.colouring.cells(group)
        copy[at] = end[at]
    return copies


class Sums:
    """Sums of what the positions of a patch give to the cells that they read, with a place for none in each plane."""

    def __init__(self, patch: Patch, sums: Array) -> None:
        self.patch, self.target = patch, patch.of_x(sums)
        self.flat = zeros((prod(self.target.shape[:2]), prod(self.target.shape[2:]) + 1), sums.dtype)

    def add(self, values: Array, groups: Array) -> None:
        """Values m n c *P to the cell of the group that each position reads."""
        np.add.at(self.flat.reshape(-1), _places(self.patch, self.flat, values.shape, groups), values.reshape(-1))

    def put(self) -> None:
        """Add them to those of other patches."""
        self.target += self.flat[:, :-1].reshape(self.target.shape)


def mark_cells(patch: Patch, marks: Array, found: Array, groups: Array) -> None:
    """Mark the cells that the positions found read: m n c *P."""
    if not found.any():
        return
    target = patch.of_x(marks)
    flat = np.zeros((prod(target.shape[:2]), prod(target.shape[2:]) + 1), bool)
    flat.reshape(-1)[_places(patch, flat, found.shape, groups)[np.asarray(found, bool).reshape(-1)]] = True
    target |= flat[:, :-1].reshape(target.shape)


def _places(patch: Patch, flat: Array, shape: tuple[int, ...], groups: Array) -> Array:
    """Where in `flat`, planes of cells and one for none, what belongs to each value m n c *P lies."""
    read, (planes, length) = patch.box.colouring.read(groups), flat.shape
    cells = np.where(read < 0, length - 1, read)[:, None, None]
    of_plane = (np.arange(planes) * length).reshape(*shape[1:3], *(1,) * (read.ndim - 1))
    places: Array = cells + of_plane
    return places.reshape(-1)
