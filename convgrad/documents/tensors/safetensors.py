"""The .safetensors format: a header in JSON says type, shape and place of every array; the bytes follow."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from convgrad.documents.binary import carefully, numbers, refuse_damaged
from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse
from convgrad.documents.tensors.named import chosen
from convgrad.documents.tensors.number_types import decoded, require_known, size_of

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
    "U32": "uint32", "U16": "uint16", "U8": "uint8",
}  # fmt: skip
MOST_AXES = 32


def of_safetensors(source: Source, **_: bool) -> Iterator[Document]:
    """Of a .safetensors file the array that is named, the only one, or all by name, as a document."""
    return iter([carefully(source, _document)])


def _document(source: Source) -> Document:
    with source.open() as opened:
        file = opened if opened.seekable() else io.BytesIO(opened.read())
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        entries, start = _header(file, size, source.name)
        names = {name: name for name in entries}
        return chosen(source, names, lambda name: _array(file, entries[name], start, size, f"{source.name}:{name}"))


def _header(file: IO[bytes], size: int, name: str) -> tuple[dict[str, Mapping[str, Any]], int]:
    """What the header says of every array, and where their bytes begin."""
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        refuse_damaged(name)
    entries = json.loads(file.read(length), object_pairs_hook=_unique)
    entries.pop("__metadata__", None)
    if sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in entries.values()) > size - 8 - length:
        refuse_damaged(name)  # two of them share bytes, and a small file could have any number of arrays
    return entries, 8 + length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _array(file: IO[bytes], entry: Mapping[str, Any], start: int, size: int, name: str) -> tuple[Any, str]:
    """An array and its type: no more bytes than it takes and the file has."""
    shape = tuple(entry["shape"])
    dtype = require_known(DTYPES.get(entry["dtype"], str(entry["dtype"])), name)
    first, last = entry["data_offsets"]
    whole = all(type(part) is int and part >= 0 for part in (*shape, first, last))
    if not whole or len(shape) > MOST_AXES or last - first != size_of(dtype, shape) or start + last > size:
        refuse(name, "its shape, type and place in the file do not fit together", "save the file again")
    file.seek(start + first)
    return numbers(decoded(file.read(last - first), dtype).reshape(shape), name), dtype
