"""Mistakes in max unpooling, each against the loop that a person would write it as."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import convgrad

X = np.array([[[[5, 4, 9], [7, -6, 2]], [[1, 8, -3], [-4, 2, 6]]], [[[3, -1, 4], [2, 7, -5]], [[6, -8, 1], [9, 3, 5]]]])
CELLS = np.array([[[[9, 1, 22], [14, 3, 19]], [[0, 8, 17], [23, 11, 6]]],
                  [[[21, 2, 10], [5, 16, 13]], [[7, 18, 4], [12, 20, 15]]]])  # fmt: skip
LENGTHS = (4, 6)
DELTA = (np.arange(96) * 37 % 89 - 40).reshape(2, 2, *LENGTHS)
CASE: dict[str, Any] = {"op": "max-unpool", "input": X, "indices": CELLS, "output_size": LENGTHS, "delta": DELTA}


def gathered(place):
    """dX by a rule that says for sample, channel, row, column, cell where delta is taken; None takes nothing."""
    dx = np.zeros(X.shape)
    for n, c, i, j in np.ndindex(X.shape):
        at = place(n, c, i, j, int(CELLS[n, c, i, j]))
        dx[n, c, i, j] = 0 if at is None else DELTA[at]
    return dx


def scattered(place):
    y = np.zeros((2, 2, *LENGTHS))
    for n, c, i, j in np.ndindex(X.shape):
        if (at := place(n, c, i, j, int(CELLS[n, c, i, j]))) is not None:
            y[at] = X[n, c, i, j]
    return y


def flat(n, c, cell):
    """A cell counted from a plane's first in memory, over whatever comes after it."""
    number = (n * 2 + c) * 24 + cell
    return tuple(int(i) for i in np.unravel_index(number, DELTA.shape)) if 0 <= number < DELTA.size else None


def in_plane(n, c, row, column):
    return (n, c, row, column) if 0 <= row < 4 and 0 <= column < 6 else None


