"""Networks in the words of PyTorch, Keras, JAX and ONNX, with their defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from convgrad.subject.network_dialects import translated
from tests.program import assert_refused, result
from tests.program import convgrad as run

RNG = np.random.default_rng(17)


def whole(*shape: int) -> Any:
    return RNG.integers(-4, 5, shape).tolist()


def turned(array: Any, letters: str) -> Any:
    return np.einsum(letters, array).tolist()


KERNEL, DENSE = whole(2, 1, 2, 2), whole(3, 8)
X = (RNG.permutation(3200)[:32].reshape(2, 1, 4, 4) / 1000).tolist()  # so that nothing ties
OURS: dict[str, Any] = {
    "input": X,
    "layers": [
        {"name": "first", "op": "conv", "kernel": KERNEL, "bias": [1, -1], "padding": [[0, 1], [0, 1]]},
        {"name": "bend", "op": "leaky-relu", "slope": 0.25},
        {"name": "pool", "op": "max-pool", "window": 2},
        {"name": "flat", "op": "flatten"},
        {"name": "out", "op": "dense", "kernel": DENSE, "bias": [1, 2, 3]},
    ],
    "loss": {"op": "mse", "target": whole(2, 3)},
}
LAST = np.einsum("ochw->ohwc", np.reshape(DENSE, (3, 2, 2, 2))).reshape(3, 8)
THEIRS: dict[str, dict[str, Any]] = {
    "torch": {
        **OURS,
        "layers": [
            {"name": "first", "op": "Conv2d", "weight": KERNEL, "bias": [1, -1], "padding": [[0, 1], [0, 1]]},
            {"name": "bend", "op": "LeakyReLU", "negative_slope": 0.25},
            {"name": "pool", "op": "MaxPool2d", "kernel_size": 2},
            {"name": "flat", "op": "Flatten"},
            {"name": "out", "op": "Linear", "weight": DENSE, "bias": [1, 2, 3]},
        ],
    },
    "onnx": {
        **{key: part for key, part in OURS.items() if key != "input"}, "X": X,
        "layers": [
            {"name": "first", "op": "Conv", "W": KERNEL, "B": [1, -1], "pads": [0, 0, 1, 1]},
            {"name": "bend", "op": "LeakyRelu", "alpha": 0.25},
            {"name": "pool", "op": "MaxPool", "kernel_shape": [2, 2], "strides": [2, 2]},
            {"name": "flat", "op": "Flatten"},
            {"name": "out", "op": "Gemm", "B": turned(DENSE, "of->fo"), "C": [1, 2, 3]},
        ],
    },
    "keras": {
        **OURS, "input": turned(X, "nchw->nhwc"),
        "layers": [
            {"name": "first", "op": "Conv2D", "kernel": turned(KERNEL, "oihw->hwio"), "bias": [1, -1],
             "padding": "same"},
            {"name": "bend", "op": "LeakyReLU", "negative_slope": 0.25},
            {"name": "pool", "op": "MaxPooling2D"},
            {"name": "flat", "op": "Flatten"},
            {"name": "out", "op": "Dense", "kernel": LAST.T.tolist(), "bias": [1, 2, 3]},
        ],
    },
    "jax": {
        **{key: part for key, part in OURS.items() if key != "input"}, "lhs": turned(X, "nchw->nhwc"),
        "dimension_numbers": ["NHWC", "HWIO", "NHWC"],
        "layers": [
            {"name": "first", "op": "conv_general_dilated", "rhs": turned(KERNEL, "oihw->hwio"), "bias": [1, -1],
             "padding": "SAME"},
            {"name": "bend", "op": "leaky_relu", "negative_slope": 0.25},
            {"name": "pool", "op": "max_pool", "window_shape": [2, 2], "strides": [2, 2]},
            {"name": "flat", "op": "flatten"},
            {"name": "out", "op": "dense", "kernel": LAST.T.tolist(), "bias": [1, 2, 3]},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", THEIRS)
def test_a_network_in_their_words_is_the_same(name: str, tmp_path: Path) -> None:
    ours, file = convgrad.network(OURS), tmp_path / "net.json"
    file.write_text(json.dumps(THEIRS[name]))
    told = result("network", str(file), "--as", name)
    assert told["loss"] == ours.loss
    last = name in ("keras", "jax")
    for part, layer in zip(ours.parts, told["layers"], strict=True):
        assert (part.name, part.op) == (layer["name"], layer["op"])
        if np.ndim(layer["output"]) == 4:
            expected = turned(part.output, "nchw->nhwc") if last else part.output
            np.testing.assert_array_equal(layer["output"], expected)
    np.testing.assert_array_equal(told["layers"][4]["output"], ours.parts[4].output)
    first = turned(ours.parts[0].dW, "oihw->hwio") if last else ours.parts[0].dW
    np.testing.assert_array_equal(told["layers"][0]["dW"], first)
    assert run("check", str(file), "--as", name).returncode == 0
    entry = result("explain", "out.y[1,2]", str(file), "--as", name)
    assert entry["value"] == ours.parts[4].output[1, 2]


def test_defaults_are_theirs() -> None:
    slopes = {"torch": ("LeakyReLU", 0.01), "keras": ("LeakyReLU", 0.3), "jax": ("leaky_relu", 0.01),
              "onnx": ("LeakyRelu", 0.01)}  # fmt: skip
    for name, (op, slope) in slopes.items():
        (layer,) = translated({"input": [[1]], "layers": [{"op": op}], "delta": "ones"}, name).document["layers"]
        assert layer == {"op": "leaky-relu", "slope": slope}
    pool = {"op": "MaxPool", "kernel_shape": [2, 2]}
    (layer,) = translated({"X": [[1]], "layers": [pool], "delta": "ones"}, "onnx").document["layers"]
    assert layer["stride"] == 1


def test_an_activation_of_a_layer_of_keras_is_a_layer_after_it() -> None:
    layers = [
        {"name": "c", "op": "Conv1D", "kernel": whole(2, 1, 2), "activation": "relu"},
        {"op": "GlobalAveragePooling1D"},
        {"op": "Dense", "kernel": whole(2, 2), "activation": "linear"},
    ]
    made = translated({"input": whole(1, 4, 1), "layers": layers, "delta": "ones"}, "keras").document
    assert [(layer.get("name"), layer["op"]) for layer in made["layers"]] == [
        ("c", "conv"), ("c-relu", "relu"), (None, "adaptive-average-pool"), (None, "flatten"), (None, "dense"),
    ]  # fmt: skip
    assert convgrad.network(made).output.shape == (1, 2)


def test_claims_have_their_names_and_an_unpooling_a_pool_s() -> None:
    layers = [{"name": "p", "op": "MaxPool2d", "kernel_size": 2},
              {"name": "u", "op": "MaxUnpool2d", "indices": "p", "kernel_size": 2}]  # fmt: skip
    network = {"input": [[[[1, 2], [3, 0]]]], "layers": layers, "delta": "ones"}
    claim = {"p": {"grad_input": [[[[0, 0], [1, 0]]]]}}
    assert convgrad.check(translated({**network, "claim": claim}, "torch").document).verdict == "agrees"
    onnx = [{"name": "p", "op": "MaxPool", "kernel_shape": [2, 2]},
            {"op": "MaxUnpool", "I": "p", "kernel_shape": [2, 2], "strides": [2, 2]}]  # fmt: skip
    made = translated({"X": [[[[1, 2], [3, 0]]]], "layers": onnx, "delta": "ones"}, "onnx").document
    assert convgrad.network(made).output.tolist() == [[[[0, 0], [3, 0]]]]


WRONG = [
    ("torch", "{op: BatchNorm2d}", "torch has no operation 'BatchNorm2d'"),
    ("keras", "{op: Conv1D, kernel: [[[1]]], activation: gelu}", "the activation 'gelu' is not known"),
    ("onnx", "{op: Gemm, B: [[1]], alpha: 2}", "a Gemm with another alpha than 1 is no dense"),
    ("onnx", "{op: GlobalLpPool}", "GlobalLpPool goes by the size of its input"),
    ("torch", "{op: Conv1d, weight: [[[1]]], kernel: [[[1]]]}", "are the same"),
    ("torch", "{op: MaxPool1d, kernel_size: x}", "expected a number, found 'x'"),
    ("torch", "5", "expected a layer, a mapping with `op`; found '5'"),
]


@pytest.mark.parametrize(("name", "layer", "words"), WRONG)
def test_what_is_wrong_is_told_where_it_is_in_their_words(name: str, layer: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "n.yaml"
    file.write_text(f"layers: [{layer}]\ninput: [[[1]]]\ndelta: ones\n")
    assert_refused(run("network", str(file), "--as", name), f"{file}:1:", words)


def test_of_several_layers_each_is_told() -> None:
    with pytest.raises(RequestError) as refused:
        translated({"layers": [{"op": "X"}, {"op": "ReLU"}, {"op": "Y"}]}, "torch")
    assert [problem.path for problem in refused.value.problems] == [("layers", 0, "op"), ("layers", 2, "op")]
