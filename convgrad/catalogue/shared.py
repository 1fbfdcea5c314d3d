"""dX added up in the memory of x itself, so that later windows read what was added; families."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import ALL

MOST_TURNS = 2048
"""Turns of the loops up to which they are run: some microseconds each."""
Turn = tuple[int, slice, tuple[int, ...]]
"""The sample, the filters and the position that one turn of the loops is about."""


def buffer_shared(c: Any) -> Variants:
    """dW from an x that overlays, or taps, have changed before."""
    if not isinstance(c, Convolution) or c.array != "dW" or c.transposed or c.padding_mode != "zeros":
        return {}
    found: dict[str, Any] = {}
    for when, early in (("after dW", False), ("before dW", True)):
        found[f"tap by tap, {when}"] = c.but(arrange=(partial(_by_taps, c=c, early=early),))
        for name, turns in _orders(c):
            found[f"{name}, {when}"] = c.but(arrange=(partial(_by_overlays, c=c, turns=turns, early=early),))
    return found


def _orders(c: Convolution) -> Iterator[tuple[str, list[Turn]]]:
    """The loops over samples, filters and positions, where these are few."""
    samples, filters, *positions = c.delta.shape
    if c.delta[:, 0].size <= MOST_TURNS:
        every = slice(None)
        yield "overlay by overlay", [(n, every, tuple(at)) for n, *at in np.ndindex(samples, *positions)]
    if filters > 1 and c.delta.size <= MOST_TURNS:
        within = [(n, slice(o, o + 1), tuple(at)) for n, *at, o in np.ndindex(samples, *positions, filters)]
        yield "overlay by overlay and filter by filter", within
        yield "filter by filter", [(n, slice(o, o + 1), tuple(at)) for n, o, *at in np.ndindex(*c.delta.shape)]


def _by_overlays(array: Array, c: Convolution, turns: list[Turn], early: bool) -> Array:
    """Each overlay reads its window, and adds its part of dX to it, `early` before it reads."""
    x, w = _framed(c), _over_all_channels(c)
    dw = zeros(w.shape, array.dtype)
    for n, filters, place in turns:
        at: Any = (n, filters, *place)
        delta = c.delta[at]
        under: Any = (n, slice(None), *(_cells(axis, at) for axis, at in zip(c.axes, place, strict=True)))
        window = x[under]
        given = np.tensordot(delta, w[filters], 1)
        window += given if early else 0
        dw[filters] += delta.reshape(-1, *(1,) * window.ndim) * window
        window += 0 if early else given
    return _of_own_channels(c, dw)


def _by_taps(array: Array, c: Convolution, early: bool) -> Array:
    """Each tap reads what it meets at all positions, and adds its part of dX there."""
    x, w = _framed(c), _over_all_channels(c)
    dw = zeros(w.shape, array.dtype)
    apart = [0, *range(2, 2 + c.dims)]
    for tap in product(*map(range, c.w.shape[2:])):
        here: Any = (*ALL, *tap)
        rows = zip(c.axes, tap, c.delta.shape[2:], strict=True)
        cells: Any = (*ALL, *(_met(axis, at, count) for axis, at, count in rows))
        met = x[cells]
        given = np.tensordot(w[here], c.delta, ([0], [1])).swapaxes(0, 1)
        met += given if early else 0
        dw[here] = np.tensordot(c.delta, met, (apart, apart))
        met += 0 if early else given
    return _of_own_channels(c, dw)


def _channels(c: Convolution) -> tuple[Array, Array]:
    """The filters, and the channels of x that each of them has: (O,1), (O,C/g)."""
    filters, inner = np.arange(len(c.w))[:, None], c.w.shape[1]
    return filters, filters // (len(c.w) // c.groups) * inner + np.arange(inner)


def _over_all_channels(c: Convolution) -> Array:
    """The kernel as it lies on the input, 0 in the channels of other groups: (O,C,*K)."""
    w = zeros((len(c.w), c.x.shape[1], *c.w.shape[2:]), c.w.dtype)
    w[_channels(c)] = c.as_laid(c.w)
    return w


def _of_own_channels(c: Convolution, dw: Array) -> Array:
    return c.as_laid(dw[_channels(c)])


def _framed(c: Convolution) -> Array:
    """x with its padding written out, as far as windows reach, in memory of its own."""
    rows = zip(c.axes, c.x.shape[2:], c.delta.shape[2:], strict=True)
    reach = [(max(axis.before, 0), max(axis.cells(count - 1)[1] - n, 0)) for axis, n, count in rows]
    cells: Any = tuple(slice(first, first + n) for (first, _), n in zip(reach, c.x.shape[2:], strict=True))
    lengths = (n + sum(pair) for n, pair in zip(c.x.shape[2:], reach, strict=True))
    frame = zeros((*c.x.shape[:2], *lengths), c.x.dtype)
    frame[(..., *cells)] = c.x
    return frame


def _cells(axis: Any, position: int) -> slice:
    first = position * axis.stride - min(axis.before, 0)
    return slice(first, first + axis.extent, axis.dilation)


def _met(axis: Any, tap: int, count: int) -> slice:
    first = tap * axis.dilation - min(axis.before, 0)
    return slice(first, first + (count - 1) * axis.stride + 1, axis.stride)
