"""Suites in binary files: .npz, .safetensors, and folders of raw arrays beside JSON."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convgrad.documents import json_text
from convgrad.suites.encoding import INDEX, SIZES, STORED, encoded, type_of
from convgrad.suites.record import arrays_of, case_record, suite
from convgrad.suites.trial import Trial

SAFE = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", INDEX: "I64"}


def npz(trials: Sequence[Trial], dtype: str) -> bytes:
    """An archive of arrays named ID/input and so on, and the suite's text as suite.json; bfloat16 as its bits."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:  # not np.savez, whose bytes change with its version
        for trial in trials:
            for name, array in arrays_of(trial):
                kind = type_of(name, dtype)
                _member(archive, f"{trial.id}/{name}.npy", _npy(encoded(array, kind), array.shape, kind))
        _member(archive, "suite.json", (json_text(described(trials, dtype)) + "\n").encode())
    return held.getvalue()


def _member(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), data)


def _npy(data: bytes, shape: tuple[int, ...], dtype: str) -> bytes:
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(held, {"descr": STORED[dtype], "fortran_order": False, "shape": shape})
    return held.getvalue() + data


def safetensors(trials: Sequence[Trial], dtype: str) -> bytes:
    """A safetensors file: the length of a JSON header, the header, and the bytes of all arrays."""
    header: dict[str, Any] = {"__metadata__": {"suite": json_text(described(trials, dtype))}}
    parts, start = list[bytes](), 0
    for trial in trials:
        for name, array in arrays_of(trial):
            kind = type_of(name, dtype)
            parts.append(encoded(array, kind))
            end = start + len(parts[-1])
            shape = list(array.shape)
            header[f"{trial.id}/{name}"] = {"dtype": SAFE[kind], "shape": shape, "data_offsets": [start, end]}
            start = end
    text = json_text(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def described(trials: Sequence[Trial], dtype: str) -> dict[str, Any]:
    """The suite without its numbers: shapes in the place of arrays."""
    whole = suite(trials, dtype)
    return whole | {"cases": [_bare(row) for row in whole["cases"]]}


def _bare(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _shapes(part) if name in ("case", "expected") else part for name, part in row.items()}


def _shapes(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _outlined(value) for name, value in part.items()}


def _outlined(value: Any) -> Any:
    """The shape of an array; of a network's layers that of each."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape)}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [_shapes(part) for part in value]
    return value


def folder(trials: Sequence[Trial], dtype: str) -> dict[str, bytes]:
    """The files of a folder by name: suite.json, and the raw bytes of every array, little-endian in C order."""
    files = {"suite.json": (json_text(described(trials, dtype)) + "\n").encode()}
    for trial in trials:
        files[f"{trial.id}/case.json"] = (json_text(_bare(case_record(trial))) + "\n").encode()
        files |= {f"{trial.id}/{name}.bin": encoded(array, type_of(name, dtype)) for name, array in arrays_of(trial)}
    assert all(len(data) % SIZES[dtype] == 0 for name, data in files.items() if name.endswith(".bin"))
    return files
