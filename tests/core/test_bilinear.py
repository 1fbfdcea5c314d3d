"""Gradients as arrays: whole, laid out as any array is, and zero where no tap meets a cell, whatever memory held."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.core.bilinear import correlate, correlate_gradients, spread, spread_gradients
from convgrad.core.window import Axis, Window


@pytest.fixture
def used_memory(monkeypatch):
    """New arrays hold what others left: numbers that must not be seen."""
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full(shape, 7, dtype))


def whole_numbers(kind, *shapes):
    random = np.random.default_rng(len(shapes))
    return [random.integers(1, 9, shape).astype(kind) for shape in shapes]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axis", [Axis(1, stride=3), Axis(2, stride=4, dilation=2), Axis(3, before=1, after=1)])
def test_every_cell_is_written(used_memory, kind, groups, axis):
    window = Window((axis, axis))
    count = axis.positions(10)
    x, w, delta = whole_numbers(kind, (2, 4, 10, 10), (6, 4 // groups, axis.size, axis.size), (2, 6, count, count))
    dx, dw = correlate_gradients(delta, x, w, window=window, groups=groups)
    up, dv = spread_gradients(x, delta, w, window=window, groups=groups)
    y = correlate(x, w, window=window, groups=groups)
    assert (dx == spread(delta, w, window=window, groups=groups, lengths=(10, 10))).all()
    assert (x * dx).sum() == (w * dw).sum() == (y * delta).sum()
    assert (up == y).all()
    assert (dv == dw).all()
    unmet = ~np.isin(np.arange(10), [cell for p in range(count) for cell in axis.under(p)])
    assert not dx[:, :, unmet].any()
    assert not dx[:, :, :, unmet].any()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("taps", [1, 3])
def test_gradients_are_contiguous(kind, taps):
    window = Window((Axis(taps), Axis(taps)))
    x, w, delta = whole_numbers(kind, (2, 3, 9, 9), (4, 3, taps, taps), (2, 4, 10 - taps, 10 - taps))
    down = correlate_gradients(delta, x, w, window=window, groups=1)
    up = spread_gradients(x, delta, w, window=window, groups=1)
    assert all(gradient.flags.c_contiguous for gradient in (*down, *up))
