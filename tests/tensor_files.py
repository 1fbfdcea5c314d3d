"""Files of PyTorch, safetensors and ONNX, written by hand: what their libraries write, without these."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

STORAGES = {"float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long", "int32": "Int",
            "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}  # fmt: skip
SAFE = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
        "int8": "I8", "uint8": "U8", "bool": "BOOL"}  # fmt: skip
ONNX = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float64": 11, "float16": 10}


def safetensors(arrays: Mapping[str, Any], **entries: Any) -> bytes:
    """A .safetensors file; `entries` say something else of an array than is so."""
    header: dict[str, Any] = {"__metadata__": {"format": "np"}}
    data = b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": SAFE[array.dtype.name], "shape": list(array.shape), "data_offsets": [len(data), end]}
        header[name] |= entries.get(name, {})
        data += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


# -- PyTorch -----------------------------------------------------------------------------------------------------------


class View(NamedTuple):
    """A tensor as a view of a storage: its number, class and length, and offset, shape and strides in it."""

    storage: int
    kind: str
    numel: int
    offset: int
    shape: Sequence[int]
    strides: Sequence[int]


class Call(NamedTuple):
    """A call that a pickle asks for."""

    module: str
    name: str
    arguments: Sequence[Any] = ()


def pytorch(value: Any, storages: Sequence[Any], change: Callable[[bytes], bytes] = bytes) -> bytes:
    """A file as torch.save writes it, its pickle changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        pickled = b"\x80\x02" + b"".join(_pickled(value)) + b"."
        members = {"data.pkl": change(pickled), "byteorder": b"little"}
        members |= {f"data/{number}": array.tobytes() for number, array in enumerate(storages)} | {"version": b"3\n"}
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"case/{name}"), data)
    return file.getvalue()


def whole(array: Any, number: int = 0) -> View:
    """A tensor that is all of its storage."""
    strides = [step // array.itemsize for step in array.strides]
    return View(number, STORAGES[array.dtype.name], array.size, 0, array.shape, strides)


def _pickled(value: Any) -> Iterable[bytes]:
    if isinstance(value, View):
        yield from _tensor(value)
    elif isinstance(value, Call):
        yield f"c{value.module}\n{value.name}\n".encode() + b"("
        for part in value.arguments:
            yield from _pickled(part)
        yield b"tR"
    elif isinstance(value, dict):
        yield b"}("
        for key, part in value.items():
            yield from (*_pickled(key), *_pickled(part))
        yield b"u"
    elif isinstance(value, (list, tuple)):
        yield b"](" if isinstance(value, list) else b"("
        for part in value:
            yield from _pickled(part)
        yield b"e" if isinstance(value, list) else b"t"
    else:
        yield _scalar(value)


def _scalar(value: Any) -> bytes:
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, bool) or value is None:
        return {True: b"\x88", False: b"\x89", None: b"N"}[value]
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def _tensor(view: View) -> Iterable[bytes]:
    yield b"ctorch._utils\n_rebuild_tensor_v2\n("
    yield b"(" + _scalar("storage") + f"ctorch\n{view.kind}Storage\n".encode() + _scalar(str(view.storage))
    yield _scalar("cpu") + _scalar(view.numel) + b"tQ" + _scalar(view.offset)
    yield from (*_pickled(tuple(view.shape)), *_pickled(tuple(view.strides)))
    yield b"\x89ccollections\nOrderedDict\n)RtR"


# -- ONNX --------------------------------------------------------------------------------------------------------------


def onnx(op: str, attributes: Mapping[str, Any], arrays: Mapping[str, Any], name: str = "node", **told: Any) -> bytes:
    """A model of one node that gets x, and then the arrays, which are initializers; `told` gives x's shape."""
    node = b"".join(_field(1, each) for each in ("x", *arrays)) + _field(2, "y") + _field(3, name) + _field(4, op)
    node += b"".join(_field(5, _attribute(key, value)) for key, value in attributes.items())
    graph = _field(1, node) + _field(2, "graph")
    graph += b"".join(_field(5, _onnx_tensor(key, array)) for key, array in arrays.items())
    if "shape" in told:
        dims = b"".join(_field(1, _field(1, length)) for length in told["shape"])
        graph += _field(11, _field(1, "x") + _field(2, _field(1, _field(1, 1) + _field(2, dims))))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 19))


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value)
    return _field(1, name) + b"".join(_field(8, part) for part in value)


def _onnx_tensor(name: str, array: Any) -> bytes:
    dims = b"".join(_field(1, length) for length in array.shape)
    return dims + _field(2, ONNX[array.dtype.name]) + _field(8, name) + _field(9, np.ascontiguousarray(array).tobytes())
