"""Chains: exactness, ranks, the step, the losses, and what does not fit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import convgrad
from convgrad.passes.gradients import Gradients
from tests.passes.chains import RATIONAL, random_document

CONV = {"op": "conv", "kernel": [[1, 2], [3, 4]]}


def run(layers, x=((1, 2, 3), (4, 5, 6), (7, 8, 9)), **more):
    more = {"delta": "ones"} | more if "loss" not in more else more
    return convgrad.network({"input": x, "layers": layers, **more})


# -- Exactness ---------------------------------------------------------------------------------------------------------


def test_a_rational_chain_is_exact_in_every_entry():
    random = np.random.default_rng(4)
    for _ in range(15):
        found = convgrad.network(random_document(random, kinds=RATIONAL, places=1), arithmetic="exact")
        for layer in found.layers:
            for array in (layer.output, layer.delta, layer.dX, layer.dW, layer.db, *layer.updated.values()):
                assert array is None or all(type(value) is Fraction for value in array.flat), layer.name


def test_exact_results_are_those_of_auto_before_rounding():
    random = np.random.default_rng(6)
    for _ in range(10):
        document = random_document(random, kinds=RATIONAL, places=1)
        auto, exact = convgrad.network(document), convgrad.network(document, arithmetic="exact")
        if auto.arithmetic != "exact":
            continue
        for ours, other in zip(auto.layers, exact.layers, strict=True):
            np.testing.assert_array_equal(ours.dX.ravel(), np.array([float(value) for value in other.dX.flat]))


def test_decimals_come_out_as_they_are_written_by_hand():
    found = run([{"op": "conv", "kernel": [0.1, 0.2]}, {"op": "relu"}], [0.3, 0.6], delta=[0.7], learning_rate=0.1)
    assert found.layers[0].dW.tolist() == [0.21, 0.42]
    assert found.layers[0].updated["kernel"].tolist() == [0.079, 0.158]


def test_float64_begins_at_the_first_irrational_layer_and_goes_all_the_way_back():
    found = run([CONV, {"op": "sigmoid"}, {"op": "flatten"}])
    assert [layer.arithmetic for layer in found.layers] == [
        {"output": "exact", "gradients": "float64"},
        {"output": "float64", "gradients": "float64"},
        {"output": "float64", "gradients": "float64"},
    ]
    assert found.arithmetic == "float64"


def test_exact_arithmetic_is_refused_where_it_would_end():
    with pytest.raises(convgrad.RequestError, match=r"(?s)sigmoid2.*not rational"):
        run([CONV, {"op": "sigmoid"}], arithmetic="exact")
    with pytest.raises(convgrad.RequestError, match="cross-entropy is not rational"):
        run([CONV], loss={"op": "cross-entropy", "target": 1}, arithmetic="exact")


def test_parameters_whose_numbers_grow_too_long_go_on_in_float64():
    layers = [{"op": "conv", "kernel": ["1/3"]}, {"op": "conv", "kernel": ["1/7"]}]
    found = run(layers, [1, 2], loss={"op": "mse", "target": [1, 1]}, learning_rate="1/11")
    kinds = [step.after.arithmetic for step in found.steps(12)]
    assert kinds[0] == "exact"
    assert kinds[-1] == "float64"


def test_float32_is_float32_throughout():
    found = run(
        [CONV, {"op": "tanh"}, {"op": "dense", "kernel": [[1, 2, 3, 4]]}], arithmetic="float32", learning_rate=1
    )
    for layer in found.layers:
        for array in (layer.output, layer.delta, layer.dX, *layer.updated.values()):
            assert array.dtype == np.float32, layer.name


def test_an_exact_mean_over_padding_is_explained_without_floats():
    layer = {"name": "pool", "op": "average-pool", "window": 2, "padding": 1}
    found = convgrad.explain(run([layer]).chain.document, "pool.y[0,0]").to_dict()
    assert [term["value"] for term in found["terms"]] == [0, 0, 0, 0.25]


# -- Ranks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "output"), [((4, 4), (2,)), ((1, 4, 4), (2,)), ((3, 1, 4, 4), (3, 2))])
def test_dense_flattens_a_sample_and_keeps_the_batch(shape, output):
    x = np.arange(math.prod(shape)).reshape(shape)
    layers = [{"op": "conv", "kernel": [[[[1, 0], [0, 1]]]]}, {"op": "dense", "kernel": [[1] * 9, [2] * 9]}]
    found = run(layers, x, dims=2)
    assert found.output.shape == output
    assert found.layers[0].dX.shape == shape


def test_a_bare_image_stays_bare_through_bare_kernels():
    found = run([CONV, {"op": "relu"}, {"op": "max-pool", "window": 2}])
    assert [layer.output.shape for layer in found.layers] == [(2, 2), (2, 2), (1, 1)]


def test_a_dense_layer_on_rows_takes_them_for_a_batch_where_they_fit_it():
    assert run([{"op": "dense", "kernel": [[1, 1, 1]]}]).output.tolist() == [[6], [15], [24]]
    assert run([{"op": "dense", "kernel": [[1] * 9]}]).output.tolist() == [45]


def test_flatten_is_explicit_or_automatic_and_comes_to_the_same():
    kernel = [[1, 2, 3, 4], [5, 6, 7, 8]]
    found = run([CONV, {"op": "flatten"}, {"op": "dense", "kernel": kernel}])
    automatic = run([CONV, {"op": "dense", "kernel": kernel}])
    assert found.layers[1].output.shape == (4,)
    np.testing.assert_array_equal(found.layers[0].dW, automatic.layers[0].dW)


def test_layers_without_names_are_called_by_operation_and_place():
    found = run([CONV, {"op": "relu"}, {"op": "max-pool", "window": 1}])
    assert [layer.name for layer in found.layers] == ["conv1", "relu2", "max-pool3"]


def test_a_layer_s_mode_wins_over_the_document_s():
    found = run([CONV, CONV | {"mode": "cross-correlation"}], mode="convolution")
    assert [layer.case.settings["mode"] for layer in found.layers] == ["convolution", "cross-correlation"]


# -- Losses and steps --------------------------------------------------------------------------------------------------


def test_mse_is_half_the_squared_error():
    found = run([{"op": "conv", "kernel": [2]}], [1, 3], loss={"op": "mse", "target": [1, 2]})
    assert found.loss == (1 + 16) / 2
    assert found.layers[0].delta.tolist() == [1, 4]


def test_mean_is_over_samples():
    layers, loss = [{"op": "dense", "kernel": [[1, 1]]}], {"op": "mse", "target": [[0], [0]]}
    found = run(layers, [[1, 2], [3, 4]], loss=loss | {"reduction": "mean"})
    total = run(layers, [[1, 2], [3, 4]], loss=loss)
    assert (found.loss, found.layers[0].delta.tolist()) == (total.loss / 2, (total.layers[0].delta / 2).tolist())


def test_cross_entropy_takes_classes_or_probabilities():
    layers = [{"op": "conv", "kernel": [1]}]
    by_class = run(layers, [1, 2, 3], loss={"op": "cross-entropy", "target": 1})
    by_probability = run(layers, [1, 2, 3], loss={"op": "cross-entropy", "target": [0, 1, 0]})
    assert by_class.loss == by_probability.loss == pytest.approx(math.log(math.e + math.e**2 + math.e**3) - 2)


@pytest.mark.parametrize("op", ["sigmoid", "softplus", "tanh", "softmax"])
@pytest.mark.parametrize("size", [1000, 40])
def test_activations_neither_overflow_nor_lose_small_slopes(op, size):
    found = run([{"op": op}], [-size, 0, size], delta=[1, 0.5, 1])
    assert np.isfinite(found.output).all()
    assert np.isfinite(found.layers[0].dX).all()
    if op in ("sigmoid", "tanh") and size == 40:
        assert found.layers[0].dX[2] > 0


def test_cross_entropy_is_finite_where_a_probability_is_not():
    found = run([{"op": "conv", "kernel": [1]}], [1000, -1000], loss={"op": "cross-entropy", "target": 1})
    assert found.loss == 2000
    assert found.layers[0].delta.tolist() == [1, -1]


def test_a_relu_at_zero_hands_nothing_on():
    assert run([{"op": "relu"}], [-1, 0, 1]).layers[0].dX.tolist() == [0, 0, 1]


def test_momentum_gathers_and_decay_pulls():
    layer, options = {"op": "conv", "kernel": [2]}, {"learning_rate": 0.5, "momentum": 0.5, "weight_decay": 0.25}
    found = run([layer], [3], delta=[1], **options)
    w, v = Fraction(2), Fraction(0)
    for step in found.steps(3):
        v = v / 2 + 3 + w / 4
        w -= v / 2
        assert step.after.parameters["conv1"]["kernel"].tolist() == [float(w)]


@pytest.mark.parametrize("momentum", [0, 0.5])
def test_every_step_is_one_backward_pass(momentum, monkeypatch):
    made = []
    monkeypatch.setattr("convgrad.passes.subject.Gradients", lambda case: made.append(case) or Gradients(case))
    found = run([CONV, {"op": "relu"}], learning_rate=0.5, momentum=momentum)
    list(found.to_dict(steps=4)["steps"])
    assert len(made) == 2 * (1 + 4)


def test_a_layer_without_bias_has_none_after_the_step_but_its_gradient():
    layer = run([CONV], learning_rate=1).layers[0]
    assert set(layer.updated) == {"kernel"}
    assert layer.db == 4


def test_a_step_without_a_learning_rate_is_refused():
    with pytest.raises(convgrad.RequestError, match="learning_rate"):
        list(run([CONV]).steps(1))


# -- What does not fit -------------------------------------------------------------------------------------------------


BAD = {
    "a kernel too large": ([CONV, CONV | {"name": "b", "kernel": [[1] * 3] * 3}], {}, ("layers", 1, "kernel"),
                           ["b gets (2, 2) from conv1", "1*(3 - 1) + 1 = 3", "2 + 0 + 0 = 2"]),
    "a dense kernel": ([CONV, {"op": "dense", "kernel": [[1, 2, 3]]}], {}, ("layers", 1, "kernel"),
                       ["dense2 gets (2, 2) from conv1", "(1, 3)", "2 x 2 = 4"]),
    "channels": ([CONV, {"op": "conv", "kernel": [[[[1]], [[1]]]]}], {}, ("layers", 1, "kernel"),
                 ["conv2 gets (2, 2)", "(1, 2, 1, 1)", "2 input channels", "(1, 1, 2, 2) has 1"]),
    "a target": ([CONV], {"loss": {"op": "mse", "target": [1, 2]}}, ("loss", "target"), ["(2,)", "conv1 has (2, 2)"]),
    "a class": ([{"op": "dense", "kernel": [[1] * 9] * 3}], {"loss": {"op": "cross-entropy", "target": 3}},
                ("loss", "target"), ["from 0 to 2", "3"]),
    "a delta": ([CONV], {"delta": [1]}, ("delta",), ["(1,)", "(2, 2)"]),
    "a bias": ([CONV | {"bias": [1, 2]}], {}, ("layers", 0, "bias"), ["conv1 gets", "(2,)", "1 output channels"]),
    "an operation": ([{"op": "relo"}], {}, ("layers", 0, "op"), ["did you mean `relu`"]),
    "a key": ([CONV | {"strid": 1}], {}, ("layers", 0, "strid"), ["did you mean `stride`"]),
    "a name twice": ([CONV | {"name": "a"}, {"op": "relu", "name": "a"}], {}, ("layers", 1, "name"), ["called 'a'"]),
    "a missing kernel": ([{"op": "dense"}], {}, ("layers", 0), ["needs `kernel`"]),
    "an input of a layer": ([CONV | {"input": [1]}], {}, ("layers", 0, "input"), ["hands on"]),
    "a pool's kernel": ([{"op": "max-pool", "window": 1, "kernel": [1]}], {}, ("layers", 0, "kernel"), ["no kernel"]),
    "other dims": ([CONV, {"op": "max-pool", "window": 1, "dims": 1}], {}, ("layers", 1, "dims"), ["2 spatial axes"]),
    "a rate": ([CONV], {"learning_rate": -1}, ("learning_rate",), ["at least 0"]),
    "a loss": ([CONV], {"loss": {"op": "mes", "target": [1]}}, ("loss", "op"), ["did you mean `mse`"]),
    "a number": ([CONV], {"input": [[1, "x"]]}, ("input", 0, 1), ["'x'"]),
    "no layers": ([], {}, ("layers",), ["list of layers"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_names_the_layer_the_shapes_and_the_arithmetic(name):
    layers, more, path, words = BAD[name]
    with pytest.raises(convgrad.RequestError) as caught:
        run(layers, **{"x": more.pop("input")} if "input" in more else {}, **more)
    assert caught.value.problems[0].path == path
    for word in words:
        assert word in str(caught.value)


def test_several_mistakes_are_reported_at_once():
    with pytest.raises(convgrad.RequestError) as caught:
        run([{"op": "relo"}, {"op": "dense"}, {"kernal": 1}], learning_rate="x")
    assert len(caught.value.problems) >= 4


def test_loss_and_delta_exclude_each_other():
    with pytest.raises(convgrad.RequestError, match="not both"):
        convgrad.network({"input": [1], "layers": [{"op": "relu"}], "delta": [1], "loss": {"op": "mse", "target": [1]}})
    with pytest.raises(convgrad.RequestError, match="needs `loss`"):
        convgrad.network({"input": [1], "layers": [{"op": "relu"}]})
