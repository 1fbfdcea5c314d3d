"""Differences of whole numbers are exact, also of those that floats cannot add."""

from __future__ import annotations

import pytest

from convgrad.checking.judging import check
from convgrad.differences import run


@pytest.mark.parametrize("op", ["average-pool", "max-pool"])
@pytest.mark.parametrize("first", [2**50 + 1, 2**52 + 1, 2**53 - 1])
def test_a_pool_of_whole_numbers_that_floats_hardly_hold_is_differenced_exactly(op, first):
    case = {"op": op, "input": [first, first - 2, 3, 6 - first], "window": 2, "stride": 1, "delta": [3, 5, 7]}
    report = check(case, arithmetic="exact")
    assert report.verdict == "agrees"
    assert all(not finding.wrong for finding in report.findings)


def test_a_layer_that_is_cut_into_patches_of_a_position_or_two_is_differenced_the_same(monkeypatch):
    case = {"input": [[1, 2, 3], [4, 5, 7]], "kernel": [[1, 2]], "delta": [[1, 2], [3, 4]]}
    expected = check(case)
    monkeypatch.setattr(run, "ROOM", 1)
    report = check(case)
    assert report.verdict == "agrees"
    assert report.evaluations == expected.evaluations
