"""Bytes alone, of a type and a shape that the argument tells: dX.bin@float16:2,3,8,8."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convgrad.documents.binary import numbers
from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse
from convgrad.documents.tensors.number_types import BYTES, decoded, size_of

TOLD = re.compile(r"([a-z]\w*)(?::([0-9]+(?:,[0-9]+)*))?")


def of_bytes(source: Source, **_: bool) -> Iterator[Document]:
    """The numbers of a file, as a document; without a shape in one row."""
    told = TOLD.fullmatch(source.member or "")
    if told is None or told[1] not in BYTES:
        refuse(source.name, "expected a type and a shape after '@'",
               f"as in file.bin@float32:2,3,8,8; a type is one of {', '.join(BYTES)}")  # fmt: skip
    data = source.data()
    each = BYTES[told[1]]
    shape = tuple(int(part) for part in told[2].split(",")) if told[2] else (len(data) // each,)
    needed = size_of(told[1], shape)
    if needed != len(data) or len(shape) > 32:
        product = " x ".join(map(str, (*shape, each)))
        refuse(source.name, f"{product} = {needed} bytes are told, but the file has {len(data)}",
               "check the type and the shape")  # fmt: skip
    document = Document(source.name, 1, numbers(decoded(data, told[1]).reshape(shape), source.name))
    document.dtype = told[1]
    return iter([document])
