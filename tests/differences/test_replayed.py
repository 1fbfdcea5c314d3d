"""A network's gradients against its forward pass alone: exact differences, complex steps, and kinks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

import convgrad
from convgrad.checking.ours import difference
from convgrad.claims.propagated import Propagated
from convgrad.differences.replayed import replayed_differences
from tests.passes.chains import RATIONAL, random_document

SAMPLES = Path(__file__).parents[2] / "samples"
MOST = 150  # numbers that a document may have, so that each is differenced in little time
NAMES = {"w": "dW", "b": "db", "x": "dX"}


def sample(name):
    return yaml.safe_load((SAMPLES / f"network-{name}.yaml").read_text())


def assert_differences_agree(network):
    """Exactly where all is rational; else to what rounding of the network's own sums excuses, on both sides."""
    found, bounds = replayed_differences(network), Propagated(network)
    for (place, name), differences in found.gradients.items():
        ours = network.layers[place].gradients.by_operand[name].reshape(differences.shape)
        decided = ~found.undecided[place, name]
        if found.exact:
            assert (ours == differences)[decided].all(), (place, name)
        else:
            allowed = 2 * bounds.bound(network.parts[place].place(NAMES[name])).reshape(differences.shape)
            error = abs(np.asarray(ours, float) - differences)
            assert (error <= allowed)[decided].all(), (place, name, error.max(), allowed.max())
    return found


def small_documents(seed, count, **choices):
    random, found = np.random.default_rng(seed), 0
    while found < count:
        document = random_document(random, **choices)
        if sum(np.size(layer.get("kernel", 0)) for layer in document["layers"]) + np.size(document["input"]) <= MOST:
            found += 1
            yield document


@pytest.mark.slow
def test_exact_networks_have_exactly_the_gradients_that_differences_say():
    exact = 0
    for document in small_documents(1, 25, kinds=RATIONAL):
        exact += assert_differences_agree(convgrad.network(document)).exact
    assert exact >= 15


@pytest.mark.slow
@pytest.mark.parametrize("arithmetic", ["float64", "auto"])
def test_networks_of_every_layer_agree_with_complex_steps(arithmetic):
    for document in small_documents(2, 40):
        assert_differences_agree(convgrad.network(document, arithmetic=arithmetic))


@pytest.mark.parametrize("name", ["two-layers", "pool-dense", "pool-conv", "classifier"])
def test_the_samples_agree_in_every_entry(name):
    found = assert_differences_agree(convgrad.network(sample(name)))
    assert not any(part.any() for part in found.undecided.values())
    assert found.exact == (name != "classifier")


def kinked(**more):
    return {"input": [1, 2], "layers": [{"op": "conv", "kernel": [2, -1]}, {"op": "relu"}], "delta": [1]} | more


@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
def test_a_parameter_that_moves_a_relu_off_zero_is_undecided(arithmetic):
    found = replayed_differences(convgrad.network(kinked(), arithmetic=arithmetic))
    assert found.undecided[0, "w"].all()
    assert found.undecided[0, "b"].all()


@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
def test_a_kink_that_no_delta_reaches_decides_nothing(arithmetic):
    found = replayed_differences(convgrad.network(kinked(delta=[0]), arithmetic=arithmetic))
    assert not any(part.any() for part in found.undecided.values())


@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
def test_only_what_parts_a_tie_is_undecided(arithmetic):
    # 1*3 = 3*1: the kernel moves both by different amounts, the bias moves both alike
    document = {
        "input": [3, 3],
        "layers": [{"op": "conv", "kernel": [2]}, {"op": "max-pool", "window": 2}],
        "delta": [1],
    }
    found = replayed_differences(convgrad.network(document, arithmetic=arithmetic))
    assert not found.undecided[0, "w"].any()
    assert not found.undecided[0, "b"].any()
    assert found.undecided[0, "x"].all()


def test_a_sample_differences_so_many_entries_and_the_same_by_seed():
    network = convgrad.network(sample("classifier"))
    first, again = (difference(network, 10, seed=3).findings for _ in range(2))
    assert [finding.entries for finding in first] == [finding.entries for finding in again]
    assert sum(finding.entries for finding in first) == 10
    assert all(finding.entries for finding in first)
    assert all((one.compared == other.compared).all() for one, other in zip(first, again, strict=True))


def test_an_error_of_a_millionth_is_not_excused():
    network = convgrad.network(kinked(layers=[{"op": "conv", "kernel": [2, 1]}, {"op": "sigmoid"}]))
    wrong = network.layers[0].gradients.by_operand["w"] * (1 + 2.0**-20)
    found, bounds = replayed_differences(network), Propagated(network)
    assert (abs(found.gradients[0, "w"] - wrong) > bounds.bound(network.parts[0].place("dW"))).all()


@pytest.mark.parametrize(("norm", "x"), [(1, [1.5, -2.25, 3.125, 4.0]), (2, [1.5, 0.0, 3.125, -4.0])])
def test_a_norm_is_smooth_where_its_window_has_no_zero_of_its_kind(norm, x):
    layers = [{"op": "lp-pool", "window": 2, "norm": norm}]
    document = {"input": x, "layers": layers, "loss": {"op": "mse", "target": [0.5, 1]}}
    assert convgrad.check(convgrad.network(document, arithmetic="float64")).verdict == "agrees"


def test_a_step_across_a_kink_that_no_delta_reaches_yet_is_made_smaller():
    layers = [{"op": "conv", "kernel": ["1/2"]}, {"op": "relu"}]
    network = convgrad.network({"input": [1], "layers": layers, "loss": {"op": "mse", "target": ["1/2"]}})
    assert network.arithmetic == "exact"
    assert convgrad.check(network).verdict == "agrees"  # at the target delta is 0; a step of 1 leaves the kink behind
