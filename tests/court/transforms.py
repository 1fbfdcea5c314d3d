"""Gradients by transforms in place of sums of products: FFT, and Winograd's F(2,3) and F(4,3)."""

from __future__ import annotations

import importlib.util
from itertools import product

import numpy as np

from tests.court.sums import Arrays, Layer, by_tensordot

fft = importlib.import_module("scipy.fft" if importlib.util.find_spec("scipy") else "numpy.fft")

INPUT = {
    2: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    4: [
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ],
}  # fmt: skip
KERNEL = {
    2: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
    ],
}  # fmt: skip
OUTPUT = {
    2: [[1, 1, 1, 0], [0, 1, -1, -1]],
    4: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}


def by_fft(one: Layer) -> Arrays:
    """dW and dX as products of spectra, over all of the padded input; db as ever."""
    spread, kernel = _stretched(one.narrow, one.strides), _stretched(one.kernel, one.dilations)
    axes = tuple(range(2, kernel.ndim))
    padded = one.padded
    size = [padded.shape[axis] + kernel.shape[axis] - 1 for axis in axes]
    wide, narrow, taps = (fft.rfftn(array, size, axes=axes) for array in (padded, spread, kernel))
    return by_tensordot(one) | {
        "dW": _dw(one, fft.irfftn(_per_group(one, wide, narrow), size, axes=axes)).astype(one.kernel.dtype),
        "dX": _dx(one, wide, narrow, taps, size, axes).astype(one.kernel.dtype),
    }


def _stretched(array: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    lengths = [(n - 1) * step + 1 for n, step in zip(array.shape[2:], steps, strict=True)]
    result = np.zeros((*array.shape[:2], *lengths), array.dtype)
    result[(slice(None), slice(None), *(slice(None, None, step) for step in steps))] = array
    return result


def _per_group(one: Layer, wide: np.ndarray, narrow: np.ndarray) -> np.ndarray:
    parts = [np.einsum("nc...,no...->oc...", wide[:, few], narrow[:, many].conj()) for many, few in one.split()]
    return np.concatenate(parts)


def _dw(one: Layer, lags: np.ndarray) -> np.ndarray:
    each = zip(one.kernel.shape[2:], one.dilations, strict=True)
    return lags[(slice(None), slice(None), *(slice(0, (k - 1) * d + 1, d) for k, d in each))]


def _dx(one: Layer, wide, narrow, taps, size, axes) -> np.ndarray:
    if one.transposed:
        parts = [np.einsum("nc...,oc...->no...", wide[:, few], taps[many].conj()) for many, few in one.split()]
        lags = fft.irfftn(np.concatenate(parts, axis=1), size, axes=axes)
        each = zip(one.narrow.shape[2:], one.strides, strict=True)
        return lags[(slice(None), slice(None), *(slice(0, (n - 1) * s + 1, s) for n, s in each))]
    parts = [np.einsum("no...,oc...->nc...", narrow[:, many], taps[many]) for many, few in one.split()]
    return one.cropped(fft.irfftn(np.concatenate(parts, axis=1), size, axes=axes))


def has_winograd(one: Layer) -> bool:
    """Whether dX is a correlation with 3 by 3 taps, one step at a time."""
    return one.kernel.shape[2:] == (3, 3) and {*one.strides, *one.dilations, one.groups} == {1} and not one.transposed


def by_winograd(one: Layer, tile: int) -> Arrays:
    """dX by F(tile, 3) in both axes; dW and db as ever."""
    kernel, into, out = (np.array(table[tile], one.kernel.dtype) for table in (KERNEL, INPUT, OUTPUT))
    rows, columns = one.padded.shape[2:]
    delta = np.pad(one.narrow, [(0, 0), (0, 0), (2, 2 + tile), (2, 2 + tile)])
    taps = np.einsum("ak,ockl,bl->ocab", kernel, one.kernel[:, :, ::-1, ::-1], kernel)
    result = np.zeros((len(delta), one.kernel.shape[1], rows + tile, columns + tile), one.kernel.dtype)
    for top, left in product(range(0, rows, tile), range(0, columns, tile)):
        cells = delta[:, :, top : top + tile + 2, left : left + tile + 2]
        summed = np.einsum("noab,ocab->ncab", into @ cells @ into.T, taps)
        result[:, :, top : top + tile, left : left + tile] = out @ summed @ out.T
    return by_tensordot(one) | {"dX": one.cropped(result)}
