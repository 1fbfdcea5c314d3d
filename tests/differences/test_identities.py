"""The identities hold for every operation, exactly where numbers are exact, and say where they fail."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from convgrad.differences.identities import checksums
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case
from tests import geometry


def sums(document, change=None):
    """The checksums of a case, its gradients changed."""
    case = document if hasattr(document, "operation") else make_case(document)
    ours = Gradients(case)
    gradients = {name: array.copy() for name, array in ours.by_operand.items()}
    if change:
        change(gradients)
    return checksums(case, gradients, ours.y)


@given(geometry.cases())
def test_they_hold_with_equality_for_every_operation(document):
    found = sums(document)
    assert all(checksum.holds for checksum in found)
    if make_case(document).arithmetic == "exact":
        assert all(checksum.left == checksum.right for checksum in found)
    assert bool(found) == (document.get("ties") != "all")


@given(geometry.float_cases())
def test_they_hold_within_rounding_in_float64_and_float32(document):
    assert all(checksum.holds for checksum in sums(document))
    assert all(checksum.holds for checksum in sums(make_case(document, arithmetic="float32")))


@given(geometry.cases(operations=geometry.CONVOLUTIONS, batches=(1, 3)))
def test_an_entry_that_is_off_fails_in_its_sample_and_in_its_filter(document):
    case = make_case(document)

    def off(gradients):
        for gradient in gradients.values():
            gradient.flat[-1] += 1

    x, w = case.operands["x"].flat[-1], case.operands["w"].flat[-1]
    for checksum, counts in zip(sums(case, off), (x, w, 1), strict=True):
        assert checksum.holds == (counts == 0)
        if counts:
            failure = checksum.fails[0]
            assert failure.index == (case.shapes["x"][0] if failure.part == "sample" else case.output_shape[1]) - 1
            assert len(checksum.fails) == 1


def test_an_error_in_float64_fails_as_well():
    random = np.random.default_rng(0)
    document = {"input": random.standard_normal((2, 3, 8, 8)), "kernel": random.standard_normal((4, 3, 3, 3)),
                "delta": random.standard_normal((2, 4, 6, 6))}  # fmt: skip

    def off(gradients):
        gradients["x"][1, 0, 3, 3] *= 1 + 1e-6

    first, *others = sums(document, off)
    assert [(failure.part, failure.index) for failure in first.fails] == [("sample", 1)]
    assert all(checksum.holds for checksum in others)


def test_the_published_example_has_its_number():
    x = [["0.32", "0.27", "-0.59"], ["0.99", "-0.52", "-0.55"], ["-0.45", "0.64", "0.13"]]
    document = {
        "mode": "convolution", "input": [[Fraction(part) for part in row] for row in x],
        "kernel": [[-0.5, 0.1], [0.3, 0.9]], "delta": [[-0.07, 0.15], [-0.09, 0.02]],
    }  # fmt: skip
    first = sums(document)[0]
    assert first.to_dict() == {
        "equation": "<x,dX> = <y-b,delta>", "left": -0.05359, "right": -0.05359, "holds": True,
    }  # fmt: skip


@pytest.mark.parametrize("ties", ["first", "last", "split"])
def test_a_maximum_hands_on_all_of_delta(ties):
    document = {"op": "max-pool", "window": 2, "input": [[3, 3], [1, 3]], "delta": [[2]], "ties": ties}
    assert [(c.equation, c.left, c.right) for c in sums(document)] == [
        ("<x,dX> = <y,delta>", 6, 6), ("sum dX = sum delta", 2, 2),
    ]  # fmt: skip
