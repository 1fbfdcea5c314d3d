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

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, bilinear, bilinear_pair, zeros
from convgrad.core.blocks import MOST, blocks_of, cut
from convgrad.core.columns import add_product, columns_of, gradient_of_zeros, grouped, matrices
from convgrad.core.sliding import ENOUGH, MANY, Sliding, as_one_row, cost_of, gathered, in_rows, slide, slide_both
from convgrad.core.threads import share, threads, worth
from convgrad.core.unfold import ALL, fold, reach, unpadded
from convgrad.core.window import Axis, Window


@bilinear
def correlate(x: Array, w: Array, *, window: Window, groups: int) -> Array:
    """Slide w over x: (N,C,*L), (O,C/g,*K) -> (N,O,*P). Linear in each; adjoints `spread` and `kernel_gradient`."""
    y = np.empty((x.shape[0], w.shape[0], *window.positions(x.shape[2:])), np.result_type(x, w))
    slide([Sliding(x, _by_group(w, groups), window, y)])
    return y


@bilinear
def kernel_gradient(delta: Array, x: Array, *, window: Window, groups: int) -> Array:
    """Correlate x with delta: (N,O,*P), (N,C,*L) -> (O,C/g,*K); <w, it> = <correlate(x, w), delta>."""
    shape = (groups, delta.shape[1] // groups, x.shape[1] // groups, *window.size)
    dw, cost = gradient_of_zeros(shape, np.result_type(delta, x)), cost_of(delta, prod(shape[2:]))

    def add(part: tuple[slice, ...]) -> None:
        some, outputs, channels, taps = part
        near, far = _channels(delta, groups, some, outputs), _channels(x, groups, some, channels)
        _add_gradient(near, far, _taps(window, x.shape[2], taps), dw[some, outputs, channels, taps])

    # every thread reads all the columns of its outputs: where they must be made first, cutting outputs makes them twice
    outputs = shape[1] if groups == 1 and prod(window.size) == 1 else 1
    share(add, cut((groups, outputs, shape[2] if groups == 1 else 1, shape[3]), worth(cost)), cost)
    return np.ascontiguousarray(dw).reshape(-1, *shape[2:])


@bilinear
def spread(delta: Array, w: Array, *, window: Window, groups: int, lengths: Sequence[int]) -> Array:
    """Lay w, times delta, on every window: (N,O,*P), (O,C/g,*K) -> (N,C,*L); <x, it> = <correlate(x, w), delta>."""
    dx = np.empty((delta.shape[0], w.shape[1] * groups, *lengths), np.result_type(delta, w))
    kernel = _by_group(w, groups)
    if _gathers(kernel):
        slide(gathered(delta, _turned(kernel), window, dx))
    else:
        dx[...] = zeros((), dx.dtype)
        _scatter(delta, kernel, window, dx)
    return dx


@bilinear_pair
def correlate_gradients(delta: Array, x: Array, w: Array, *, window: Window, groups: int) -> tuple[Array, Array]:
    """`spread(delta, w)` and `kernel_gradient(delta, x)`, the gradients of `correlate(x, w)`.

    Both from the same columns of delta, where it has any: not where that would take much memory, or whole numbers
    that floats do not hold.
    """
    kernel = _by_group(w, groups)
    if not _gathers(kernel) or not _together(delta, w):
        settings: Any = {"window": window, "groups": groups}
        return spread(delta, w, lengths=x.shape[2:], **settings), kernel_gradient(delta, x, **settings)
    dx = np.empty(x.shape, np.result_type(delta, w))
    turned = _turned(kernel)
    dw = slide_both(gathered(delta, turned, window, dx, x), turned.shape, np.result_type(delta, x))
    return dx, np.ascontiguousarray(_turned(dw)).reshape(w.shape)


@bilinear_pair
def spread_gradients(delta: Array, x: Array, w: Array, *, window: Window, groups: int) -> tuple[Array, Array]:
    """`correlate(delta, w)` and `kernel_gradient(x, delta)`, the gradients of `spread(x, w)`, likewise."""
    if not _together(delta, w):
        settings: Any = {"window": window, "groups": groups}
        return correlate(delta, w, **settings), kernel_gradient(x, delta, **settings)
    kernel = _by_group(w, groups)
    dx = np.empty((delta.shape[0], w.shape[0], *window.positions(delta.shape[2:])), np.result_type(delta, w))
    job = Sliding(delta, kernel, window, dx, x.reshape(dx.shape))
    dw = slide_both([job], kernel.shape, np.result_type(delta, x))
    return dx, np.ascontiguousarray(dw).reshape(w.shape)


def _together(delta: Array, w: Array) -> bool:
    """Whether both gradients are computed in one pass, in which every thread has a kernel's gradient to add to."""
    return delta.dtype != EXACT and threads() * w.nbytes <= MOST


def _by_group(w: Array, groups: int) -> Array:
    """(O,C/g,*K) -> g o c *K."""
    return w.reshape(groups, w.shape[0] // groups, *w.shape[1:])


def _turned(kernel: Array) -> Array:
    """The kernel as delta meets it: g o c *K -> g c o *K, its taps backwards; its own inverse."""
    turned: Array = kernel.swapaxes(1, 2)[(*ALL, slice(None), *(slice(None, None, -1),) * (kernel.ndim - 3))]
    return turned


def _gathers(kernel: Array) -> bool:
    """Whether to spread by reading windows of delta, which copies the kernel, and not by adding to windows of dx."""
    return kernel.shape[1] <= 4 * kernel.shape[2] and kernel.nbytes <= MOST


def _add_gradient(delta: Array, x: Array, window: Window, dw: Array) -> None:
    """Add delta times columns, block by block: (N,O,*P), (N,C,*L) onto g o c *K."""
    if not in_rows(window, x.shape, *dw.shape[1:3]):
        delta, x, window, dw = delta[:, :, None], x[:, :, None], as_one_row(window), dw[:, :, :, None]
    groups = len(dw)
    width = (dw[0, 0, :, 0].size + dw.shape[1] * dw.shape[3]) * groups * x.itemsize
    for block in blocks_of(window, x.shape, width, 1, MANY):
        columns, met = columns_of(x[block.samples], block.window, groups)
        add_product(delta[(block.samples, slice(None), *block.box)], columns, met, dw, first=block.number == 0)


def _scatter(delta: Array, kernel: Array, window: Window, dx: Array) -> None:
    """`spread` as it is defined: kernel times delta, then fold; for few input channels and many output channels."""
    groups, _, channels, *_ = kernel.shape
    cost = cost_of(delta, prod(kernel.shape[2:]))

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
        near = grouped(delta[(block.samples, slice(None), None, *block.box)], len(matrix))
        columns = (matrix @ matrices(near)).reshape(dx.shape[1], *window.size, *near.shape[3:])
        _fold_onto(dx[block.samples], columns, block.window)


def _fold_onto(dx: Array, columns: Array, window: Window) -> None:
    """Fold a block, and add the cells that it covers: c *K n *P onto (N,C,*L)."""
    sizes, covered, inside = reach(window.axes, dx.shape[2:])
    dx[(*ALL, *inside)] += fold(columns, unpadded(window), sizes, 1).swapaxes(0, 1)[(*ALL, *covered)]


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
