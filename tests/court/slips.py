"""Slips that others planted in working code, each with what was done and the names that would be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests import definitions
from tests.court.brought import Brought, Names

FOLDER = Path(__file__).parent
SETS = ("first", "second", "slips", "strangers")
"""`first` and `second`: `implementations` spoilt; right_names.json has what is right, COUNTS.md how that came about.

`slips`: reported by people, with the names `wanted`. `strangers`: planted before, by others, judged likewise.
"""
KEYS = (
    "op", "dims", "input", "kernel", "bias", "delta", "stride", "padding", "padding_mode", "dilation", "groups", "mode",
    "window", "ceil_mode", "count_include_pad", "divisor", "norm", "ties", "output_size", "output_padding", "layout",
)  # fmt: skip
"""What a line says of the case; the rest says what was done."""
NEAR = 1e-6
"""The part of an array's largest entry by which one may be off and yet be right."""


def slips(name: str) -> Iterator[Brought]:
    """The claims of a set, in its order."""
    judged = json.loads((FOLDER / "right_names.json").read_text(encoding="utf-8"))
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        case = {key: row[key] for key in KEYS if key in row}
        yield Brought(name, row["id"], case, row["claim"], wrong=_wrong(row, case, judged))


def _wrong(row: dict[str, Any], case: dict[str, Any], judged: dict[str, Any]) -> Names:
    if row["id"] in judged:
        return judged[row["id"]]
    right = _truth(case, row["claim"])
    return {array: row["wanted"] for array, values in row["claim"].items() if _differs(values, right[array])}


def _truth(case: dict[str, Any], claimed: dict[str, Any]) -> dict[str, np.ndarray]:
    rank = np.ndim(case.get("kernel", case["input"]))
    case = {"op": "conv", "dims": {1: 1, 2: 2, 3: 1, 4: 2, 5: 3}[rank]} | case
    y = {"output": definitions.forward(case, float)} if "output" in claimed else {}
    return y | (definitions.backward(case, float) if {*claimed} - {*y} else {})


def _differs(claim: Any, right: np.ndarray) -> bool:
    values, right = np.array(claim, float), right.astype(float)
    if values.shape != right.shape:
        return True
    return bool(abs(values - right).max() > NEAR * abs(right).max())
