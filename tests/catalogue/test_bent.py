"""An activation's mistakes are of the numbers that they are given: exact ones stay exact, narrow ones narrow."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.catalogue.of_activations import BENT_FORMS, Bent
from convgrad.core.arithmetic import DTYPES, recast
from convgrad.operations.fused import FUNCTIONS, activation_of

KINDS = tuple(DTYPES)
PAIRS = list(product(KINDS, KINDS))
RELU = activation_of(FUNCTIONS["leaky-relu"], {"slope": Fraction(1, 4)})
Z = np.array([-2, -1, 0, 1, 2, 3, -3, 1, 0, -1, 2, -2], float).reshape(2, 3, 2) / 2
BIAS = np.array([1, -1.5, 0.5])
DELTA = np.arange(1, 13, dtype=float).reshape(Z.shape)


@pytest.mark.parametrize(("kind", "of_bias"), PAIRS)
@pytest.mark.parametrize("name", BENT_FORMS)
def test_a_mistake_gives_numbers_of_the_kind_that_it_is_given(name: str, kind: str, of_bias: str) -> None:
    dtype = DTYPES[kind]
    z, delta = recast(Z, dtype), recast(DELTA, dtype)
    bent = Bent.of(RELU, recast(BIAS, DTYPES[of_bias]), z)
    for altered in BENT_FORMS[name].alter(bent).values():
        for made in (altered.function(z), altered.handed(delta, z)):
            assert made.dtype == dtype
            assert kind != "exact" or {type(value) for value in made.flat} == {Fraction}


@pytest.mark.parametrize(("kind", "of_bias"), PAIRS)
def test_the_bias_is_that_of_its_channel_whatever_its_kind(kind: str, of_bias: str) -> None:
    z, delta = recast(Z, DTYPES[kind]), recast(DELTA, DTYPES[kind])
    bent = Bent.of(RELU, recast(BIAS, DTYPES[of_bias]), z)
    late, early = (BENT_FORMS[name].alter(bent)[""] for name in ("bias-after-activation", "slope-before-bias"))
    for (n, o, p), value in np.ndenumerate(Z):
        before = value - BIAS[o]
        assert late.function(z)[n, o, p] == (before if before > 0 else before / 4) + BIAS[o]
        assert early.handed(delta, z)[n, o, p] == DELTA[n, o, p] * (1 if before > 0 else 0.25)


@pytest.mark.parametrize("shape", [(2,), (4,), (0,)])
def test_a_bias_that_does_not_fit_is_none(shape: tuple[int, ...]) -> None:
    bent = Bent.of(RELU, np.zeros(shape), Z)
    assert bent.bias is None
    assert BENT_FORMS["slope-before-bias"].alter(bent) == {}


@pytest.mark.parametrize("last", ["relu", "tanh"])
@pytest.mark.parametrize("arithmetic", KINDS)
def test_a_bias_after_an_activation_is_named_in_networks_of_every_kind(arithmetic: str, last: str) -> None:
    if (arithmetic, last) == ("exact", "tanh"):
        arithmetic = "auto"  # exact up to a function that is not
    x = np.array([[1, -2, 3, 1], [0.5, 1, -1, 2], [2, 0, 1, -1], [1, 1, -2, 0.5]])
    layers: list[dict[str, Any]] = [
        {"op": "conv", "name": "a", "kernel": [[0.25, -0.25], [0.5, 0.25]], "bias": [0.5]}, {"op": "relu", "name": "r"},
        {"op": "conv", "name": "b", "kernel": [[1, 2], [-1, 0.5]], "bias": [-0.75]}, {"op": last, "name": "t"},
    ]  # fmt: skip
    delta = np.array([[1, 2], [-1, 3]])
    document = {"input": x, "layers": layers, "delta": delta}
    first, _, second, _ = convgrad.network(document, arithmetic="float64").layers
    passed = second.dX * (first.output - 0.5 > 0)
    wrong = convgrad.backward({"input": x, "kernel": layers[0]["kernel"], "delta": passed}).dW
    assert (wrong != first.dW).any()
    report = convgrad.check(document, {"a": {"dW": wrong}}, arithmetic=arithmetic)
    assert report.mistakes == ("slope-before-bias",)
