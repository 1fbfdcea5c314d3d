"""Convolution: y[n,o,p] = b[o] + sum_{c,t} w[o,c,t] xp[n, c, p*s + t*d], and with `mode: convolution` w turned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.bilinear import correlate, correlate_gradients
from convgrad.core.columns import matrices
from convgrad.core.threads import UNHELD, share
from convgrad.core.unfold import pad, patch, unpad, unpadded
from convgrad.core.window import Window
from convgrad.errors import Problem
from convgrad.operations.geometry import fitting, raise_all, strided_axes
from convgrad.operations.operation import Operation, Overlay, Shape, at_position, windows_over_input
from convgrad.operations.terms import Bilinear, Factor, Term, of_bias


def forward(
    x: Array, w: Array, b: Array | None = None, *, window: Window, groups: int, mode: str, padding_mode: str
) -> Array:
    """(N,C,*L), (O,C/g,*K), (O,) -> (N,O,*P)."""
    if padding_mode != "zeros":
        x, window = pad(x, window, padding_mode), unpadded(window)
    return biased(correlate(x, oriented(w, mode), window=window, groups=groups), b)


def backward(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, window: Window, groups: int, mode: str,
    padding_mode: str,
) -> dict[str, Array]:  # fmt: skip
    """(N,O,*P) -> dx (N,C,*L), dw (O,C/g,*K), db (O,); <x,dx> = <w,dw> = <y-b,delta>."""
    lengths, inner = x.shape[2:], window
    if padding_mode != "zeros":
        x, inner = pad(x, window, padding_mode), unpadded(window)
    dx, dw = correlate_gradients(delta, x, oriented(w, mode), window=inner, groups=groups)
    if padding_mode != "zeros":
        dx = unpad(dx, window, padding_mode, lengths)
    return {"x": dx, "w": oriented(dw, mode), "b": channel_sums(delta)}


def overlay(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, sample: int, position: tuple[int, ...],
    window: Window, groups: int, mode: str, padding_mode: str,
) -> Overlay:  # fmt: skip
    """What one window adds: dw += e W, dx[window] += sum_o e[o] w[o], db += e, with e = delta[n,:,p]."""
    e = at_position(delta, sample, position)
    under = patch(x[sample], window.under(position), padding_mode)
    dw, dx = outer(e, under, groups), overlaps(e, oriented(w, mode), groups)
    return Overlay(sample, position, window.cells(position), under, dx, delta=e, dw=oriented(dw, mode), db=e)


def oriented(w: Array, mode: str) -> Array:
    """The kernel as it is laid on the input: turned along every spatial axis for `convolution`; its own inverse."""
    return w if mode == "cross-correlation" else np.flip(w, axis=tuple(range(2, w.ndim)))


def biased(y: Array, b: Array | None) -> Array:
    """y (N,O,*P) plus b (O,), written into y, which the caller has just made: a copy would double the memory."""
    if b is not None:
        y += b.reshape(-1, *(1,) * (y.ndim - 2))
    return y


def channel_sums(delta: Array) -> Array:
    """db = sum(delta): (N,O,*P) -> (O,)."""
    by_sample = zeros(delta.shape[:2], delta.dtype)
    if delta.size < UNHELD or delta.dtype == EXACT:
        by_sample += matrices(delta).sum(axis=2)
    else:
        ones = np.ones(prod(delta.shape[2:]), delta.dtype)

        def add(n: int) -> None:
            by_sample[n] = matrices(delta[n : n + 1])[0] @ ones  # in half the time that NumPy's sums take

        share(add, range(len(delta)), delta.size)
    sums: Array = zeros(delta.shape[1:2], delta.dtype) + by_sample.sum(axis=0)
    return sums


def outer(e: Array, under: Array, groups: int) -> Array:
    """e (O,) times the window (C,*K) of its own group: (O,C/g,*K)."""
    ones = (1,) * (under.ndim - 1)
    parts = e.reshape(groups, -1, 1, *ones) * under.reshape(groups, 1, -1, *under.shape[1:])
    return parts.reshape(len(e), -1, *under.shape[1:])


def overlaps(e: Array, w: Array, groups: int) -> Array:
    """sum_o e[o] w[o]: (O,), (O,C/g,*K) -> (C,*K)."""
    parts = (e.reshape(-1, *(1,) * (w.ndim - 1)) * w).reshape(groups, -1, *w.shape[1:])
    summed: Array = parts.sum(axis=1).reshape(-1, *w.shape[2:])
    return summed


def terms(
    name: str, index: tuple[int, ...], delta: Array, x: Array, w: Array, b: Array | None = None, *,
    window: Window, groups: int, mode: str, padding_mode: str,
) -> Iterator[Term]:  # fmt: skip
    """The terms of one entry of y, x (dx), w (dw) or b (db)."""
    relation = Bilinear(delta, x, w, "delta", "x", window, groups, mode, padding_mode)
    if name == "b":
        yield from of_bias(delta, index[0])
    elif name == "y":
        yield from relation.of_near(index)
        yield from bias_term(b, index[1])
    else:
        yield from (relation.of_far if name == "x" else relation.of_kernel)(index)


def bias_term(b: Array | None, o: int) -> Iterator[Term]:
    """The bias as the last term of an output."""
    if b is not None:
        yield Term(None, None, None, (Factor("b", (o,), b[o]),), b[o])


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    lengths, sizes = shapes["x"][2:], shapes["w"][2:]
    axes = strided_axes(sizes, settings)
    raise_all([*_torn(settings["padding_mode"], settings["padding"]),
               *_copies(settings["padding_mode"], settings["padding"], lengths)])  # fmt: skip
    window = fitting(axes, lengths)
    return {"window": window, **{name: settings[name] for name in ("groups", "mode", "padding_mode")}}


def _torn(mode: str, padding: Sequence[tuple[int, int]]) -> Iterator[Problem]:
    """Libraries do not agree whether cells that are cropped at one end may be copied at the other."""
    for axis, (before, after) in enumerate(padding):
        if mode != "zeros" and min(before, after) < 0 < max(before, after):
            message = (
                f"padding [{before}, {after}] on axis {axis} crops one end and, in mode {mode}, copies at the other"
            )
            yield Problem(message, "crop the input itself, or use padding_mode zeros", ("padding",))


def _copies(mode: str, padding: Sequence[tuple[int, int]], lengths: Sequence[int]) -> list[Problem]:
    """Reflection needs pad < i, going round pad <= i."""
    most = {"reflect": -1, "circular": 0}.get(mode)
    if most is None:
        return []
    return [
        Problem(
            f"padding_mode {mode} can pad axis {axis} by {length + most} at most, for an input length of {length}, "
            f"but the padding is {list(pair)}",
            "use less padding, or padding_mode replicate",
            ("padding",),
        )
        for axis, (pair, length) in enumerate(zip(padding, lengths, strict=True))
        if max(pair) > length + most
    ]


def output_shape(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    return (shapes["x"][0], shapes["w"][0], *windows_over_input(shapes, arguments))


OPERATION = Operation(
    name="conv",
    prepare=prepare,
    output_shape=output_shape,
    forward=forward,
    backward=backward,
    overlay=overlay,
    positions=windows_over_input,
    terms=terms,
)