RULES = {
    "indices-ignored": [
        lambda n, c, i, j, cell: (n, c, i, j), lambda n, c, i, j, cell: (n, c, 0, i * 3 + j),
        lambda n, c, i, j, cell: (n, c, 2 * i, 2 * j), lambda n, c, i, j, cell: (n, c, 2 * i + 1, 2 * j + 1),
    ],
    "indices-counted-otherwise": [
        lambda n, c, i, j, cell: in_plane(n, c, cell % 4, cell // 4),  # by columns
        lambda n, c, i, j, cell: in_plane(n, c, cell // 4, cell % 4),  # taken apart by the height
        lambda n, c, i, j, cell: in_plane(n, c, cell // 3, cell % 3),  # by the input's width
        lambda n, c, i, j, cell: in_plane(n, c, cell // 7, cell % 7),
        lambda n, c, i, j, cell: flat(n, c, cell - 1) if cell else None,  # from 1
        lambda n, c, i, j, cell: flat(n, 0, cell),  # over the channels of a sample
        lambda n, c, i, j, cell: flat(0, 0, cell),
        lambda n, c, i, j, cell: (n, cell % 2, cell // 2 // 6, cell // 2 % 6),  # channels last
        lambda n, c, i, j, cell: (n, c, 2 * i + cell % 4 // 2, 2 * j + cell % 4 % 2),  # in every window
    ],
    "indices-of-another-plane": [
        lambda n, c, i, j, cell: flat(n, c, int(CELLS[n, 0, i, j])),
        lambda n, c, i, j, cell: flat(n, c, int(CELLS[1 - n, c, i, j])),
        lambda n, c, i, j, cell: flat(n, c, int(CELLS[0, 0, i, j])),
    ],
    "indices-in-order": [lambda n, c, i, j, cell: flat(n, c, int(np.sort(CELLS[n, c].ravel())[i * 3 + j]))],
}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, rules in RULES.items() for n in range(len(rules))])
def test_a_wrong_place_is_named_in_the_gradient_and_in_the_output(name: str, number: int) -> None:
    rule = RULES[name][number]
    for array, made in (("dX", gathered(rule)), ("output", scattered(rule))):
        diagnosis = convgrad.check(CASE, {array: made}).diagnosis[0]
        assert (diagnosis.mistake, diagnosis.matches) == (name, diagnosis.entries), (array, str(diagnosis))


def masked() -> Any:
    mask = np.zeros((2, 2, 24), bool)
    np.put_along_axis(mask, CELLS.reshape(2, 2, 6), True, 2)
    return np.where(mask.reshape(DELTA.shape), DELTA, 0)


def windowed(function: Any) -> Any:
    dx = np.zeros(X.shape)
    for n, c, i, j in np.ndindex(X.shape):
        dx[n, c, i, j] = function([DELTA[n, c, 2 * i + a, 2 * j + b] for a, b in product(range(2), repeat=2)])
    return dx


def other_way() -> Any:
    dx = np.zeros(X.shape)
    for n, c, p in np.ndindex(2, 2, 6):
        if (cell := int(CELLS[n, c].ravel()[p])) < 6:
            dx[n, c].ravel()[cell] = DELTA[n, c].ravel()[p]
    return dx


@pytest.mark.parametrize(("name", "made"), [
    ("delta-not-gathered", masked()), ("delta-not-gathered", DELTA), ("delta-not-gathered", masked()[..., :2, :3]),
    ("spread-to-all", windowed(sum)), ("spread-to-all", windowed(lambda four: sum(four) / 4)),
    ("spread-to-all", windowed(max)), ("gather-for-scatter", other_way()), ("delta-forgotten", np.ones(X.shape)),
])  # fmt: skip
def test_what_of_delta_comes_back_wrongly_is_named(name: str, made: Any) -> None:
    diagnosis = convgrad.check(CASE, {"dX": made}).diagnosis[0]
    assert diagnosis.mistake == name


def test_numbers_as_they_were_printed_are_judged_like_any() -> None:
    random = np.random.default_rng(3)
    x, delta = random.standard_normal(X.shape), random.standard_normal(DELTA.shape)
    exact = convgrad.backward(CASE, input=x, delta=delta)
    case = {**CASE, "input": x.round(4), "delta": delta.round(4)}
    right = {"dX": exact.dX.round(4).tolist(), "output": exact.output.round(4).tolist()}
    as_text = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in case.items()}
    assert convgrad.check(as_text, right).verdict == "agrees"
    wrong = {name: (np.array(values) * 1.01).round(4).tolist() for name, values in right.items()}
    assert convgrad.check(as_text, wrong).verdict == "differs"


def test_an_image_made_larger_is_named() -> None:
    larger = X.repeat(2, axis=2).repeat(2, axis=3)
    assert convgrad.check(CASE, {"output": larger}).diagnosis[0].mistake == "spread-to-all"


def test_a_wrong_number_that_nothing_explains_has_no_name() -> None:
    right = convgrad.backward(CASE).dX
    wrong = right + np.random.default_rng(0).integers(1, 50, right.shape)
    assert convgrad.check(CASE, {"dX": wrong}).diagnosis[0].mistake is None
    assert convgrad.check(CASE, {"dX": right}).verdict == "agrees"


def test_rows_and_samples_that_are_not_filled_are_told() -> None:
    right = convgrad.backward(CASE).dX.astype(float)
    for place, word in (((1,), "sample"), ((slice(None), slice(None), 1), "overlay-missing")):
        wrong = right.copy()
        wrong[place] = 0
        diagnosis = convgrad.check(CASE, {"dX": wrong}).diagnosis[0]
        assert word in str(diagnosis.mistake)


@pytest.mark.parametrize("lengths", [(2, 3), (5, 4), (3, 7)])
def test_whatever_the_lengths_a_right_gradient_is_right_and_strength_is_counted(lengths: tuple[int, int]) -> None:
    rows, columns = lengths
    cells = np.random.default_rng(1).permutation(rows * columns)[:6].reshape(2, 3)
    case = {"op": "max-unpool", "dims": 2, "input": X[0, 0], "indices": cells, "output_size": lengths,
            "delta": np.arange(rows * columns).reshape(lengths) + 1}  # fmt: skip
    report = convgrad.check(case, {"dX": convgrad.backward(case).dX})
    assert report.verdict == "agrees"
    assert report.strength.catches > 20
