"""Inputs that were rounded when they were printed: by how much an array may be off because of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from convgrad.claims.digits import written
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.nested import PrintedRows, read_numbers
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.vocabulary import NORM, OPERANDS

ENOUGH = 4
"""Decimals, or significant digits, from which on numbers look printed: people who make up exercises write fewer."""
FEWEST = 3
"""Significant digits that the longest number of an array printed with so many decimals has at least."""
MOST = 12
"""Decimals up to which a binary number may be one that was written with so many."""
MADE_OF = {"dW": ("delta", "x"), "dX": ("delta", "w"), "db": ("delta",), "output": ("x", "w", "b")}


@dataclass(frozen=True)
class Printed:
    """What an array may be off by where its inputs were rounded to `places` (a text) when they were printed."""

    allowed: Array
    places: str
    enough: bool


@dataclass(frozen=True)
class _Input:
    """Half a unit of the last place of each number of an operand, and how it was written; whole numbers are exact."""

    halves: Array
    said: str = ""
    count: int = 0


def of_printed_inputs(case: Case, array: str, sure: float) -> Printed | None:
    """What rounding its inputs may have moved an array by, `sure` so many deviations; None where they are whole."""
    if case.operation.family == NORM or (array == "output" and "w" not in case.operands):
        return None
    keys = {name: key for key, name in OPERANDS.items()}
    operands = {name: part for name, part in (*case.operands.items(), ("delta", case.delta)) if part is not None}
    used = [name for name in MADE_OF[array] if name in operands]
    inputs = {name: _input(case, keys[name], operands[name].shape) for name in used}
    decimal = {name: one for name, one in inputs.items() if one.said}
    if not decimal:
        return None
    sizes = {name: abs(_floats(part)) for name, part in operands.items()}
    halves = {name: one.halves for name, one in inputs.items()}
    likely = sure / sqrt(3) * np.sqrt(_squares(case, array, sizes, halves))
    allowed = np.minimum(_worst(case, array, sizes, halves), likely)
    said = " and ".join(f"{name} to {one.said}" for name, one in decimal.items())
    return Printed(allowed, said, min(one.count for one in decimal.values()) >= ENOUGH)


def _input(case: Case, key: str, shape: tuple[int, ...]) -> _Input:
    value, none = case.document.get(key), _Input(np.zeros(shape))
    if value is None or isinstance(value, str):
        return none
    numbers = case.layout.arranged(OPERANDS[key], read_numbers(value, nonfinite=True)).values
    if isinstance(numbers, np.ndarray):
        place = _place(numbers)
        halves = np.where(numbers == 0, 0, 0.5 * 10.0**-place).reshape(shape)
        return _Input(halves, f"{place} decimals", place) if place else none
    text = written(numbers)
    if text.place <= 0:
        return none
    halves = np.array([0.0 if not number else float(half)
                       for number, half in zip(text.decimals, text.half_units(), strict=True)], FLOAT64)  # fmt: skip
    count = text.digits if text.by_digits or text.digits < FEWEST else text.place
    unit = "significant digits" if text.by_digits else "decimal" if count == 1 else "decimals"
    return _Input(
        halves.reshape(shape), f"{count} {unit}", max(count, ENOUGH) if isinstance(value, PrintedRows) else count
    )


def _place(values: Array) -> int:
    """How many decimals binary numbers were written with; 0 for whole ones, and where it was no such text."""
    if values.dtype.kind != "f" or (values == np.rint(values)).all():
        return 0
    places = (place for place in range(1, MOST + 1) if (np.round(values, place) == values).all())
    return next(places, 0)


def _worst(case: Case, array: str, sizes: dict[str, Array], halves: dict[str, Array]) -> Array:
    """All roundings to one side."""
    more = {name: size + halves.get(name, 0) for name, size in sizes.items()}
    return _computed(case, array, more) - _computed(case, array, sizes)


def _squares(case: Case, array: str, sizes: dict[str, Array], halves: dict[str, Array]) -> Array:
    """The sum of squares of what each rounded input adds."""
    squared = {name: size**2 for name, size in sizes.items()}
    if "w" not in case.operands:
        return _computed(case, array, squared | {name: half**2 for name, half in halves.items()})
    total: Any = 0
    for name in halves:
        # the bias is added, not multiplied: it counts by itself, and once
        others = {"b": np.zeros_like(squared["b"])} if array == "output" and name != "b" and "b" in squared else {}
        others |= {"x": np.zeros_like(squared["x"])} if array == "output" and name == "b" else {}
        total = total + _computed(case, array, squared | others | {name: halves[name] ** 2})
    return np.asarray(total, FLOAT64)


def _computed(case: Case, array: str, operands: dict[str, Array]) -> Array:
    if "w" not in operands:  # which cell is the largest goes by the numbers as they are
        operands = operands | {"x": _floats(case.arrays[0])}
    arrays = [operands.get(name) for name in case.operation.operands]
    if array == "output":
        return case.operation.forward(*arrays, **case.arguments)
    made: Array = case.operation.backward(operands["delta"], *arrays, **case.arguments)[GRADIENTS[array]]
    return abs(made)


def _floats(array: Any) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)
