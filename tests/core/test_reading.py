"""What is no number is refused in words, with what to do about it as a sentence of its own."""

from __future__ import annotations

import pytest

from convgrad.case import make_case
from convgrad.errors import RequestError


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
