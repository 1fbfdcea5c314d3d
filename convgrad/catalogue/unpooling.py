"""How an array of a max unpooling is computed: numbers put to places in memory, and delta taken back from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import numpy as np

from convgrad.catalogue.computation import Computation, Pairs, Reads, delta_of
from convgrad.core.arithmetic import Array, zeros
from convgrad.subject.case import Case
from convgrad.vocabulary import UNPOOLING

NOWHERE = Reads(np.zeros(0, np.int64), ())


@dataclass(frozen=True)
class Unpooling(Computation):
    """A max unpooling: `reads` has for every number of x its place in the whole output, -1 where it has none.

    There are no windows, and so no axes but in number. Of numbers with one place the last is kept.
    """

    transposed: ClassVar[bool] = True
    family: ClassVar[str] = UNPOOLING
    pads: ClassVar[Pairs] = ()
    lengths: tuple[int, ...] = ()
    reads: Reads = field(default=NOWHERE)

    @property
    def near(self) -> Array:
        return self.x

    @property
    def cells(self) -> Array:
        """The cell that every number goes to, counted in its plane: (N,C,*P)."""
        return np.asarray(self.reads.cells % max(prod(self.lengths), 1))

    @property
    def planes(self) -> Array:
        """Where the plane of every number begins in the output: (N,C,1,...)."""
        samples, channels = self.x.shape[:2]
        first = np.arange(samples * channels) * prod(self.lengths)
        return first.reshape(samples, channels, *(1,) * self.dims)

    def to_cells(self, cells: Array) -> Any:
        """The same with other cells of every number's own plane, (N,C,*P) or one plane for all; -1 is none."""
        return self.to_places(np.where(cells < 0, -1, self.planes + cells))

    def to_places(self, places: Array) -> Any:
        """The same with other places in the whole output; outside of it is none."""
        inside = (places >= 0) & (places < self.delta.size)
        return self.but(reads=Reads(np.where(inside, places, -1), ()))

    def bare(self) -> Array:
        return self.reads.read(self.delta) if self.array == "dX" else self._put()

    def _put(self) -> Array:
        y = zeros((*self.x.shape[:2], *self.lengths), self.x.dtype)
        to = self.reads.cells
        y.reshape(-1)[to[to >= 0]] = self.x[to >= 0]
        return y


def of_unpooling(case: Case, array: str, updated: Array | None = None) -> Unpooling:
    """The right computation of an array of a max unpooling."""
    x = case.operands["x"]
    assert x is not None
    right = Unpooling(array, x, delta_of(case), (None,) * case.dims, lengths=tuple(case.arguments["lengths"]))
    made: Unpooling = right.to_cells(case.arguments["indices"])
    return made
