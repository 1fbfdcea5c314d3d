"""PyTorch's .pt and .pth files: a pickle in a ZIP archive says which tensors there are, their bytes stand beside it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.documents.binary import carefully, numbers, refuse_damaged
from convgrad.documents.cells import DEPTH
from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse
from convgrad.documents.tensors.named import chosen, refuse_member
from convgrad.documents.tensors.number_types import BYTES, decoded, require_known
from convgrad.documents.tensors.pickled import Called, Kept, Name, Refused, unpickled

STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "booleans", "ComplexFloatStorage": "complex numbers",
    "ComplexDoubleStorage": "complex numbers", "Float8_e4m3fnStorage": "float8_e4m3fn",
    "Float8_e5m2Storage": "float8_e5m2", "UntypedStorage": "uint8",
}  # fmt: skip
"""The type of number by the class of what holds the bytes."""
REBUILT = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_tensor")
WRAPPED = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
           "torch._tensor._rebuild_from_type_v2")  # fmt: skip
PLAIN = ("collections.OrderedDict", "builtins.set", "__builtin__.set", "torch.Size", "torch.device", "torch.Tensor",
         "torch.nn.parameter.Parameter", "torch.storage.UntypedStorage", "torch.serialization._get_layout",
         "torch._utils._rebuild_device_tensor_from_numpy")  # fmt: skip
DTYPES = (*BYTES, "bool", "complex64", "complex128", "half", "float", "double", "long", "int", "short")
MOST_AXES = 32
MOST_VIEWED = 1 << 20
"""Numbers that a view may have, whatever the storage under it."""
MOST_PARTS = 100_000


class Tensor(NamedTuple):
    """A tensor as a pickle has it: the member with its bytes, and where in it the numbers are."""

    member: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def of_pytorch(source: Source, **_: bool) -> Iterator[Document]:
    """Of a .pt file the tensor that is named, the only one, or all that it holds, as a document."""
    return iter([carefully(source, _document)])


def _document(source: Source) -> Document:
    with source.open() as opened:
        file = opened if opened.seekable() else io.BytesIO(opened.read())
        if file.read(4) != b"PK\x03\x04":
            refuse(source.name, "this is no file of torch.save, or one of PyTorch before 1.6",
                   "load it and save it again, as a state_dict or as tensors")  # fmt: skip
        with zipfile.ZipFile(file) as archive:
            if sum(info.file_size for info in archive.infolist()) > file.seek(0, io.SEEK_END):
                refuse_damaged(source.name)  # nothing in it is packed, so that no small file fills the memory
            return _Archive(source, archive).document()


def _known(name: str) -> bool:
    """Whether a name that a pickle refers to is one whose meaning we know."""
    module, _, last = name.rpartition(".")
    storage = module in ("torch", "torch.cuda", "torch.storage") and last in STORAGES
    return storage or name in (*REBUILT, *WRAPPED, *PLAIN) or (module == "torch" and last in DTYPES)


class _Archive:
    """A file that is open."""

    def __init__(self, source: Source, archive: zipfile.ZipFile) -> None:
        self.source, self.archive = source, archive
        members = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in members if name.endswith("data.pkl")]
        if len(pickles) != 1:
            refuse(source.name, "this is no file of torch.save", "a TorchScript module is not read: save tensors")
        self.root = pickles[0].removesuffix("data.pkl")
        self.members = members
        self.read: dict[Tensor, Any] = {}
        self.stored: dict[tuple[str, str], Any] = {}

    def document(self) -> Document:
        """The tensor that is meant, or all."""
        held = self._held()
        tensors = dict(_named(held, (), [MOST_PARTS]))
        if self.source.member is not None and self.source.member not in tensors:
            refuse_member(self.source, "tensor", tensors)
        if self.source.member is None and len(tensors) != 1 and isinstance(held, dict):
            return Document(self.source.name, 1, self._plain(held))
        return chosen(self.source, tensors, lambda tensor: (self._array(tensor), tensor.dtype))

    def _held(self) -> Any:
        """What was saved, tensors by where they are."""
        self._require_order()
        try:
            held = unpickled(self.archive.read(f"{self.root}data.pkl"), _known)
        except Refused as refused:
            what = "this holds a whole module, and would run its code" if ".nn." in str(refused) else "this would run"
            refuse(self.source.name, f"{what}: {refused}, and nothing that a file names is run",
                   "save module.state_dict(), or tensors by name: torch.save({'x': x}, …)")  # fmt: skip
        return _resolved(held, 0, [MOST_PARTS])

    def _require_order(self) -> None:
        order = self.members.get(f"{self.root}byteorder")
        if order is not None and self.archive.read(order) != b"little":
            refuse(self.source.name, "its bytes are in big-endian order", "save it again on another machine")

    def _plain(self, value: Any) -> Any:
        """A part of a document: arrays for tensors."""
        if isinstance(value, Tensor):
            return self._array(value)
        if isinstance(value, dict):
            return {str(key): self._plain(part) for key, part in value.items()}
        return [self._plain(part) for part in value] if isinstance(value, (list, tuple)) else value

    def _array(self, tensor: Tensor) -> Any:
        """The numbers of a tensor."""
        if tensor not in self.read:
            self.read[tensor] = numbers(self._viewed(tensor), self.source.name)
        return self.read[tensor]

    def _viewed(self, tensor: Tensor) -> Any:
        info = self.members.get(f"{self.root}data/{tensor.member}")
        dtype = require_known(tensor.dtype, self.source.name)
        shape, strides = tensor.shape, tensor.strides
        whole = all(type(part) is int and part >= 0 for part in (*shape, *strides, tensor.offset))
        if info is None or not whole or len(shape) != len(strides) or len(shape) > MOST_AXES:
            refuse_damaged(self.source.name)
        each = BYTES[dtype]
        stored, reach = info.file_size // each, sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        if prod(shape) and (tensor.offset + reach >= stored or prod(shape) > max(MOST_VIEWED, stored)):
            refuse(self.source.name, f"a tensor of shape {shape} is more than its {stored} stored numbers",
                   "save tensor.contiguous()")  # fmt: skip
        if not prod(shape):
            return np.zeros(shape, np.float32)
        if (tensor.member, dtype) not in self.stored:
            self.stored[tensor.member, dtype] = decoded(memoryview(self.archive.read(info))[: stored * each], dtype)
        flat = self.stored[tensor.member, dtype][tensor.offset :]
        steps = [step * flat.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)


def _resolved(value: Any, depth: int, left: list[int]) -> Any:
    """What was saved, with tensors in place of the calls that rebuild them."""
    left[0] -= 1
    if depth > DEPTH or left[0] < 0:
        raise ValueError("too deep, or too large")
    if isinstance(value, Called):
        return _rebuilt(value, depth, left)
    if isinstance(value, dict):
        return {str(key): _resolved(part, depth + 1, left) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, (Name, Kept)):
        return [_resolved(part, depth + 1, left) for part in value]
    return None if isinstance(value, (Name, Kept)) else value


def _rebuilt(call: Called, depth: int, left: list[int]) -> Any:
    if call.name == "torch._tensor._rebuild_from_type_v2":
        function, _, arguments, _ = call.arguments
        return _resolved(Called(function.name, arguments), depth + 1, left)
    if call.name in WRAPPED:
        return _resolved(call.arguments[0], depth + 1, left)
    if call.name not in REBUILT:
        return list(call.arguments[0]) if call.name == "torch.Size" else None
    kept, offset, shape, strides, *more = call.arguments
    _, storage, member, *_ = kept.identification
    dtype = STORAGES[storage.name.rpartition(".")[2]]
    if call.name.endswith("_v3"):
        dtype = more[2].name.removeprefix("torch.")
    return Tensor(str(member), dtype, offset, tuple(shape), tuple(strides))


def _named(value: Any, path: tuple[str, ...], left: list[int]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in what was saved, by the way to each, with dots."""
    left[0] -= 1
    if left[0] < 0:
        raise ValueError("too large")
    if isinstance(value, Tensor):
        yield ".".join(path), value
        return
    parts: Mapping[Any, Any] = value if isinstance(value, dict) else {}
    parts = dict(enumerate(value)) if isinstance(value, list) else parts
    for key, part in parts.items():
        yield from _named(part, (*path, str(key)), left)
