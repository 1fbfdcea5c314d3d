"""What a bound counts: every rounding on the way of a term, once."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.claims.algorithms import Algorithms
from convgrad.claims.rounding import Bounds
from convgrad.claims.sums import confidence
from convgrad.subject.case import make_case


@pytest.mark.parametrize(
    ("settings", "roundings"),
    [({"stride": 1}, [1 + 1, 2 + 1, 2 + 1, 1 + 1]), ({"stride": 2}, [1 + 1, 1 + 1, 1 + 1, 1 + 1])],
)
def test_a_mean_rounds_at_the_additions_of_its_windows_and_twice_at_the_divisor(settings, roundings):
    """An addition less than there are windows; then a reciprocal and a product."""
    case = make_case({"op": "average-pool", "input": [1, 2, 3, 4], "window": 2, "delta": "ones", **settings})
    assert Bounds(case).sums("dX").roundings.ravel().tolist() == roundings


LAYERS = [
    {"input": (2, 4, 7, 6), "kernel": (6, 2, 3, 2), "groups": 2, "stride": [2, 1], "padding": [1, 2], "dilation": 2},
    {"input": (2, 4, 7, 6), "kernel": (6, 4, 3, 3), "padding": 2, "padding_mode": "reflect", "bias": (6,)},
    {"input": (2, 4, 7, 6), "kernel": (6, 4, 3, 2), "padding": 2, "padding_mode": "circular", "mode": "convolution"},
    {"op": "conv-transpose", "input": (3, 4, 5, 4), "kernel": (4, 3, 3, 2), "groups": 2, "stride": 2, "bias": (6,)},
    {"input": (3, 4, 9), "kernel": (5, 4, 3), "padding": "causal"},
    {"input": (3, 4, 9), "kernel": (5, 4, 3), "padding": 1},
    {"input": (2, 3, 4, 5, 5), "kernel": (4, 3, 3, 3, 3), "padding": 1},
]


def layer(shapes, *, zeros):
    """A case of positive numbers; some of them 0."""
    random = np.random.default_rng(0)
    document = {key: random.uniform(1, 2, shape) if key in ("input", "kernel", "bias") else shape
                for key, shape in shapes.items()}  # fmt: skip
    document["input"][(0, 0, 1, 1, 1)[: document["input"].ndim]] = 0.0 if zeros else 1.0
    shape = make_case({**document, "delta": "ones"}).output_shape
    return make_case({**document, "delta": random.uniform(1, 2, shape)})


@pytest.mark.parametrize("shapes", LAYERS, ids=str)
def test_terms_that_are_counted_in_one_channel_are_those_of_all(shapes):
    """A zero in x has every entry counted; it takes a term from the few entries of dW that it adds to."""
    alike, counted = Bounds(layer(shapes, zeros=False)), Bounds(layer(shapes, zeros=True))
    for array in ("dX", "dW"):
        one, each = alike.sums(array), counted.sums(array)
        assert one.roundings.size < each.roundings.size == each.magnitude.size
        fewer = np.broadcast_to(one.roundings, one.magnitude.shape) - each.roundings
        assert (fewer >= 0).all()
        assert fewer.any() == (array == "dW")


@pytest.mark.parametrize("shapes", LAYERS, ids=str)
def test_no_entry_of_an_algorithm_is_off_by_more_than_the_most_that_it_may_be(shapes):
    case = layer(shapes, zeros=True)
    for array in ("output", "dX", "dW"):
        for algorithm in ("fft", "winograd"):
            for off in Algorithms(case).of(array, 2.0**-24, 5.0, algorithm):
                assert 0 < off.each().max() <= off.most


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "tf32"])
@pytest.mark.parametrize("shapes", LAYERS, ids=str)
def test_pieces_of_an_array_are_excused_as_the_whole_is(shapes, dtype, monkeypatch):
    bounds, sure = Bounds(layer(shapes, zeros=False)), confidence(100)
    for array in ("output", "dX", "dW"):
        truth = bounds.sums(array).magnitude
        whole = bounds.excused(array, dtype, truth, sure=sure), bounds.own(array, truth)
        monkeypatch.setattr("convgrad.claims.piecewise.PIECE", 7)
        cut = bounds.excused(array, dtype, truth, sure=sure), bounds.own(array, truth)
        monkeypatch.undo()
        for one, other in zip(whole, cut, strict=True):
            np.testing.assert_array_equal(one, other)
        worst = bounds.excused(array, dtype, truth)
        assert bounds.worst(array, dtype, truth, truth.size - 1) == worst.flat[-1]
