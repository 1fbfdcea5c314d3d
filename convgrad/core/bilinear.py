"""The three bilinear maps of a convolution: one contraction with the letters moved, computed block by block.

    correlate         y        g o p  =  w g o k , columns g k p
    kernel_gradient   dw       g o k  =  delta g o p , columns g k p
    spread            columns  g k p  =  w g o k , delta g o p         then fold

g group, o output channel in the group; k runs over the group's input channels and the taps, p over samples and
positions. A block is some positions of one sample or of several, whose columns fit the cache: so memory stays bounded.
Where that copies less, columns hold windows over the axes but the first, whose taps are the same rows of columns,
shifted: a block's matrices are then g k h p, with h rows, and one that is not so has a single row.
Threads share the blocks out; each writes to a place of its own, so that results do not depend on which did what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod
from typing import Any, cast

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, bilinear, zeros
from convgrad.core.blocks import MOST, Block, blocks_of, cut
from convgrad.core.threads import share, worth
from convgrad.core.unfold import ALL, fold, mergeable, reach, unfold_rows, unpadded
from convgrad.core.window import Axis, Window

Met = Sequence[tuple[slice, slice]]
"""For each tap of the first axis the rows of positions and of columns that meet."""

ENOUGH = 512
"""Positions in a product below which BLAS spends its time on arranging the kernel: worth leaving the cache for."""

HALOS = 16
"""Rows of a block for each that it shares with a neighbour, which are computed twice; fewer where memory is short."""

MANY = 1024
"""Positions in a product of the kernel's gradient, which is added up over blocks: fewer blocks, fewer additions."""


