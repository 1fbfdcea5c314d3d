"""A claim of another shape that is a part of the right array is said to be cut; where it could be any, it is not."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claims_of

RANDOM = np.random.default_rng(2)
DOCUMENT = {
    "input": RANDOM.integers(-9, 10, (2, 2, 6, 7)).tolist(), "kernel": RANDOM.integers(-9, 10, (3, 2, 3, 3)).tolist(),
    "padding": [[2, 1], [0, 0]], "delta": RANDOM.integers(-9, 10, (2, 3, 7, 5)).tolist(),
}  # fmt: skip


def told(array, values):
    case = make_case(DOCUMENT)
    (found,) = Diagnoser(case, array, truth_of(case)[array]).of(claims_of(case, {array: values.tolist()})[array])
    return found


def over_padding():
    """dX with the cells of the padding: 2 rows before, 1 after."""
    padded = np.pad(np.array(DOCUMENT["input"]), ((0, 0), (0, 0), (2, 1), (0, 0))).tolist()
    case = make_case({**DOCUMENT, "input": padded, "padding": 0})
    return truth_of(case)["dX"].astype(int)


@pytest.mark.parametrize(
    ("cut", "text"),
    [
        (np.s_[:, :, 4:8, 1:6], "2 to 5 on axis 0 (of 0 to 5) and 1 to 5 on axis 1 (of 0 to 6)"),
        (np.s_[:, :, 1:5], "-1 to 2 on axis 0 (of 0 to 5)"),
        (np.s_[:, 1:, 3:8], "1 to 1 of the channels (of 0 to 1) and 1 to 5 on axis 0 (of 0 to 5)"),
        (np.s_[:1, :, 5:9, 1:], "0 to 0 of the samples (of 0 to 1) and 3 to 6 on axis 0"),
    ],
)
def test_a_part_of_dX_is_said_to_be_cut_with_where_it_lies(cut, text):
    found = told("dX", over_padding()[cut])
    assert found.mistake == "cut-short"
    assert f"cut to {text}" in found.message
    assert found.matches == over_padding()[cut].size


def test_a_part_of_dW_is_said_to_be_cut():
    found = told("dW", truth_of(make_case(DOCUMENT))["dW"].astype(int)[:, :, 1:, :2])
    assert (found.mistake, "1 to 2 on axis 0" in found.message) == ("cut-short", True)


def test_what_is_no_part_is_not_said_to_be_one():
    part = over_padding()[:, :, 3:6, 1:4].copy()
    part[0, 0, 1, 1] += 1
    for wrong in (part, part * 0, np.ones((2, 2, 8, 8), int), np.ones((2, 2), int)):
        assert told("dX", wrong).mistake is None


@pytest.mark.parametrize(
    ("array", "beside"),
    [("dX", ((0, 1), (0, 0), (0, 0), (2, 0))), ("dW", ((0, 0), (0, 4), (0, 0), (0, 0))), ("db", ((0, 2),))],
)
def test_the_right_array_among_zeros_is_said_to_be_there(array, beside):
    truth = truth_of(make_case(DOCUMENT))[array].astype(int)
    found = told(array, np.pad(truth, beside))
    assert found.mistake == "zeros-beside"
    assert ("from 2 on along axis 3" in found.message) == (array == "dX")
    spoilt = np.pad(truth, beside)
    spoilt.reshape(-1)[-1] += 1
    assert told(array, spoilt).mistake != "zeros-beside"


@pytest.mark.parametrize(("array", "other"), [("dX", "dW"), ("dX", "y"), ("dW", "x"), ("dW", "dX"), ("db", "delta")])
def test_another_array_in_its_place_is_said_to_be_that(array, other):
    case = make_case(DOCUMENT)
    arrays = {**truth_of(case), "x": case.operands["x"], "delta": case.delta}
    found = told(array, arrays["output" if other == "y" else other].astype(int))
    assert found.mistake == "wrong-operand"
    assert found.message == f"it is {other}, and not {array} (wrong-operand)"


def test_a_larger_array_that_begins_before_the_right_one_does_is_not_said_to_hold_it():
    case = make_case({"input": [3, 1, 4, 1], "kernel": [2, 7], "delta": [0, 5, 8]})
    claim = claims_of(case, {"dX": [9, 10, 51, 56, 0]})["dX"]  # dX is 0, 10, 51, 56
    (found,) = Diagnoser(case, "dX", truth_of(case)["dX"]).of(claim)
    assert found.mistake is None


def test_a_number_that_stands_in_many_places_says_nothing():
    case = make_case({"input": [1, 1, 1, 1], "kernel": [1, 1], "delta": [1, 1, 1]})
    claim = claims_of(case, {"dX": [2, 2]})["dX"]
    for one in Diagnoser(case, "dX", truth_of(case)["dX"]).of(claim):
        assert "cut to" not in one.message
