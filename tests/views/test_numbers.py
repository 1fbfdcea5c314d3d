"""Numbers are rounded to so many digits, said to be, and never cut."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convgrad.views.numbers import Numbers, aligned


@pytest.mark.parametrize(
    ("value", "shown", "rounded"),
    [
        (0.1, "0.1", False),
        (0.1 + 0.2, "0.3", True),
        (-0.0, "0", False),
        (Fraction(-1, 8), "-0.125", False),
        (Fraction(1, 3), "0.333333", True),
        (12345678.9, "12345679", True),
        (1234567.0, "1234567", False),
        (1e-12, "1e-12", False),
        (1.25e-7, "1.25e-7", False),
        (0.00012345678, "0.000123457", True),
        (1e22, "1e22", False),
        (Fraction(10**400, 3), "3.33333e399", True),
        (Fraction(1, 10**400), "1e-400", False),
        (math.nan, "NaN", False),
        (-math.inf, "-inf", False),
        (7, "7", False),
        (np.float32(0.1), "0.1", False),
        (np.float64(0.25), "0.25", False),
        (None, "·", False),
    ],
)
def test_a_number_is_shown_to_six_digits(value, shown, rounded):
    numbers = Numbers()
    assert (numbers.text(value), numbers.rounded) == (shown, rounded)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Fraction(1, 3), "1/3"),
        (Fraction(-22, 7), "-22/7"),
        (Fraction(1, 4), "0.25"),
        (Fraction(5), "5"),
        (Fraction(12345678901, 3), "12345678901/3"),
        (Fraction(12345678901234, 3), "4115226300411"),
        (Fraction(1, 10**30), "1e-30"),
    ],
)
def test_exact_arithmetic_that_was_asked_for_shows_fractions(value, shown):
    assert Numbers(fractions=True).text(value) == shown


def test_seventeen_digits_are_no_more_than_a_number_needs():
    assert [Numbers(17).text(value) for value in (0.1, 0.3, 5.980780561782653e16)] == [
        "0.1",
        "0.3",
        "5.980780561782653e16",
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_seventeen_digits_read_back_to_the_same_float(value):
    numbers = Numbers(17)
    assert float(numbers.text(value)) == value
    assert not numbers.rounded


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_rounding_is_off_by_half_a_unit_of_the_last_digit_and_is_said(value, digits):
    numbers = Numbers(digits)
    shown, value = Fraction(numbers.text(value)), Fraction(repr(value))  # as it is written, not as it is held
    unit = Fraction(10) ** (math.floor(math.log10(abs(float(value)))) - digits + 1) if value else 0
    assert abs(shown - value) <= unit  # half a unit; a whole one where log10 rounds up to the next power
    assert numbers.rounded == (shown != value)


@given(st.fractions(), st.integers(1, 30))
def test_a_rational_is_rounded_as_well_as_a_float(value, digits):
    numbers = Numbers(digits, fractions=True)
    shown = Fraction(numbers.text(value))
    assert numbers.rounded == (shown != value)
    assert abs(shown - value) * 10 ** (digits - 1) <= abs(value)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_aligned_texts_have_one_width_and_their_points_in_one_column(values):
    texts = list(map(Numbers().text, values))
    shown = aligned(texts)
    assert [text.strip() for text in shown] == texts
    assert len(set(map(len, shown))) == 1
    assert len({text.index(".") for text in shown if "." in text}) <= 1
