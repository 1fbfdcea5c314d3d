"""Lp pools that sum x^p with its sign, as PyTorch's do."""

import math

import numpy as np
import pytest

import convgrad
from tests import definitions

NORMS = [1, 3, 5, 1.5, 2, 4]
"""Odd, broken, and even, which have no sign."""


def random_case(norm, seed, **settings):
    random = np.random.default_rng(seed)
    case = {"op": "lp-pool", "dims": 2, "window": [2, 3], "stride": [1, 2], "padding": [[1, 0], [0, 1]], "norm": norm,
            "signed": True, "input": random.standard_normal((2, 2, 5, 6)) + (norm == 1.5) * 9, **settings}  # fmt: skip
    return {**case, "delta": random.standard_normal(definitions.output_shape(case))}


def close(found, expected):
    """The same NaN, and else apart by no more than the roundings of windows that cancel by no more than 2^20."""
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("more", [{}, {"ceil_mode": True}, {"dilation": [2, 1]}])
def test_a_signed_norm_is_its_definition(norm, more):
    case = random_case(norm, 3, **more)
    found = convgrad.backward(case)
    close(found.output, definitions.forward(case, float))
    close(found.dX, definitions.backward(case, float)["dX"])


@pytest.mark.parametrize(
    ("norm", "x", "y", "slopes"),
    [
        (1, [1, -2, 3, -4], -2, [1, 1, 1, 1]),
        (1, [1, -2, 3, -2], 0, [0, 0, 0, 0]),
        (3, [1, -1], 0, [0, 0]),
        (3, [0, 0], 0, [0, 0]),
        (3, [1, -2], math.nan, [math.nan, math.nan]),
        (3, [2, 0], 2, [1, 0]),
        (1.5, [4, -1], math.nan, [math.nan, math.nan]),
        (2, [3, -4], 5, [0.6, -0.8]),
    ],
)
def test_what_cancels_has_no_slope_and_what_is_below_zero_no_root(norm, x, y, slopes):
    case = {"op": "lp-pool", "dims": 1, "window": len(x), "norm": norm, "signed": True, "input": x, "delta": [1]}
    found = convgrad.backward(case)
    np.testing.assert_allclose([float(found.output[0])], [y])
    np.testing.assert_allclose(np.asarray(found.dX, float), slopes)


def small(norm, x, **more):
    return {"op": "lp-pool", "dims": 1, "window": 2, "norm": norm, "signed": True, "input": x, "delta": [1, 2], **more}


@pytest.mark.parametrize("norm", NORMS)
def test_differences_agree_where_sums_are_above_zero(norm):
    x = np.random.default_rng(norm == 3).standard_normal((2, 6, 6)) + 6
    report = convgrad.check({"op": "lp-pool", "dims": 2, "window": 2, "norm": norm, "signed": True, "input": x,
                             "delta": x[:, :3, :3]})  # fmt: skip
    assert report.verdict == "agrees"


@pytest.mark.parametrize(
    ("norm", "x", "why"),
    [
        (1, [2, -2, 3, 1], "a sum of 0"),
        (3, [1, -1, 3, 1], "a sum not above 0"),
        (3, [1, -2, 3, 1], "a sum not above 0"),
    ],
)
def test_differences_say_nothing_where_a_sum_is_zero_or_has_no_root(norm, x, why):
    finding = convgrad.check(small(norm, x)).to_dict()["findings"][0]
    assert (finding["wrong"], finding["undecided"]) == (0, 2)
    assert finding["kinks"] == [{"output": [0], "cells": [[0], [1]], "why": why}]


@pytest.mark.parametrize("norm", [1, 3])
def test_a_network_is_differenced_through_a_signed_norm(norm):
    layers = [{"op": "lp-pool", "dims": 1, "window": 2, "norm": norm, "signed": True}, {"op": "tanh"}]
    network = {"input": [2.5, -1.25, 0.5, 3.0], "layers": layers, "delta": [1.0, -2.0]}
    assert convgrad.check(network).verdict == "agrees"
    assert convgrad.check({**network, "input": [2.5, -2.5, 0.5, 3.0]}).verdict == "undecided"


def test_a_network_of_sums_is_differenced_exactly():
    layers = [{"op": "conv", "kernel": [1, -2]}, {"op": "lp-pool", "dims": 1, "window": 2, "norm": 1, "signed": True}]
    network = {"input": [2, -1, 3, 1, 4], "layers": layers, "delta": [1, -2]}
    assert convgrad.check(network).verdict == "agrees"


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("norm", [1, 3, 5])
def test_a_right_claim_in_any_type_agrees_and_sizes_in_place_of_signs_differ(norm, dtype):
    random = np.random.default_rng(norm)
    x = (random.standard_normal((3, 8)) + 0.75).astype(dtype)
    case = {"op": "lp-pool", "dims": 1, "window": 4, "norm": norm, "signed": True, "input": x.astype(float),
            "delta": random.integers(1, 5, (3, 2)).astype(float)}  # fmt: skip
    right = signed_by_hand(x, case["delta"].astype(dtype), norm)
    assert convgrad.check({**case, "claim": {"dX": right}}).verdict in ("agrees", "undecided")
    sizes = convgrad.backward({**case, "signed": False}).dX
    assert convgrad.check({**case, "claim": {"dX": np.asarray(sizes, dtype)}}).verdict == "differs"


def signed_by_hand(x, delta, norm):
    """dX in the type of x, each operation rounded to it."""
    windows = x.reshape(3, 2, 4)
    sums = (windows**norm).sum(axis=-1, keepdims=True, dtype=x.dtype)
    with np.errstate(invalid="ignore"):
        slopes = windows ** (norm - 1) * sums ** x.dtype.type(1 / norm - 1)
    return (delta[..., None] * slopes).reshape(x.shape)


def test_a_claim_is_not_blamed_for_what_a_cancelled_sum_cannot_tell():
    x = [1.0, -0.999999999999, 3.0, 1.0]
    truth = np.asarray(convgrad.backward(small(3, x)).dX, float)
    assert convgrad.check(small(3, x, claim={"dX": truth * [1 + 1e-6, 1 + 1e-6, 1, 1]})).verdict != "differs"
    assert convgrad.check(small(3, x, claim={"dX": truth * [1, 1, 1 + 1e-6, 1]})).verdict == "differs"
