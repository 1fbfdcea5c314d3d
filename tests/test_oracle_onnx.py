"""ONNX's own test cases of its convolutions and pools: convgrad's forward pass gives their outputs."""

import importlib
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import convgrad
from convgrad.subject import onnx_words

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="needs onnx: pip install 'convgrad[oracle]'"),
]

MODULES = (
    *("averagepool", "causal_conv_with_state", "conv", "convinteger", "convtranspose", "deformconv"),
    *("globalaveragepool", "globalmaxpool", "lppool", "maxpool", "maxunpool", "qlinearconv"),
)

# What convgrad has no word for, by the beginning of the case's name, and why.
NOT_EXPRESSIBLE = {
    "causal_conv_with_state_silu": "an activation is fused in",
    "causal_conv_with_state_swish": "an activation is fused in",
    "basic_deform_conv": "taps are moved by offsets that are data",
    "deform_conv": "taps are moved by offsets that are data",
    "qlinearconv": "quantised: rounds its output to 8 bits",
}
# The same cases written out as graphs of elementary operators hold the same arrays: nothing new to compare with.
EXPANDED = "_expanded"


# -- Reading -----------------------------------------------------------------------------------------------------------


@cache
def node_cases():
    """{name: (node, inputs, outputs, rtol)} of the cases that onnx generates from its own definitions in NumPy."""
    np.random.seed(0)  # it draws some inputs as it is imported
    for module in MODULES:
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    from onnx.backend.test.case.node import _NodeTestCases

    return {
        case.name.removeprefix("test_"): (case.model.graph.node[0], *case.data_sets[0], case.rtol)
        for case in _NodeTestCases
    }


@cache
def stored_cases():
    """The same of the models that PyTorch exported, which onnx ships as files."""
    import onnx.backend.test

    folders = (Path(onnx.backend.test.__file__).parent / "data").glob("pytorch-*/test_*")
    named = {folder.name.removeprefix("test_"): folder for folder in folders}
    return {
        name: stored_case(folder)
        for name, folder in named.items()
        if any(word in name.lower() for word in ("conv", "pool"))
    }


def stored_case(folder):
    import onnx

    graph = onnx.load(folder / "model.onnx").graph
    node = next(node for node in graph.node if node.op_type not in ("Squeeze", "Unsqueeze"))
    read = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    x, y = tensor(folder, "input_0"), tensor(folder, "output_0")
    if len(graph.node) > 1:  # one axis, computed as two
        x, y = x[..., None], y[..., None]
    return node, [x, *(read[name] for name in node.input[1:])], [y], 1e-3  # the rtol of onnx's own loader


def tensor(folder, name):
    import onnx

    loaded = onnx.load_tensor(folder / "test_data_set_0" / f"{name}.pb")
    return onnx.numpy_helper.to_array(loaded)


# -- Translating -------------------------------------------------------------------------------------------------------


def translated(node, inputs):
    """The case document of an ONNX node."""
    from onnx.helper import get_attribute_value

    attributes = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    given = iter(inputs)
    arrays = [np.asarray(next(given), dtype=np.float64) if name else None for name in node.input]  # "" is left out
    case = TRANSLATIONS[node.op_type](arrays, attributes)
    case["dims"] = case["input"].ndim - 2
    return case


def conv(arrays, attributes):
    return {"op": "conv", **operands(arrays), **placement(attributes), "groups": attributes.get("group", 1)}


def conv_integer(arrays, attributes):
    x, w, *zero_points = arrays
    x_zero, w_zero = (*zero_points, 0, 0)[:2]
    # a zero point is the integer that stands for 0, also in the padding; one per output channel for w
    return conv([x - x_zero, w - np.reshape(w_zero, (-1,) + (1,) * (w.ndim - 1))], attributes)


def causal_conv(arrays, attributes):
    x, w, b, past = (*arrays, None, None)[:4]
    before = w.shape[-1] - 1
    if past is not None:
        x, before = np.concatenate([past, x], axis=-1), 0
    return {**conv([x, w, b], {"group": w.shape[0]}), "padding": [[before, 0]]}


