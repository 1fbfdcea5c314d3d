"""What all wrong entries share is said in one line, before any of them is shown."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.diagnosis.pattern import pattern, place, shared
from convgrad.operations.terms import Term
from convgrad.passes.explanation import explain
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed

RANDOM = np.random.default_rng(4)
SHAPES = {"input": (2, 2, 6, 5), "kernel": (3, 2, 2, 2), "delta": (2, 3, 5, 4)}
CASE = make_case({name: RANDOM.integers(101, 1000, shape).tolist() for name, shape in SHAPES.items()})
TRUTH = truth_of(CASE)["dX"]
NOISE = np.vectorize(Fraction)(RANDOM.integers(1000, 9999, TRUTH.shape)) / 7


def marked(where):
    result = np.zeros(TRUTH.shape, bool)
    result[where] = True
    return result


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (np.s_[:, :, 2], "in row 2"),
        (np.s_[:, :, 5], "in the last row"),
        (np.s_[1, :, 2:5], "in rows 2 to 4 of sample 1"),
        (np.s_[0, 1, :, 1], "in column 1 of channel 1 of sample 0"),
        (np.s_[:, :, [1, 4]], "in rows 1 and 4"),
        (np.s_[1], "in sample 1"),
        (np.s_[:], ""),
    ],
)
def test_the_smallest_block_that_is_wrong_is_named(where, words):
    assert place(CASE, "dX", marked(where)) == words


def test_a_block_that_is_mostly_right_is_no_block():
    scattered = marked(np.s_[0, 0, 1, 1]) | marked(np.s_[0, 1, 3, 2]) | marked(np.s_[1, 0, 2, 3])
    assert "rows" not in place(CASE, "dX", scattered)


def test_entries_that_are_0_are_said_to_be():
    wrong = TRUTH.copy()
    wrong[1, :, 2:4] = 0
    said = pattern(CASE, "dX", TRUTH, claimed("dX", wrong, TRUTH))
    assert said == "all of them are 0 where they should not be, in rows 2 and 3 of sample 1"


def term_of(index) -> Term:
    return explain(CASE, f"dX[{','.join(map(str, index))}]").terms[1]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (-1, "each of them lost one term of its sum"),
        (-2, "in each of them one term has the wrong sign"),
        (1, "in each of them one term counts twice"),
    ],
)
def test_many_entries_of_which_each_has_one_term_wrong_share_that(times, words):
    wrong = TRUTH.copy()
    for index in ((0, 0, 1, 1), (0, 1, 3, 2), (1, 0, 2, 3), (1, 1, 1, 2), (1, 1, 3, 1)):
        wrong[index] += times * term_of(index).value
    (found,) = Diagnoser(CASE, "dX", TRUTH).of(claimed("dX", wrong, TRUTH))
    assert found.mistake is None
    assert f"5 of 120 entries differ, {words}" in found.message


def test_one_entry_with_something_else_shares_it_no_longer():
    wrong = TRUTH.copy()
    for index in ((0, 0, 1, 1), (0, 1, 3, 2), (1, 0, 2, 3), (1, 1, 1, 2)):
        wrong[index] -= term_of(index).value
    wrong[1, 1, 3, 1] += NOISE[0, 0, 0, 0]
    (found,) = Diagnoser(CASE, "dX", TRUTH).of(claimed("dX", wrong, TRUTH))
    assert "one term" not in found.message


def test_wrong_entries_beside_those_that_are_no_numbers_are_told_by_the_rows_that_they_share():
    assert shared(marked(np.s_[0, 0, 2, 1:3]), marked(np.s_[0, 0, 2:4, 0])) == "in the same rows"
    assert shared(marked(np.s_[0, 0, 1, 1:3]), marked(np.s_[0, 0, 2:4, 0])) == "in the same channels"
    assert shared(marked(np.s_[1, 1, 0, 1]), marked(np.s_[0, 0, 2, 0])) == ""
    wrong = TRUTH.astype(float)
    wrong[:, :, 2, 1], wrong[:, :, 2, 3:] = np.nan, 1.5
    first, *_ = Diagnoser(CASE, "dX", TRUTH.astype(float)).of(claimed("dX", wrong, TRUTH.astype(float)))
    assert first.message.startswith("NaN in 4 entries, all of them in column 1 of row 2; of the other 116, 8 are wrong")
    assert first.message.endswith(", all in the same rows")


LINE = make_case({"input": [3, 1, 4, 1, 5, 9, 2], "kernel": [1, 2, 5], "delta": [3, 4, 7], "stride": 2})


def test_cells_under_one_window_alone_are_said_to_be_and_those_under_two():
    alone = np.array([1, 1, 0, 1, 0, 1, 1], bool).reshape(1, 1, 7)
    assert place(LINE, "dX", alone) == "where one window lies alone"
    assert place(LINE, "dX", ~alone) == "where windows overlap"


def test_of_two_numbers_one_amount_is_told_only_where_it_is_the_same():
    case = make_case({"input": [3, 1, 4], "kernel": [1, 2], "delta": [3, 5]})
    truth = truth_of(case)["dW"]
    half = Fraction(1, 2)
    assert pattern(case, "dW", truth, claimed("dW", truth + half, truth)).endswith("by the same amount, 0.5")
    other = truth + np.array([half, Fraction(1, 3)], object).reshape(truth.shape)
    assert "the same amount" not in pattern(case, "dW", truth, claimed("dW", other, truth))
