"""Some samples and channels of a wrong array: enough to tell it from a claim, for a part of the work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.pooling import Pool
from convgrad.core.arithmetic import Array

SCREENED = 4096
"""Entries of a larger array that candidates are compared in first."""
KEPT = 6
"""Samples or channels of a large array that these are in, the first and the last among them."""


@dataclass(frozen=True)
class Box:
    """The entries of an array that are looked at: all of a small one; of a large one some, in a few rows and columns.

    `rows` are along its first axis and `columns` along its second, all of them where that is none.
    """

    shape: tuple[int, ...]

    @cached_property
    def places(self) -> Array:
        """The numbers of the entries in the array, in its order."""
        return self._numbers.ravel()[self._inside]

    def looked_at(self, array: Array) -> Array:
        """The numbers of an array at the places; of a view no other is copied."""
        return array[self._index] if self.cut else array.ravel()[self.places]

    @cached_property
    def _index(self) -> tuple[Array, ...]:
        return np.unravel_index(self.places, self.shape)

    @cached_property
    def _inside(self) -> Array:
        """Their numbers in the box."""
        size = self._numbers.size
        if size <= SCREENED:
            return np.arange(size)
        return np.sort(np.random.default_rng(0).choice(size, SCREENED, replace=False))

    @cached_property
    def _numbers(self) -> Array:
        """The numbers, in the array, of the entries of the box."""
        if not self.cut:
            return np.arange(np.prod(self.shape, dtype=int)).reshape(self.shape)
        planes = self.rows[:, None] * self.shape[1] + self.columns
        cells = np.arange(np.prod(self.shape[2:], dtype=int)).reshape(self.shape[2:])
        return np.asarray(np.add.outer(planes * cells.size, cells))

    @cached_property
    def cut(self) -> bool:
        """Whether there is more of the array than is looked at."""
        return len(self.shape) > 1 and np.prod(self.shape, dtype=int) > SCREENED

    @cached_property
    def rows(self) -> Array:
        return _spread(self.shape[0])

    @cached_property
    def columns(self) -> Array:
        return _spread(self.shape[1])

    def of(self, c: Computation) -> Array | None:
        """The numbers of a computation at the places, none of an array of another shape.

        None where that takes as much as all of its array.
        """
        small = _small(c, self) if self.cut and not c.samples and not c.arrange else None
        if small is None:
            return None
        value: Array = small.value()
        return value.ravel()[self._inside] if value.shape == self._numbers.shape else value.ravel()[:0]


def _spread(length: int) -> Array:
    """The first, the last, and others between them."""
    return np.unique(np.linspace(0, length - 1, min(KEPT, length)).round().astype(int))


def _small(c: Any, box: Box) -> Any:
    """The same computation of these rows and columns alone, where they do not hang on others."""
    if getattr(c, "reads", None) is not None or getattr(c, "regroup", None) is not None:
        return None
    if isinstance(c, Convolution):
        return _of_convolution(c, box) if c.groups == 1 else None
    return _of_pool(c, box) if isinstance(c, Pool) and c.rule != "any channel" else None


def _of_convolution(c: Convolution, box: Box) -> Any:
    """The channels of w that are those of x stand first in a transposed one."""
    of_x, of_y = (0, 1) if c.transposed else (1, 0)
    if (c.x.shape[1], c.delta.shape[1]) != (c.w.shape[of_x], c.w.shape[of_y]):
        return None
    if c.array == "dW":
        inputs, outputs = ((box.columns, box.rows), (box.rows, box.columns))[c.transposed]
        fits = box.shape[:2] == c.w.shape[:2]
        return c.but(x=c.x[:, inputs], delta=c.delta[:, outputs]) if fits else None
    axis, name = (of_x, "delta") if c.array == "dX" else (of_y, "x")
    arrives = getattr(c, name)
    if c.array == "db" or (len(arrives), c.w.shape[axis]) != box.shape[:2]:
        return None
    b = c.b[box.columns] if c.array == "output" and c.b is not None else None
    return c.but(**{name: arrives[box.rows], "w": c.w.take(box.columns, axis), "b": b})


def _of_pool(c: Pool, box: Box) -> Any:
    """Every plane by itself."""
    planes = (c.x, c.delta, *(() if c.scores is None else (c.scores,)))
    if any(part.shape[:2] != box.shape[:2] for part in planes) or np.ndim(c.divisor) > c.dims:
        return None
    x, delta, *scores = (part[np.ix_(box.rows, box.columns)] for part in planes)
    return c.but(x=x, delta=delta, scores=scores[0] if scores else None)
