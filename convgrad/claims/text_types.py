"""In which binary type numbers were before somebody wrote them: what their text alone tells."""

from __future__ import annotations

from decimal import Decimal
from math import log
from typing import NamedTuple

import numpy as np

from convgrad.claims.digits import Written
from convgrad.core.arithmetic import FLOAT64, Array
from convgrad.differences.roundoff import TYPES, Type

CHANCE = log(1e-6)
"""The logarithm of the chance below which numbers do not look by accident as if a type had held them."""
HINT = log(1e-2)
"""The same from which on a half type is thought of at all."""
READ = 4096
"""Numbers of an array that are read for it."""
STEPS = (1.0, 0.5, 0.25, 0.125, 0.0625)
NARROW = {"bfloat16": None, "float16": np.dtype(np.float16), "float32": np.dtype(np.float32)}
"""The narrowest first: what it holds, the others hold too; with NumPy's own type, which writes shortest texts."""


class Behind(NamedTuple):
    """The types that may have held the numbers, narrowest first, and the one that surely has, if any."""

    possible: tuple[str, ...]
    sure: str | None


def types_behind(text: Written) -> Behind:
    """The types whose numbers are written so; surely one, where so many others would hardly all fit it."""
    rows = [(number, half) for number, half in zip(text.decimals, text.half_units(), strict=True) if number]
    rows = rows[:: len(rows) // READ + 1]
    if not rows or None in text.decimals:
        return Behind((), None)
    numbers, halves = [number for number, _ in rows], np.array([float(half) for _, half in rows])
    values = np.array(list(map(float, numbers)), FLOAT64)
    fitting = [name for name in NARROW if _fit(text, numbers, values, halves, name)]
    # of decimals with so many digits as many belong to the type as it has numbers among them
    apart = np.maximum(2 * halves, _step(values))
    chances = {name: _log_chance(apart / _spacing(values, TYPES[name])) for name in fitting}
    possible = tuple(name for name, chance in chances.items() if chance < HINT or name == "float32")
    return Behind(possible, next((name for name, chance in chances.items() if chance < CHANCE), None))


def _step(values: Array) -> float:
    """What all numbers are multiples of where that is 1, 1/2, 1/4, 1/8 or 1/16, as sums of whole numbers are; else 0.

    Small ones belong to every type, and tell nothing of it.

    >>> _step(np.array([23.0, 108.0])), _step(np.array([2.25, -7.5])), _step(np.array([0.1, 1.0]))
    (1.0, 0.25, 0.0)
    """
    return next((step for step in STEPS if not (values % step).any()), 0.0)


def _log_chance(chances: Array) -> float:
    return float(np.log(np.clip(chances, 1e-30, 1)).sum())


def _fit(text: Written, numbers: list[Decimal], values: Array, halves: Array, name: str) -> bool:
    """Whether each is what writing a number of the type gives: with so many digits, or its shortest text, or cut."""
    off, own = abs(values - TYPES[name].nearest(values)), NARROW[name]
    slack = 2.0**-51 * abs(values)  # reading the decimals rounded them
    if (off <= halves + slack).all():
        return True
    if own is None:
        return False
    with np.errstate(over="ignore"):
        shortest = [Decimal(str(part)) for part in values.astype(own)]
    cut = (off <= 0.5 * 10.0**-text.place + slack).tolist()
    return all(
        number == short or (-_exponent(number) == text.place and near)
        for number, short, near in zip(numbers, shortest, cut, strict=True)
    )


def _spacing(values: Array, kind: Type) -> Array:
    """How far apart the numbers of a type are there."""
    spacing: Array = np.ldexp(1.0, np.frexp(values)[1] - kind.bits)
    return spacing


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
