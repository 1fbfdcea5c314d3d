"""The catalogue: every mistake by array, specific before general, and by id."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from convgrad.catalogue.computation import Computation, of_convolution
from convgrad.catalogue.mistake import Form, Mistake
from convgrad.catalogue.of_any_array import ANY, ONLY_ARRAYS
from convgrad.catalogue.of_convolutions import CONVOLUTIONS, DB, DW, DX
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.of_outputs import OUTPUT
from convgrad.catalogue.of_pools import POOL_DX, POOL_OUTPUT
from convgrad.catalogue.of_practice import PRACTICE
from convgrad.catalogue.of_shapes import SHAPES
from convgrad.catalogue.pooling import of_pool
from convgrad.core.arithmetic import Array
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS

_ANY = {array: {name: form for name, form in ANY.items() if name in ONLY_ARRAYS.get(array, ANY)} for array in OPERANDS}

_FIRST: dict[str, dict[str, dict[str, Form]]] = {
    "convolution": {
        "dW": {**DW, **SHAPES["dW"], **_ANY["dW"]},
        "dX": {**DX, **SHAPES["dX"], **_ANY["dX"]},
        "db": {**DB, **SHAPES["db"], **_ANY["db"]},
        "output": {**OUTPUT, **_ANY["output"]},
    },
    "pool": {
        "dX": {**POOL_DX, **SHAPES["dX"], **_ANY["dX"]},
        "output": {**POOL_OUTPUT, **_ANY["output"]},
    },
}
TABLES = (_FIRST, PRACTICE)
"""What is tried first, and what is tried where none of that fits."""


def forms(operation: str, array: str) -> dict[str, Form]:
    """The mistakes on one array of an operation, in the order in which they are tried; last those in single entries."""
    first, families = _applying(_FIRST, operation, array), practised(operation, array)
    return first | {name: form for name, form in families.items() if name not in first} | (ENTRIES if first else {})


def practised(operation: str, array: str) -> dict[str, Form]:
    """Those that are tried where none of the others fits: families, with forms of their own for ids of the others."""
    return _applying(PRACTICE, operation, array)


def is_practised(operation: str, array: str, name: str) -> bool:
    """Whether a mistake is a family of those alone."""
    return name in practised(operation, array) and name not in _applying(_FIRST, operation, array)


def _applying(tables: dict[str, dict[str, dict[str, Form]]], operation: str, array: str) -> dict[str, Form]:
    table = tables["convolution" if operation in CONVOLUTIONS else "pool"].get(array, {})
    return {name: form for name, form in table.items() if form.applies(operation)}


@cache
def of_operation(operation: str) -> tuple[Mistake, ...]:
    """The mistakes on an operation, each once."""
    by_array = {array: forms(operation, array) for array in OPERANDS}
    names = dict.fromkeys(name for table in by_array.values() for name in table)
    return tuple(
        Mistake(name, {array: table[name] for array, table in by_array.items() if name in table}) for name in names
    )


def catalogue(case: Case) -> tuple[Mistake, ...]:
    """The mistakes on a case's operation that differ from what it asks for: `ties-first` is none under ties: first."""
    right = asked_for(case)
    return tuple(mistake for mistake in of_operation(case.operation.name) if mistake.id not in right)


def asked_for(case: Case) -> Iterator[str] | tuple[str, ...]:
    """The ids that are right under the settings of a case."""
    settings, right = case.settings, []
    if "ties" in settings:
        right.append(f"ties-{settings['ties']}")
    if case.operation.name == "average-pool" and settings["divisor"] is None:
        right.append("padding-counted" if settings["count_include_pad"] else "padding-not-counted")
    return tuple(right)


def right(case: Case, array: str, updated: Array | None = None) -> Computation:
    """The right computation of an array of a case, which mistakes alter."""
    make = of_convolution if case.operation.name in CONVOLUTIONS else of_pool
    return make(case, array, updated)
