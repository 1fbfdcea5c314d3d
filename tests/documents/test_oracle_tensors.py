"""What PyTorch, safetensors and ONNX write is read equal to what their own readers give."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.documents import read, source
from convgrad.errors import RequestError

pytestmark = pytest.mark.oracle
NEEDS = "needs {}: pip install 'convgrad[oracle]'"


def value(argument: Any) -> Any:
    (document,) = read(source(str(argument)))
    assert document.error is None
    return document.value


def torch_types() -> list[str]:
    floating = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
    return [*floating, "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"]


def plain(tensor: Any) -> Any:
    return tensor.detach().double().numpy()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("dtype", torch_types())
def test_tensors_of_every_type(dtype: str, protocol: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS.format("torch"))
    kind = getattr(torch, dtype)
    tensor = (torch.randn(4, 5) * 10).abs().to(kind)
    views = {"whole": tensor, "t": tensor.t(), "part": tensor[1:, ::2], "one": tensor[2, 3], "none": tensor[:0],
             "wide": tensor[0].expand(3, 5)}  # fmt: skip
    torch.save(views, tmp_path / "x.pt", pickle_protocol=protocol)
    for name, view in views.items():
        np.testing.assert_array_equal(value(f"{tmp_path}/x.pt:{name}"), plain(view))


def test_modules_optimizers_parameters_and_shared_storage(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS.format("torch"))
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 2, 4, 4)).sum().backward()
    optimizer.step()
    held = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "weight": model[0].weight,
            "grads": [p.grad for p in model.parameters()], "again": model[0].weight.data}  # fmt: skip
    torch.save(held, tmp_path / "x.pth")
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(value(f"{tmp_path}/x.pth:model.{name}"), plain(tensor))
    for number, parameter in enumerate(model.parameters()):
        np.testing.assert_array_equal(value(f"{tmp_path}/x.pth:grads.{number}"), plain(parameter.grad))
    np.testing.assert_array_equal(value(f"{tmp_path}/x.pth:weight"), plain(model[0].weight))
    torch.save(model, tmp_path / "whole.pt")
    with pytest.raises(RequestError, match=r"whole module.*Sequential"):
        value(tmp_path / "whole.pt")


def test_safetensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS.format("torch"))
    library = pytest.importorskip("safetensors.torch", reason="needs safetensors: pip install safetensors")
    kinds = [name for name in torch_types() if name not in ("uint16", "uint32")]
    tensors = {name: (torch.randn(3, 4, 2) * 10).abs().to(getattr(torch, name)) for name in kinds}
    tensors |= {"empty": torch.zeros(0, 3), "number": torch.tensor(1.5)}
    library.save_file(tensors, tmp_path / "x.safetensors", metadata={"by": "a test"})
    for name, tensor in library.load_file(tmp_path / "x.safetensors").items():
        np.testing.assert_array_equal(value(f"{tmp_path}/x.safetensors:{name}"), plain(tensor))


# -- ONNX --------------------------------------------------------------------------------------------------------------

OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool",
             "GlobalLpPool", "MaxUnpool")  # fmt: skip
MODULES = (
    "conv",
    "convtranspose",
    "maxpool",
    "averagepool",
    "lppool",
    "globalmaxpool",
    "globalaveragepool",
    "maxunpool",
)


@cache
def node_cases() -> dict[str, Any]:
    """The cases of ONNX's own tests of one operator each."""
    from importlib import import_module

    np.random.seed(0)  # some inputs are drawn on import
    for module in MODULES:
        import_module(f"onnx.backend.test.case.node.{module}")
    from onnx.backend.test.case.node import _NodeTestCases

    return {case.name: case for case in _NodeTestCases
            if len(case.model.graph.node) == 1 and case.model.graph.node[0].op_type in OPERATORS}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_every_node_of_onnx_s_tests_is_read_from_its_file(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason=NEEDS.format("onnx"))
    told = []
    for name, case in node_cases().items():
        onnx.save(case.model, tmp_path / "m.onnx")
        document = value(tmp_path / "m.onnx")
        inputs, outputs = case.data_sets[0]
        unpools = document["op"] == "max-unpool"  # whose third input, output_shape, is the shape of what comes out
        document |= dict(zip(("input", "indices") if unpools else ("input", "kernel", "bias"), inputs, strict=False))
        made = convgrad.forward(document, arithmetic="float64")
        found = [made.output, *([made.indices] if len(outputs) > 1 else [])]
        alike = [mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=max(case.rtol, 1e-3), atol=1e-4)
                 for mine, theirs in zip(found, outputs, strict=True)]  # fmt: skip
        told += [] if all(alike) else [name]
    kinds = {case.model.graph.node[0].op_type for case in node_cases().values()}
    assert (told, len(node_cases()) >= 60, kinds) == ([], True, set(OPERATORS) - {"GlobalLpPool"})


def test_initializers_of_every_form_are_read_and_other_files_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason=NEEDS.format("onnx"))
    from onnx import TensorProto, helper

    rng = np.random.default_rng(int(os.environ.get("CONVGRAD_SEED", "0")))
    kernel = rng.integers(-3, 4, (2, 1, 2, 2))
    for kind in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT64,
                 TensorProto.INT32, TensorProto.INT8):  # fmt: skip
        numbers = kernel.ravel().tolist()
        onnx.save(model(onnx, helper.make_tensor("w", kind, kernel.shape, numbers)), tmp_path / "m.onnx")
        np.testing.assert_array_equal(value(f"{tmp_path}/m.onnx:conv1")["kernel"], kernel)
    onnx.save(model(onnx, onnx.numpy_helper.from_array(kernel.astype(np.float32), "w")), tmp_path / "e.onnx",
              save_as_external_data=True, location="weights.bin", size_threshold=0)  # fmt: skip
    with pytest.raises(RequestError, match=r"in another file, weights\.bin"):
        value(tmp_path / "e.onnx")


def model(onnx: Any, tensor: Any) -> Any:
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="conv1")
    ends = [onnx.helper.make_tensor_value_info(name, 1, None) for name in "xy"]
    return onnx.helper.make_model(onnx.helper.make_graph([node], "graph", ends[:1], ends[1:], [tensor]))
