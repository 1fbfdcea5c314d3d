"""Arrays and cases in the files of PyTorch, safetensors and ONNX, and in bytes alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.documents import read, source
from convgrad.documents.tensors import protobuf
from convgrad.errors import RequestError
from tests import tensor_files as files
from tests.fuzz import damaged_files
from tests.program import ROOT, assert_refused, result
from tests.program import convgrad as run

X = np.arange(12, dtype=np.float32).reshape(3, 4)
CASE = {"input": X, "kernel": X[:2, :2].copy(), "delta": X[:2, :3].copy()}
TYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8")


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Write bytes to a file of a name."""

    def write(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def value(argument: str) -> Any:
    (document,) = read(source(argument))
    assert document.error is None
    return document.value


def refused(argument: str) -> str:
    with pytest.raises(RequestError) as caught:
        value(argument)
    return str(caught.value)


# -- safetensors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_safetensors_holds_arrays_by_name(file: Any, dtype: str) -> None:
    name = file("x.safetensors", files.safetensors({"a": X.astype(dtype), "b": X[0].astype(dtype), "e": X[:0]}))
    assert value(f"{name}:a").dtype == np.dtype(dtype)
    np.testing.assert_array_equal(value(f"{name}:a"), X)
    assert {key: part.shape for key, part in value(name).items()} == {"a": (3, 4), "b": (4,), "e": (0, 4)}


def test_a_case_may_be_one_file_or_its_arrays(file: Any) -> None:
    name = file("case.safetensors", files.safetensors(CASE))
    plain = convgrad.backward(CASE)
    assert result("backward", name)["dX"] == plain.dX.tolist()
    options = [word for key in CASE for word in (f"--{key}", f"{name}:{key}")]
    assert result("backward", *options)["dW"] == plain.dW.tolist()


def test_half_types_are_read_as_they_are_and_remembered(file: Any) -> None:
    bits = np.array([0x3F80, 0xC040], "<u2")
    name = file("x.safetensors", files.safetensors({"a": bits.view(np.float16)}, a={"dtype": "BF16"}))
    (document,) = read(source(name))
    assert (document.value.tolist(), document.dtype) == ([1, -3], "bfloat16")
    eight = np.array([0x38, 0xC0, 0x7C], "u1")
    name = file("x.safetensors", files.safetensors({"a": eight}, a={"dtype": "F8_E4M3"}))
    assert value(name).tolist() == [1, -2, 384]
    name = file("x.safetensors", files.safetensors({"a": eight[:2]}, a={"dtype": "F8_E5M2"}))
    assert value(name).tolist() == [0.5, -2]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (files.safetensors({"a": X}, a={"shape": [3, 5]}), "do not fit together"),
        (files.safetensors({"a": X}, a={"shape": [-3, -4]}), "do not fit together"),
        (files.safetensors({"a": X}, a={"data_offsets": [0, 480]}), "damaged"),
        (files.safetensors({"a": X, "b": X}, b={"data_offsets": [0, 96]}), "damaged"),
        (files.safetensors({"a": X > 1}), "found BOOL"),
        (files.safetensors({"a": X})[:-1], "damaged"), (b"", "damaged"), (b"\xff" * 9, "damaged"),
        (b"\x03" + bytes(7) + b"{}}", "damaged"), (b"\x02" + bytes(7) + b"{}", "has no array"),
    ],
)  # fmt: skip
def test_what_is_no_safetensors_file_is_refused(file: Any, data: bytes, words: str) -> None:
    assert words in refused(file("x.safetensors", data))


def test_a_name_that_is_not_there_is_refused_with_those_that_are(file: Any) -> None:
    name = file("x.safetensors", files.safetensors({"kernel": X, "input": X}))
    assert "has no array 'kernl'; did you mean kernel?" in refused(f"{name}:kernl")
    assert "it has kernel, input" in refused(f"{name}:q")


# -- PyTorch -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_a_tensor_of_every_type_is_read(file: Any, dtype: str) -> None:
    array = X.astype(dtype)
    found = value(file("x.pt", files.pytorch(files.whole(array), [array])))
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, X)


def test_views_share_their_storage(file: Any) -> None:
    view = files.whole(X)
    held = {
        "t": view._replace(shape=(4, 3), strides=(1, 4)),
        "part": view._replace(shape=(2, 2), strides=(4, 2), offset=4),
        "wide": view._replace(shape=(2, 3), strides=(0, 1)),
    }
    found = value(file("x.pt", files.pytorch(held, [X])))
    np.testing.assert_array_equal(found["t"], X.T)
    np.testing.assert_array_equal(found["part"], X[1:, ::2])
    np.testing.assert_array_equal(found["wide"], [X[0, :3]] * 2)


