"""The kernel's gradient, of all taps of the first axis in one product: what the definition says, infinities too."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.core import columns
from convgrad.core.bilinear import correlate_gradients, kernel_gradient
from convgrad.core.window import Axis, Window


def by_definition(delta, x, window):
    """Tap by tap, of the positions that meet a cell."""
    found = np.zeros((delta.shape[1], x.shape[1], *window.size))
    for tap, positions, cells in window.taps(x.shape[2:]):
        near, far = delta[(slice(None), slice(None), *positions)], x[(slice(None), slice(None), *cells)]
        found[(slice(None), slice(None), *tap)] = np.einsum(
            "nop,ncp->oc", *(part.reshape(*part.shape[:2], -1) for part in (near, far))
        )
    return found


def layer(shape, taps, outputs, kind=np.float64):
    random = np.random.default_rng(len(shape) + taps)
    window = Window(tuple(Axis(taps, before=taps // 2, after=taps // 2) for _ in shape[2:]))
    x, w = random.integers(1, 9, shape), random.integers(1, 9, (outputs, shape[1], *window.size))
    delta = random.integers(1, 9, (shape[0], outputs, *window.positions(shape[2:])))
    return *(array.astype(kind) for array in (delta, x, w)), window


@pytest.fixture
def together(monkeypatch):
    """How many products were of all taps."""
    calls, right = [], columns._times_rows
    monkeypatch.setattr(columns, "_times_rows", lambda *arrays: calls.append(1) or right(*arrays))
    return calls


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("shape", "taps", "outputs"), [((2, 16, 24, 24), 3, 16), ((1, 20, 30, 24), 5, 24), ((1, 16, 9, 9, 9), 3, 16)]
)
def test_all_taps_in_one_product_are_what_each_gives(together, shape, taps, outputs, kind):
    delta, x, w, window = layer(shape, taps, outputs, kind)
    right = by_definition(delta, x, window)  # of whole numbers that floats hold: equal whatever the order
    _, dw = correlate_gradients(delta, x, w, window=window, groups=1)
    assert (dw == right).all()
    assert (kernel_gradient(delta, x, window=window, groups=1) == right).all()
    assert together


def test_an_infinity_reaches_the_taps_that_meet_it_and_no_other(together):
    delta, x, w, window = layer((2, 16, 24, 24), 3, 16)
    delta[1, 3, 0, 0] = np.inf
    _, dw = correlate_gradients(delta, x, w, window=window, groups=1)
    right = by_definition(delta, x, window)
    assert together
    assert np.isinf(right[3, :, 1:, 1:]).all()
    assert np.isfinite(right[3, :, 0]).all()
    assert (dw == right).all()
