"""A kernel slid over an array, block by block: kernel times columns, and in the same pass the kernel's gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.blocks import MOST, Block, blocks_of
from convgrad.core.columns import add_product, columns_of, gradient_of_zeros, put
from convgrad.core.threads import share, spans, worth
from convgrad.core.unfold import ALL
from convgrad.core.window import Axis, Window

ENOUGH = 512
"""Positions in a product below which BLAS spends its time on arranging the kernel: worth leaving the cache for."""

MANY = 1024
"""Positions in a product of the kernel's gradient, which is added up over blocks: fewer blocks, fewer additions."""

SHORT = 11
"""Taps of a row up to which NumPy has a loop for short kernels; and it has one for these:"""

REAL = (np.float64, np.float32)

HALOS = 16
"""Rows of a block for each that it shares with a neighbour, which are computed twice; fewer where memory is short."""


class Sliding(NamedTuple):
    """A kernel g o c *K to slide over x (N,C,*L) into y (N,O,*P), which is written over and may be a view.

    Where the kernel's gradient is asked for, `near` (N,O,*P) is what arrives at y, and `taps` are those of a larger
    kernel that this one has.
    """

    x: Array
    kernel: Array
    window: Window
    y: Array
    near: Array | None = None
    taps: tuple[slice, ...] = ()


Work = Callable[[Array | None], None]
"""Writes a part of y and, where there is a gradient of the kernel's shape, adds to that."""


def slide(jobs: Sequence[Sliding]) -> None:
    """Kernel times columns, block by block; where the window lies in rows, a product for all taps of the first axis."""
    cost = sum(cost_of(job.y, prod(job.kernel.shape[2:])) for job in jobs)
    share(lambda work: work(None), _works(jobs, worth(cost), ENOUGH), cost)


