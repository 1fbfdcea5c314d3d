"""Lp pooling: y = (sum |x|^p)^(1/p) over the window. PyTorch sums x^p with its sign: there p=1 of 1,-2,3,-4 is -2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.planes import by_planes
from convgrad.core.unfold import ALL, add_at, patch, reduced
from convgrad.core.window import Window
from convgrad.operations.geometry import fitting, pooling, strided_axes
from convgrad.operations.operation import Overlay, Shape, at_position
from convgrad.operations.pool import pool
from convgrad.operations.terms import pool_terms


def forward(x: Array, *, window: Window, norm: Any) -> Array:
    """(N,C,*L) -> (N,C,*P); padding counts as 0."""
    y = zeros((*x.shape[:2], *window.positions(x.shape[2:])), x.dtype)

    def measure(part: Window, rows: slice, x: Array, y: Array) -> None:
        y[...] = _norms(x, part, norm)

    by_planes(measure, window, [x], [y])
    return y


def backward(delta: Array, x: Array, *, window: Window, norm: Any) -> dict[str, Array]:
    """dx = delta sign(x) |x|^(p-1) y^(1-p), 0 where y = 0: (N,C,*P) -> (N,C,*L)."""
    dx = zeros(x.shape, delta.dtype)

    def give(part: Window, rows: slice, x: Array, dx: Array, delta: Array) -> None:
        scale, y = _scaled_norms(x, part, norm)
        for _, positions, cells in part.taps(x.shape[2:]):
            at = (*ALL, *positions)
            scaled = x[(*ALL, *cells)] if norm == 1 else x[(*ALL, *cells)] / scale[at]
            add_at(dx, cells, delta[at] * slope(scaled, y[at], norm).astype(delta.dtype))

    by_planes(give, window, [x, dx], [delta])
    return {"x": dx}


def slope(x: Array, y: Array, norm: Any) -> Array:
    """dy/dx of one cell: sign(x) (|x|/y)^(p-1), written so that nothing overflows."""
    sign: Array = (x > 0).astype(int) - (x < 0).astype(int)
    if norm == 1:
        exact: Array = sign + zeros((), EXACT)
        return exact if x.dtype == EXACT else sign.astype(x.dtype)
    ratio = np.divide(abs(x), y, out=np.zeros_like(x), where=y != 0)
    result: Array = sign * ratio ** (norm - 1)
    return result


def _norms(x: Array, window: Window, norm: Any) -> Array:
    """The norm of every window: (N,C,*L) -> (N,C,*P)."""
    scale, scaled = _scaled_norms(x, window, norm)
    return scaled if norm == 1 else (scale * scaled).astype(x.dtype)


def _scaled_norms(x: Array, window: Window, norm: Any) -> tuple[Any, Array]:
    """A scale (1 where p = 1) and the norm of every window in units of it, which no window is too large for."""
    if norm == 1:
        return 1, reduced(abs(x), window, np.add, zeros((), x.dtype)[()])
    scale = _scale(x, window)
    total = zeros(scale.shape, x.dtype)
    for _, positions, cells in window.taps(x.shape[2:]):
        at = (*ALL, *positions)
        total[at] += (abs(x[(*ALL, *cells)]) / scale[at]) ** norm
    return scale, total ** (1 / norm)


def _scale(x: Array, window: Window) -> Array:
    """A power of two near each window's largest magnitude: dividing by it is exact, and powers stay in range."""
    largest = reduced(abs(x), window, np.maximum, 0)
    exponent = np.where(largest > 0, np.frexp(largest)[1] - 1, 0)
    return np.ldexp(np.ones_like(largest), exponent)


def overlay(delta: Array, x: Array, *, sample: int, position: tuple[int, ...], window: Window, norm: Any) -> Overlay:
    """One window and what each cell under it is given."""
    under, e = window.under(position), at_position(delta, sample, position)
    patched = patch(x[sample], under)
    flat = patched.reshape(1, len(e), -1)
    whole = fitting(strided_axes(flat.shape[2:], {"stride": (1,), "padding": ((0, 0),)}), flat.shape[2:])
    dx = backward(e.reshape(1, -1, 1), flat, window=whole, norm=norm)["x"]
    return Overlay(sample, position, window.cells(position), patched, dx.reshape(patched.shape), delta=e)


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"window": pooling(settings, shapes["x"][2:]), "norm": settings["norm"]}


OPERATION = pool(
    "lp-pool", prepare=prepare, forward=forward, backward=backward, overlay=overlay,
    terms=pool_terms(overlay, lambda laid, value, note: abs(value)), rational=lambda settings: settings["norm"] == 1,
)  # fmt: skip
