"""Ties and corners are found, not guessed: undecided with the window and its cells, and the rest is judged."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convgrad.checking.judging import check
from convgrad.differences.finite_differences import finite_differences
from convgrad.subject.case import make_case
from tests import definitions, geometry

TIED = {"op": "max-pool", "dims": 2, "window": 2, "input": [[1, 3, 2, 4], [5, 6, 1, 2], [4, 2, 3, 3], [0, 1, 2, 3]],
        "delta": [[0.1, -0.2], [0.3, 0.4]]}  # fmt: skip


def test_a_tie_is_undecided_with_its_window_and_cells_and_the_rest_agrees():
    report = check(TIED)
    finding = report.streamed()["findings"][0]
    assert (report.verdict, report.code) == ("undecided", 3)
    assert (finding["entries"], finding["undecided"], finding["wrong"]) == (13, 3, 0)
    assert finding["kinks"] == [{"output": (1, 1), "cells": ((2, 2), (2, 3), (3, 3)), "why": "tie"}]


def test_where_delta_is_zero_a_tie_does_not_matter():
    assert check({**TIED, "delta": [[0.1, -0.2], [0.3, 0]]}).verdict == "agrees"


def test_an_entry_that_differs_elsewhere_makes_it_differ():
    case = make_case(TIED)
    finding = check(case, claim={"dX": [[0, 0, 0, -0.2], [0, 0.1, 0, 0], [0.3, 0, 0.4, 0], [0, 0, 0, 9]]}).findings[-1]
    assert (finding.verdict, finding.wrong, finding.worst.index) == ("differs", 1, (3, 3))


@pytest.mark.parametrize(("ties", "tied"), [
    ("first", [0.4, 0, 0]), ("last", [0, 0, 0.4]), ("split", [0.13333, 0.13333, 0.13333]), ("all", [0.4, 0.4, 0.4]),
])  # fmt: skip
def test_a_claim_at_a_tie_is_judged_by_the_rule_of_the_case_and_told_which_it_follows(ties, tied):
    claim = {"dX": [[0, 0, 0, -0.2], [0, 0.1, 0, 0], [0.3, 0, tied[0], tied[1]], [0, 0, 0, tied[2]]]}
    assert check({**TIED, "ties": ties}, claim).verdict == "agrees"
    other = "last" if ties != "last" else "first"
    report = check({**TIED, "ties": other}, claim)
    assert report.verdict == "differs"
    assert report.diagnosis[0].mistake == f"ties-{ties}"


def maximum_slopes(document):
    """The one-sided slopes of the loss in every cell, from outputs of the plain definition, by exact small steps."""
    values, delta = definitions.lifted_input(document), definitions.lifted_delta(document)
    different = sorted(set(values.ravel()))
    step = min((b - a for a, b in pairwise(different)), default=Fraction(1)) / 4

    def slope(index, direction):
        moved = values.copy()
        moved[index] += direction * step
        shaped = moved.reshape(np.shape(document["input"]))
        y, y0 = (definitions._forward({**document, "input": x}, Fraction) for x in (shaped, document["input"]))
        return ((y - y0) * delta).sum() / (direction * step)

    return {index: (slope(index, 1), slope(index, -1)) for index in np.ndindex(values.shape)}


@pytest.mark.slow
@given(geometry.cases(operations=geometry.MAX_POOLS, batches=(1, 1)))
def test_every_entry_left_undecided_lies_in_a_tied_window_and_every_other_has_one_slope(document):
    if np.size(document["input"]) > 40:
        return
    found = finite_differences(make_case(document))
    for index, (right, left) in maximum_slopes(document).items():
        if not found.undecided["x"][index]:
            assert right == left == found.gradients["x"][index]


@given(st.integers(0, 2**16))
def test_neighbours_one_unit_apart_are_no_tie(seed):
    random = np.random.default_rng(seed)
    values = 1 + random.permutation(16) * 2.0**-50
    document = {"op": "max-pool", "window": 2, "input": values.reshape(4, 4), "delta": random.standard_normal((2, 2))}
    assert check(document).verdict == "agrees"


def test_a_norm_has_a_corner_where_its_window_is_zero():
    document = {"op": "lp-pool", "dims": 1, "window": 2, "norm": 2, "input": [0, 0, 3, 0], "delta": [1, 1]}
    finding = check(document).findings[0]
    assert (finding.verdict, finding.undecided, finding.entries) == ("undecided", 2, 2)
    assert finding.streamed()["kinks"] == [{"output": (0,), "cells": ((0,), (1,)), "why": "zero"}]


def test_a_sum_of_magnitudes_has_a_corner_at_every_zero():
    document = {"op": "lp-pool", "dims": 1, "window": 2, "norm": 1, "input": [0, 2, 3, 0], "delta": [1, 0]}
    finding = check(document).findings[0]
    assert (finding.undecided, finding.entries) == (1, 3)  # the last zero's delta is 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("operation", ["conv", "max-pool", "average-pool", "lp-pool"])
def test_what_is_not_finite_is_undecided_and_the_rest_is_judged(operation, bad):
    cells = np.arange(1.0, 37).reshape(6, 6)
    cells[0, 0] = bad
    more = {"kernel": np.ones((2, 2)), "stride": 2} if operation == "conv" else {"window": 2}
    report = check({"op": operation, "dims": 2, "input": cells, "delta": np.ones((3, 3)), **more}, nonfinite=True)
    assert report.verdict == "undecided"
    assert {f.array: f for f in report.findings}["dX"].entries > 0