@bilinear
def correlate(x: Array, w: Array, *, window: Window, groups: int) -> Array:
    """Slide w over x: (N,C,*L), (O,C/g,*K) -> (N,O,*P). Linear in each; adjoints `spread` and `kernel_gradient`."""
    y = zeros((x.shape[0], w.shape[0], *window.positions(x.shape[2:])), np.result_type(x, w))
    _slide([Sliding(x, w.reshape(groups, w.shape[0] // groups, *w.shape[1:]), window, y)])
    return y


@bilinear
def kernel_gradient(delta: Array, x: Array, *, window: Window, groups: int) -> Array:
    """Correlate x with delta: (N,O,*P), (N,C,*L) -> (O,C/g,*K); <w, it> = <correlate(x, w), delta>."""
    shape = (groups, delta.shape[1] // groups, x.shape[1] // groups, *window.size)
    dw, cost = zeros(shape, np.result_type(delta, x)), _cost(delta, prod(shape[2:]))

    def add(part: tuple[slice, ...]) -> None:
        some, outputs, channels, taps = part
        near, far = _channels(delta, groups, some, outputs), _channels(x, groups, some, channels)
        _add_gradient(near, far, _taps(window, x.shape[2], taps), dw[some, outputs, channels, taps])

    # every thread reads all the columns of its outputs: where they must be made first, cutting outputs makes them twice
    outputs = shape[1] if groups == 1 and prod(window.size) == 1 else 1
    share(add, cut((groups, outputs, shape[2] if groups == 1 else 1, shape[3]), worth(cost)), cost)
    return dw.reshape(-1, *shape[2:])


@bilinear
def spread(delta: Array, w: Array, *, window: Window, groups: int, lengths: Sequence[int]) -> Array:
    """Lay w, times delta, on every window: (N,O,*P), (O,C/g,*K) -> (N,C,*L); <x, it> = <correlate(x, w), delta>."""
    dx = zeros((delta.shape[0], w.shape[1] * groups, *lengths), np.result_type(delta, w))
    kernel = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    gather = kernel.shape[1] <= 4 * kernel.shape[2] and w.nbytes <= MOST  # it copies the kernel
    (_gather if gather else _scatter)(delta, kernel, window, dx)
    return dx


def spread_gradients(delta: Array, x: Array, w: Array, *, window: Window, groups: int) -> tuple[Array, Array]:
    """`correlate(delta, w)` and `kernel_gradient(x, delta)`, the gradients of `spread(x, w)`, from the same columns.

    Every thread has a kernel of its own to add to: where those would be large, or exact, the two are computed in turn.
    """
    cost = 2 * _cost(x, w[0].size)
    count = worth(cost)
    if delta.dtype == EXACT or count * w.nbytes > MOST:
        settings: Any = {"window": window, "groups": groups}
        return correlate(delta, w, **settings), kernel_gradient(x, delta, **settings)
    dx = zeros((delta.shape[0], w.shape[0], *window.positions(delta.shape[2:])), np.result_type(delta, w))
    kernel = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    items = list(_written(Sliding(delta, kernel, window, dx), count))
    parts = zeros((count, *kernel.shape), np.result_type(delta, x))

    def add(turn: int) -> None:  # the same blocks in every run, so that sums are added up in the same order
        for job, block in items[turn::count]:
            columns, met = _columns(job.x[block.samples], block.window, groups)
            _put(job, block, columns, met)
            near, dw = x.reshape(job.y.shape), parts[turn].reshape(*kernel.shape[:3], *job.window.size)
            _add(near[(block.samples, slice(None), *block.box)], columns, met, dw, first=block.number == 0)

    share(add, range(count), cost)
    return dx, parts.sum(axis=0).reshape(w.shape)


@dataclass(frozen=True, slots=True)
class Sliding:
    """A kernel g o c *K to slide over x (N,C,*L) into y (N,O,*P), which holds zeros and may be a view."""

    x: Array
    kernel: Array
    window: Window
    y: Array


def _slide(jobs: Sequence[Sliding]) -> None:
    """Kernel times columns, block by block; where the window lies in rows, a product for all taps of the first axis."""
    cost = sum(_cost(job.y, prod(job.kernel.shape[2:])) for job in jobs)
    count = worth(cost)
    share(_write, [item for job in jobs for item in _written(job, count)], cost)


def _written(job: Sliding, sharers: int) -> Iterator[tuple[Sliding, Block]]:
    """A job as blocks, its kernel as matrices g to k: the outputs for each tap of the first axis, where it is rows."""
    if not _slides_in_rows(job, sharers):
        job = Sliding(job.x[:, :, None], job.kernel[:, :, :, None], _as_one_row(job.window), job.y[:, :, None])
    by_tap = np.ascontiguousarray(np.moveaxis(job.kernel, 3, 1))  # nor would BLAS take a view that runs backwards
    kernel = by_tap.reshape(len(by_tap), prod(by_tap.shape[1:3]), -1)
    first: Any = job.window.axes[0]
    rows = min(HALOS * (first.extent - 1), job.y.shape[2])
    enough = max(ENOUGH, rows * prod(job.y.shape[3:]))
    for block in blocks_of(job.window, job.x.shape, _width(job), sharers, enough):
        yield replace(job, kernel=kernel), block


def _slides_in_rows(job: Sliding, sharers: int) -> bool:
    """Whether rows, of which those between blocks are computed twice, are worth it for a product."""
    _, o, c, *_ = job.kernel.shape
    first: Any = job.window.axes[0]
    height, *across = job.y.shape[2:]
    few = MOST // sharers // _width(job) < min(4 * (first.extent - 1), height) * prod(across)
    return not few and prod(job.y.shape[2:]) >= ENOUGH and _in_rows(job.window, job.x.shape, o, c)


def _width(job: Sliding) -> int:
    """Bytes of the columns at a position, with one tap of the first axis, and of the products, with all."""
    groups, o, c, first, *others = job.kernel.shape
    entries: int = (c * prod(others) + o * first) * groups
    return entries * job.x.itemsize


def _write(item: tuple[Sliding, Block]) -> None:
    job, block = item
    columns, met = _columns(job.x[block.samples], block.window, len(job.kernel))
    _put(job, block, columns, met)


def _put(job: Sliding, block: Block, columns: Array, met: Met) -> None:
    """Kernel times columns, added up where each tap of the first axis meets rows: g to k, g k h p -> g o h n *P."""
    y = _grouped(job.y[(block.samples, slice(None), *block.box)], len(job.kernel))
    if len(met) == 1:
        _multiply(job.kernel, _matrices(columns), y)
        return
    products = job.kernel @ _matrices(columns)
    by_tap = products.reshape(len(products), len(met), y.shape[1], columns.shape[2], *y.shape[3:])
    y[...] = _met_sum(by_tap.swapaxes(0, 1), met, y.shape)


def _met_sum(parts: Array, met: Met, shape: Sequence[int]) -> Array:
    """The sum of each tap's rows where they meet positions: t g o h n *P -> g o p n *P; overwrites the parts."""
    whole = next((tap for tap, (positions, _) in enumerate(met) if positions == slice(0, shape[2])), None)
    total = zeros(shape, parts.dtype) if whole is None else parts[whole, :, :, met[whole][1]]
    for tap, (positions, cells) in enumerate(met):
        if tap != whole:
            total[:, :, positions] += parts[tap, :, :, cells]
    return total


def _add_gradient(delta: Array, x: Array, window: Window, dw: Array) -> None:
    """Add delta times columns, block by block: (N,O,*P), (N,C,*L) onto g o c *K."""
    if not _in_rows(window, x.shape, *dw.shape[1:3]):
        delta, x, window, dw = delta[:, :, None], x[:, :, None], _as_one_row(window), dw[:, :, :, None]
    groups = len(dw)
    width = (dw[0, 0, :, 0].size + dw.shape[1]) * groups * x.itemsize
    for block in blocks_of(window, x.shape, width, 1, MANY):
        columns, met = _columns(x[block.samples], block.window, groups)
        _add(delta[(block.samples, slice(None), *block.box)], columns, met, dw, first=block.number == 0)


def _add(delta: Array, columns: Array, met: Met, dw: Array, first: bool) -> None:
    """Delta times columns, added to what blocks before gave: (N,O,*P), g k h p onto g o c *K."""
    near = _merged(_grouped(delta, len(dw)))
    for tap, (positions, cells) in enumerate(met):
        far = _matrices(columns[:, :, cells]).swapaxes(1, 2)
        _multiply(_matrices(near[:, :, positions]), far, dw[:, :, :, tap], add=not first)


def _in_rows(window: Window, shape: Sequence[int], outputs: int, channels: int) -> bool:
    """Whether to write windows out over the axes but the first, whose taps then are the same rows, shifted.

    That copies windows for one tap of the first axis instead of all, and adds outputs for all instead of one.
    """
    first, *others = window.axes
    if not isinstance(first, Axis) or first.stride > 1 or not others:
        return False
    across = prod(Window(tuple(others)).positions(shape[3:]))
    saved = (first.size - 1) * channels * prod(axis.size for axis in others)
    return first.size <= across and first.size * outputs <= saved


def _as_one_row(window: Window) -> Window:
    return Window((Axis(1), *window.axes))


def _gather(delta: Array, kernel: Array, window: Window, dx: Array) -> None:
    """`spread` as a correlation: the cells of one remainder modulo the stride meet every stride-th tap, turned.

    This reads windows, where fold adds to them: at a quarter of the price, but of the output channels' windows.
    """
    axes, turned = zip(window.axes, dx.shape[2:], delta.shape[2:], strict=True), kernel.swapaxes(1, 2)
    jobs = []
    for phases in product(*(_phases(axis, length, count) for axis, length, count in axes)):
        taps, cells, parts = zip(*phases, strict=True)
        jobs.append(Sliding(delta, turned[(slice(None),) * 3 + taps], Window(parts), dx[(*ALL, *cells)]))
    _slide(jobs)


def _phases(axis: Any, length: int, count: int) -> Iterator[tuple[slice, slice, Axis]]:
    """Per remainder that any tap meets: its taps backwards, its cells, and the axis that slides those over delta.

    A cell q meets tap t at position p where q = p s + t d - lo; so it meets tap t + s/gcd(s,d) too, d/gcd(s,d)
    positions before.
    """
    every = axis.stride // gcd(axis.stride, axis.dilation)
    for first in range(min(every, axis.size)):
        cells = slice((first * axis.dilation - axis.before) % axis.stride, length, axis.stride)
        last = first + (axis.size - 1 - first) // every * every
        start = (cells.start + axis.before - last * axis.dilation) // axis.stride
        some = Axis((last - first) // every + 1, 1, axis.dilation * every // axis.stride, before=-start)
        if met := len(range(length)[cells]):
            yield slice(last, None, -every), cells, some.fitted(count, met)


def _scatter(delta: Array, kernel: Array, window: Window, dx: Array) -> None:
    """`spread` as it is defined: kernel times delta, then fold; for few input channels and many output channels."""
    groups, _, channels, *_ = kernel.shape
    cost = _cost(delta, prod(kernel.shape[2:]))

    def add(part: tuple[slice, ...]) -> None:
        samples, some, these = part
        near, far = _channels(delta[samples], groups, some), _channels(dx[samples], groups, some, these)
        _fold_products(near, kernel[some, :, these], window, far)

    share(add, cut((len(dx), groups, channels if groups == 1 else 1), worth(cost)), cost)


def _fold_products(delta: Array, kernel: Array, window: Window, dx: Array) -> None:
    """Fold kernel times delta onto dx, block by block: (N,O,*P), g o c *K onto (N,C,*L)."""
    matrix = kernel.reshape(*kernel.shape[:2], -1).swapaxes(1, 2)
    width = (matrix.shape[1] + matrix.shape[2]) * len(matrix) * dx.itemsize
    for block in blocks_of(window, dx.shape, width, 1, ENOUGH):
        near = _grouped(delta[(block.samples, slice(None), None, *block.box)], len(matrix))
        columns = (matrix @ _matrices(near)).reshape(dx.shape[1], *window.size, *near.shape[3:])
        _fold_onto(dx[block.samples], columns, block.window)


def _fold_onto(dx: Array, columns: Array, window: Window) -> None:
    """Fold a block, and add the cells that it covers: c *K n *P onto (N,C,*L)."""
    sizes, covered, inside = reach(window.axes, dx.shape[2:])
    dx[(*ALL, *inside)] += fold(columns, unpadded(window), sizes, 1).swapaxes(0, 1)[(*ALL, *covered)]


def _columns(x: Array, window: Window, groups: int) -> tuple[Array, Met]:
    """Rows of windows over the axes but the first as columns, and for each of its taps the rows of positions and of
    columns that meet: (N,C,*L) -> g k h p, a view where a window is one cell.
    """
    first, *others = cast(tuple[Axis, ...], window.axes)
    _, _, (rows,) = reach((first,), x.shape[2:3])
    here = replace(first, before=first.before + rows.start).fitted(rows.stop - rows.start, first.positions(x.shape[2]))
    met = [here.tap(tap, rows.stop - rows.start) for tap in range(first.size)]
    x = x[:, :, rows].transpose(1, 2, 0, *range(3, x.ndim))
    columns = unfold_rows(x, Window(tuple(others)))
    k = len(x) // groups * prod(window.size[1:])
    return columns.reshape(groups, k, x.shape[1], -1 if columns.size else 0), met


def _multiply(a: Array, b: Array, target: Array, add: bool = False) -> None:
    """a b into the target, or onto it: g o i, g i j -> g o *J, without a copy in between where its memory allows."""
    if not add and mergeable(target, 2):
        np.matmul(a, b, out=_matrices(target))
        return
    result = (a @ b).reshape(target.shape)
    if add:
        target += result
    else:
        target[...] = result


def _merged(array: Array) -> Array:
    """The array, or where the axes after the second are not one in memory, a copy."""
    return array if mergeable(array, 2) else array.copy()


def _matrices(array: Array) -> Array:
    """g o *P -> g o p."""
    return array.reshape(*array.shape[:2], prod(array.shape[2:]))


def _grouped(delta: Array, groups: int) -> Array:
    """A view, the rows before the samples: (N,O,P,*P) -> g o p n *P."""
    grouped = delta.reshape(delta.shape[0], groups, delta.shape[1] // groups, *delta.shape[2:])
    return grouped.transpose(1, 2, 3, 0, *range(4, grouped.ndim))


def _channels(x: Array, groups: int, some: slice, channels: slice = slice(None)) -> Array:
    """The channels of some groups, or some channels of the only group, as a view: (N,C,*L) -> (N,C',*L)."""
    size = x.shape[1] // groups
    if groups == 1:
        return x[:, channels]
    first, last, _ = some.indices(groups)
    return x[:, first * size : last * size]


def _taps(window: Window, length: int, taps: slice) -> Window:
    """The window with some of the taps on its first axis."""
    axis, start, stop = window.axes[0], taps.start or 0, taps.stop
    if stop is None or not isinstance(axis, Axis):
        return window
    some = replace(axis, size=stop - start, before=axis.before - start * axis.dilation)
    return Window((some.fitted(length, axis.positions(length)), *window.axes[1:]))


def _cost(delta: Array, products: int) -> int:
    """Multiplications, so many for each entry; 0 for Python's numbers, of which only one thread can compute."""
    return 0 if delta.dtype == EXACT else delta.size * products
