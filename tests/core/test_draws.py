"""Numbers that look as if drawn at random, and which of them are different."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.core.draws import Draws, distinct, first_of_each

VALUES = [np.array([3.0, -1.0, 3.0, 0.0, -0.0, 2.0]), np.zeros(0), np.array([[1, 2], [2, 1]])]


@pytest.mark.parametrize("values", VALUES, ids=str)
def test_the_different_numbers_are_those_that_numpy_finds(values):
    expected, first = np.unique(values, return_index=True)
    np.testing.assert_array_equal(distinct(values), expected)
    np.testing.assert_array_equal(first_of_each(values), first)


def test_words_are_those_of_splitmix64():
    """The first that its authors' own program gives for the seed 0."""
    assert [hex(word) for word in Draws().words(3).tolist()] == [
        "0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]  # fmt: skip


def test_draws_go_on_where_the_last_ended_and_are_even():
    one, both = Draws(), Draws()
    assert [*one.words(2), *one.words(3)] == [*both.words(5)]
    bits = Draws().bits((100, 100))
    assert abs(bits.mean() - 0.5) < 0.03  # six deviations of 10,000 coins
    assert bits.shape == (100, 100)


def test_some_of_many_are_none_twice():
    some = Draws().some(50, 16).tolist()
    assert len(set(some)) == 16
    assert set(some) <= set(range(50))
    assert sorted(Draws().some(3, 16).tolist()) == [0, 1, 2]
    assert all(0 <= Draws().below(7) < 7 for _ in range(20))
