"""What a short type holds exactly it need not round."""

from __future__ import annotations

import pytest

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
