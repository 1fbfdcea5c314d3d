"""What is no number is refused in words, with what to do about it as a sentence of its own."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from convgrad.subject.case import make_case


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1 2", "put commas between the numbers"),
        ("010", "write numbers in decimal, without leading zeros"),
        ("1,5", "write the decimal point as '.'"),
        ("\u22121", "write the minus sign as '-'"),
        ("one", "numbers are written like 3, -0.5, 1e-3 or 2/3"),
    ],
)
def test_a_word_that_is_no_number_is_quoted_and_then_advice_is_given(text, advice):
    with pytest.raises(RequestError) as refused:
        make_case({"input": [1, text], "kernel": [1], "delta": "ones"})
    (problem,) = refused.value.problems
    assert problem.message == f"expected a number, found '{text}'"
    assert problem.advice == advice


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_number_that_is_not_finite_among_others_stays_as_it_is(value):
    found = convgrad.forward({"input": np.array([1.0, value, 3.0]), "kernel": [2]}, nonfinite=True)
    assert np.array_equal(found.output, np.array([2.0, 2 * value, 6.0]), equal_nan=True)
    assert found.case.arithmetic == "float64"


def test_an_array_with_one_number_that_is_not_finite_is_not_computed_exactly():
    with pytest.raises(RequestError, match="NaN and infinities are not rational"):
        convgrad.forward({"input": np.array([1.0, np.nan]), "kernel": [2]}, nonfinite=True, arithmetic="exact")


def test_nothing_is_divided_by_0():
    with pytest.raises(RequestError, match=r"input\[1\]"):
        make_case({"input": [1, "1/0"], "kernel": [1], "delta": "ones"})
