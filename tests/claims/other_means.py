"""Gradients of a dense convolution of stride 1 by other means than ours, and the ways in which people write them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Plain
from convgrad.differences.roundoff import TYPES


def data(make: Callable[..., Any], samples=2, channels=2, filters=3, size=6, kernel=3):
    """x, w and delta."""
    out = size - kernel + 1
    shapes = (samples, channels, size, size), (filters, channels, kernel, kernel), (samples, filters, out, out)
    return tuple(np.asarray(make(shape), float) for shape in shapes)


def document(x, w, delta, **more):
    return {"op": "conv", "dims": 2, "input": x, "kernel": w, "delta": delta, **more}


# -- Other means -------------------------------------------------------------------------------------------------------


def dw_by_loops(x, w, delta, kind=np.float64):
    """One product after another, in C order, in the type."""
    x, delta, k = x.astype(kind), delta.astype(kind), w.shape[-1]
    dw = np.zeros(w.shape, kind)
    for n, i, j in np.ndindex(len(x), *delta.shape[2:]):
        dw += delta[n, :, i, j][:, None, None, None] * x[n, :, i : i + k, j : j + k]
    return dw


def dx_by_loops(x, w, delta, kind=np.float64):
    w, delta, k = w.astype(kind), delta.astype(kind), w.shape[-1]
    dx = np.zeros(x.shape, kind)
    for n, o, i, j in np.ndindex(*delta.shape):
        dx[n, :, i : i + k, j : j + k] += delta[n, o, i, j] * w[o]
    return dx


def _products(x, w, delta, kind):
    """Every product of dW, the terms of each entry last."""
    k = w.shape[-1]
    under = np.lib.stride_tricks.sliding_window_view(x.astype(kind), (k, k), axis=(2, 3))
    terms = under[:, None] * delta.astype(kind)[:, :, None, :, :, None, None]
    return np.moveaxis(terms, (0, 3, 4), (-3, -2, -1)).reshape(*w.shape, -1)


def dw_pairwise(x, w, delta, kind=np.float32):
    """Neighbours added, then neighbours of those."""
    terms = _products(x, w, delta, kind)
    while terms.shape[-1] > 1:
        if terms.shape[-1] % 2:
            terms = np.concatenate([terms, np.zeros((*terms.shape[:-1], 1), kind)], axis=-1)
        terms = terms[..., ::2] + terms[..., 1::2]
    return terms[..., 0]


def dw_by_fft(x, w, delta):
    """Each sample's correlation as a product of transforms."""
    size, k = x.shape[-2:], w.shape[-1]
    fx, fd = np.fft.rfft2(x), np.fft.rfft2(delta, size)
    return np.fft.irfft2(np.einsum("nchw,nohw->ochw", fx, fd.conj()), size)[:, :, :k, :k]


B = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
A = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


def output_by_winograd(x, w, kind=np.float32):
    """F(2,3) along both axes; the output has an even size."""
    b, g, a, x, w = (part.astype(kind) for part in (B, G, A, x, w))
    u = np.einsum("ij,ocjk,lk->ocil", g, w, g)
    y = np.zeros((len(x), len(w), x.shape[2] - 2, x.shape[3] - 2), kind)
    for i in range(0, y.shape[2], 2):
        for j in range(0, y.shape[3], 2):
            v = np.einsum("ij,ncjk,lk->ncil", b, x[:, :, i : i + 4, j : j + 4], b)
            m = np.einsum("ocil,ncil->noil", u, v)
            y[:, :, i : i + 2, j : j + 2] = np.einsum("ij,nojk,lk->noil", a, m, a)
    return y


def nearest(values, kind):
    """Numbers rounded to a type that NumPy may not have."""
    return TYPES[kind].nearest(np.asarray(values, float))


def cut(values, kind):
    """Numbers whose lower bits are cut off."""
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.trunc(np.ldexp(fraction, TYPES[kind].bits)), exponent - TYPES[kind].bits)


# -- Writers -----------------------------------------------------------------------------------------------------------


def leaf_by_leaf(write):
    def written(array):
        return [written(part) for part in array] if np.ndim(array) else Plain(write(array))

    return written


def as_numpy_prints(array):
    text = re.sub(r"(-?\d+\.?\d*(?:e[-+]?\d+)?)", r'"\1"', np.array2string(array, threshold=10**9, separator=","))

    def plain(part):
        return [plain(one) for one in part] if isinstance(part, list) else Plain(part)

    return plain(json.loads(text))


WRITERS = {
    "four decimals": leaf_by_leaf("{:.4f}".format),
    "six digits": leaf_by_leaf("{:.6g}".format),
    "eight decimals": leaf_by_leaf("{:.8f}".format),
    "scientific": leaf_by_leaf("{:.4e}".format),
    "NumPy's print": as_numpy_prints,
    "shortest": leaf_by_leaf(str),
    "tolist": lambda array: array.tolist(),
    "JSON of five decimals": lambda array: json.loads(json.dumps(np.round(array.astype(float), 5).tolist())),
    "array": lambda array: array,
}
