"""A wrong claim beside inputs that were rounded when they were printed is named by what no rounding explains."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad
from tests import definitions

SHAPES = {"input": (2, 2, 6, 5), "kernel": (3, 2, 3, 2), "bias": (3,), "delta": (2, 3, 4, 4)}


def drawn(seed):
    random = np.random.default_rng(seed)
    return {"op": "conv", "dims": 2, **{name: random.standard_normal(shape) for name, shape in SHAPES.items()}}


def printed(case, decimals):
    arrays = (np.round(value, decimals).tolist() if isinstance(value, np.ndarray) else value for value in case.values())
    return dict(zip(case, arrays, strict=True))


def said(case, claim, decimals, **options):
    """By array the first mistake of a claim, made from inputs in full and printed as they are."""
    claim = {name: np.round(array.astype(float), decimals).tolist() for name, array in claim.items()}
    report = convgrad.check(printed(case, decimals), claim, sample=1, **options)
    return {one.array: one for one in reversed(report.diagnosis)}


WRONG = {
    "scaled": lambda case: {name: array * 0.85 for name, array in definitions.backward(case, float).items()},
    "sample-missing": lambda case: {
        name: definitions.backward({**case, "delta": case["delta"] * np.reshape([0, 1], (2, 1, 1, 1))}, float)[name]
        for name in ("dX", "dW", "db")
    },
    "kernel-rotated": lambda case: {
        "dX": definitions.backward({**case, "kernel": np.flip(case["kernel"], (2, 3))}, float)["dX"]
    },
}


@pytest.mark.parametrize("decimals", [4, 6, 9])
@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named_although_its_inputs_have_more_digits_than_were_printed(mistake, decimals):
    case = drawn(decimals)
    told = said(case, WRONG[mistake](case), decimals)
    assert {one.mistake for one in told.values()} == {mistake}
    assert all(one.details["chance"] <= 1e-4 for one in told.values())


def test_it_is_said_that_inputs_are_taken_as_rounded_and_not_where_they_are_not():
    case = drawn(0)
    wrong = WRONG["scaled"](case)
    assert all("taken as rounded" in one.message for one in said(case, wrong, 5).values())
    rounded = {name: np.round(value, 2) if name in SHAPES else value for name, value in case.items()}
    told = said(rounded, WRONG["scaled"](rounded), 6)
    assert {one.mistake for one in told.values()} == {"scaled"}
    assert not any("taken as rounded" in one.message for one in told.values())


def test_noise_beside_printed_inputs_has_no_name():
    for seed in range(6):
        case, random = drawn(seed), np.random.default_rng(seed)
        right = definitions.backward(case, float)
        noisy = {
            name: np.where(random.random(array.shape) < 0.3, array + random.standard_normal(array.shape), array)
            for name, array in right.items()
        }
        noisy["db"] = noisy["db"].astype(float) + random.standard_normal(3)
        assert {one.mistake for one in said(case, noisy, 4).values()} == {None}, seed


def test_what_few_rounded_numbers_say_is_not_enough_for_a_name():
    case = drawn(1)
    wrong = definitions.backward(case, float)["db"].astype(float) * 0.97  # a factor is fitted, and little is left
    told = said(case, {"db": np.round(wrong, 2)}, 2)
    assert told["db"].mistake is None
