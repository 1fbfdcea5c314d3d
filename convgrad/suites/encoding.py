"""Numbers of the types that kernels compute in, as bytes in C order, little-endian, and back."""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.suites.exactness import as_bfloat16
from convgrad.vocabulary import INDICES

INDEX = "int64"
"""What indices are, whatever the type of the numbers."""
SIZES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, INDEX: 8}
STORED = {"float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2", INDEX: "<i8"}
ZONE = 64
"""Bytes of red zone on either side of a buffer."""
MARK = 0xA5
"""What a red zone is filled with."""


def type_of(name: str, dtype: str) -> str:
    """The type of an array of a case, by its name."""
    return INDEX if name == INDICES else dtype


def encoded(array: Array, dtype: str) -> bytes:
    """The bytes of an array in a type.

    >>> import numpy as np
    >>> encoded(np.array([1.0, -2.5]), "bfloat16").hex()
    '803f20c0'
    """
    if dtype == "bfloat16":
        bits = as_bfloat16(array).view(np.uint32) >> np.uint32(16)
        return bits.astype("<u2").tobytes()
    return np.ascontiguousarray(array).astype(STORED[dtype]).tobytes()


def decoded(data: bytes, shape: tuple[int, ...], dtype: str) -> Array:
    """The array that bytes are, as float64, which holds them all."""
    stored = np.frombuffer(data, STORED[dtype])
    if dtype == "bfloat16":
        stored = (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return stored.astype(np.float64).reshape(shape)


def size(shape: tuple[int, ...], dtype: str) -> int:
    """How many bytes an array takes."""
    return prod(shape) * SIZES[dtype]
