"""The three bilinear maps of a convolution: one contraction with the letters moved, computed block by block.

    correlate         y        n g o p  =  w g o k , columns n g k p
    kernel_gradient   dw       g o k    =  delta n g o p , columns n g k p
    spread            columns  n g k p  =  w g o k , delta n g o p         then fold

n sample, g group, o output channel in the group, p position; k runs over the group's input channels and the taps.
A block is some rows of positions, or some samples, whose columns fit the cache: so memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from convgrad.core.arithmetic import Array, bilinear, zeros
from convgrad.core.unfold import fold_into, unfold
from convgrad.core.window import Window

BLOCK = 1 << 19
"""Bytes of columns in a block: half a second-level cache of today."""


@bilinear
def correlate(x: Array, w: Array, *, window: Window, groups: int) -> Array:
    """Slide w over x: (N,C,*L), (O,C/g,*K) -> (N,O,*P). Linear in each; adjoints `spread` and `kernel_gradient`."""
    y = zeros((x.shape[0], w.shape[0], *window.positions(x.shape[2:])), np.result_type(x, w))
    kernel = w.reshape(groups, w.shape[0] // groups, -1)
    for samples, rows, part in _blocks(window, x.shape, x.itemsize):
        block = y[samples, :, rows]
        block[...] = (kernel @ _columns(x[samples], part, groups)).reshape(block.shape)
    return y


@bilinear
def kernel_gradient(delta: Array, x: Array, *, window: Window, groups: int) -> Array:
    """Correlate x with delta: (N,O,*P), (N,C,*L) -> (O,C/g,*K); <w, it> = <correlate(x, w), delta>."""
    shape = (delta.shape[1], x.shape[1] // groups, *window.size)
    dw = zeros((groups, shape[0] // groups, prod(shape[1:])), np.result_type(delta, x))
    for samples, rows, part in _blocks(window, x.shape, x.itemsize):
        columns = _columns(x[samples], part, groups)
        dw += (_grouped(delta[samples, :, rows], groups) @ columns.swapaxes(2, 3)).sum(axis=0)
    return dw.reshape(shape)


@bilinear
def spread(delta: Array, w: Array, *, window: Window, groups: int, lengths: Sequence[int]) -> Array:
    """Lay w, times delta, on every window: (N,O,*P), (O,C/g,*K) -> (N,C,*L); <x, it> = <correlate(x, w), delta>."""
    shape = (delta.shape[0], w.shape[1] * groups, *lengths)
    dx = zeros(shape, np.result_type(delta, w))
    kernel = w.reshape(groups, w.shape[0] // groups, -1).swapaxes(1, 2)
    for samples, rows, part in _blocks(window, shape, dx.itemsize):
        columns = kernel @ _grouped(delta[samples, :, rows], groups)
        fold_into(dx[samples], columns.reshape(-1, shape[1], *part.size, *part.positions(lengths)), part)
    return dx


def _columns(x: Array, window: Window, groups: int) -> Array:
    """Windows as columns of a matrix a group: (N,C,*L) -> n g k p."""
    columns = unfold(x, window)
    return columns.reshape(x.shape[0], groups, -1, prod(window.positions(x.shape[2:])))


def _grouped(delta: Array, groups: int) -> Array:
    """(N,O,*P) -> n g o p."""
    return delta.reshape(delta.shape[0], groups, delta.shape[1] // groups, prod(delta.shape[2:]))


def _blocks(window: Window, shape: Sequence[int], itemsize: int) -> Iterator[tuple[slice, slice, Window]]:
    """Samples, rows on the first axis, and the window that has just those rows, covering every position once."""
    count, channels, *lengths = shape
    height, *across = window.positions(lengths)
    row = channels * prod(window.size) * prod(across) * itemsize
    rows, together = max(1, BLOCK // max(row, 1)), max(1, BLOCK // max(row * height, 1))
    if rows >= height:
        yield from ((slice(n, n + together), slice(None), window) for n in range(0, count, together))
        return
    parts = [slice(first, min(first + rows, height)) for first in range(0, height, rows)]
    windows = [window.block(lengths, part.start, part.stop) for part in parts]
    for n in range(count):
        yield from ((slice(n, n + 1), part, block) for part, block in zip(parts, windows, strict=True))