def test_parameters_and_nested_mappings_have_names_with_dots(file: Any) -> None:
    hooks = files.Call("collections", "OrderedDict")
    parameter = files.Call("torch._utils", "_rebuild_parameter", (files.whole(X), True, hooks))
    name = file(
        "x.pth", files.pytorch({"model": {"conv.weight": parameter, "n": [1, 0.5, None, True]}, "lr": 0.1}, [X])
    )
    np.testing.assert_array_equal(value(f"{name}:model.conv.weight"), X)
    assert value(file("y.pt", files.pytorch([files.whole(X), files.whole(X[0], 1)], [X, X[0]])) + ":1").tolist() == [
        0,
        1,
        2,
        3,
    ]
    assert "has no tensor 'conv.weight'; did you mean model.conv.weight?" in refused(f"{name}:conv.weight")


def test_a_case_may_be_saved_by_torch(file: Any) -> None:
    views = {key: files.whole(array, number) for number, (key, array) in enumerate(CASE.items())}
    name = file("case.pt", files.pytorch({**views, "stride": 1, "id": "run 3"}, list(CASE.values())))
    made = result("backward", name)
    assert (made["id"], made["dX"]) == ("run 3", convgrad.backward(CASE).dX.tolist())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (files.Call("os", "system", ("touch owned",)), "os.system"),
        (files.Call("builtins", "eval", ("1",)), "builtins.eval"),
        (files.Call("torch", "load", ("x",)), "torch.load"),
        (files.Call("torch.nn.modules.conv", "Conv2d", (1,)), "torch.nn.modules.conv.Conv2d"),
        (files.Call("__main__", "Net", ()), "__main__.Net"),
        (files.Call("numpy.core.multiarray", "scalar", ()), "numpy.core.multiarray.scalar"),
    ],
)
def test_nothing_that_a_file_names_is_run(
    file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = refused(file("x.pt", files.pytorch({"x": call}, [])))
    assert f"run{' its code' if '.nn.' in name else ''}: {name}, and nothing that a file names is run" in told
    assert "save module.state_dict()" in told
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({"numel": 9, "shape": (3, 5)}, "is more than its 12 stored numbers"),
        ({"offset": 1}, "is more than its 12 stored numbers"),
        ({"shape": (10**7, 4), "strides": (0, 1)}, "save tensor.contiguous()"),
        ({"shape": (3,)}, "damaged"), ({"strides": (-4, 1)}, "damaged"), ({"storage": 7}, "damaged"),
        ({"kind": "Bool"}, "found booleans"), ({"kind": "ComplexFloat"}, "found complex numbers"),
        ({"kind": "Odd"}, "torch.OddStorage"), ({"shape": (2**62, 2**62)}, "stored numbers"),
    ],
)  # fmt: skip
def test_a_tensor_that_its_bytes_do_not_hold_is_refused(file: Any, view: Any, words: str) -> None:
    assert words in refused(file("x.pt", files.pytorch(files.whole(X)._replace(**view), [X])))


def test_what_is_no_file_of_torch_is_refused(file: Any) -> None:
    assert "before 1.6" in refused(file("x.pt", b"\x80\x02}."))
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    assert "damaged" in refused(file("y.pt", files.pytorch(deep, [])))
    assert "it has none" in refused(file("z.pt", files.pytorch({"a": 1}, [])) + ":x")


# -- ONNX --------------------------------------------------------------------------------------------------------------


IMAGE = np.arange(50, dtype=np.float32).reshape(1, 2, 5, 5)
FILTERS = np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)


def test_a_convolution_of_a_model_is_a_case(file: Any) -> None:
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 0, 1], "group": 1, "dilations": [1, 1]}
    name = file("m.onnx", files.onnx("Conv", attributes, {"w": FILTERS, "b": np.float32([1, 2])}, name="conv1"))
    case = {
        "input": IMAGE,
        "kernel": FILTERS,
        "bias": [1, 2],
        "stride": 2,
        "padding": [[1, 0], [0, 1]],
        "delta": "ones",
    }
    np.save(Path(name).parent / "x.npy", IMAGE)
    made = result("backward", f"{name}:conv1", "--input", str(Path(name).parent / "x.npy"), "--delta", "ones")
    assert made["dX"] == convgrad.backward(case).dX.tolist()
    assert made["settings"]["padding"] == [[1, 0], [0, 1]]
    assert "did you mean conv1?" in refused(f"{name}:conv2")


