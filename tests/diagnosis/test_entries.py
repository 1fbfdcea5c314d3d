"""Entries that are wrong by themselves: which term it was, and how many mistakes that is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convgrad.catalogue.of_entries import Repair
from convgrad.core.arithmetic import Plain
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.diagnosis.search import Explanation
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed, claims_of, plain, printed


def test_a_missing_term_of_a_pool_is_marked_with_its_sample_position_and_tap():
    document = {"op": "average-pool", "dims": 1, "input": [[[1, 2, 3]], [[4, 5, 6]]], "window": 2, "stride": 1}
    case = make_case({**document, "delta": [[[2, 20]], [[200, 2000]]]})
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    wrong[1, 0, 1] -= 100
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert (found.mistake, found.details["index"]) == ("term-missing", (1, 0, 1))
    term = found.details["term"]
    assert (term["sample"], term["position"], term["tap"], term["value"]) == (1, (0,), (1,), 100)
    assert "[100] + 1000 = 1100" in found.message  # delta over the divisor


def test_two_wrong_terms_that_explain_a_single_entry_are_both_said_and_neither_is_named():
    case = make_case({"input": [1, 2, 3], "kernel": [3.3, -3.6], "delta": [1, 1]})  # dX 3.3, 3.3 - 3.6, -3.6
    truth = truth_of(case)
    claim = printed(case, dX=plain("3 -4 -4")[0])["dX"]
    found = Diagnoser(case, "dX", truth["dX"]).of(claim)
    assert found[0].mistake is None  # one of them doubled is -3.9; without the other it were -3.6
    assert {"term-doubled", "term-missing"} <= set(found[0].details["alternatives"])


@pytest.mark.parametrize(("claim", "mistake"), [(0, None), ("-1.83", "term-doubled"), ("0.17", "term-missing")])
def test_a_zero_is_not_the_lack_of_a_term_that_is_as_large_as_its_sum(claim, mistake):
    """1.83 - 0.83 - 0.83 - 1 is -0.83: a 0 lacks one of two terms, or was never written."""
    delta = [[[3.7, 5.1, 2.2, 0.3], [1.83, -0.83, -0.83, -1]]]
    document = {"dims": 1, "input": [[[1.5, 2.25, 3, -1, 4]]], "kernel": [[[1, 2]], [[3, 4]]], "bias": [0, 0]}
    case = make_case({**document, "delta": delta})
    printed_db = printed(case, db=[Plain("11.3"), Plain(str(claim))])["db"]
    (found, *_) = Diagnoser(case, "db", truth_of(case)["db"]).of(printed_db)
    assert found.mistake == mistake
    assert claim or "left-at-zero" in found.details["alternatives"]


def test_all_that_is_misrounded_is_one_mistake():
    base = np.full((1, 1, 3), Fraction(1, 3))
    first, second, third = (Repair("misrounded", (0, 0, n)) for n in range(3))
    assert Explanation(None, (), base).cost == 0
    assert Explanation(None, (first,), base).cost == 1
    assert Explanation(None, (first, second), base).cost == 1
    assert Explanation(None, (first, second, Repair("term-missing", (0, 0, 2))), base).cost == 2
    swapped = [Repair("entries-swapped", (0, 0, n), other=(0, 0, 1 - n)) for n in range(2)]
    assert Explanation(None, (*swapped, third), base).cost == 2


def test_a_type_excuses_a_small_wrong_array_as_much_as_the_large_right_one():
    numbers = np.random.default_rng(0).standard_normal((1, 2, 6)).round(3).tolist()
    document = {"input": numbers, "kernel": [[[1, 2], [3, 4]]], "delta": [[[3001.3, -7003.7, 5009.1, 1013.9, -9007.3]]]}
    case = make_case(document)
    truth = truth_of(case)
    wrong = truth_of(make_case({**document, "delta": "ones"}))["dW"].astype(float)
    excuse = claims_of(case, {"dW": wrong.astype(np.float32)}, "float32")["dW"].excuse
    off = (wrong + 0.5 * np.asarray(excuse, float)).astype(np.float32)
    claim = claims_of(case, {"dW": off}, "float32")["dW"]
    assert Diagnoser(case, "dW", truth["dW"]).of(claim)[0].mistake == "delta-forgotten"


def test_an_error_too_small_for_a_float_is_not_called_one_of_0():
    case = make_case({"input": [1, 2, 3], "kernel": [1, 2], "delta": [5, 7]}, arithmetic="exact")
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    for n, part in enumerate((3, 7, 4)):
        wrong[0, 0, n] += Fraction(part, 10**400)
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert "none by more than 0" not in found.message


def test_a_wrong_rounding_is_told_with_both_numbers():
    case = make_case({"input": ["1/8", 2, 3], "kernel": [1, 10], "delta": [1, 1]})
    truth = truth_of(case)
    (found,) = Diagnoser(case, "dW", truth["dW"]).of(printed(case, dW=plain("2.14 5")[0])["dW"])
    assert found.message == "dW[0] is rounded wrongly: 2.125 became 2.14 (misrounded)"


def test_a_term_among_many_that_few_digits_hardly_tell_has_no_name():
    numbers = np.random.default_rng(4).integers(-9, 10, (2, 40))
    case = make_case({"input": numbers[0].tolist(), "kernel": [1, 2], "delta": (numbers[1, 1:] / 10).tolist()})
    truth = truth_of(case)
    right = [round(float(value)) for value in truth["dW"].ravel()]
    found = Diagnoser(case, "dW", truth["dW"]).of(printed(case, dW=plain(f"{right[0] + 3} {right[1]}")[0])["dW"])
    assert found[0].mistake is None
    assert {"term-missing", "term-sign"} <= set(found[0].details["alternatives"])
    assert found[0].details["uncertain"] is True
    assert found[0].details["chance"] > 0.5


@pytest.mark.parametrize(
    ("effect", "what", "fix"),
    [
        (-1, "one term of its sum is missing", "add the term that is marked"),
        (-2, "one term of its sum has the wrong sign", "check the sign of the term that is marked"),
        (1, "one term of its sum is added twice", "add the term that is marked once"),
    ],
)
def test_what_happened_to_a_term_and_what_to_do_are_two_sentences(effect, what, fix):
    case = make_case({"input": [1, 20, 300], "kernel": [7, 9], "delta": [4000, 50000]})
    truth = truth_of(case)["dW"]
    wrong = truth.copy()
    wrong[0, 0, 1] += effect * 20 * 4000
    (found,) = Diagnoser(case, "dW", truth).of(claimed("dW", wrong, truth))
    assert what in found.message
    assert found.fix == fix


@pytest.mark.parametrize("claim", ["5 7 2", "-2 -7 -5"])
def test_three_digits_that_two_mistakes_give_are_not_called_two_mistakes(claim):
    case = make_case({"input": [1, 3, 4], "kernel": [2, 5], "delta": [7, 3]})
    truth = truth_of(case)
    (found,) = Diagnoser(case, "dX", truth["dX"]).of(printed(case, dX=plain(claim)[0])["dX"])
    assert found.mistake is None
