"""A large network is differenced layer by layer: as replaying all of it says, and whatever is wrong is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import convgrad
from convgrad.checking import ours
from convgrad.checking.judging import as_subject, check
from convgrad.checking.ours import estimate
from convgrad.differences.by_layer import differences_of
from convgrad.differences.replayed import replayed_differences
from convgrad.passes.ending import Ending
from convgrad.passes.gradients import Gradients
from convgrad.passes.subject import Subject


def network(seed=0, ending="mse", activation="relu", **more):
    """Two convolutions, two pools, two activations and a dense layer, in float64."""
    normal = np.random.default_rng(seed).standard_normal
    layers = [
        {"name": "conv1", "op": "conv", "kernel": normal((3, 2, 3, 3)), "bias": normal(3), "padding": 1},
        {"name": "act", "op": activation}, {"name": "pool1", "op": "max-pool", "window": 2},
        {"name": "conv2", "op": "conv", "kernel": normal((2, 3, 2, 2)), "padding": 1}, {"name": "bend", "op": "tanh"},
        {"name": "pool2", "op": "average-pool", "window": 2, "stride": 1}, {"op": "flatten"},
        {"name": "out", "op": "dense", "kernel": normal((3, 32)), "bias": normal(3)},
    ]  # fmt: skip
    targets = {"mse": normal((2, 3)), "cross-entropy": [0, 2]}
    document = {"input": normal((2, 2, 8, 8)), "layers": layers, "loss": {"op": ending, "target": targets[ending]}}
    return as_subject({**document, **more})


@pytest.fixture
def by_layer(monkeypatch):
    monkeypatch.setattr(ours, "MUCH", 0)


@pytest.mark.parametrize(("ending", "activation"), [("mse", "relu"), ("cross-entropy", "sigmoid"), ("mse", "softmax")])
def test_layer_by_layer_comes_out_what_replaying_the_whole_network_says(ending, activation):
    for seed in range(3):
        made = network(seed, ending, activation)
        replayed = replayed_differences(made)
        for part in made.parts:
            found = differences_of(part, {})
            for name, array in found.gradients.items():
                theirs = replayed.gradients.get((part.number, name))
                if theirs is None:  # what one layer hands to another is an operand of neither
                    continue
                decided = ~(found.undecided[name].reshape(theirs.shape) | replayed.undecided[part.number, name])
                # delta and either difference are off by some hundred roundings of the largest
                apart = abs(array.reshape(theirs.shape) - theirs)[decided]
                assert (apart <= 1e-12 * abs(theirs).max()).all()
                assert decided.mean() > 0.9


@pytest.mark.parametrize("arithmetic", ["auto", "float32"])
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "sigmoid", "softplus", "softmax"])
def test_a_right_network_agrees_and_says_how_that_was_found(by_layer, activation, arithmetic):
    report = check(network(activation=activation, arithmetic=arithmetic))
    assert (report.verdict, report.by_layer) == ("agrees", True)
    assert {str(finding.place) for finding in report.findings} >= {"conv1.dW", "act.dX", "pool1.dX", "flatten7.dX"}
    assert report.evaluations == estimate(report.subject).passes


def test_exact_networks_agree_as_well(by_layer):
    layers = [{"op": "conv", "kernel": [[1, 2], [3, 4]]}, {"op": "relu"}, {"op": "dense", "kernel": [[1, 2, 3, 4]]}]
    report = check({"input": [[1, -2, 3], [4, 5, -6], [7, 8, 9]], "layers": layers, "delta": [2]})
    assert (report.verdict, report.by_layer) == ("agrees", True)


def altered(made: Subject, name: str, operand: str) -> Subject:
    """The network with a layer of which one entry of a gradient is off by one part in ten thousand."""
    part = made.layer(name)
    found = {key: array.copy() for key, array in part.gradients.by_operand.items()}
    found[operand].flat[abs(found[operand]).argmax()] *= 1 + 1e-4
    gradients = Gradients(part.case)
    vars(gradients)["by_operand"] = found
    vars(made)["parts"] = tuple(replace(one, gradients=gradients) if one is part else one for one in made.parts)
    return made


@pytest.mark.parametrize(
    ("name", "operand", "array"),
    [("conv1", "w", "dW"), ("conv2", "x", "dX"), ("act", "x", "dX"), ("pool1", "x", "dX"), ("pool2", "x", "dX"),
     ("bend", "x", "dX"), ("out", "w", "dW"), ("out", "x", "dX"), ("out", "b", "db"), ("flatten7", "x", "dX")],
)  # fmt: skip
def test_a_wrong_entry_of_any_layer_is_found_in_that_layer(by_layer, name, operand, array):
    report = check(altered(network(), name, operand))
    assert report.verdict == "differs"
    wrong = {str(finding.place): finding.wrong for finding in report.findings if finding.wrong}
    assert wrong == {f"{name}.{array}": 1}


def test_a_wrong_first_delta_is_found_though_every_layer_is_right_given_it(by_layer, monkeypatch):
    monkeypatch.setattr(Ending, "delta", property(lambda self: 1.01 * (self.y - self.target)))
    report = check(network())
    wrong = {str(finding.place): finding.wrong for finding in report.findings if finding.wrong}
    assert wrong.keys() == {"conv1.dW", "conv1.db", "conv1.dX", "conv2.dW", "conv2.db", "out.dW", "out.db"}


def test_beside_a_claim_a_seeded_sample_of_every_array_is_differenced(by_layer):
    made = network()
    report = check(made, {"conv2": {"dW": made.layer("conv2").dW}}, seed=5)
    assert report.sample is not None
    assert [finding.entries for finding in report.findings if finding.array == "dX"].count(100) >= 4
    again = check(made, {"conv2": {"dW": made.layer("conv2").dW}}, seed=5)
    assert all((a.compared == b.compared).all() for a, b in zip(report.findings, again.findings, strict=True))
    assert check(made, {"conv2": {"dW": made.layer("conv2").dW}}, every=True).sample is None


def test_a_tie_behind_a_flat_activation_decides_nothing_and_one_in_the_input_does(by_layer):
    layers = [{"op": "relu"}, {"op": "max-pool", "window": 2, "stride": 2}, {"op": "tanh"}]
    flat = {"input": [[-1.5, -2.5], [-3.5, -4.5]], "layers": layers, "delta": [[1.0]]}
    assert convgrad.check(flat).verdict == "agrees"
    tied = {**flat, "input": [[1.5, 1.5], [-3.5, -4.5]]}
    assert convgrad.check(tied).verdict == "undecided"
