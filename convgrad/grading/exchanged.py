"""Arrays in lines of JSON: nested lists, base64, or bytes in a file beside; written, and read back from an answer."""

from __future__ import annotations

import base64
import binascii
import shutil
import tempfile
from collections.abc import Collection, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.grading.answer import MALFORMED, WRONG_SHAPE, WRONG_TYPE
from convgrad.operations.geometry import shape_text
from convgrad.suites.encoding import SIZES, decoded, encoded

LISTED = 10_000
"""Numbers up to which an array is sent as nested lists, where the other side reads these; a larger one as base64."""
FILED = 10_000_000
"""Bytes from which on an array is sent in a file."""
Read = Array | tuple[str, str]


class Folder:
    """A folder of our own for arrays in files, made when it is needed; `clear` leaves it empty, `end` removes it."""

    def __init__(self) -> None:
        self.path: Path | None = None

    def made(self) -> Path:
        if self.path is None:
            self.path = Path(tempfile.mkdtemp(prefix="convgrad-"))  # of mode 700
        return self.path

    def clear(self) -> None:
        for entry in self.path.iterdir() if self.path else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def end(self) -> None:
        if self.path is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path = None


def sent(name: str, array: Array, dtype: str, kinds: Collection[str], folder: Folder) -> Any:
    """An array in the way that suits its size, of those that the other side reads: list, base64, file."""
    size = array.size * SIZES[dtype]
    as_file = "file" in kinds and (size > FILED or not {"list", "base64"} & set(kinds))
    if not as_file and ("base64" not in kinds or (array.size <= LISTED and "list" in kinds)):
        return array.tolist()
    head = {"dtype": dtype, "shape": list(array.shape)}
    if not as_file:
        return {**head, "base64": base64.b64encode(encoded(array, dtype)).decode()}
    file = folder.made() / f"{name}.bin"
    file.write_bytes(encoded(array, dtype))
    return {**head, "file": str(file)}


NONFINITE = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def read(value: Any, shape: tuple[int, ...], dtype: str, folder: Folder) -> Read:
    """An array as it stands in an answer, or what is wrong with it."""
    if isinstance(value, dict):
        return _read_bytes(value, shape, dtype, folder)
    try:
        array = np.array(_numbers(value), np.float64)
    except (TypeError, ValueError, OverflowError):
        return MALFORMED, "no nested lists of numbers, all of one length"
    if array.shape != shape:
        return WRONG_SHAPE, f"{shape_text(array.shape)}, but must be {shape_text(shape)}"
    return array


def _numbers(value: Any) -> Any:
    """Nested lists with the words for what JSON has no numbers for; null is NaN, as JavaScript writes it."""
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    if isinstance(value, str):
        return NONFINITE[value] if value in NONFINITE else float("x")
    if value is None:
        return np.nan
    if isinstance(value, bool):
        raise TypeError
    return value


def _read_bytes(value: Mapping[str, Any], shape: tuple[int, ...], dtype: str, folder: Folder) -> Read:
    if value.get("dtype") != dtype:
        return WRONG_TYPE, f"{value.get('dtype')}, but {dtype} was asked for"
    if value.get("shape") != list(shape):
        return WRONG_SHAPE, f"{value.get('shape')}, but must be {list(shape)}"
    data = _in_file(value["file"], folder) if "file" in value else _in_base64(value.get("base64"))
    if isinstance(data, str):
        return MALFORMED, data
    if len(data) != SIZES[dtype] * prod(shape):
        return MALFORMED, f"{len(data)} bytes, which do not make the shape"
    return decoded(data, shape, dtype)


def _in_base64(text: Any) -> bytes | str:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return "its base64 cannot be read"


def _in_file(name: Any, folder: Folder) -> bytes | str:
    """The bytes of a file in our folder; of no other, whatever an answer names."""
    try:
        path = Path(str(name)).resolve(strict=True)
        if path.parent != folder.made().resolve() or not path.is_file():
            return "its file is not in the folder that was named"
        return path.read_bytes()
    except (OSError, ValueError):
        return "its file cannot be read"
