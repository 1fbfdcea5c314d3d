"""How digits are counted where there are none."""

from __future__ import annotations

from decimal import Decimal

from convgrad.claims.digits import written


def test_what_is_not_finite_has_no_places():
    assert written([Decimal("NaN"), Decimal("Infinity"), 1]).place == 0


def test_fractions_have_no_places():
    assert written(["1/3", "2/7"]).place == 0
