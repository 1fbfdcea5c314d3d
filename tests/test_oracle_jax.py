"""JAX computes the same: padding below 0, dilated windows, groups; gradients by its automatic differentiation."""

import importlib.util
import os

import numpy as np
import pytest

import convgrad
from tests import definitions
from tests.geometry import Seeded, float_data, random_case

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax: pip install 'convgrad[oracle]'"),
]

SEED = int(os.environ.get("CONVGRAD_SEED", "0"))
CASES_EACH = 4  # every new shape is compiled, which takes far longer than computing it
CLOSE = 1e-10
"""Sums here are of fewer than 10^4 products of numbers below 10^1: in float64 both are off by less than 10^-11."""


@pytest.fixture(autouse=True)
def _double():
    """In float64; set here, as importing JAX takes seconds."""
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def placement(case):
    """JAX lists both ends of every axis, as here; below 0 it crops."""
    return {"window_strides": definitions.strides(case), "padding": definitions.paddings(case)}


def conv(case):
    from jax import lax

    def correlate(x, w, b):
        y = lax.conv_general_dilated(
            x, w, rhs_dilation=definitions.per_axis(case, "dilation", 1), feature_group_count=case["groups"],
            **placement(case),
        )  # fmt: skip
        return y + b.reshape(-1, *(1,) * case["dims"])

    return correlate


def reduced(case, start, combine, x):
    from jax import lax

    return lax.reduce_window(
        x, start, combine, (1, 1, *definitions.window(case)), (1, 1, *definitions.strides(case)),
        padding=((0, 0), (0, 0), *definitions.paddings(case)),
        window_dilation=(1, 1, *definitions.per_axis(case, "dilation", 1)),
    )  # fmt: skip


def average(case):
    from jax import lax

    def mean(x):
        by = case.get("divisor")
        if by is None and case["count_include_pad"]:
            by = np.prod(definitions.window(case))
        counts = reduced(case, 0.0, lax.add, x * 0 + 1) if by is None else by
        return reduced(case, 0.0, lax.add, x) / counts

    return mean


def largest(case):
    from jax import lax

    return lambda x: reduced(case, -np.inf, lax.max, x)


def norm(case):
    from jax import lax

    return lambda x: reduced(case, 0.0, lax.add, abs(x) ** case["norm"]) ** (1 / case["norm"])


FUNCTIONS = {"conv": conv, "average-pool": average, "max-pool": largest, "lp-pool": norm}


def drawn(operation, dims):
    """Cases that JAX can say: padding of zeros, kernels as they lie, whole windows; numbers that are not equal."""
    random, kept = np.random.default_rng([SEED, list(FUNCTIONS).index(operation), dims]), 0
    fixed = {"padding_mode": "zeros", "mode": "cross-correlation"} if operation == "conv" else {"ceil_mode": False}
    while kept < CASES_EACH:
        case = random_case(Seeded(random), operation, dims, float_data, **fixed)
        if kept % 2 == 0 and min(map(min, definitions.paddings(case))) >= 0:
            continue  # every other one is cropped somewhere
        kept += 1
        case["input"] = random.permutation(case["input"].size).reshape(case["input"].shape) / 7 + 1
        yield {**case, "norm": 3} if operation == "lp-pool" else case


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("operation", FUNCTIONS)
def test_outputs_and_gradients_are_those_of_jax(operation, dims):
    import jax

    for case in drawn(operation, dims):
        operands = [case["input"].reshape(definitions.full_shape(case, "input"))]
        if operation == "conv":
            bias = np.broadcast_to(case.get("bias", 0.0), definitions.out_channels(case))
            operands += [case["kernel"].reshape(definitions.full_shape(case, "kernel")), bias]
        found = convgrad.backward(case, arithmetic="float64")
        cropped = min(map(min, definitions.paddings(case))) < 0
        if operation == "max-pool" and (cropped or max(definitions.per_axis(case, "dilation", 1)) > 1):
            y = FUNCTIONS[operation](case)(*operands)  # of which JAX has no gradient
            np.testing.assert_allclose(found.output.reshape(y.shape), y, rtol=CLOSE, atol=CLOSE)
            continue
        y, back = jax.vjp(FUNCTIONS[operation](case), *operands)
        np.testing.assert_allclose(found.output.reshape(y.shape), y, rtol=CLOSE, atol=CLOSE)
        gradients = back(case["delta"].reshape(y.shape))
        ours = [array for array in (found.dX, found.dW, found.db) if array is not None]
        for mine, theirs in zip(ours, gradients, strict=True):
            np.testing.assert_allclose(np.reshape(mine, theirs.shape), theirs, rtol=CLOSE, atol=CLOSE)


def test_a_transposed_convolution_with_padding_below_0_is_a_dilated_input_in_jax():
    import jax
    from jax import lax

    random = np.random.default_rng(SEED)
    x, w = random.standard_normal((2, 3, 4)), random.standard_normal((3, 2, 3))
    for before, after in ((-2, -1), (1, -3), (0, 0)):
        case = {"op": "conv-transpose", "input": x, "kernel": w, "stride": 2, "padding": [[before, after]]}
        case["delta"] = random.standard_normal(convgrad.forward(case).output.shape)

        def spread(x, w, sides=(2 - before, 2 - after)):
            return lax.conv_general_dilated(x, w.swapaxes(0, 1)[:, :, ::-1], (1,), [sides], lhs_dilation=(2,))

        y, back = jax.vjp(spread, x, w)
        found = convgrad.backward(case, arithmetic="float64")
        for mine, theirs in zip((found.output, found.dX, found.dW), (y, *back(case["delta"])), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=CLOSE, atol=CLOSE)
