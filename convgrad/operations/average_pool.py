"""Average pooling: the mean of the cells under the window, which each get delta over the divisor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.planes import by_planes
from convgrad.core.unfold import lay_onto, patch, reduced
from convgrad.core.window import Window
from convgrad.operations.geometry import adaptive, pooling, refuse_lonely
from convgrad.operations.operation import Overlay, Shape, at_position
from convgrad.operations.pool import pool
from convgrad.operations.terms import pool_terms

Spans = Sequence[tuple[int, int]]


def forward(x: Array, *, window: Window, counted: Spans, divisor: int | None) -> Array:
    """(N,C,*L) -> (N,C,*P); `counted` is per axis the first cell that counts, and one past the last."""
    y = zeros((*x.shape[:2], *window.positions(x.shape[2:])), x.dtype)
    by, nothing = _divisors_of_rows(window, counted, divisor, x), zeros((), x.dtype)[()]

    def average(part: Window, rows: slice, x: Array, y: Array) -> None:
        y[...] = reduced(x, part, np.add, nothing) / by(rows.start, rows.stop)

    by_planes(average, window, [x], [y])
    return y


def backward(delta: Array, x: Array, *, window: Window, counted: Spans, divisor: int | None) -> dict[str, Array]:
    """(N,C,*P) -> dx (N,C,*L); <x,dx> = <y,delta>."""
    dx, by = zeros(x.shape, delta.dtype), _divisors_of_rows(window, counted, divisor, x)

    def give(part: Window, rows: slice, dx: Array, delta: Array) -> None:
        lay_onto(dx, delta / by(rows.start, rows.stop), part)

    by_planes(give, window, [dx], [delta])
    return {"x": dx}


def _divisors_of_rows(
    window: Window, counted: Spans, divisor: int | None, like: Array
) -> Callable[[int | None, int | None], Array]:
    """The `divisors` of some rows, kept for the next plane; those of a large plane would be as large as the output."""

    @lru_cache(maxsize=4)
    def of_rows(first: int | None, last: int | None) -> Array:
        some = window if first is None or last is None else window.block(like.shape[2:], first, last)
        return divisors(some, counted, divisor, like)

    return of_rows


def overlay(
    delta: Array, x: Array, *, sample: int, position: tuple[int, ...], window: Window, counted: Spans,
    divisor: int | None,
) -> Overlay:  # fmt: skip
    """One window: every cell that counts gets delta over the divisor; what falls on padding is lost."""
    under, cells = window.under(position), window.cells(position)
    patched, e = patch(x[sample], under), at_position(delta, sample, position)
    pairs = zip(under, counted, strict=True)
    taps = [[tap for tap, cell in enumerate(span) if a <= cell < z] for span, (a, z) in pairs]
    by = prod(map(len, taps)) if divisor is None else divisor
    given: Any = (slice(None), *np.ix_(*taps))
    dx = zeros(patched.shape, delta.dtype)
    dx[given] = (e / by).reshape(-1, *(1,) * len(under))
    return Overlay(sample, position, cells, patched, dx, delta=e, divisor=by)


def divisors(window: Window, counted: Spans, divisor: int | None, like: Array) -> Array:
    """How many cells each window averages, or the divisor that was asked for: (*P), in the kind of `like`."""
    if divisor is not None:
        return np.full(window.positions(like.shape[2:]), divisor, like.dtype)
    axes = zip(window.axes, like.shape[2:], counted, strict=True)
    rows = [axis.counted(length, *span) for axis, length, span in axes]
    return reduce(np.multiply.outer, rows).astype(like.dtype)


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    lengths = shapes["x"][2:]
    window = pooling(settings, lengths)
    padded = settings["count_include_pad"] or settings["divisor"] is not None
    if not padded:
        refuse_lonely(window, lengths, "padding is not counted (count_include_pad: false), so it has no mean")
    ends = zip(settings["padding"], lengths, strict=True)
    counted = tuple((-before, length + after) if padded else (0, length) for (before, after), length in ends)
    return {"window": window, "counted": counted, "divisor": settings["divisor"]}


def prepare_adaptive(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    lengths = shapes["x"][2:]
    window = adaptive(lengths, settings["output_size"])
    return {"window": window, "counted": tuple((0, length) for length in lengths), "divisor": None}


def share(laid: Overlay, value: Any, note: str) -> Any:
    """The part of the mean that a cell is."""
    # a cell of the padding is the integer 0, and 0/2 would be a float among fractions
    return value if value == 0 else value / laid.divisor


OPERATION = pool(
    "average-pool",
    prepare=prepare,
    forward=forward,
    backward=backward,
    overlay=overlay,
    terms=pool_terms(overlay, share),
)
ADAPTIVE = OPERATION._replace(name="adaptive-average-pool", prepare=prepare_adaptive)
