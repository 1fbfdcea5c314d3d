"""Numbers of any size: read exactly, or refused in words; written whole."""

from decimal import Decimal
from fractions import Fraction

import pytest

import convgrad
from convgrad.core.arithmetic import LONGEST, Plain, decimal_text, natural, rational
from convgrad.core.reading import read_numbers
from convgrad.documents import json_text
from convgrad.errors import RequestError
from convgrad.views.numbers import Numbers

NINES = "9" * 4301  # one more digit than Python's own integers are read and written with
ONES = "0." + "1" * 4400


def refused(value):
    with pytest.raises(RequestError) as caught:
        read_numbers(value)
    return caught.value.problems[0].message


def test_a_number_of_thousands_of_digits_is_read_exactly():
    assert rational(ONES) == Fraction(Decimal(ONES))
    assert rational(f"{NINES[:2000]}/{NINES[:2001]}").denominator > 10**2000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0e99999999999999999999", "'0e99999999999999999999' has an exponent beyond what any number has"),
        ("0e-99999999999999999999", "'0e-99999999999999999999' has an exponent beyond what any number has"),
        (NINES, f"'{'9' * 30}…' is beyond what a 64-bit float can hold"),
        (f"1/{NINES}", f"'1/{'9' * 28}…' is below what a 64-bit float can hold"),
        (f"{NINES}/0", f"'{'9' * 30}…' divides by zero"),
        ("0." + "1" * LONGEST, f"'0.{'1' * 28}…' has {LONGEST + 2} characters, but a number has at most {LONGEST}"),
        ("1" * 100 + "x", f"expected a number, found '{'1' * 30}…'"),
    ],
    ids=range(7),
)
def test_a_number_that_cannot_be_held_is_refused_in_a_short_sentence(text, message):
    assert refused([Plain(text)]) == message


def test_an_integer_of_python_that_no_float_holds_is_refused_by_its_digits():
    assert refused([10**5000]) == "a number of 5001 digits is beyond what a 64-bit float can hold"


@pytest.mark.parametrize("number", ["1e-999999999", "NaN", "1e999999999"])
def test_a_decimal_of_python_is_read_as_its_text_is(number):
    assert refused([Decimal(number)]) == refused([Plain(str(Decimal(number)))])


def test_fractions_without_common_factors_are_refused_before_their_product_fills_the_memory():
    fractions = [Plain(f"1/{10**300 + odd}") for odd in range(1, 99, 2)]
    with pytest.raises(RequestError, match="common denominator of these numbers has more than 10000 digits"):
        convgrad.forward({"input": fractions, "kernel": [1]})
    assert convgrad.forward({"input": fractions, "kernel": [1]}, arithmetic="float64").output.tolist() == [1e-300] * 49


def test_results_of_any_length_are_written_whole():
    square = rational(ONES) ** 2
    assert Fraction(Decimal(json_text(square))) == square
    assert decimal_text(Fraction(10**4400, 3)) == f"1{'0' * 4400}/3"
    assert json_text(10**4400) == "1" + "0" * 4400


def test_a_table_rounds_numbers_of_any_length():
    assert Numbers(6, fractions=True).text(rational(ONES)) == "0.111111"


@pytest.mark.parametrize("id", [NINES, "1e999"])
def test_an_id_that_no_number_of_python_holds_comes_back_as_it_was_written(id):
    assert json_text({"id": natural(Plain(id))}) == f'{{"id": {id}}}'


def test_a_network_with_nan_is_no_subject_of_exact_arithmetic():
    document = {"input": [float("nan")], "layers": [{"op": "relu"}], "delta": "ones"}
    with pytest.raises(RequestError, match="NaN and infinities are not rational"):
        convgrad.network(document, arithmetic="exact", nonfinite=True)
