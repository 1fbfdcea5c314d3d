"""Lp pooling: y = (sum |x|^p)^(1/p) over the window; `signed`, as in PyTorch, (sum x^p)^(1/p).

So p = 1 of 1, -2, 3, -4 is 10, and signed -2. A signed sum below 0 has no root, and is NaN where p is not 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.planes import by_planes
from convgrad.core.unfold import ALL, add_at, patch, reduced
from convgrad.core.window import Window
from convgrad.operations.geometry import fitting, pooling, strided_axes
from convgrad.operations.operation import Overlay, Shape, at_position
from convgrad.operations.pool import pool
from convgrad.operations.terms import Term, pool_terms

EVEN = 2
ALL_LOST = 2**60
"""A sum that is so much smaller than its terms is nothing but their rounding, in any type."""


def forward(x: Array, *, window: Window, norm: Any, signed: bool = False) -> Array:
    """(N,C,*L) -> (N,C,*P); padding counts as 0."""
    y = zeros((*x.shape[:2], *window.positions(x.shape[2:])), x.dtype)

    def measure(part: Window, rows: slice, x: Array, y: Array) -> None:
        y[...] = _norms(x, part, norm, signed)

    by_planes(measure, window, [x], [y])
    return y


def backward(delta: Array, x: Array, *, window: Window, norm: Any, signed: bool = False) -> dict[str, Array]:
    """dx = delta sign(x) |x|^(p-1) y^(1-p), signed delta x^(p-1) y^(1-p), 0 where y = 0: (N,C,*P) -> (N,C,*L)."""
    dx = zeros(x.shape, delta.dtype)

    def give(part: Window, rows: slice, x: Array, dx: Array, delta: Array) -> None:
        scale, y = _scaled_norms(x, part, norm, signed)
        for _, positions, cells in part.taps(x.shape[2:]):
            at = (*ALL, *positions)
            scaled = x[(*ALL, *cells)] if norm == 1 else x[(*ALL, *cells)] / scale[at]
            add_at(dx, cells, delta[at] * slope(scaled, y[at], norm, signed).astype(delta.dtype))

    by_planes(give, window, [x, dx], [delta])
    return {"x": dx}


def slope(x: Array, y: Array, norm: Any, signed: bool = False) -> Array:
    """dy/dx of one cell: sign(x) (|x|/y)^(p-1), written so that nothing overflows; signed (x/y)^(p-1), 0 where y is."""
    if signed:
        return _signed_slope(x, y, norm)
    sign: Array = (x > 0).astype(int) - (x < 0).astype(int)
    if norm == 1:
        return np.asarray(sign + zeros((), EXACT)) if x.dtype == EXACT else sign.astype(x.dtype)
    ratio = np.divide(abs(x), y, out=np.zeros_like(x), where=y != 0)
    result: Array = sign * ratio ** (norm - 1)
    return result


def _signed_slope(x: Array, y: Array, norm: Any) -> Array:
    """PyTorch's, which is 0 also where a sum of numbers cancels."""
    if norm == 1:
        kept: Array = (y != 0).astype(int) + zeros(x.shape, x.dtype)
        return kept
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = np.divide(x, y, out=np.zeros_like(x), where=y != 0)
        result: Array = ratio ** (norm - 1)
    return result


def cancellation(x: Array, *, window: Window, norm: Any) -> Array:
    """How many times sum |x|^p is of |sum x^p|, so much the more a rounding weighs: float64 (N,C,*L) -> (N,C,*P)."""
    scale = _scale(x, window)
    total, sizes = zeros(scale.shape, x.dtype), zeros(scale.shape, x.dtype)
    with np.errstate(invalid="ignore"):
        for _, positions, cells in window.taps(x.shape[2:]):
            power = (x[(*ALL, *cells)] / scale[(*ALL, *positions)]) ** norm
            total[(*ALL, *positions)] += power
            sizes[(*ALL, *positions)] += abs(power)
    times = np.divide(sizes, abs(total), out=np.where(sizes == 0, np.ones_like(sizes), ALL_LOST), where=total != 0)
    result: Array = np.where(np.isnan(times), 1, np.minimum(times, ALL_LOST))
    return result


def _norms(x: Array, window: Window, norm: Any, signed: bool) -> Array:
    """The norm of every window: (N,C,*L) -> (N,C,*P)."""
    scale, scaled = _scaled_norms(x, window, norm, signed)
    return scaled if norm == 1 else (scale * scaled).astype(x.dtype)


def _scaled_norms(x: Array, window: Window, norm: Any, signed: bool) -> tuple[Any, Array]:
    """A scale (1 where p = 1) and the norm of every window in units of it, which no window is too large for."""
    taken = x if signed else abs(x)
    if norm == 1:
        return 1, reduced(taken, window, np.add, zeros((), x.dtype)[()])
    scale = _scale(x, window)
    total = zeros(scale.shape, x.dtype)
    with np.errstate(invalid="ignore"):  # what has no power or root is NaN
        for _, positions, cells in window.taps(x.shape[2:]):
            at = (*ALL, *positions)
            total[at] += (taken[(*ALL, *cells)] / scale[at]) ** norm
        return scale, total ** (1 / norm)


def _scale(x: Array, window: Window) -> Array:
    """A power of two near each window's largest magnitude: dividing by it is exact, and powers stay in range."""
    largest = reduced(abs(x), window, np.maximum, 0)
    exponent = np.where(largest > 0, np.frexp(largest)[1] - 1, 0)
    return np.ldexp(np.ones_like(largest), exponent)


def overlay(
    delta: Array, x: Array, *, sample: int, position: tuple[int, ...], window: Window, norm: Any, signed: bool = False
) -> Overlay:  # fmt: skip
    """One window and what each cell under it is given."""
    under, e = window.under(position), at_position(delta, sample, position)
    patched = patch(x[sample], under)
    flat = patched.reshape(1, len(e), -1)
    whole = fitting(strided_axes(flat.shape[2:], {"stride": (1,), "padding": ((0, 0),)}), flat.shape[2:])
    dx = backward(e.reshape(1, -1, 1), flat, window=whole, norm=norm, signed=signed)["x"]
    return Overlay(sample, position, window.cells(position), patched, dx.reshape(patched.shape), delta=e)


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Signed is what differs: powers that are even have no sign."""
    norm = settings["norm"]
    signed = bool(settings["signed"] and norm % EVEN)
    return {"window": pooling(settings, shapes["x"][2:]), "norm": norm, "signed": signed}


def _terms(name: str, index: tuple[int, ...], delta: Array, x: Array, **arguments: Any) -> Iterator[Term]:
    """Of an output what each cell puts into the norm: its size, or signed the number itself."""
    signed = arguments.get("signed", False)
    yield from pool_terms(overlay, lambda laid, value, note: value if signed else abs(value))(
        name, index, delta, x, **arguments
    )


OPERATION = pool(
    "lp-pool", prepare=prepare, forward=forward, backward=backward, overlay=overlay,
    terms=_terms, rational=lambda settings: settings["norm"] == 1,
)  # fmt: skip
