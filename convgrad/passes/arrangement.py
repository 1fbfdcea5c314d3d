"""How a network's user has the axes of what goes between layers, flattened samples among it, and how they are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.nested import Numbers
from convgrad.operations.operation import Shape
from convgrad.subject.layout import Layout, Order, inverse, ordered

Index = tuple[int, ...]


class Fold(NamedTuple):
    """Features that are a sample, flattened here as (C,*L) of these `lengths`, by their user in another `order`.

    >>> Fold((2, 3), (1, 0)).outward(np.arange(6)).tolist()
    [0, 3, 1, 4, 2, 5]
    """

    lengths: Shape
    order: Order

    def outward(self, array: Array) -> Array:
        """An array whose last axis are such features, as its user has them."""
        return self._turned(array, self.lengths, self.order)

    def inward(self, array: Array) -> Array:
        """The same array as it is here."""
        return self._turned(array, self._outside, inverse(self.order))

    def arranged(self, numbers: Numbers) -> Numbers:
        """The same of numbers."""
        lead = numbers.shape[:-1]
        axes = (*range(len(lead)), *(len(lead) + axis for axis in inverse(self.order)))
        return numbers.reshaped((*lead, *self._outside)).transposed(axes).reshaped(numbers.shape)

    def place_outside(self, feature: int) -> int:
        """The number of a feature as its user counts."""
        at = np.unravel_index(feature, self.lengths)
        return int(np.ravel_multi_index([at[axis] for axis in self.order], self._outside))

    def place_here(self, feature: int) -> int:
        """The number here of a feature that its user counts so."""
        at = np.unravel_index(feature, self._outside)
        return int(np.ravel_multi_index([at[axis] for axis in inverse(self.order)], self.lengths))

    @property
    def _outside(self) -> Shape:
        return tuple(self.lengths[axis] for axis in self.order)

    @staticmethod
    def _turned(array: Array, lengths: Shape, order: Order) -> Array:
        lead = array.shape[:-1]
        axes = (*range(len(lead)), *(len(lead) + axis for axis in order))
        return array.reshape(*lead, *lengths).transpose(axes).reshape(array.shape)


def fold_of(sample: Shape, dims: int, order: Order) -> Fold | None:
    """How a sample (C,*L) is flattened by a user who has its axes in another order; None where it is in this one."""
    if not order or len(sample) != dims + 1:
        return None
    axes = ordered(order, len(sample))
    return None if axes == tuple(range(len(axes))) else Fold(sample, axes)


@dataclass(frozen=True, slots=True)
class Whole(Layout):
    """The layout of a layer that takes samples whole: only the batch axis may be missing.

    `keeps` says that the output has the axes of the input; `folds` which of x, w and y have features in another order.
    """

    batched: bool
    keeps: bool = field(default=True, kw_only=True)
    folds: Mapping[str, Fold] = field(default_factory=dict, kw_only=True)

    @property
    def batch(self) -> bool:
        return self.batched

    @property
    def channels_in(self) -> bool:
        return True

    @property
    def channels_out(self) -> bool:
        return True

    def vector(self, channels: int) -> Shape:
        """The shape of db: that of the bias, without one (O,)."""
        return self.bias if self.bias is not None else (channels,)

    def output(self, full: Shape) -> Shape:
        """(N,*L), or (*L) where there is no batch axis, in the order of the input's."""
        return self.outward("y", full if self.batched else full[1:])

    def order(self, name: str, rank: int) -> Order:
        """The axes of an array of this rank as it came, by what they are here."""
        axes = self.data if name == "x" or (self.keeps and name not in ("w", "b")) else ()
        return ordered(axes, rank) if axes and self.dims < rank <= len(axes) else tuple(range(rank))

    def restored(self, name: str, array: Array) -> Array:
        """x, w, b, y or delta from its full shape to that in which it came, or would have."""
        shown, fold = Layout.restored(self, name, array), self._fold(name)
        return fold.outward(shown) if fold else shown

    def arranged(self, name: str, numbers: Numbers) -> Numbers:
        """The numbers of x, w, b, y or delta with their axes, and features, in the order that they have here."""
        fold = self._fold(name)
        return fold.arranged(numbers) if fold else Layout.arranged(self, name, numbers)

    def inward(self, name: str, array: Array) -> Array:
        """The same of an array."""
        fold = self._fold(name)
        return fold.inward(array) if fold else Layout.inward(self, name, array)

    def index(self, name: str, full: Index, rank: int) -> Index:
        """The index, as its user counts, of an entry whose full index this is, in an array of this rank."""
        at, fold = Layout.index(self, name, full, rank), self._fold(name)
        return (*at[:-1], fold.place_outside(at[-1])) if fold else at

    def full_index(self, name: str, index: Index, rank: int) -> Index:
        """The full index, of this rank, of an entry as its user counts."""
        at, fold = Layout.full_index(self, name, index, rank), self._fold(name)
        return (*at[:-1], fold.place_here(at[-1])) if fold else at

    def _fold(self, name: str) -> Fold | None:
        return self.folds.get("y" if name in ("delta", "output") else name)
