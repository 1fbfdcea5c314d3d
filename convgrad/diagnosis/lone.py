"""Which single overlay of very many a claim may have lost, or counted twice: by the entries that are furthest off."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.core.arithmetic import Array
from convgrad.core.unfold import ALL
from convgrad.core.window import Window
from convgrad.diagnosis.along import Indices, Way
from convgrad.diagnosis.weights import CLOSE, LOOKED_AT

MOST_OVERLAYS = 1 << 18
"""Overlays up to which each is tried."""
MOST_LEFT = 16
"""Those that explain what is looked at: of more of them, none is told from the others."""
GAINS = (-1.0, 1.0)
"""What an overlay adds too much that is missing, or counts twice."""


def lone_overlays(
    c: Any, way: Way, wrong: Array, error: Callable[..., Array], excuse: Callable[[], Array]
) -> list[Indices]:
    """The overlays, as sample and position, of which one alone may explain an error in an array.

    The error is made where it is asked for, of a sample or of all.
    """
    if way.operand != "delta" or way.axes != (0, *range(2, c.delta.ndim)) or getattr(c, "transposed", False):
        return []
    if c.array == "dX":
        return _over_the_worst(c, wrong, error)
    few = c.delta[:, 0].size <= MOST_OVERLAYS
    return _that_fit(c, error(), excuse()) if few and isinstance(c, Convolution) and c.array != "output" else []


def _over_the_worst(c: Any, wrong: Array, error: Callable[..., Array]) -> list[Indices]:
    """The overlays that lie over the cell that is furthest off, where all that is wrong is of one sample."""
    samples = np.flatnonzero(wrong.any(axis=tuple(range(1, wrong.ndim))))
    if len(samples) != 1:
        return []
    n, off = int(samples[0]), abs(error(samples[0]))
    _, *cell = (int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    rows = zip(c.axes, cell, c.delta.shape[2:], strict=True)
    over = [[p for p in range(count) if at in axis.under(p)] for axis, at, count in rows]
    return [(n, *place) for place in product(*over)]


def _that_fit(c: Convolution, error: Array, excuse: Array) -> list[Indices]:
    """Those whose product with x, or whose delta, is what the entries are off by that are furthest off."""
    fits = np.ones((len(GAINS), len(c.delta), *c.delta.shape[2:]), bool)
    allowed = excuse + CLOSE * abs(error).max()
    for number in np.argsort(-abs(error), axis=None, kind="stable")[:LOOKED_AT]:
        entry = tuple(int(i) for i in np.unravel_index(number, error.shape))
        one = _given_to(c, entry)
        for row, gain in zip(fits, GAINS, strict=True):
            row &= abs(gain * one - error[entry]) <= allowed[entry]
        if not fits.any():
            return []
    found = np.argwhere(fits.any(axis=0))
    return [tuple(map(int, place)) for place in found] if len(found) <= MOST_LEFT else []


def _given_to(c: Convolution, entry: Indices) -> Array:
    """What every overlay adds to one entry of dW or db: (N,*P)."""
    if c.array == "db":
        return np.asarray(c.delta[:, entry[0]])
    o, i, *tap = entry
    if c.turned:
        tap = [size - 1 - at for size, at in zip(c.w.shape[2:], tap, strict=True)]
    far, before = c.padded(c.x)
    channel = o // (c.delta.shape[1] // c.groups) * c.w.shape[1] + i
    under = _under(far[:, channel : channel + 1], c.window(far.shape[2:], before), tuple(tap), c.delta.shape[2:])
    return np.asarray(c.delta[:, o] * under[:, 0])


def _under(far: Array, window: Window, tap: Indices, positions: Indices) -> Array:
    """The cells of one tap of every window; 0 outside."""
    result = np.zeros((*far.shape[:2], *positions), far.dtype)
    for at, where, cells in window.taps(far.shape[2:]):
        if tuple(at) == tap:
            result[(*ALL, *where)] = far[(*ALL, *cells)]
    return result
