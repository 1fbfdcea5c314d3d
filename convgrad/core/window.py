"""Where windows sit: axes, positions, taps and cells, in integers only.

Per axis: length i of the input, size k of the window, stride s, dilation d, padding lo and hi, extent K = d(k-1)+1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array

Selector = Any
"""Picks along one axis: a slice, or an array of indices where windows are not evenly spaced."""


Selectors = tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """Evenly spaced windows along one axis, in cells; negative padding crops."""

    size: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def extent(self) -> int:
        """The cells from the first tap to the last: K = d(k-1)+1.

        >>> Axis(3, dilation=2).extent
        5
        """
        return self.dilation * (self.size - 1) + 1

    def positions(self, length: int) -> int:
        """How many windows fit: floor((i + lo + hi - K)/s) + 1, and 0 where none does.

        >>> Axis(2, stride=2, before=1).positions(4)
        2
        """
        return max((length + self.before + self.after - self.extent) // self.stride + 1, 0)

    def start(self, position: int) -> int:
        """The first cell under the window at a position; negative in the padding."""
        return position * self.stride - self.before

    def cells(self, position: int) -> tuple[int, int]:
        """The first cell under a window and one past the last, padding counted."""
        return self.start(position), self.start(position) + self.extent

    def edges(self, length: int) -> tuple[Array, Array]:
        """`cells` of every position: the first, and one past the last.

        >>> [edge.tolist() for edge in Axis(2, stride=2, before=1).edges(4)]
        [[-1, 1], [1, 3]]
        """
        first = np.arange(self.positions(length)) * self.stride - self.before
        return first, first + self.extent

    def under(self, position: int) -> range:
        """The cells under a window, tap by tap, padding counted."""
        return range(*self.cells(position), self.dilation)

    def tap(self, tap: int, length: int) -> tuple[Selector, Selector]:
        """The positions at which a tap meets the input, and the cells that it meets there.

        >>> Axis(3, stride=2, before=1, after=1).tap(0, 4)
        (slice(1, 2, None), slice(1, 2, 2))
        """
        offset = tap * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.positions(length) - 1, (length - 1 - offset) // self.stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        cell = first * self.stride + offset
        return slice(first, last + 1), slice(cell, last * self.stride + offset + 1, self.stride)

    def counted(self, length: int, start: int, stop: int) -> Array:
        """How many taps of the window at every position meet cells from `start` to before `stop`.

        >>> Axis(3, dilation=2, before=2).counted(6, 0, 6).tolist()
        [2, 2, 3, 3]
        """
        return taps_within(self.edges(length), self.dilation, start, stop)

    def fitted(self, length: int, count: int) -> Axis:
        """The same axis with padding after it so that exactly `count` windows fit."""
        return replace(self, after=(count - 1) * self.stride + self.extent - length - self.before)

    def block(self, length: int, first: int, last: int) -> Axis:
        """The axis whose positions are those from `first` to before `last` of this one."""
        return replace(self, before=self.before - first * self.stride).fitted(length, last - first)


def taps_within(edges: tuple[Any, Any], dilation: int, start: int, stop: int) -> Array:
    """How many of the cells from first to before last, every so many, are from `start` to before `stop`.

    >>> int(taps_within((-1, 4), 2, 0, 3))
    1
    """
    first, last = edges
    before = -((np.minimum(first, start) - start) // dilation)
    within: Array = np.maximum((np.minimum(last, stop) - 1 - first) // dilation + 1 - before, 0)
    return within


def adaptive_span(position: Any, length: int, count: int) -> tuple[Any, Any]:
    """The first cell, and one past the last, of one of `count` windows that divide `length` cells, or of several."""
    return position * length // count, -((position + 1) * length // -count)


@dataclass(frozen=True, slots=True)
class AdaptiveAxis:
    """`count` windows that divide `length` cells: window o is [floor(o i/n), ceil((o+1) i/n)).

    >>> [AdaptiveAxis(5, 3).cells(o) for o in range(3)]
    [(0, 2), (1, 4), (3, 5)]
    """

    length: int
    count: int

    @property
    def size(self) -> int:
        """Taps of the widest window."""
        first, last = self.edges(self.length)
        return int((last - first).max())

    def positions(self, length: int) -> int:
        return self.count

    def cells(self, position: int) -> tuple[int, int]:
        return adaptive_span(position, self.length, self.count)

    def edges(self, length: int) -> tuple[Array, Array]:
        """`cells` of every position: the first, and one past the last."""
        return adaptive_span(np.arange(self.count, dtype=np.int64), self.length, self.count)

    def counted(self, length: int, start: int, stop: int) -> Array:
        """How many cells of the window at every position are from `start` to before `stop`."""
        return taps_within(self.edges(length), 1, start, stop)

    def under(self, position: int) -> range:
        return range(*self.cells(position))

    def tap(self, tap: int, length: int) -> tuple[Selector, Selector]:
        first, last = self.edges(length)
        positions = np.flatnonzero(first + tap < last)
        return positions, first[positions] + tap

    def block(self, length: int, first: int, last: int) -> AdaptiveAxis:
        raise NotImplementedError("adaptive windows are not blocked")


@dataclass(frozen=True, slots=True)
class Window:
    """A window over one to several axes: where it sits and which cells its taps meet."""

    axes: tuple[Axis | AdaptiveAxis, ...]

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    def positions(self, lengths: Sequence[int]) -> tuple[int, ...]:
        return tuple(axis.positions(length) for axis, length in zip(self.axes, lengths, strict=True))

    def cells(self, position: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Per axis the first cell under the window and one past the last, padding counted."""
        return tuple(axis.cells(p) for axis, p in zip(self.axes, position, strict=True))

    def under(self, position: Sequence[int]) -> tuple[range, ...]:
        """Per axis the cells under the window, tap by tap, padding counted."""
        return tuple(axis.under(p) for axis, p in zip(self.axes, position, strict=True))

    def taps(self, lengths: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Selectors, Selectors]]:
        """Every tap, in row-major order, with the positions at which it meets the input and the cells it meets."""
        per_axis = [
            [axis.tap(t, length) for t in range(axis.size)] for axis, length in zip(self.axes, lengths, strict=True)
        ]
        for tap in product(*map(range, self.size)):
            met = [choices[t] for choices, t in zip(per_axis, tap, strict=True)]
            yield tap, _selector([m[0] for m in met]), _selector([m[1] for m in met])

    def block(self, lengths: Sequence[int], first: int, last: int) -> Window:
        """The part of this window whose positions on the first axis are `first` to before `last`."""
        return Window((self.axes[0].block(lengths[0], first, last), *self.axes[1:]))


def _selector(parts: list[Selector]) -> tuple[Selector, ...]:
    """One selector an axis; where any is a list of indices, all are, as an open mesh."""
    if all(isinstance(part, slice) for part in parts):
        return tuple(parts)
    return tuple(np.ix_(*(_indices(part) for part in parts)))


def _indices(part: Selector) -> Any:
    return np.arange(part.start, part.stop, part.step) if isinstance(part, slice) else part
