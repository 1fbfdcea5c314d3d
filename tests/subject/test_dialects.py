"""Documents in the words of PyTorch, Keras, JAX and ONNX, with their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from convgrad.subject.dialects import DIALECTS, spoken
from convgrad.vocabulary import DIALECTS as WORDS
from tests.program import assert_refused, result
from tests.program import convgrad as run

RNG = np.random.default_rng(11)


def whole(*shape: int) -> Any:
    return RNG.integers(-4, 5, shape).tolist()


SAME: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "torch's convolution": (
        "torch", {"op": "Conv2d", "weight": whole(2, 3, 2, 2), "input": whole(1, 3, 4, 4), "kernel_size": 2,
                  "stride": 2},
        {"op": "conv", "dims": 2, "stride": 2},
    ),
    "torch's functional pool": (
        "torch", {"op": "avg_pool1d", "input": whole(1, 2, 6), "kernel_size": [3], "divisor_override": 2},
        {"op": "average-pool", "window": 3, "divisor": 2, "dims": 1},
    ),
    "torch's Lp pool": (
        "torch", {"op": "LPPool1d", "input": whole(1, 2, 6), "kernel_size": 3, "norm_type": 1},
        {"op": "lp-pool", "window": 3, "norm": 1, "signed": True, "dims": 1},
    ),
    "torch's adaptive pool": (
        "torch", {"op": "AdaptiveAvgPool1d", "input": whole(1, 2, 6), "output_size": 2},
        {"op": "adaptive-average-pool", "output_size": 2, "dims": 1},
    ),
    "Keras' convolution": (
        "keras", {"op": "Conv2D", "input": whole(1, 5, 5, 2), "kernel": whole(2, 2, 2, 3), "strides": 2,
                  "padding": "same"},
        {"op": "conv", "layout": ["NHWC", "HWIO"], "stride": 2, "padding": "same"},
    ),
    "Keras' convolution with channels first": (
        "keras", {"op": "Conv1D", "input": whole(1, 2, 5), "kernel": whole(2, 2, 3), "data_format": "channels_first"},
        {"op": "conv", "layout": ["NCW", "WIO"]},
    ),
    "Keras' pool": (
        "keras", {"op": "AveragePooling1D", "input": whole(1, 5, 2), "padding": "same"},
        {"op": "average-pool", "window": 2, "layout": "NWC", "padding": "same", "count_include_pad": False},
    ),
    "Keras' global pool": (
        "keras", {"op": "GlobalMaxPooling2D", "input": whole(1, 3, 4, 2)},
        {"op": "adaptive-max-pool", "output_size": 1, "layout": "NHWC"},
    ),
    "Keras' transposed convolution, same": (
        "keras", {"op": "Conv2DTranspose", "input": whole(1, 3, 3, 2), "kernel": whole(4, 1, 3, 2), "strides": [2, 2],
                  "padding": "same"},
        {"op": "conv-transpose", "layout": ["NHWC", "HWOI"], "stride": 2, "padding": [[1, 1], [0, 0]],
         "output_padding": [0, 1]},
    ),
    "JAX's convolution": (
        "jax", {"lhs": whole(1, 5, 5, 2), "rhs": whole(2, 2, 2, 3), "window_strides": [1, 2], "padding": "SAME",
                "dimension_numbers": ["NHWC", "HWIO", "NHWC"], "rhs_dilation": [2, 1]},
        {"op": "conv", "layout": ["NHWC", "HWIO"], "stride": [1, 2], "padding": "same", "dilation": [2, 1]},
    ),
    "Flax's pool": (
        "jax", {"op": "max_pool", "input": whole(1, 4, 4, 2), "window_shape": [2, 2]},
        {"op": "max-pool", "window": [2, 2], "stride": 1, "layout": "NHWC"},
    ),
    "ONNX's convolution": (
        "onnx", {"op": "Conv", "X": whole(1, 2, 4, 4), "W": whole(2, 1, 2, 2), "group": 2, "pads": [1, 0, 0, 1]},
        {"op": "conv", "groups": 2, "padding": [[1, 0], [0, 1]]},
    ),
    "ONNX's pool": (
        "onnx", {"op": "MaxPool", "X": whole(1, 2, 5, 5), "kernel_shape": [2, 2]},
        {"op": "max-pool", "window": 2, "stride": 1},
    ),
    "ONNX's transposed convolution": (
        "onnx", {"op": "ConvTranspose", "X": whole(1, 1, 3), "W": whole(1, 1, 2), "strides": [3], "output_shape": [9]},
        {"op": "conv-transpose", "stride": 3, "output_padding": 1},
    ),
}  # fmt: skip
ARRAYS = {"weight": "kernel", "rhs": "kernel", "W": "kernel", "kernel": "kernel", "input": "input", "lhs": "input",
          "X": "input"}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_case_in_the_words_of_another_is_the_same_in_ours(name: str, tmp_path: Path) -> None:
    dialect, theirs, ours = SAME[name]
    plain = convgrad.backward(
        {**ours, **{ARRAYS[key]: part for key, part in theirs.items() if key in ARRAYS}}, delta="ones"
    )
    file = tmp_path / "case.json"
    file.write_text(str({**theirs, "delta": "ones"}).replace("'", '"'))
    made = result("backward", str(file), "--as", dialect)
    assert made["dX"] == plain.dX.tolist()
    assert made["output"] == plain.output.tolist()


def test_every_dialect_that_is_offered_is_known() -> None:
    assert tuple(DIALECTS) == WORDS


@pytest.mark.parametrize(
    ("dialect", "document", "words"),
    [
        ("torch", "{op: Conv9d, weight: [1], input: [1]}", ":1:6: torch has no operation 'Conv9d'"),
        ("torch", "{weight: [1], kernel: [1], input: [1]}", "are the same; keep one"),
        ("torch", "{weight: [1, x], input: [1, 2]}", ":1:14: expected a number, found 'x'"),
        ("torch", "{weight: [1], input: [1], strides: 2}", "unknown key 'strides': did you mean `stride`?"),
        ("torch", "{op: LPPool1d, kernel_size: 2, ceil_mode: true, input: [1]}", "take in ceil mode for a window that"),
        (
            "keras",
            "{op: Conv1D, kernel: [[[1]]], input: [[[1]]], data_format: NHWC}",
            "channels_last or channels_first",
        ),
        ("keras", "{op: Conv1DTranspose, kernel: [[[1]]], input: [[[1]]], output_padding: 1}", "a rule of its own"),
        ("jax", "{lhs: [[[1]]], rhs: [[[1]]], lhs_dilation: [2]}", ":1:44: lhs_dilation spreads the input"),
        ("onnx", "{op: MaxPool, X: [1]}", "kernel_shape is missing"),
        ("onnx", "{X: [1]}", "which operation is it?"),
        ("tf", "{X: [1]}", "--as: expected torch, keras, jax, onnx, found 'tf'"),
    ],
)
def test_what_is_wrong_with_a_case_is_told_in_its_own_words(dialect: str, document: str, words: str) -> None:
    told = words.split("; ")
    assert_refused(run("backward", document, "--delta", "ones", "--as", dialect), *told)


def test_options_are_ours_and_win() -> None:
    document = "{op: MaxPool2d, kernel_size: 2, input: [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]}"
    assert np.shape(result("forward", document, "--as", "torch")["output"]) == (1, 1, 1)
    assert np.shape(result("forward", document, "--as", "torch", "--stride", "1")["output"]) == (1, 2, 2)


def test_claims_have_their_names() -> None:
    document = "{weight: [1, 2], input: [1, 2, 3], delta: ones, claim: {grad_weight: [3, 5], grad_input: [1, 3, 2]}}"
    assert run("check", document, "--as", "torch").returncode == 0


def test_a_dialect_s_default_is_told_where_the_document_is() -> None:
    with pytest.raises(RequestError, match="which operation"):
        spoken({"input": [1]}, "torch")


@pytest.mark.oracle
def test_jax_computes_what_its_words_say() -> None:
    """conv_general_dilated, with the words that it takes."""
    jax = pytest.importorskip("jax", reason="needs jax: pip install jax")
    x, w = np.float32(whole(2, 5, 6, 4)), np.float32(whole(2, 3, 2, 6))
    words = {"window_strides": [2, 1], "rhs_dilation": [1, 2], "feature_group_count": 2}
    for padding in ("SAME", "VALID", "SAME_LOWER", [[1, 0], [2, 1]]):
        said = {"padding": padding, "dimension_numbers": ("NHWC", "HWIO", "NHWC"), **words}
        expected = jax.lax.conv_general_dilated(x, w, **said)
        ours = spoken({"lhs": x, "rhs": w, **said}, "jax").document
        np.testing.assert_array_equal(convgrad.forward(ours).output, expected)
