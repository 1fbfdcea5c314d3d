"""Whether every sum of a case is exact in a type of number, in whatever order it is added up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.subject.case import Case
from convgrad.vocabulary import BENT, LAYERS, MAXIMUM, MEAN, NORM, row_of

DIGITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Binary digits that a type holds, the hidden one among them."""


def lattice_of(case: Case) -> Fraction | None:
    """What the results of whole numbers are multiples of; None where they are no such numbers."""
    return lattice_in(case.operation.name, case.settings)


def lattice_in(op: str, settings: Mapping[str, Any]) -> Fraction | None:
    """The same of an operation with its settings: of a leaky ReLU what its slope is a multiple of, in halves."""
    if row_of(op).family == NORM:
        return None
    activation = settings.get("activation")
    if activation is None or activation not in LAYERS:
        return Fraction(1)
    if LAYERS[activation].family != BENT:
        return None
    slope = Fraction(settings.get("slope", 0))
    in_halves = slope.denominator & (slope.denominator - 1) == 0
    return Fraction(1, slope.denominator) if abs(slope) <= 1 and in_halves else None


def fits(case: Case, dtype: str, lattice: Fraction = Fraction(1)) -> bool:
    """Whether all sums are exact, with half a unit of the lattice added: what a buffer held before.

    Every partial sum, in any order, is a multiple of the lattice and no larger than the sum of all terms' magnitudes;
    such a number is exact where it has no more binary digits than the type.
    """
    half = float(lattice / 2)
    return _at_most(case) + half <= most(dtype, lattice) or max(magnitudes(case)) + half <= most(dtype, lattice)


def _at_most(case: Case) -> float:
    """What no sum of a case's terms is larger than, told at a glance: as many as its largest array has numbers.

    Where padding copies a cell, that cell's gradient may have a term of every number of delta with every tap.
    """
    arrays: list[Array] = [array for array in (*case.arrays, case.delta) if array is not None]
    largest = max(1.0, *(float(abs(array).max(initial=0)) for array in arrays))
    copied = case.settings.get("padding_mode", "zeros") != "zeros"
    terms = prod(array.size for array in arrays[1:]) if copied else max(array.size for array in arrays)
    return float(terms * largest**2 + largest)


def most(dtype: str, lattice: Fraction) -> float:
    """Up to which size a type holds every multiple of half a step."""
    return float(lattice / 2 * 2 ** DIGITS[dtype])


def magnitudes(case: Case) -> Iterator[float]:
    """The largest operand, and for every result the largest sum of its terms' magnitudes."""
    arrays: list[Array] = [array for array in (*case.arrays, case.delta) if array is not None]
    yield from (float(abs(array).max(initial=0)) for array in arrays)
    yield from (float(array.max(initial=0)) for array in _sums(case))


def _sums(case: Case) -> Iterator[Array]:
    operation, arguments = case.operation, dict(case.arguments)
    assert case.delta is not None
    positive = [None if array is None else abs(array) for array in case.arrays]
    if operation.family == MAXIMUM:  # which cell wins is not to change, and a maximum adds nothing up
        arguments["ties"] = "all"
        yield operation.backward(abs(case.delta), *case.arrays, **arguments)["x"]
        return
    if operation.family == MEAN:  # a window is added up before it is divided
        arguments["divisor"] = 1
        yield operation.forward(*positive, **arguments)
        yield operation.backward(abs(case.delta), *positive, **arguments)["x"]
        return
    yield operation.forward(*positive, **arguments)
    yield from operation.backward(abs(case.delta), *positive, **arguments).values()


def representable(case: Case, dtype: str) -> bool:
    """Whether a type holds every operand of a case as it is."""
    if dtype == "bfloat16":
        return all(bool((array == as_bfloat16(array)).all()) for array in case.arrays if array is not None)
    kind = np.dtype(dtype)
    return all(bool((array == array.astype(kind)).all()) for array in case.arrays if array is not None)


def as_bfloat16(array: Array) -> Array:
    """Every number rounded to bfloat16, to the nearest, a tie to the even one."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32)
