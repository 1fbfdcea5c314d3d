"""`core`: the fewest small cases that reveal every mistake of the catalogue on an operation; and plain ones.

The table is made by `python -m tests.suites.search`; what stands in it is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from convgrad.suites.sketch import Sketch
from convgrad.suites.triggers import prefix

TABLE = Path(__file__).with_name("core.json")
COMMENTS = {
    "core": "of the fewest that show every mistake",
    "relu": "of the fewest that show every mistake where the activation is ReLU",
    "plain": "of the fewest that show every mistake that stride and padding alone can",
    "bare": "of the fewest that show every mistake that no setting is needed for",
}


@cache
def core(op: str, dims: int, kind: str = "core") -> tuple[Sketch, ...]:
    """The cases of a kind on an operation: `core`, `relu` (of a network, no other activation), `plain`, `bare`.

    Plain ones have one stride and padding for all axes and nothing else, bare ones neither.
    """
    return tuple(_sketches(op, dims, kind))


def _sketches(op: str, dims: int, kind: str) -> Iterator[Sketch]:
    for number, row in enumerate(_table().get(f"{op} {dims} {kind}", []), 1):
        yield of_row(row, f"{prefix(op, dims)}/{kind}-{number}", op, kind)


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def of_row(row: Mapping[str, Any], id: str, op: str, kind: str) -> Sketch:
    """A sketch from a row of the table."""
    shapes = {name: tuple(shape) for name, shape in row["shapes"].items()}
    catches = {array: tuple(ids.split()) for array, ids in row["catches"].items()}
    return Sketch(
        id, op, shapes, row["settings"], row["seed"], Fraction(row["unit"]), row["spread"], row.get("apart", False),
        tuple(row["level"]), COMMENTS[kind], (kind,), "", catches,
    )  # fmt: skip
