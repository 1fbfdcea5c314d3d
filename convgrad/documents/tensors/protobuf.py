"""Protocol buffers on the wire: a message as its fields, numbered; what they mean is their reader's affair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Fields = dict[int, list[Any]]
VARINT, EIGHT, LENGTH, FOUR = 0, 1, 2, 5
LONGEST = 10
"""Bytes of a whole number: 64 bits, 7 a byte."""


def fields(data: memoryview) -> Fields:
    """The fields of a message by number, each as often as it stands there: whole numbers, or bytes.

    >>> fields(memoryview(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])))[1]
    [150]

    Raises ValueError for what is no message.
    """
    found: Fields = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = _value(data, at, key & 7)
        found.setdefault(key >> 3, []).append(value)
    return found


def _value(data: memoryview, at: int, wire: int) -> tuple[Any, int]:
    if wire == VARINT:
        return varint(data, at)
    if wire == LENGTH:
        length, at = varint(data, at)
    elif wire in (EIGHT, FOUR):
        length = 8 if wire == EIGHT else 4
    else:
        raise ValueError("there is no such kind of field")
    if at + length > len(data):
        raise ValueError("a field ends past the end")
    return data[at : at + length], at + length


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A whole number of 64 bits without sign, and where it ends."""
    number = 0
    for place in range(LONGEST):
        byte = data[at + place]
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number & (1 << 64) - 1, at + place + 1
    raise ValueError("a number does not end")


def signed(number: int) -> int:
    """A whole number of 64 bits with its sign."""
    return number - (1 << 64) if number >> 63 else number


def integers(values: list[Any]) -> list[int]:
    """Repeated whole numbers with their signs, packed together or one by one."""
    return [signed(number) for value in values for number in _packed(value)]


def _packed(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = varint(value, at)
        yield number


def floats(values: list[Any], dtype: str) -> Any:
    """Repeated floating numbers, packed together or one by one."""
    return np.frombuffer(b"".join(map(_bytes, values)), dtype)


def text(values: list[Any]) -> str:
    """A text that stands once; the last counts."""
    return _bytes(values[-1]).decode("utf-8") if values else ""


def _bytes(value: Any) -> bytes:
    """The bytes of a field, which may hold a number: of that, bytes() would make as many zeros."""
    if isinstance(value, int):
        raise ValueError("a number where bytes must be")
    return bytes(value)
