"""What a short type holds exactly it need not round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.checking.judging import check

CASE = {"input": [1, 2, 3], "kernel": [1, 2], "delta": [3, 5]}  # dX 3, 11, 10


@pytest.mark.parametrize(("dtype", "next_to_3"), [("float16", 3.002), ("bfloat16", 3.0156)])
def test_a_sum_that_a_short_type_holds_is_not_excused_by_its_rounding(dtype, next_to_3):
    assert check(CASE, {"dX": [3, 11, 10]}, claim_dtype=dtype).verdict == "agrees"
    assert check(CASE, {"dX": [next_to_3, 11, 10]}, claim_dtype=dtype).verdict == "differs"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_sum_that_a_short_type_does_not_hold_is(dtype):
    case = {**CASE, "kernel": [1.1, 2], "delta": [3, 5]}  # dX 3.3, 11.5, 10
    assert check(case, {"dX": [3.301, 11.5, 10]}, claim_dtype=dtype).verdict == "agrees"
    assert check(case, {"dX": [3.5, 11.5, 10]}, claim_dtype=dtype).verdict == "differs"


@pytest.mark.parametrize("written", [list, np.asarray])
def test_small_whole_numbers_belong_to_every_type_and_tell_none(written: Any) -> None:
    """That each of 36 is a bfloat16 says nothing, and so nothing of that width is excused."""
    random = np.random.default_rng(25)
    whole = lambda *shape: random.integers(-4, 5, shape).tolist()  # noqa: E731
    x = random.integers(-5, 6, (2, 2, 5, 5)).tolist()
    layers = [{"name": "a", "kernel": whole(2, 2, 3, 3), "padding": 1}, {"op": "relu", "name": "r"},
              {"name": "b", "kernel": whole(2, 2, 3, 3)}, {"op": "max-pool", "name": "p", "window": 2}]  # fmt: skip
    network = {"input": x, "layers": layers, "delta": "ones"}
    right = np.asarray(convgrad.network(network).layers[2].dW, float)
    wrong = right.copy()
    wrong[0, 0, 0, 0] += 5
    assert convgrad.check(network, {"b": {"dW": written(right.tolist())}}).verdict == "agrees"
    assert convgrad.check(network, {"b": {"dW": written(wrong.tolist())}}).verdict == "differs"
