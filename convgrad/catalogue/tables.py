"""The catalogue: every mistake by array, specific before general, and by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from convgrad.catalogue.computation import Computation, of_convolution
from convgrad.catalogue.mistake import Form, Mistake
from convgrad.catalogue.of_any_array import ANY, ONLY_ARRAYS
from convgrad.catalogue.of_convolutions import DB, DW, DX
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.of_outputs import OUTPUT
from convgrad.catalogue.of_pools import POOL_DX, POOL_OUTPUT
from convgrad.catalogue.of_shapes import SHAPES
from convgrad.catalogue.pooling import of_pool
from convgrad.core.arithmetic import Array
from convgrad.operations import OPERATIONS
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED

_ANY = {array: {name: form for name, form in ANY.items() if name in ONLY_ARRAYS.get(array, ANY)} for array in OPERANDS}

Table = dict[str, dict[str, Form]]
OF_CONVOLUTIONS: Table = {
    "dW": {**DW, **SHAPES["dW"], **_ANY["dW"], **ENTRIES},
    "dX": {**DX, **SHAPES["dX"], **_ANY["dX"], **ENTRIES},
    "db": {**DB, **SHAPES["db"], **_ANY["db"], **ENTRIES},
    "output": {**OUTPUT, **_ANY["output"], **ENTRIES},
}
OF_POOLS: Table = {
    "dX": {**POOL_DX, **SHAPES["dX"], **_ANY["dX"], **ENTRIES},
    "output": {**POOL_OUTPUT, **_ANY["output"], **ENTRIES},
}
TABLES: dict[str, Table] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED), OF_CONVOLUTIONS),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), OF_POOLS),
}
"""By family."""
MISTAKES = "which mistakes there are"


def forms(operation: str, array: str) -> dict[str, Form]:
    """The mistakes on one array of an operation, in the order in which they are tried."""
    table = known(TABLES, OPERATIONS[operation], MISTAKES).get(array, {})
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
    if case.operation.family == MAXIMUM:
        right.append(f"ties-{settings['ties']}")
    if settings.get("count_include_pad") is not None and settings["divisor"] is None:
        right.append("padding-counted" if settings["count_include_pad"] else "padding-not-counted")
    return tuple(right)


def right(case: Case, array: str, updated: Array | None = None) -> Computation:
    """The right computation of an array of a case, which mistakes alter."""
    return known(COMPUTATIONS, case.operation, MISTAKES)(case, array, updated)


COMPUTATIONS: dict[str, Callable[..., Computation]] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED), of_convolution),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), of_pool),
}
