"""What convgrad computes compared with what the definitions do, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

import convgrad
from tests import definitions
from tests.geometry import CONVOLUTIONS


def assert_matches_definition(case):
    """Forward and backward of a case are those of the plain loops."""
    y = definitions.forward(case)
    assert_exactly(convgrad.forward({**case, "delta": None}, arithmetic="exact").output, y, "y")
    found, expected = convgrad.backward(case, arithmetic="exact"), definitions.backward(case)
    assert_exactly(found.output, y, "y")
    assert_exactly(found.dX, expected["dX"], "dX")
    if case["op"] in CONVOLUTIONS:
        assert_exactly(found.dW, expected["dW"], "dW")
        assert_exactly(found.db, expected["db"], "db")
    else:
        assert found.dW is None
        assert found.db is None


def assert_exactly(values, expected, what):
    """Same shape, same values, and every one a Fraction: 0/2 is a float, and equal to the right answer."""
    values = np.asarray(values, dtype=object)
    assert values.shape == expected.shape, f"{what} has shape {values.shape}, its definition {expected.shape}"
    wrong = [index for index in np.ndindex(values.shape) if values[index] != expected[index]]
    assert not wrong, f"{what}{list(wrong[0])} is {values[wrong[0]]}, its definition {expected[wrong[0]]}"
    kinds = {type(value) for value in values.flat}
    assert kinds <= {Fraction}, f"{what} holds {kinds}"
