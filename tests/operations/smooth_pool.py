"""An operation from outside, as a newcomer would add it: its functions, its name, its row of settings.

A smooth maximum, y = log(sum exp(k x))/k over the cells of a window, k being the sharpness; dy/dx of a cell is its
share exp(k (x - y)). Padding is never a candidate.
"""

from __future__ import annotations

import numpy as np

from convgrad import operations, vocabulary
from convgrad.core.arithmetic import zeros
from convgrad.core.unfold import ALL, add_at, patch, reduced
from convgrad.operations.geometry import pooling, refuse_lonely
from convgrad.operations.operation import Overlay, at_position
from convgrad.operations.pool import pool
from convgrad.operations.terms import Factor, Term, over_cell

NAME, FAMILY = "smooth-pool", "smooth maximum"
SHARPNESS = vocabulary.Setting(vocabulary.NUMBER, "smooth pools: k, how near to the maximum", 1, least=1, most=100)


def forward(x, *, window, sharpness):
    largest = reduced(x, window, np.maximum, -np.inf)
    total = zeros(largest.shape, x.dtype)
    for _, positions, cells in window.taps(x.shape[2:]):
        at = (*ALL, *positions)
        total[at] += np.exp(sharpness * (x[(*ALL, *cells)] - largest[at]))
    return largest + np.log(total) / x.dtype.type(sharpness)


def backward(delta, x, *, window, sharpness):
    y, dx = forward(x, window=window, sharpness=sharpness), zeros(x.shape, delta.dtype)
    for _, positions, cells in window.taps(x.shape[2:]):
        at = (*ALL, *positions)
        add_at(dx, cells, delta[at] * np.exp(sharpness * (x[(*ALL, *cells)] - y[at])))
    return {"x": dx}


def overlay(delta, x, *, sample, position, window, sharpness):
    under, e = window.under(position), at_position(delta, sample, position)
    patched, dx = patch(x[sample], under), zeros((x.shape[1], *map(len, under)), delta.dtype)
    y = at_position(forward(x, window=window, sharpness=sharpness), sample, position)
    for tap in np.ndindex(dx.shape[1:]):
        cell = [span[t] for span, t in zip(under, tap, strict=True)]
        if all(0 <= c < length for c, length in zip(cell, x.shape[2:], strict=True)):
            dx[(slice(None), *tap)] = e * np.exp(sharpness * (patched[(slice(None), *tap)] - y))
    return Overlay(sample, position, window.cells(position), patched, dx, delta=e)


def terms(name, index, delta, x, *, window, sharpness):
    n, channel, *at = index
    if name == "y":
        yield from of_output(n, channel, tuple(at), x, window)
        return
    y = forward(x, window=window, sharpness=sharpness)
    for position, tap, _ in over_cell(window, x.shape[2:], "zeros", at):
        place = (n, channel, *position)
        share = np.exp(sharpness * (x[index] - y[place]))
        factors = (Factor("delta", place, delta[place]), Factor("slope", None, share))
        yield Term(n, position, tap, factors, delta[place] * share)


def of_output(n, channel, position, x, window):
    under = window.under(position)
    for tap in np.ndindex(*map(len, under)):
        cell = tuple(span[t] for span, t in zip(under, tap, strict=True))
        if all(0 <= c < length for c, length in zip(cell, x.shape[2:], strict=True)):
            value = x[(n, channel, *cell)]
            yield Term(n, position, tap, (Factor("x", (n, channel, *cell), value),), value)


def prepare(shapes, settings):
    window = pooling(settings, shapes["x"][2:])
    refuse_lonely(window, shapes["x"][2:], "padding is never a candidate, so it has no maximum")
    return {"window": window, "sharpness": settings["sharpness"]}


OPERATION = pool(
    NAME, prepare=prepare, forward=forward, backward=backward, overlay=overlay, terms=terms,
    rational=lambda settings: False,
)  # fmt: skip


def register(put=dict.__setitem__):
    """Add it; `put(table, key, value)` may be one that takes it away again."""
    put(vocabulary.SETTINGS, "sharpness", SHARPNESS)
    settings = ("window", "stride", "padding", "ceil_mode", "sharpness")
    put(vocabulary.OPERATIONS, NAME, vocabulary.row(FAMILY, vocabulary.X, *settings, stride=None))
    put(operations.OPERATIONS, NAME, OPERATION)
