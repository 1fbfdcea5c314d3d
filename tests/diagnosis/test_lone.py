"""One overlay of a layer that has too many to solve for is found by the entries that are furthest off."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad
from tests import definitions

LAYERS = {
    "two axes, strided": {"input": (3, 2, 23, 21), "kernel": (4, 2, 3, 2), "stride": [2, 1], "padding": [1, 0]},
    "one axis, dilated": {"input": (2, 3, 330), "kernel": (5, 3, 4), "dilation": 2, "padding": 3},
    "groups, turned": {"input": (2, 4, 18, 17), "kernel": (6, 2, 2, 3), "groups": 2, "mode": "convolution"},
    "copied padding": {"input": (2, 2, 17, 16), "kernel": (3, 2, 3, 3), "padding": 1, "padding_mode": "reflect"},
}  # fmt: skip


def drawn(layer, seed):
    random = np.random.default_rng(seed)
    case = {"op": "conv", "dims": len(layer["input"]) - 2, **layer}
    case |= {name: random.standard_normal(layer[name]) for name in ("input", "kernel")}
    return case | {"delta": random.standard_normal(definitions.output_shape(case))}, random


def with_one(case, random, times):
    """The gradients with one overlay that counts so often, and what it is called."""
    shape = case["delta"].shape
    n, *place = (int(random.integers(length)) for length in (shape[0], *shape[2:]))
    weights = np.ones((shape[0], 1, *shape[2:]))
    weights[n, 0][tuple(place)] = times
    arrays = definitions.backward({**case, "delta": case["delta"] * weights}, float)
    at = f"({','.join(map(str, place))})" if len(place) > 1 else str(place[0])
    return {name: array.astype(float) for name, array in arrays.items()}, f"position {at} of sample {n}"


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("times", "mistake"), [(0, "rows-missing"), (2, "counted-twice")])
def test_the_only_overlay_that_is_lost_or_counted_twice_is_named_in_each_array_alone(layer, times, mistake):
    case, random = drawn(LAYERS[layer], len(layer))
    wrong, where = with_one(case, random, times)
    for name, array in wrong.items():
        told = convgrad.check(case, {name: array}, sample=1).diagnosis
        assert (told[0].mistake, where in told[0].message) == (mistake, True), (name, told[0].message)


@pytest.mark.slow
def test_half_an_overlay_and_two_of_them_are_none():
    case, random = drawn(LAYERS["two axes, strided"], 7)
    half, _ = with_one(case, random, 0.5)
    first, _ = with_one(case, random, 0)
    second, _ = with_one(case, random, 0)
    right = {name: array.astype(float) for name, array in definitions.backward(case, float).items()}
    two = {name: first[name] + second[name] - right[name] for name in right}
    for wrong in (half, two):
        told = convgrad.check(case, {"dW": wrong["dW"]}, sample=1).diagnosis
        assert [one.mistake for one in told] == [None]


@pytest.mark.slow
def test_a_step_of_a_loop_that_many_overlays_would_explain_is_not_told_as_one_of_them():
    case, random = drawn(LAYERS["one axis, dilated"], 3)
    case["delta"] = np.ones_like(case["delta"])  # every overlay gives db the same
    wrong, _ = with_one(case, random, 0)
    told = convgrad.check(case, {"db": wrong["db"]}, sample=1).diagnosis
    assert not any("position" in one.message for one in told if one.mistake)
