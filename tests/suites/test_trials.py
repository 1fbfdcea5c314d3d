"""Trials made of documents are those of the suites; asked again, they are the same shapes with other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convgrad.documents.reading import _is_deep, _may_overflow
from convgrad.errors import RequestError
from convgrad.passes.gradients import Gradients
from convgrad.suites.core import core
from convgrad.suites.trial import of_document, of_sketch
from convgrad.vocabulary import GRADED


@pytest.mark.parametrize("op", GRADED)
def test_a_trial_of_its_own_document_is_the_same(op: str) -> None:
    for sketch in core(op, 2):
        trial = of_sketch(sketch, "float64")
        again = of_document(trial.document(), trial.id, "float64")
        assert again.case.operation is trial.case.operation
        assert {*again.expected} == {*trial.expected}
        for array, right in trial.expected.items():
            np.testing.assert_array_equal(again.expected[array], right)
        for name, operand in trial.operands.items():
            np.testing.assert_array_equal(again.operands[name], operand)


@pytest.mark.parametrize("op", GRADED)
def test_asked_again_a_document_has_the_other_delta_and_what_comes_of_that(op: str) -> None:
    trial = of_document(of_sketch(core(op, 2)[0], "float64").document(), "mine", "float64")
    other = trial.again()
    np.testing.assert_array_equal(other.operands["delta"], -trial.operands["delta"])
    fresh = Gradients(other.case).by_array
    assert {*fresh} == {*other.expected}
    assert any((right != trial.expected[array]).any() for array, right in fresh.items())
    for array, right in fresh.items():
        np.testing.assert_allclose(other.expected[array], right, rtol=1e-15, atol=0)
    assert not other.expected.get("nothing")
    with pytest.raises(KeyError):
        other.expected["dx"]


CONV: dict[str, Any] = {"kernel": [[1, 2], [3, 4]]}
REFUSED: tuple[tuple[list[dict[str, Any]], str], ...] = (
    ([CONV], "a network that is graded is a convolution and an activation, as one"),
    ([CONV, {"op": "relu"}, {"op": "relu"}], "a convolution and an activation"),
    ([{"op": "max-pool", "window": 2}, {"op": "relu"}], "a convolution and an activation"),
    ([CONV, {"op": "softmax"}], "a convolution and an activation"),
    ([CONV, {"op": "swish"}], "unknown operation"),
)


@pytest.mark.parametrize(("layers", "message"), REFUSED)
def test_a_network_that_no_program_computes_as_one_is_refused(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        of_document({"input": [[1, 2, 3], [4, 5, 6]], "layers": layers, "delta": "ones"}, "mine", "float64")


def test_whole_numbers_are_exact_where_the_slope_is_a_number_of_halves() -> None:
    document = {"input": [[1, -2, 3], [4, 5, -6]], "layers": [CONV], "delta": [[1, 2]]}
    exact = {slope: of_document({**document, "layers": [CONV, {"op": "leaky-relu", "slope": slope}]}, "mine", "float32")
             for slope in (0.5, 0.125, -0.5, 0.01, 2)}  # fmt: skip
    assert {slope: trial.lattice for slope, trial in exact.items()} == {
        0.5: 0.5,
        0.125: 0.125,
        -0.5: 0.5,
        0.01: None,
        2: None,
    }
    assert of_document({**document, "layers": [CONV, {"op": "relu"}]}, "mine", "float32").lattice == 1
    assert of_document({**document, "layers": [CONV, {"op": "tanh"}]}, "mine", "float32").lattice is None


def test_a_name_with_three_digits_after_an_e_is_no_number_that_overflows() -> None:
    assert not _may_overflow('{"id": "case-1000", "more": "Every E400"}')
    for text in ("[1e400]", "[1.e-400]", "[2E400]", "[1E1]", "[" + "9" * 200 + "]"):
        assert _may_overflow(text)


def test_how_deep_a_value_is() -> None:
    for value, depth in ((1, 0), ([], 1), ([1, [2]], 2), ({"a": [[1]]}, 3), ([[], {"b": {"c": [1]}}], 4)):
        assert [_is_deep(value, levels) for levels in range(6)] == [depth > levels for levels in range(6)]
