"""Gradients by FFT whose inverse is not given its length, so that an odd one comes out one short; families."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mishandled import like
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import EXACT, Array, rounded


def one_short(c: Any) -> Variants:
    """An inverse of a real FFT, along the last axis, of 2(m - 1) numbers for the m of a spectrum of odd length."""
    if not isinstance(c, Convolution) or c.array not in ("dW", "dX") or c.transposed or c.groups > 1:
        return {}
    if c.padding_mode != "zeros" or min(axis.before for axis in c.axes) < 0:
        return {}
    padded = [n + sum(pair) for n, pair in zip(c.x.shape[2:], c.pads, strict=True)]
    full = [n + axis.extent - 1 for n, axis in zip(padded, c.axes, strict=True)]
    lengths = {"": full, ", that of the padded input": padded}
    return {
        f"the inverse is not given its odd length{name}": c.but(arrange=(partial(_by_spectrum, c=c, size=size),))
        for name, size in lengths.items()
        if size[-1] % 2 and size[-1] > 1
    }


def _by_spectrum(array: Array, c: Convolution, size: list[int]) -> Array:
    axes = tuple(range(2, 2 + c.dims))
    x, delta, w = (np.fft.rfftn(part, size, axes=axes) for part in _spread(c))
    if c.array == "dX":
        spectrum = np.einsum("no...,oc...->nc...", delta, w)
        cut: Any = [slice(axis.before, axis.before + n) for axis, n in zip(c.axes, c.lengths, strict=True)]
    else:
        spectrum = np.einsum("nc...,no...->oc...", x, np.conj(delta))
        cut = [slice(0, axis.extent, axis.dilation) for axis in c.axes]
    made = np.asarray(np.fft.irfftn(spectrum, axes=axes))[(..., *cut)]
    return like(c.as_laid(made) if c.array == "dW" else made, array)


def _spread(c: Convolution) -> tuple[Array, Array, Array]:
    """x with its padding, delta with its stride, the kernel with its dilation, as floats."""
    x, delta, w = (rounded(part) if part.dtype == EXACT else part for part in (c.x, c.delta, c.as_laid(c.w)))
    strides, dilations = [axis.stride for axis in c.axes], [axis.dilation for axis in c.axes]
    return np.pad(x, [(0, 0), (0, 0), *c.pads]), _apart(delta, strides), _apart(w, dilations)


def _apart(array: Array, steps: list[int]) -> Array:
    """Entries so many cells from each other, with zeros between them."""
    lengths = ((n - 1) * step + 1 for n, step in zip(array.shape[2:], steps, strict=True))
    result = np.zeros((*array.shape[:2], *lengths))
    every: Any = (..., *(slice(None, None, step) for step in steps))
    result[every] = array
    return result