def slide_both(jobs: Sequence[Sliding], shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """`slide`, and the gradient g o c *K, of the shape given, of the kernel whose taps the jobs have.

    Every thread has a gradient of its own to add to, and the same blocks in every run, so that sums are added up in
    the same order.
    """
    cost = 2 * sum(cost_of(job.y, prod(job.kernel.shape[2:])) for job in jobs)
    count = worth(cost)
    works = _works(jobs, count, MANY)
    parts = [gradient_of_zeros(shape, dtype) for _ in range(count)]

    def add(turn: int) -> None:
        for work in works[turn::count]:
            work(parts[turn])

    share(add, range(count), cost)
    for part in parts[1:]:
        parts[0] += part
    return parts[0]


def _works(jobs: Sequence[Sliding], sharers: int, enough: int) -> list[Work]:
    works: list[Work] = []
    for job in jobs:
        if is_short(job.kernel, job.window, job.x):
            works += (partial(_slide_planes, job, some) for some in spans(len(job.kernel), 4 * sharers))
        else:
            works += (partial(_slide_block, *item) for item in _written(job, sharers, enough))
    return works


def is_short(kernel: Array, window: Window, x: Array) -> bool:
    """Whether a kernel g o c *K is one to slide over planes."""
    last = window.axes[-1]
    return (
        kernel.shape[1:3] == (1, 1)
        and x.dtype == kernel.dtype
        and x.dtype in REAL
        and all(isinstance(axis, Axis) and axis.stride == 1 for axis in window.axes)
        and isinstance(last, Axis)
        and last.dilation == 1
        and last.size <= SHORT
    )


def _slide_planes(job: Sliding, some: slice, gradient: Array | None) -> None:
    from convgrad.core.depthwise import slide_planes

    near = None if gradient is None or job.near is None else job.near[:, some]
    found = slide_planes(job.x[:, some], job.kernel[some, 0, 0], job.window, job.y[:, some], near)
    if gradient is not None and found is not None:
        gradient[(some, 0, 0, *(job.taps or (...,)))] = found


def _slide_block(job: Sliding, block: Block, gradient: Array | None) -> None:
    at = (block.samples, slice(None), *block.box)
    columns, met = columns_of(job.x[block.samples], block.window, len(job.kernel))
    put(job.kernel, columns, met, job.y[at])
    if gradient is not None and job.near is not None:
        dw, near = gradient[(*ALL, slice(None), *job.taps)], job.near[at]
        dw = dw if dw.ndim == near.ndim + 1 else dw[:, :, :, None]
        add_product(near, columns, met, dw, first=block.number == 0)


def _written(job: Sliding, sharers: int, enough: int) -> Iterator[tuple[Sliding, Block]]:
    """A job as blocks, its kernel as matrices g to k: the outputs for each tap of the first axis, where it is rows."""
    x, kernel, window, y, near, taps = job
    rows, blocks = _plan(window, x.shape, kernel.shape, x.itemsize, sharers, enough)
    if not rows:
        x, kernel, y = x[:, :, None], kernel[:, :, :, None], y[:, :, None]
        near = None if near is None else near[:, :, None]
    by_tap = kernel.transpose(0, 3, 1, 2, *range(4, kernel.ndim))
    kernel = by_tap.reshape(len(by_tap), by_tap.shape[1] * by_tap.shape[2], -1)
    if x.itemsize not in kernel.strides[1:] or min(kernel.strides) < 0:  # a view that BLAS does not take
        kernel = kernel.copy()
    matrices = Sliding(x, kernel, window, y, near, taps)
    return ((matrices, block) for block in blocks)


@lru_cache(maxsize=64)
def _plan(
    window: Window, shape: tuple[int, ...], kernel: tuple[int, ...], itemsize: int, sharers: int, enough: int
) -> tuple[bool, list[Block]]:
    """Whether a kernel g o c *K slides in rows over (N,C,*L), else as over one row, and the blocks."""
    groups, o, c, *taps = kernel
    rows = _slides_in_rows(window, shape, kernel, MOST // sharers // _width(kernel, itemsize))
    if not rows:
        window, shape, kernel = as_one_row(window), (*shape[:2], 1, *shape[2:]), (groups, o, c, 1, *taps)
    first: Any = window.axes[0]
    height, *across = window.positions(shape[2:])
    enough = max(enough, min(HALOS * (first.extent - 1), height) * prod(across))
    return rows, blocks_of(window, shape, _width(kernel, itemsize), sharers, enough)


def _slides_in_rows(window: Window, shape: Sequence[int], kernel: Sequence[int], most: int) -> bool:
    """Whether rows, of which those between blocks are computed twice, are worth it for products of most positions."""
    first: Any = window.axes[0]
    height, *across = window.positions(shape[2:])
    few = most < min(4 * (first.extent - 1), height) * prod(across)
    return not few and height * prod(across) >= ENOUGH and in_rows(window, shape, *kernel[1:3])


def _width(kernel: Sequence[int], itemsize: int) -> int:
    """Bytes of the columns at a position, with one tap of the first axis, and of the products, with all."""
    groups, o, c, first, *others = kernel
    return (c * prod(others) + o * first) * groups * itemsize


def in_rows(window: Window, shape: Sequence[int], outputs: int, channels: int) -> bool:
    """Whether to write windows out over the axes but the first, whose taps then are the same rows, shifted.

    That copies windows for one tap of the first axis instead of all, and adds outputs for all instead of one.
    """
    first, *others = window.axes
    if not isinstance(first, Axis) or first.stride > 1 or not others:
        return False
    across = prod(Window(tuple(others)).positions(shape[3:]))
    saved = (first.size - 1) * channels * prod(axis.size for axis in others)
    return first.size <= across and first.size * outputs <= saved


def as_one_row(window: Window) -> Window:
    return Window((Axis(1), *window.axes))


def gathered(delta: Array, turned: Array, window: Window, dx: Array, x: Array | None = None) -> list[Sliding]:
    """`spread` as correlations: the cells of one remainder modulo the stride meet every stride-th tap, turned.

    The kernel comes turned, g c o *K. This reads windows, where fold adds to them: at a quarter of the price, but of
    the output channels' windows. With x, each has the cells of x that meet the same windows: the gradient is that of
    the turned kernel. All of dx is written: here the cells that no tap meets.
    """
    jobs = []
    for taps, cells, part in _phases(window, dx.shape[2:], delta.shape[2:]):
        near = None if x is None else x[(*ALL, *cells)]
        jobs.append(Sliding(delta, turned[(*ALL, slice(None), *taps)], part, dx[(*ALL, *cells)], near, taps))
    if sum(job.y.size for job in jobs) < dx.size:
        dx[...] = zeros((), dx.dtype)
    return jobs


Slices = tuple[slice, ...]


@lru_cache(maxsize=64)
def _phases(window: Window, lengths: tuple[int, ...], counts: tuple[int, ...]) -> list[tuple[Slices, Slices, Window]]:
    """Per remainder on every axis: its taps, its cells, and the window that slides those taps over delta."""
    axes = zip(window.axes, lengths, counts, strict=True)
    phases = product(*(_axis_phases(axis, length, count) for axis, length, count in axes))
    split = (zip(*phase, strict=True) for phase in phases)
    return [(taps, cells, Window(parts)) for taps, cells, parts in split]


def _axis_phases(axis: Any, length: int, count: int) -> list[tuple[slice, slice, Axis]]:
    """Per remainder that any tap meets: its taps in turned order, its cells, and the axis that slides them over delta.

    A cell q meets tap t at position p where q = p s + t d - lo; so it meets tap t + s/gcd(s,d) too, d/gcd(s,d)
    positions before.
    """
    every, found = axis.stride // gcd(axis.stride, axis.dilation), []
    for first in range(min(every, axis.size)):
        cells = slice((first * axis.dilation - axis.before) % axis.stride, length, axis.stride)
        last = first + (axis.size - 1 - first) // every * every
        start = (cells.start + axis.before - last * axis.dilation) // axis.stride
        some = Axis((last - first) // every + 1, 1, axis.dilation * every // axis.stride, before=-start)
        if met := len(range(length)[cells]):
            found.append((slice(axis.size - 1 - last, None, every), cells, some.fitted(count, met)))
    return found


def cost_of(delta: Array, products: int) -> int:
    """Multiplications, so many for each entry; 0 for Python's numbers, of which only one thread can compute."""
    return 0 if delta.dtype == EXACT else delta.size * products
