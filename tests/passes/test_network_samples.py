"""The samples of networks, with the numbers that were worked out for them by hand or published."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import yaml

import convgrad
from tests.passes.samples import document
from tests.program import SAMPLES


@pytest.fixture
def two_layers():
    return convgrad.network(document("two-layers"))


def assert_rounds_to(array, expected, digits):
    assert np.abs(np.asarray(array, float) - expected).max() <= 0.5 * 10.0**-digits * (1 + 1e-9), array


def test_the_outputs_of_two_layers_are_those_that_were_published(two_layers):
    a1, a2 = (layer.output for layer in two_layers.layers)
    assert_rounds_to(a1, [[0.32, 0.27, -0.59], [0.99, -0.52, -0.55], [-0.45, 0.64, 0.13]], 2)
    assert_rounds_to(a2, [[0.73, 0.29], [0.37, -0.63]], 2)


def test_the_gradients_of_two_layers_are_those_of_that_forward_pass(two_layers):
    conv1, conv2 = two_layers.layers
    assert_rounds_to(conv2.dW, [[-0.1011, -0.094], [-0.0716, -0.0814]], 4)
    assert_rounds_to(conv1.delta, [[-0.063, 0.114, 0.045], [-0.088, 0.041, -0.069], [-0.009, 0.047, -0.01]], 4)
    assert_rounds_to(conv1.dW, [[-0.0115, -0.05], [-0.081, -0.1542]], 4)


def test_the_step_of_two_layers_is_of_rate_a_tenth(two_layers):
    exact = convgrad.network(document("two-layers"), arithmetic="exact")
    for layer in exact.layers:
        stepped = layer.layer.parameters["kernel"] - Fraction(1, 10) * layer.dW
        assert (layer.updated["kernel"] == stepped).all()
    assert_rounds_to(two_layers.layers[1].updated["kernel"], [[-0.48989, 0.1094], [0.30716, 0.90814]], 5)


def published(report):
    return [(part.layer, part.array, part.mistake, part.given) for part in report.diagnosis]


def test_the_published_gradients_of_two_layers_are_diagnosed():
    report = convgrad.check(document("published-claim"))
    assert report.verdict == "differs"
    assert published(report) == [
        ("conv1", "dW", "delta-rotated", "conv2.dX"),
        ("conv2", "dW", "delta-rotated", ""),
        ("conv2", "dX", "kernel-rotated", ""),
        ("conv2", "dX", "term-sign", ""),
        ("conv2", "dX", "misrounded", ""),
        ("conv2", "kernel", "misrounded", "conv2.dW"),
        ("conv2", "kernel", "misrounded", "conv2.dW"),
    ]
    outputs = [finding.verdict for finding in report.findings if finding.array == "output"]
    assert outputs == ["agrees", "agrees"]


def test_each_pooled_cell_gets_its_own_weighted_sum():
    pool, units = convgrad.network(document("pool-dense")).layers
    w = units.layer.parameters["kernel"]
    for cell in range(4):
        expected = 2 * w[0, cell] + 3 * w[1, cell] + 6 * w[2, cell]
        assert pool.delta.flat[cell] == float(expected)
    assert pool.delta.tolist() == [[1, 2.8], [5.5, 2]]
    winners = {(1, 1): 1, (0, 3): 2.8, (2, 0): 5.5, (3, 3): 2}
    assert {index: value for index, value in np.ndenumerate(pool.dX) if value} == winners


def test_windows_of_a_convolution_that_overlap_add_up_on_a_pooled_cell():
    pool, _ = convgrad.network(document("pool-conv")).layers
    # the middle cell lies under all four windows, a corner under one
    assert pool.delta[1, 1] == pytest.approx(0.1 * 0.75 - 0.2 * 0.25 + 0.3 * -1 + 0.4 * 0.5, abs=1e-16)
    assert pool.delta[0, 0] == 0.1 * 0.5
    assert pool.dX[2, 2] == pool.delta[1, 1]


def test_the_loss_of_the_classifier_falls_for_ten_steps():
    network = convgrad.network(document("classifier"))
    losses = [network.loss, *(step.loss for step in network.steps(10))]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 11
    assert losses[-1] < losses[0] / 10


def test_the_classifier_is_exact_up_to_its_loss():
    network = convgrad.network(document("classifier"))
    assert {layer.arithmetic["output"] for layer in network.layers} == {"exact"}
    assert {layer.arithmetic["gradients"] for layer in network.layers} == {"float64"}
    assert network.arithmetic == "float64"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("network-*.yaml")), ids=lambda path: path.stem)
def test_samples_validate_against_the_schema_of_networks(path):
    import jsonschema

    jsonschema.validate(yaml.safe_load(path.read_text()), convgrad.schema("network"))