def conv_transpose(arrays, attributes):
    case = {**conv(arrays, attributes), "op": "conv-transpose"}
    case["output_padding"] = attributes.get("output_padding", 0)
    if "output_shape" in attributes or "auto_pad" in attributes:
        return {**case, **for_output_shape(case, attributes)}
    return case


def for_output_shape(case, attributes):
    """Padding that gives the length which was asked for; a longer output has its cells at the end, by one below 0."""
    lengths, dims = case["input"].shape[2:], case["input"].ndim - 2
    strides, dilations = attributes.get("strides", [1] * dims), attributes.get("dilations", [1] * dims)
    wanted = attributes.get("output_shape", [i * s for i, s in zip(lengths, strides, strict=True)])
    extents = [d * (k - 1) + 1 for d, k in zip(dilations, case["kernel"].shape[2:], strict=True)]
    more = attributes.get("output_padding", [0] * dims)
    rows = zip(lengths, strides, extents, more, wanted, strict=True)
    cropped = [(i - 1) * s + e + extra - out for i, s, e, extra, out in rows]
    sides = [(total // 2, total - total // 2) if total > 0 else (0, total) for total in cropped]
    if attributes.get("auto_pad") != b"SAME_UPPER":
        sides = [(after, before) if before else (before, after) for before, after in sides]
    return {"padding": sides}


def pool(operation, *keys):
    """The translation of a windowed pool; storage_order is about the indices of winners, which are not compared."""

    def translate(arrays, attributes):
        case = {"op": operation, "input": arrays[0], "window": attributes["kernel_shape"], "stride": 1}
        # with auto_pad VALID its formula for ceil_mode is that of whole windows; with SAME ceil_mode changes nothing
        ceiled = bool(attributes.get("ceil_mode", 0)) and attributes.get("auto_pad") != b"VALID"
        case |= placement(attributes) | {"ceil_mode": ceiled}
        return case | {ours: attributes.get(theirs, default) for ours, theirs, default in keys}

    return translate


def average_pool(arrays, attributes):
    case = pool("average-pool")(arrays, attributes)
    return {**case, "count_include_pad": bool(attributes.get("count_include_pad", 0))}


def adaptive(operation):
    return lambda arrays, attributes: {"op": operation, "input": arrays[0], "output_size": 1}


def max_unpool(arrays, attributes):
    """Its cells are counted over the whole batch; without a shape the windows, which do not overlap, cover it."""
    x, cells, shape = (*arrays, None)[:3]
    strides = attributes.get("strides", [1] * (x.ndim - 2))
    rows = zip(x.shape[2:], strides, attributes["kernel_shape"], strict=True)
    own = [(length - 1) * stride + size for length, stride, size in rows]
    lengths = own if shape is None else [int(length) for length in shape[2:]]
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * len(own)) * np.prod(own)
    places = np.unravel_index((cells - planes).astype(int), own)
    return {"op": "max-unpool", "input": x, "indices": np.ravel_multi_index(places, lengths), "output_size": lengths}


TRANSLATIONS = {
    "Conv": conv,
    "ConvInteger": conv_integer,
    "CausalConvWithState": causal_conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": pool("max-pool"),
    "AveragePool": average_pool,
    "MaxUnpool": max_unpool,
    "LpPool": pool("lp-pool", ("norm", "p", 2)),
    "GlobalAveragePool": adaptive("adaptive-average-pool"),
    "GlobalMaxPool": adaptive("adaptive-max-pool"),
}


def operands(arrays):
    x, w, b = (*arrays, None)[:3]
    return {"input": x, "kernel": w} | ({} if b is None else {"bias": b})


def placement(attributes):
    """Stride, dilation and padding: ONNX lists all befores, then all afters."""
    named = {"strides": "stride", "dilations": "dilation"}
    case = {ours: attributes[theirs] for theirs, ours in named.items() if theirs in attributes}
    words = {b"SAME_UPPER": "same", b"SAME_LOWER": "same-lower", b"VALID": "valid"}
    if attributes.get("auto_pad", b"NOTSET") in words:
        return {**case, "padding": words[attributes["auto_pad"]]}
    if "pads" in attributes:
        pads = attributes["pads"]
        case["padding"] = list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    return case


# -- Comparing ---------------------------------------------------------------------------------------------------------


def reason(name):
    """Why a case is not compared with; None where it is."""
    if name.endswith(EXPANDED):
        return "the same case as a graph of elementary operators"
    return next((why for start, why in NOT_EXPRESSIBLE.items() if name.startswith(start)), None)


def assert_same_output(name, node, inputs, outputs, rtol):
    found = convgrad.forward(translated(node, inputs), arithmetic="float64").output
    expected = np.asarray(outputs[0], dtype=np.float64)
    assert found.shape == expected.shape, name
    # onnx computes in float32 or coarser and judges by rtol and an atol of 1e-7; a sum that cancels is as wrong as its
    # terms are large, so the atol here is the same rtol of the largest value
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("operation", TRANSLATIONS)
def test_the_outputs_of_onnx_are_ours(operation):
    compared = {name: case for name, case in node_cases().items() if case[0].op_type == operation and not reason(name)}
    assert compared
    for name, case in compared.items():
        assert_same_output(name, *case)


def test_the_winners_of_onnx_are_ours_counted_over_the_whole_batch():
    compared = {name: case for name, case in node_cases().items() if len(case[2]) == 2 and case[0].op_type == "MaxPool"}
    assert len(compared) >= 2
    for name, (node, inputs, outputs, _) in compared.items():
        case, by_columns = translated(node, inputs), storage_order(node)
        report = convgrad.check(case, {"output": outputs[0], "indices": outputs[1]}, arithmetic="float64")
        one_plane = case["input"].shape[:2] == (1, 1) and not by_columns
        assert report.verdict == ("agrees" if one_plane else "differs"), name
        way = "column by column in the plane" if by_columns else "row by row in the whole batch"
        assert all(way in diagnosis.details["variant"] for diagnosis in report.diagnosis), name


def storage_order(node):
    return next((attribute.i for attribute in node.attribute if attribute.name == "storage_order"), 0)


@pytest.mark.parametrize("operation", ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
def test_the_outputs_of_models_that_pytorch_exported_are_ours(operation):
    compared = {name: case for name, case in stored_cases().items() if case[0].op_type == operation}
    assert compared
    for name, case in compared.items():
        assert_same_output(name, *case)


def test_no_case_of_onnx_is_left_out_without_a_reason():
    unknown = [name for name, case in node_cases().items() if case[0].op_type not in TRANSLATIONS and not reason(name)]
    idle = [start for start in NOT_EXPRESSIBLE if not any(name.startswith(start) for name in node_cases())]
    assert (unknown, idle) == ([], [])
    assert {case[0].op_type for case in stored_cases().values()} <= set(TRANSLATIONS)


@pytest.mark.parametrize(("length", "size", "stride"), [(8, 3, 2), (7, 3, 3), (9, 2, 4), (5, 1, 3)])
def test_auto_pad_valid_has_whole_windows_in_ceil_mode_too(length, size, stride):
    """In ONNX's own implementation, which refuses the two together for the other pools."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    attributes = {"kernel_shape": [size], "strides": [stride], "auto_pad": "VALID", "ceil_mode": 1}
    node = helper.make_node("MaxPool", ["x"], ["y"], **attributes)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy")
    model = helper.make_model(helper.make_graph([node], "pool", [x], [y]))
    values = np.random.default_rng(length).standard_normal((2, 3, length)).astype(np.float32)
    (theirs,) = ReferenceEvaluator(model).run(None, {"x": values})
    found = convgrad.forward({"input": values, **onnx_words.case("MaxPool", attributes)})
    np.testing.assert_array_equal(found.output, theirs)
