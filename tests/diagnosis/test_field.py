"""Slips as people make them, in implementations as people write them, are named by what was done."""

from __future__ import annotations

from collections import Counter

import pytest

import convgrad
from tests.court.judged import judged
from tests.court.slips import slips

SLIPS = list(slips("slips"))
COEFFICIENTS = {
    "added-array", "channel-missing", "channels-missing", "phase-missing", "rows-missing", "samples-missing",
}  # fmt: skip
"""Parts that count otherwise than once, and what was added: found by solving for weights, not among these families."""
TOO_FEW = {"c07": "tap-clamped"}
"""So few numbers that others would give them by chance: what was done is told among what may have been, not named."""


def of_families():
    """Those of which one mistake tells the whole, by enough numbers."""
    for slip in SLIPS:
        wanted = {name for names in slip.wrong.values() for name in names}
        if wanted and not COEFFICIENTS & wanted and slip.name not in TOO_FEW:
            yield slip


def named(slip):
    """By array what each claim was taken for: the first mistake that explains all of it, else None."""
    found = {}
    for one in convgrad.check(slip.case, slip.claim).diagnosis:
        explained = one.matches == one.entries or one.details.get("index") is not None
        found.setdefault(one.array, one.mistake if explained else None)
    return found


@pytest.mark.parametrize("slip", list(of_families()), ids=lambda slip: slip.name)
def test_every_slip_of_a_family_is_named_by_what_was_done(slip):
    found = named(slip)
    assert set(found) == set(slip.claim)
    assert {array: name for array, name in found.items() if name not in slip.wrong[array]} == {}


@pytest.mark.parametrize("name", TOO_FEW)
def test_what_few_numbers_may_come_from_is_said_and_not_named(name):
    (slip,) = (slip for slip in SLIPS if slip.name == name)
    told = convgrad.check(slip.case, slip.claim).diagnosis
    assert told
    assert all(one.mistake is None and TOO_FEW[name] in one.details["alternatives"] for one in told)


@pytest.mark.slow
def test_most_slips_of_strangers_are_named_rightly_and_few_wrongly():
    outcomes = Counter(one.outcome for claim in slips("strangers") for one in judged(claim))
    print(f"strangers: {dict(outcomes)}")
    assert outcomes["named rightly"] >= 0.85 * outcomes.total()
    assert outcomes["named wrongly"] <= 0.07 * outcomes.total()
    assert set(outcomes) <= {"named rightly", "named wrongly", "not named"}


@pytest.mark.parametrize("array", ["dX", "dW", "db"])
def test_a_mistake_that_explains_all_arrays_is_told_of_each_before_one_that_explains_a_few_numbers(array):
    slip = next(slip for slip in SLIPS if slip.name == "slip-29")  # W is the number of filters: `wrong-axes` fits db
    assert named(slip)[array] == "operand-reshaped"
