"""Bytes to numbers of a type that a file names, also of types that NumPy has not."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convgrad.documents.sources import refuse

BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1,
}  # fmt: skip
"""The types that are read, and the bytes of a number of each."""
NARROW = ("float16", "bfloat16")
"""Types that a claim may have been computed in, and that a wider array does not tell."""


def size_of(dtype: str, shape: tuple[int, ...]) -> int:
    """The bytes that an array of a type takes."""
    return BYTES[dtype] * prod(shape)


def require_known(dtype: str, name: str) -> str:
    """The type, if its numbers can be read. Raises RequestError."""
    if dtype not in BYTES:
        refuse(name, f"expected an array of real numbers, found {dtype}", "save it as float64 or float32")
    return dtype


def decoded(data: Any, dtype: str) -> Any:
    """The numbers of a type in little-endian bytes, in one row: bfloat16 and 8-bit ones as float32.

    >>> decoded(bytes([0x80, 0x3f, 0x40, 0xc0]), "bfloat16")
    array([ 1., -3.], dtype=float32)
    >>> decoded(bytes([0x38, 0x01, 0x7e, 0xfe]), "float8_e4m3fn")
    array([ 1.000000e+00,  1.953125e-03,  4.480000e+02, -4.480000e+02],
          dtype=float32)
    """
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if dtype == "float8_e5m2":
        return (np.frombuffer(data, "u1").astype("<u2") << 8).view("<f2").astype(np.float32)
    if dtype == "float8_e4m3fn":
        return _E4M3[np.frombuffer(data, "u1")]
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))


def _e4m3(code: int) -> float:
    """One number of four bits of exponent and three of mantissa, without infinities."""
    exponent, mantissa = code >> 3 & 15, code & 7
    if code & 127 == 127:
        return float("nan")
    size = mantissa * 2.0**-9 if exponent == 0 else (8 + mantissa) * 2.0 ** (exponent - 10)
    return -size if code & 128 else size


_E4M3 = np.array([_e4m3(code) for code in range(256)], np.float32)
