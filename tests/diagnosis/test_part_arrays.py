"""What parts of a sum give in a few channels of a large array is what they give there in the whole, along every way."""

import numpy as np
import pytest

from convgrad.catalogue.tables import right
from convgrad.diagnosis.along import ways
from convgrad.diagnosis.part_arrays import narrowed, only
from convgrad.subject.case import as_case

RANDOM = np.random.default_rng(0)
CASE = {
    "input": RANDOM.integers(-3, 4, (3, 5, 4, 5)), "kernel": RANDOM.integers(-3, 4, (4, 5, 2, 3)),
    "delta": RANDOM.integers(-3, 4, (3, 4, 3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("array", ["dW", "dX"])
def test_a_part_gives_in_few_channels_what_it_gives_there_in_all(array):
    c = right(as_case(CASE, arithmetic="float64"), array)
    truth = c.value()
    numbers, wrong = np.arange(truth.size).reshape(truth.shape), np.zeros(truth.shape, bool)
    wrong[-1, -1] = True
    found = [way for way in ways(c) if way.operand != "result"]
    assert any(way.operand == "x" and len(way.axes) > 1 and 1 in way.axes for way in found) or array == "dX"
    for way in found:
        last = tuple((way.step or getattr(c, way.operand).shape[axis]) - 1 for axis in way.axes)
        few, chosen = narrowed(c, numbers, wrong, way)
        np.testing.assert_allclose(only(few, way, last).ravel(), only(c, way, last).ravel()[chosen], atol=1e-9)
