"""Slips as people make them, in implementations as people write them, are named by what was done."""

from __future__ import annotations

from collections import Counter

import pytest

import convgrad
from tests.court.field import ABOUT, named, slips
from tests.court.judged import judged
from tests.court.slips import slips as brought_slips

SLIPS = slips("slips")
COEFFICIENTS = {
    "added-array", "channel-missing", "channels-missing", "phase-missing", "rows-missing", "samples-missing",
}  # fmt: skip
"""Parts that count otherwise than once, and what was added: found by solving for weights, not among these families."""
TOO_FEW = {"c05-min": "padding-other-side", "c07": "tap-clamped"}
"""So few numbers that others would give them by chance: what was done is told among what may have been, not named."""


@pytest.mark.parametrize(
    "slip",
    [slip for slip in SLIPS if slip["wanted"] and not COEFFICIENTS & set(slip["wanted"]) and slip["id"] not in TOO_FEW],
    ids=lambda slip: slip["id"],
)
def test_every_slip_of_a_family_is_named_by_what_was_done(slip):
    found = named(slip)
    assert set(found) == set(slip["claim"])
    assert {array: name for array, name in found.items() if name not in slip["wanted"]} == {}


@pytest.mark.parametrize("name", TOO_FEW)
def test_what_few_numbers_may_come_from_is_said_and_not_named(name):
    (slip,) = (slip for slip in SLIPS if slip["id"] == name)
    told = convgrad.check({key: value for key, value in slip.items() if key not in ABOUT}).diagnosis
    assert told
    assert all(one.mistake is None and TOO_FEW[name] in one.details["alternatives"] for one in told)


@pytest.mark.slow
def test_most_slips_of_strangers_are_named_rightly_and_few_wrongly():
    outcomes = Counter(one.outcome for claim in brought_slips("strangers") for one in judged(claim))
    print(f"strangers: {dict(outcomes)}")
    assert outcomes["named rightly"] >= 0.85 * outcomes.total()
    assert outcomes["named wrongly"] <= 0.07 * outcomes.total()
    assert set(outcomes) <= {"named rightly", "named wrongly", "not named"}


@pytest.mark.parametrize("array", ["dX", "dW", "db"])
def test_a_mistake_that_explains_all_arrays_is_told_of_each_before_one_that_explains_a_few_numbers(array):
    slip = next(slip for slip in SLIPS if slip["id"] == "slip-29")  # W is the number of filters: `wrong-axes` fits db
    assert named(slip)[array] == "operand-reshaped"
