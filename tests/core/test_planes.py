"""A pool's planes cut into rows of positions give what whole planes do."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad
from convgrad.core import planes

NUMBERS = np.random.default_rng(3)
POOLS = [
    {"op": "max-pool"}, {"op": "max-pool", "ties": "split"}, {"op": "lp-pool", "norm": 3},
    {"op": "average-pool"}, {"op": "average-pool", "count_include_pad": False}, {"op": "average-pool", "divisor": 5},
]  # fmt: skip


@pytest.mark.parametrize("settings", POOLS, ids=lambda pool: "-".join(map(str, pool.values())))
@pytest.mark.parametrize("most", [1, 2])
def test_a_pool_in_rows_is_the_pool_of_the_whole_plane(monkeypatch, settings, most):
    case = {
        **settings, "dims": 2, "input": NUMBERS.integers(-9, 10, (2, 2, 9, 5)).astype(float), "window": [3, 2],
        "stride": [2, 1], "padding": [1, 0] if settings["op"] == "lp-pool" else [1, 1],
    }  # fmt: skip
    case["delta"] = NUMBERS.standard_normal(np.shape(convgrad.forward(case).output))
    whole = convgrad.backward(case)
    per_row = 8 * (9 * 5 + 2 * whole.output[0, 0].size) // len(whole.output[0, 0])
    monkeypatch.setattr(planes, "BLOCK", most * per_row + 8)
    parts = convgrad.backward(case)
    assert np.allclose(parts.output, whole.output, rtol=1e-14, atol=0)
    assert np.allclose(parts.dX, whole.dX, rtol=1e-13, atol=1e-14)  # sums of four numbers at most, in another order
