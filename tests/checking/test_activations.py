"""What goes wrong in an activation is named where a network is checked, and what goes wrong in front of it as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convgrad
from tests.grading.fused_kernels import FAULTS, fused

RANDOM = np.random.default_rng(4)
X, W = RANDOM.integers(-3, 4, (2, 2, 5, 4)), RANDOM.integers(-3, 4, (3, 2, 2, 3))
B, DELTA = np.array([1, -2, 3]), RANDOM.integers(-3, 4, (2, 3, 4, 2))
B[0] -= convgrad.forward(input=X, kernel=W, bias=B).output[0, 0, 0, 0]  # there an activation meets exactly 0
DELTA[0, 0, 0, 0] = 3
ACTIVATIONS: tuple[dict[str, Any], ...] = (
    {"op": "relu"}, {"op": "leaky-relu", "slope": 0.25}, {"op": "sigmoid"}, {"op": "tanh"}, {"op": "softplus"},
)  # fmt: skip
SHOWN = {
    "relu": {"activation-derivative-missing", "slope-at-zero", "slope-before-bias", "bias-after-activation",
             "slope-other-side", "activation-of-delta", "activation-missing"},
    "sigmoid": {"activation-derivative-missing", "slope-at-output", "slope-by-output", "slope-before-bias",
                "bias-after-activation", "activation-of-delta", "activation-missing", "activation-twice"},
}  # fmt: skip
SHOWN |= {"leaky-relu": {*SHOWN["relu"], "activation-twice", "another-slope"}, "tanh": SHOWN["sigmoid"],
          "softplus": SHOWN["sigmoid"]}  # fmt: skip
UNKNOWN = {("softplus", "slope-other-side")}
"""Slips that nobody makes with these functions, and that have no name."""


def network(activation: dict[str, Any], scale: float = 1) -> dict[str, Any]:
    """Smooth functions are given smaller numbers: they hardly change where theirs are large."""
    layers = [{"name": "conv", "kernel": W * scale, "bias": B * scale}, {"name": "act", **activation}]
    return {"input": X * scale, "layers": layers, "delta": DELTA * scale}


def arrays(fault: str, activation: dict[str, Any], scale: float = 1) -> dict[str, Any]:
    given = [array * scale for array in (DELTA, X, W, B)]
    one = (1, 0, 1, 1, "zeros", "cross-correlation")
    return fused(fault, *given, *one, activation["op"], activation.get("slope"))


def scale_of(activation: dict[str, Any]) -> float:
    return 1.0 if "relu" in activation["op"] else 0.25


def claim(found: dict[str, Any]) -> dict[str, Any]:
    return {"conv": {name: found[name] for name in ("dW", "db", "dX")}, "act": {"output": found["output"]}}


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda one: one["op"])
def test_a_right_one_agrees(activation: dict[str, Any]) -> None:
    scale = scale_of(activation)
    report = convgrad.check(network(activation, scale), claim(arrays("right", activation, scale)))
    assert (report.verdict, report.diagnosis) == ("agrees", ())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda one: one["op"])
def test_a_mistake_in_an_activation_is_named(activation: dict[str, Any], fault: str) -> None:
    """All arrays that it spoils, and first of all in those that tell most: dW and dX, or y."""
    scale = scale_of(activation)
    wrong, right = arrays(fault, activation, scale), arrays("right", activation, scale)
    spoiled = {name for name in wrong if not np.allclose(wrong[name], right[name], rtol=1e-9)}
    report = convgrad.check(network(activation, scale), claim(wrong))
    if (activation["op"], fault) in UNKNOWN:
        assert fault not in report.mistakes
        return
    assert bool(spoiled) == (fault in SHOWN[activation["op"]])
    told = {one.array: one.mistake for one in reversed(report.diagnosis)}
    assert {name: told[name] for name in spoiled} == dict.fromkeys(spoiled, fault)


def test_what_is_wrong_before_an_activation_is_named_in_its_output() -> None:
    turned = {**network(ACTIVATIONS[0])}
    right = convgrad.network(turned).layers[1].output
    turned["layers"] = [{**turned["layers"][0], "kernel": W[:, :, ::-1, ::-1]}, turned["layers"][1]]
    wrong = convgrad.network(turned).layers[1].output
    assert (wrong != right).any()
    report = convgrad.check(network(ACTIVATIONS[0]), {"act": {"output": wrong}})
    assert report.mistakes == ("kernel-rotated",)


def test_one_number_earns_no_rare_name() -> None:
    """Some of so many mistakes gives any small whole number."""
    document = {"input": [[1, 2], [3, 4]], "layers": [{"kernel": [[1, -1], [2, 1]], "bias": [1]}, {"op": "relu"}]}
    report = convgrad.check({**document, "delta": [[2]]}, {"conv1": {"db": [3]}})
    assert report.verdict == "differs"
    assert not set(report.mistakes) & (set(FAULTS) - {"activation-derivative-missing"})


def test_the_slopes_of_all_activations_may_be_wrong_in_one_way() -> None:
    layers = [
        {"name": "first", "kernel": W * 0.25, "bias": B * 0.25}, {"op": "sigmoid"},
        {"name": "last", "kernel": RANDOM.integers(-3, 4, (2, 3, 2, 2)) * 0.25}, {"op": "tanh"},
    ]  # fmt: skip
    document = {"input": X * 0.25, "layers": layers}
    document["delta"] = DELTA[:, :2, :3, :1]
    parts = convgrad.network(document).layers
    delta = DELTA[:, :2, :3, :1] * (1 - np.tanh(parts[3].output) ** 2)
    below = convgrad.backward({"input": parts[1].output, "kernel": layers[2]["kernel"], "delta": delta}).dX
    y = parts[1].output
    inner = below * (1 / (1 + np.exp(-y))) * (1 - 1 / (1 + np.exp(-y)))
    wrong = convgrad.backward({"input": X * 0.25, "kernel": W * 0.25, "delta": inner}).dW
    report = convgrad.check(document, {"first": {"dW": wrong}})
    assert report.diagnosis[0].mistake == "slope-at-output"
    assert report.diagnosis[0].details.get("layer", "") == ""


def test_what_is_exact_before_a_function_that_is_not_stays_so_in_every_mistake():
    layers = [
        {"op": "conv", "name": "a", "kernel": [[1, -1], [0.5, 2]], "bias": [0.25]}, {"op": "relu", "name": "r"},
        {"op": "conv", "name": "b", "kernel": [[1, 2], [-1, 1]], "bias": [0.5]}, {"op": "tanh", "name": "t"},
    ]  # fmt: skip
    network = {"input": [[1, -2, 3], [0.5, 1, -1], [2, 0, 1]], "layers": layers, "delta": [[1]]}
    assert convgrad.check(network, {"a": {"dW": [[1, 2], [3, 4]]}}).verdict == "differs"
