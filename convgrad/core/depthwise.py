"""A kernel with one channel in a group, slid over whole planes: each row of its taps by NumPy's short convolution.

Such kernels give a matrix product nothing to do. Here a channel's planes lie in one row of memory, in frames that every
tap stays inside, so that a tap is the same row from another start. The cells between planes and rows are computed, too,
and thrown away; for the kernel's gradient what arrives at them is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.blocks import BLOCK, Block, blocks_of
from convgrad.core.unfold import ALL
from convgrad.core.window import Axis, Window

ROW = 1 << 14
"""Positions of a channel that are computed in one go: so many that calls cost little, and so few that they fit."""

WRITTEN, FEW = np.float32, 25
"""A kind of number in which taps are written out, if there are so few: NumPy's loop for short kernels is slow in it."""


def slide_planes(x: Array, kernel: Array, window: Window, y: Array, near: Array | None = None) -> Array | None:
    """Kernel times windows into y, (N,C,*L), (C,*K) -> (N,C,*P); with near (N,C,*P), return the gradient (C,*K)."""
    gradient = None if near is None else zeros(kernel.shape, kernel.dtype)
    for block in blocks_of(window, x.shape, max(BLOCK // ROW, 1), 1, 1):
        frame, here = Frame.of(block, x), (block.samples, slice(None), *block.box)
        cells, arrived = frame.cells[(slice(None), *frame.places)], frame.arrived[(slice(None), *frame.positions)]
        far, target = x[block.samples][(*ALL, *frame.inside)], y[here]
        for channel, row in enumerate(kernel):
            cells[...] = far[:, channel]
            frame.write_out()
            target[:, channel] = frame.convolved(row)
            if gradient is not None and near is not None:
                arrived[...] = near[here][:, channel]
                gradient[channel] += frame.products()
    return gradient


class Frame(NamedTuple):
    """A channel of a block, padding written out: cells (N,*F) and what arrives at positions (N,*F), F = P+K-1.

    `inside` is where the cells are in the input, `places` where in the frame; `taps` are all, each with the number of
    cells from where a window begins to where the tap is; `rows` (taps, positions) are theirs, or none.
    """

    cells: Array
    arrived: Array
    inside: tuple[slice, ...]
    places: tuple[slice, ...]
    positions: tuple[slice, ...]
    taps: list[tuple[tuple[int, ...], tuple[int, ...], int]]
    rows: Array

    @staticmethod
    def of(block: Block, x: Array) -> Frame:
        """The frame of a block of x (N,C,*L), with nothing in it."""
        axes: tuple[Any, ...] = block.window.axes
        lengths, count = x.shape[2:], len(range(len(x))[block.samples])
        positions = block.window.positions(lengths)
        sizes = tuple(n + axis.extent - 1 for n, axis in zip(positions, axes, strict=True))
        inside, places = zip(*map(_met, axes, lengths, sizes), strict=True)
        cells, arrived = (zeros((count, *sizes), x.dtype) for _ in range(2))
        taps = _offsets(axes, sizes)
        rows = np.empty(
            (len(taps) if x.dtype == WRITTEN and len(taps) <= FEW else 0, cells.size - taps[-1][2]), x.dtype
        )
        return Frame(cells, arrived, inside, places, tuple(map(slice, positions)), taps, rows)

    def write_out(self) -> None:
        """Write out every tap's row, where a product with them is faster than as many short convolutions."""
        flat = self.cells.reshape(-1)
        for row, (*_, start) in zip(self.rows, self.taps, strict=False):
            row[...] = flat[start : start + len(row)]

    def convolved(self, kernel: Array) -> Array:
        """A channel's kernel *K times windows: (N,*P)."""
        total = self._by_rows(kernel) if len(self.rows) else self._by_short_convolutions(kernel)
        sums = np.empty_like(self.cells)
        sums.reshape(-1)[: total.size] = total
        return sums[(slice(None), *self.positions)]

    def _by_rows(self, kernel: Array) -> Array:
        with np.errstate(invalid="ignore"):  # of infinities between the planes
            return np.asarray(kernel.ravel() @ self.rows)

    def _by_short_convolutions(self, kernel: Array) -> Array:
        flat, turned = self.cells.reshape(-1), kernel[..., ::-1]
        starts = [(tap, start) for tap, _, start in self.taps if not tap[-1]]
        count = flat.size - starts[-1][1]
        parts = (np.convolve(flat[start : start + count], turned[tap[:-1]], "valid") for tap, start in starts)
        total = next(parts)
        for part in parts:
            total += part
        return total

    def products(self) -> Array:
        """The products of what arrives and of every tap's cells, added up: *K."""
        flat, count = self.cells.reshape(-1), self.cells.size - self.taps[-1][2]
        arrived = self.arrived.reshape(-1)[:count]
        with np.errstate(invalid="ignore"):
            sums = (self.rows @ arrived if len(self.rows) else
                    np.array([np.dot(flat[start : start + count], arrived) for *_, start in self.taps]))  # fmt: skip
        if not np.isfinite(sums).all():  # nothing, times an infinity between the planes, is no number
            sums = np.array([self._products_met(steps) for _, steps, _ in self.taps])
        return sums.reshape([n + 1 for n in self.taps[-1][0]])

    def _products_met(self, steps: Sequence[int]) -> Any:
        """The same for one tap, of the cells that it meets alone."""
        met = tuple(slice(step, step + span.stop) for step, span in zip(steps, self.positions, strict=True))
        return (self.cells[(slice(None), *met)] * self.arrived[(slice(None), *self.positions)]).sum()


def _met(axis: Axis, length: int, size: int) -> tuple[slice, slice]:
    """The cells that a frame's axis holds: where they are in the input, and where in the frame."""
    first = max(axis.before, 0)
    last = max(min(axis.before + length, size), first)
    return slice(first - axis.before, last - axis.before), slice(first, last)


@lru_cache(maxsize=256)
def _offsets(axes: tuple[Axis, ...], sizes: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Every tap, its steps from where a window begins along each axis, and in one row of memory."""
    lengths = [prod(sizes[number + 1 :]) for number in range(len(sizes))]
    found = []
    for tap in product(*(range(axis.size) for axis in axes)):
        steps = tuple(t * axis.dilation for t, axis in zip(tap, axes, strict=True))
        found.append((tap, steps, sum(step * length for step, length in zip(steps, lengths, strict=True))))
    return found
