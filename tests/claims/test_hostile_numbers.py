"""Claims of NaN, infinity and numbers near the ends of float64: judged and told, with no warning and no crash."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

import convgrad

CONV = {"input": [[1, 2], [3, 4]], "kernel": [[1]], "bias": 1, "delta": [[1, 2], [3, 4]]}
MAXIMUM = {"op": "max-pool", "input": [1, 1, 0.5], "window": 1, "delta": [1, 1, 1]}
MEAN = {"op": "adaptive-average-pool", "input": np.ones((3, 4)).tolist(), "output_size": 2,
        "delta": "ones"}  # fmt: skip


def scaled_mean(first: float) -> list[list[float]]:
    """An adaptive mean's dX times 0.99 that begins with a wrong number."""
    rows = np.full((3, 4), 0.2475)
    rows[1] = 0.495
    rows[0, 0] = first
    return rows.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("case", "claim", "dtype", "verdict"),
    [
        (CONV, {"dX": [[1, 2], [3, 4]], "dW": [[30]], "db": 10}, "float64", "agrees"),
        (MAXIMUM, {"dX": [1, 1, 1]}, "float32", "agrees"),
        (CONV, {"dX": {"mean": 3}, "dW": nan, "db": nan}, "bfloat16", "differs"),
        (MEAN, {"dX": scaled_mean(nan), "output": 0.30000000000000004}, None, "differs"),
        (MEAN, {"dX": scaled_mean(inf)}, None, "differs"),
        ({**CONV, "kernel": [[0.1]]}, {"dX": [[1e300, 0.2], [0.3, 0.4]]}, "float64", "differs"),
        (MAXIMUM, {"dX": [1e300, 0, 0]}, None, "differs"),
        (MAXIMUM, {"dX": [1e308, -1e308, 1e308]}, "float32", "differs"),
        (CONV, {"dX": [[1e300, 2], [3, 4]], "dW": [[-1e300]]}, "float16", "differs"),
    ],
)
def test_they_are_judged(case: dict[str, Any], claim: dict[str, Any], dtype: str | None, verdict: str) -> None:
    assert convgrad.check(case, claim, claim_dtype=dtype).to_dict()["verdict"] == verdict


def test_reflected_padding_of_another_axis_is_tried_where_it_reaches_past_the_cells() -> None:
    case = {"input": [[[[1], [2], [4], [9]]]], "kernel": [[[[9], [9], [4]]]], "padding": [2, 0],
            "padding_mode": "reflect", "delta": "ones"}  # fmt: skip
    assert convgrad.check(case).strength is not None
