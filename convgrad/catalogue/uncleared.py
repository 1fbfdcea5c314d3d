"""Accumulators that are not set back to 0: from entry to entry, or from tile to tile of a product; families."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array

TILES = (2, 3, 4, 5, 6, 8, 16, 32, 64)
"""How wide the tiles of a matrix product are, as a rule."""


def running(c: Any) -> Variants:
    """An accumulator that is not set back: every entry holds those before it too."""
    axes = range(1 if c.array == "db" else c.dims + 2)
    found: dict[str, Any] = {f"along axis {axis}": c.then(partial(np.cumsum, axis=axis)) for axis in axes}
    if c.array != "db":
        found |= {f"from axis {first} on": c.then(partial(_run, first=first)) for first in range(c.dims + 1)}
    return found


def _run(array: Array, first: int) -> Array:
    rows = array.reshape(*array.shape[:first], -1)
    return np.asarray(rows.cumsum(axis=first).reshape(array.shape))


def tiled(c: Any) -> Variants:
    """A product of matrices in tiles, whose accumulator is set back once for a row, or a column, of them."""
    if not isinstance(c, Convolution) or c.array not in ("dW", "dX") or c.transposed or c.groups > 1:
        return {}
    found: dict[str, Any] = {}
    for tile in TILES:
        for axis, (length, along) in enumerate(_sides(c)):
            if tile < length:
                move = partial(_over_tiles, tile=tile, axis=axis, c=c)
                made = c.then(move) if c.array == "dW" else c.but(regroup=move)
                found[f"from tile to tile of {tile} {along}"] = made
    return found


def _sides(c: Convolution) -> list[tuple[int, str]]:
    """How long the sides of the product are, and along what: of dW, or of what windows give to their taps."""
    taps, positions = int(np.prod(c.w.shape[1:])), int(np.prod(c.delta.shape[2:]))
    if c.array == "dW":
        return [(len(c.w), "filters"), (taps, "taps")]
    return [(taps, "taps"), (positions, "positions"), (positions * len(c.delta), "positions of all samples")]


def _over_tiles(array: Array, tile: int, axis: int, c: Convolution) -> Array:
    if c.array == "dW":
        return _carried(array.reshape(len(array), -1), tile, axis).reshape(array.shape)
    samples, positions = len(array), int(np.prod(c.delta.shape[2:]))
    rows = array.reshape(samples, -1, positions)
    if axis < 2:
        return _carried(rows, tile, axis + 1).reshape(array.shape)
    together = _carried(rows.swapaxes(0, 1).reshape(rows.shape[1], -1), tile, 1)
    return np.asarray(together.reshape(-1, samples, positions).swapaxes(0, 1).reshape(array.shape))


def _carried(array: Array, tile: int, axis: int) -> Array:
    """Every tile with all before it along an axis."""
    moved = np.moveaxis(array, axis, 0).copy()
    for start in range(tile, len(moved), tile):
        part = moved[start : start + tile]
        part += moved[start - tile : start - tile + len(part)]
    return np.moveaxis(moved, 0, axis)
