"""A pool over windows of any cells, laid out tap by tap: what they reach, divide by and do where they have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, reduce
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue import memory
from convgrad.catalogue.pool_loops import first_of_largest
from convgrad.catalogue.pooling import Pool, divisors, nothing_like
from convgrad.core.arithmetic import Array, zeros
from convgrad.vocabulary import MAXIMUM, MEAN

MOST = 100_000
"""Cells of all windows up to which they are laid out: some ten milliseconds."""


@dataclass(frozen=True, eq=False)
class Span:
    """Along one axis the first cell of every window, and one past its last, every so many: *P."""

    first: Array
    last: Array
    step: int = 1

    @property
    def taps(self) -> int:
        return int((-((self.first - self.last) // self.step)).max(initial=0))

    def cells(self) -> tuple[Array, Array]:
        """The cells of every window, tap by tap, and whether they are of the window: (T,P)."""
        cells = self.first + np.arange(max(self.taps, 1))[:, None] * self.step
        return cells, cells < self.last


@dataclass(frozen=True, eq=False)
class Laid:
    """Windows laid out: for every sample, channel, tap and position the entry of x that is met, and whether one is."""

    c: Pool
    places: Array
    met: Array
    divisor: Array | None = None
    lost: Array | None = None
    """The entry of x that takes the delta of a window without cells: n c p."""

    def value(self) -> Array:
        """dX, or the output."""
        c = self.c
        if c.array == "output":
            return self._pooled()
        share = c.delta if self.divisor is None else c.delta / self.divisor
        given, places, wins = np.broadcast_arrays(_beside(share, c.dims), self.places, self._wins())
        result = zeros((c.x.size,), c.delta.dtype)
        np.add.at(result, places[wins], given[wins])
        if self.lost is not None:
            empty = ~wins.any(axis=tap_axes(c))
            np.add.at(result, self.lost[empty], c.delta[empty])
        return result.reshape(c.x.shape)

    def _wins(self) -> Array:
        """Whether delta goes to a tap: of a mean to all that are met, of a maximum to the first of the largest."""
        if self.c.family == MEAN:
            return self.met
        scores = np.where(self.met, self.c.x.ravel()[self.places], self.c.x.min() - 1)
        return self.met & first_of_largest(scores, self.c.dims)

    def _pooled(self) -> Array:
        cells = np.where(self._wins(), self.c.x.ravel()[self.places], nothing_like(self.c.x))
        total: Array = cells.sum(axis=tap_axes(self.c))
        return total if self.divisor is None else total / self.divisor


def tap_axes(c: Pool) -> tuple[int, ...]:
    """The axes of taps in n c k p, and of positions in n c p."""
    return tuple(range(2, 2 + c.dims))


def _beside(array: Array, dims: int) -> Array:
    """n c p -> n c 1 p, to be spread over taps."""
    return array.reshape(*array.shape[:2], *(1,) * dims, *array.shape[2:])


def laid_out(c: Pool, name: str, spans: tuple[Span, ...]) -> dict[str, Any]:
    """Windows with these cells in every way in which loops reach them, divide, and do without any."""
    if prod(span.taps for span in spans) * c.delta.size > MOST:
        return {}
    found = {}
    for how, places, met in _reached(c, spans):
        for divided, divisor in _divided(c, spans):
            for none, lost in _without_any(c, spans, met):
                made = Laid(c, places, met, divisor, lost)
                found[f"{name}{how}{divided}{none}"] = c.but(arrange=(partial(_instead, laid=made),))
    return found


def _instead(array: Array, laid: Laid) -> Array:
    return laid.value()


def _grids(c: Pool, spans: tuple[Span, ...]) -> tuple[list[Array], Array]:
    """The cells along every axis of every tap and position, and which of them are of a window: 1 1 t p."""
    cells, met = [], np.ones((1,) * (2 + 2 * c.dims), bool)
    for number, span in enumerate(spans):
        each, own = span.cells()
        shape = [1] * (2 + 2 * c.dims)
        shape[2 + number], shape[2 + c.dims + number] = each.shape
        cells.append(each.reshape(shape))
        met = met & own.reshape(shape)
    return cells, met


def _reached(c: Pool, spans: tuple[Span, ...]) -> Iterator[tuple[str, Array, Array]]:
    """Cells outside left out, counted from the end of their axis, or what lies there in memory."""
    cells, met = _grids(c, spans)
    inside = _within(c, cells, met)
    kept = [np.clip(part, 0, n - 1) for part, n in zip(cells, c.lengths, strict=True)]
    yield "", _addresses(c, kept), inside
    if (met & ~inside).any():
        round_ = [part % n for part, n in zip(cells, c.lengths, strict=True)]
        yield ", those before 0 counted from the end", _addresses(c, round_), _within(c, cells, met, -1)
        flat = _addresses(c, cells)
        yield ", those outside read in memory", flat % c.x.size, met & (flat < c.x.size)


def _within(c: Pool, cells: list[Array], met: Array, least: int = 0) -> Array:
    """Which of those that are met are cells of x, or such as Python counts from the end of an axis (-1)."""
    for part, n in zip(cells, c.lengths, strict=True):
        met = met & (part >= least * n) & (part < n)
    return met


def _addresses(c: Pool, cells: list[Array]) -> Array:
    """Of every sample, channel and cell the number of its entry in memory."""
    steps = memory.steps_of(c.x.shape)
    leading = [np.arange(n).reshape(-1, *(1,) * (1 - at + 2 * c.dims)) for at, n in enumerate(c.x.shape[:2])]
    return np.asarray(sum(part * step for part, step in zip([*leading, *cells], steps, strict=True)))


def _divided(c: Pool, spans: tuple[Span, ...]) -> Iterator[tuple[str, Array | None]]:
    """What a mean divides by: what it should, or the cells that a window has now."""
    if c.family != MEAN:
        yield "", None
        return
    right = divisors(c, c.window())
    yield "", right
    counts = reduce(np.multiply.outer, [np.maximum(span.last - span.first, 0) for span in spans])
    if (counts != right).any() and (counts > 0).all():
        yield ", divided by as many cells", counts.astype(right.dtype)


def _without_any(c: Pool, spans: tuple[Span, ...], met: Array) -> Iterator[tuple[str, Array | None]]:
    """The delta of a window without cells is lost, or goes to the plane's first cell, or to where the window begins."""
    yield "", None
    if c.family != MAXIMUM or c.array == "output" or met.any(axis=tap_axes(c)).all():
        return
    planes = np.arange(prod(c.x.shape[:2])).reshape(c.x.shape[:2]) * prod(c.lengths)
    first = np.broadcast_to(planes.reshape(*planes.shape, *(1,) * c.dims), c.delta.shape)
    yield ", and the plane's first cell where none is left", first
    if all((abs(span.first + 0.5) < n).all() for span, n in zip(spans, c.lengths, strict=True)):  # as Python has them
        own = [cell % n for cell, n in zip(np.ix_(*(span.first for span in spans)), c.lengths, strict=True)]
        corner = sum(cell * step for cell, step in zip(own, memory.steps_of(c.x.shape)[2:], strict=True))
        yield ", and its own first cell where none is left", np.asarray(first + corner)