@pytest.mark.parametrize(
    ("op", "attributes", "expected"),
    [
        ("MaxPool", {"kernel_shape": [2, 2]}, {"op": "max-pool", "window": [2, 2], "stride": 1}),
        ("MaxPool", {"kernel_shape": [2], "strides": [2], "ceil_mode": 1, "storage_order": 1},
         {"op": "max-pool", "window": [2], "stride": [2], "ceil_mode": True}),
        ("MaxPool", {"kernel_shape": [2], "auto_pad": "VALID", "ceil_mode": 1},
         {"op": "max-pool", "window": [2], "stride": 1, "padding": "valid"}),
        ("AveragePool", {"kernel_shape": [2], "auto_pad": "SAME_LOWER"},
         {"op": "average-pool", "window": [2], "stride": 1, "padding": "same-lower", "count_include_pad": False}),
        ("LpPool", {"kernel_shape": [3], "p": 1}, {"op": "lp-pool", "window": [3], "stride": 1, "norm": 1}),
        ("GlobalAveragePool", {}, {"op": "adaptive-average-pool", "output_size": 1, "dims": 2}),
        ("GlobalLpPool", {"p": 3}, {"op": "lp-pool", "window": [5, 5], "norm": 3}),
        ("ConvTranspose", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
         {"op": "conv-transpose", "stride": [2, 2], "padding": [[0, 1], [0, 1]]}),
        ("ConvTranspose", {"kernel_shape": [3, 3], "strides": [3, 3], "output_shape": [14, 16]},
         {"op": "conv-transpose", "stride": [3, 3], "padding": [[1, 0], [0, 0]], "output_padding": [0, 1]}),
    ],
)  # fmt: skip
def test_defaults_and_words_of_onnx_become_ours(file: Any, op: str, attributes: Any, expected: Any) -> None:
    found = value(file("m.onnx", files.onnx(op, attributes, {}, shape=[1, 2, 5, 5])))
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (files.onnx("Relu", {}, {}), "it has no convolution or pool"),
        (files.onnx("ConvTranspose", {"kernel_shape": [3], "output_shape": [9]}, {}), "output_shape goes by the size"),
        (files.onnx("ConvTranspose", {"auto_pad": "SAME_UPPER"}, {}), "told neither by kernel_shape"),
        (files.onnx("MaxPool", {}, {}), "the MaxPool node: kernel_shape is missing"),
        (files.onnx("Conv", {"auto_pad": "ODD"}, {}), "auto_pad is ODD"),
        (files.onnx("ConvTranspose", {"strides": "SAME_UPPER", "output_shape": [2**40]}, {}), "strides is not what"),
        (files.onnx("Conv", {"activation": "x"}, {}), "the attribute activation"),
        (files.onnx("Conv", {}, {"w": FILTERS})[:-30], "damaged"), (b"", "damaged"), (b"\xff" * 30, "damaged"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_tell_is_refused(file: Any, data: bytes, words: str) -> None:
    assert words in refused(file("m.onnx", data))


def test_a_number_where_a_name_must_be_makes_no_zeros() -> None:
    """bytes(n) is n zeros: 2 GB of them from a model of 50 bytes, before this."""
    for read_field in (protobuf.text, lambda values: protobuf.floats(values, "<f4")):
        with pytest.raises(ValueError, match="a number where bytes must be"):
            read_field([1 << 40])


# -- Bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_bytes_have_the_type_and_shape_that_are_told(file: Any, dtype: str) -> None:
    name = file("x.bin", X.astype(dtype).tobytes())
    np.testing.assert_array_equal(value(f"{name}@{dtype}:3,4"), X)
    np.testing.assert_array_equal(value(f"{name}@{dtype}"), X.ravel())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("float32:3,5", "3 x 5 x 4 = 60 bytes are told, but the file has 48"),
        ("float33:3,4", "a type is one of float64"), ("", "expected a type and a shape after '@'"),
        ("float32:3,-4", "after '@'"), ("float32:" + "9" * 99, "bytes are told"),
    ],
)  # fmt: skip
def test_bytes_that_are_not_what_is_told_are_refused(file: Any, told: str, words: str) -> None:
    assert words in refused(f"{file('x.bin', X.tobytes())}@{told}")


def test_a_name_that_is_a_file_is_that_file(file: Any) -> None:
    assert value(file("x@float32.yaml", b"[1, 2]")) == ["1", "2"]
    assert_refused(run("forward", "--input", "y.bin@float32:2", "--kernel", "[1]"), "no such file")


def test_what_is_read_is_not_written_over(file: Any) -> None:
    name = file("case.safetensors", files.safetensors(CASE))
    options = [word for key in CASE for word in (f"--{key}", f"{name}:{key}")]
    assert_refused(run("backward", *options, "--output", name, "--format", "json"), "is read in this run")


def test_nothing_of_these_files_is_loaded_before_one_comes() -> None:
    code = "import sys; from convgrad.cli import run; run(['forward', 'samples/ledger.yaml']); "
    code += "assert not [m for m in sys.modules if 'tensors' in m or m == 'pickletools']"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


# -- Damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", damaged_files.MAKERS)
def test_a_damaged_file_is_read_or_refused(suffix: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("CONVGRAD_SEED", "0"))
    told = [(number, what) for number, what, _ in damaged_files.tried(suffix, seed, range(300), tmp_path)]
    assert {what for _, what in told} == {"read", "refused"}, told


@pytest.mark.slow
def test_reading_damaged_files_takes_little_memory() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.fuzz.damaged_files", "--count", "1000", "--seed", "1"],
                          capture_output=True, text=True, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
