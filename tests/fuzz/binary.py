"""NumPy's files: sound ones of every kind of number, and damaged ones, whose headers and directories may lie."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.fuzz.choices import Choices
from tests.fuzz.damage import damaged_bytes

KINDS = ("<f8", "<f8", "<f8", ">f8", "<f4", "<f2", "<i8", "<i4", "|i1", "|u1", "<u8", "|b1", "<c16", "|O", "<U3", "|S3",
         "<M8[s]", "<m8[s]", "g", "|V8", [("a", "<f8"), ("b", "<i4")])  # fmt: skip
SHAPES = ("()", "(1,)", "(2, 3)", "(-1,)", "(0,)", "(1000000000,)", "(1000000000000, 1000000000000)", "(2", "(2.0,)",
          "[2]", "('a',)", "(9223372036854775808,)", "(True,)", "None", "(" + "1, " * 40 + ")",
          "(" + "9" * 4400 + ",)")  # fmt: skip
ORDERS = ("False", "True", "None", "0", "'x'")
HEADERS = ("", "{}", "[1]", "{'descr': '<f8'}", "{'shape': ", "\x00", "(" * 200, "__import__('os')", "{1: 2}",
           "'" + "x" * 70000 + "'",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}")  # fmt: skip
ODD_MEMBERS = (
    "input.npy",
    "x.npy",
    "a/b.npy",
    "../up.npy",
    "input",
    "notes.txt",
    "input.npy",
    "delta.npy",
    "layers.npy",
)


def array(choices: Choices, value: Any) -> np.ndarray:
    """A value of a document as an array of some kind of number; as it is where the kind cannot hold it."""
    numbers = np.array(_floats(value))
    with np.errstate(all="ignore"):
        try:
            made = numbers.astype(choices.of_list(KINDS))
        except (TypeError, ValueError):
            return numbers
    return np.asfortranarray(made) if choices.chance(0.2) else made


def _floats(value: Any) -> Any:
    """The numbers of a valid document as floats."""
    if isinstance(value, list):
        return [_floats(part) for part in value]
    above, _, below = str(value).partition("/")
    return float(above) / float(below or 1)


def npy(choices: Choices, made: np.ndarray) -> bytes:
    """An array as a .npy file: sound, or with a header of its own, or damaged."""
    kind = choices.integer(0, 9)
    if kind < 4:
        return saved(made)
    if kind < 8:
        return _with_header(choices, made)
    return damaged_bytes(choices, saved(made))


def saved(made: np.ndarray) -> bytes:
    """What numpy.save writes."""
    file = io.BytesIO()
    np.save(file, made, allow_pickle=True)
    return file.getvalue()


def _with_header(choices: Choices, made: np.ndarray) -> bytes:
    """A header that may say another kind, order or shape, or nothing that is a header at all."""
    descr = np.dtype(choices.of_list(KINDS)).str if choices.chance(0.3) else made.dtype.str
    shape = choices.of_list(SHAPES) if choices.chance(0.5) else str(made.shape)
    order = choices.of_list(ORDERS) if choices.chance(0.2) else "False"
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if choices.chance(0.2):
        text = choices.of_list(HEADERS)
    header = text.encode("latin-1", "replace") + b"\n"
    version = choices.one_of((1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (0, 0), (4, 0), (255, 255))
    size = len(header) if choices.chance(0.9) else choices.one_of(0, 1, len(header) - 1, len(header) + 100, 65535)
    length = struct.pack("<H", min(size, 65535)) if version[0] == 1 else struct.pack("<I", size)
    return b"\x93NUMPY" + bytes(version) + length + header + made.tobytes()


def npz(choices: Choices, arrays: Mapping[str, Any], settings: Mapping[str, Any]) -> bytes:
    """Arrays and settings as an archive: sound, with odd members, or damaged."""
    contents = {f"{name}.npy": _member(choices, value) for name, value in arrays.items()}
    contents |= {f"{name}.npy": saved(_setting(choices, value)) for name, value in settings.items()}
    if choices.chance(0.2):
        odd = choices.of_list([b"", b"x", b"\x93NUMPY", saved(np.zeros(200_000)), saved(np.ones(2))])
        contents.setdefault(choices.of_list(ODD_MEMBERS), odd)
    data = _archive(contents, choices.of_list((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return damaged_bytes(choices, data) if choices.chance(0.3) else data


def _member(choices: Choices, value: Any) -> bytes:
    return npy(choices, array(choices, value)) if choices.chance(0.2) else saved(np.array(_floats(value)))


def _setting(choices: Choices, value: Any) -> np.ndarray:
    """A setting as an array: of no axes where it is one number or word, now and then with one, or of floats."""
    made = np.array(value)
    if made.dtype.kind in "iu" and choices.chance(0.3):
        made = made.astype(choices.one_of("<f8", "<f4", "|u1", "|b1", "<U3", "<c8"))
    return made[None] if choices.chance(0.1) else made


def _archive(contents: Mapping[str, bytes], method: int) -> bytes:
    """A ZIP archive whose bytes say no time of day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()
