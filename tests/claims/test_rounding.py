"""What a bound counts: every rounding on the way of a term, once."""

from __future__ import annotations

import pytest

from convgrad.claims.rounding import Bounds
from convgrad.subject.case import make_case


@pytest.mark.parametrize(
    ("settings", "roundings"),
    [({"stride": 1}, [1 + 1, 2 + 1, 2 + 1, 1 + 1]), ({"stride": 2}, [1 + 1, 1 + 1, 1 + 1, 1 + 1])],
)
def test_a_mean_rounds_at_the_additions_of_its_windows_and_twice_at_the_divisor(settings, roundings):
    """An addition less than there are windows; then a reciprocal and a product."""
    case = make_case({"op": "average-pool", "input": [1, 2, 3, 4], "window": 2, "delta": "ones", **settings})
    assert Bounds(case).sums("dX").roundings.ravel().tolist() == roundings
