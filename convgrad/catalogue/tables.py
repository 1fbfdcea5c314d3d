"""The catalogue: every mistake by array, specific before general, and by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.convolving import of_convolution
from convgrad.catalogue.fused import FUSED_FORMS, of_fused
from convgrad.catalogue.mistake import Form, Mistake
from convgrad.catalogue.of_any_array import ANY, ONLY_ARRAYS
from convgrad.catalogue.of_convolutions import DB, DW, DX
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.of_outputs import OUTPUT
from convgrad.catalogue.of_pools import POOL_DX, POOL_OUTPUT
from convgrad.catalogue.of_practice import LAST, PRACTICE
from convgrad.catalogue.of_shapes import SHAPES
from convgrad.catalogue.of_unpooling import UNPOOL_DX, UNPOOL_OUTPUT, UNPOOL_PRACTICE
from convgrad.catalogue.pooling import of_pool
from convgrad.catalogue.unpooling import of_unpooling
from convgrad.core.arithmetic import Array
from convgrad.operations import NETWORK, OPERATIONS
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS
from convgrad.vocabulary import CONVOLUTION, FUSED, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING

_ANY = {array: {name: form for name, form in ANY.items() if name in ONLY_ARRAYS.get(array, ANY)} for array in OPERANDS}

Table = dict[str, dict[str, Form]]
_FIRST_OF_CONVOLUTIONS: Table = {
    "dW": {**DW, **SHAPES["dW"], **_ANY["dW"]},
    "dX": {**DX, **SHAPES["dX"], **_ANY["dX"]},
    "db": {**DB, **SHAPES["db"], **_ANY["db"]},
    "output": {**OUTPUT, **_ANY["output"]},
}
_FIRST_OF_FUSED: Table = {array: {**FUSED_FORMS[array], **table} for array, table in _FIRST_OF_CONVOLUTIONS.items()}
_FIRST_OF_POOLS: Table = {
    "dX": {**POOL_DX, **SHAPES["dX"], **_ANY["dX"]},
    "output": {**POOL_OUTPUT, **_ANY["output"]},
}
_FIRST_OF_UNPOOLING: Table = {
    "dX": {**UNPOOL_DX, **SHAPES["dX"], **_ANY["dX"]},
    "output": {**UNPOOL_OUTPUT, **_ANY["output"]},
}
FIRST: dict[str, Table] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED), _FIRST_OF_CONVOLUTIONS),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), _FIRST_OF_POOLS),
    UNPOOLING: _FIRST_OF_UNPOOLING,
    FUSED: _FIRST_OF_FUSED,
}
"""What is tried first, by family of operations."""
PRACTISED: dict[str, Table] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, FUSED), PRACTICE["convolution"]),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), PRACTICE["pool"]),
    UNPOOLING: UNPOOL_PRACTICE,
}
"""What is tried where none of that fits."""
TRIED_LAST: dict[str, Table] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, FUSED), LAST["convolution"]),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), LAST["pool"]),
    UNPOOLING: {},
}
"""What is tried after that: other ways of the same."""
TABLES = (FIRST, PRACTISED)
MISTAKES = "which mistakes there are"
LIKE = {NETWORK.name: "conv"}
"""An operation to which what happens to another can happen as well."""


def operations() -> tuple[str, ...]:
    """The operations whose mistakes are known."""
    return tuple(name for name, operation in OPERATIONS.items() if operation.family in FIRST)


def forms(operation: str, array: str) -> dict[str, Form]:
    """The mistakes on one array of an operation, in the order in which they are tried; last those in single entries."""
    first, families = _applying(FIRST, operation, array), practised(operation, array)
    entries = {name: form for name, form in ENTRIES.items() if first and _applies(form, operation)}
    return first | {name: form for name, form in families.items() if name not in first} | entries


def practised(operation: str, array: str) -> dict[str, Form]:
    """Those that are tried where none of the others fits: families, with forms of their own for ids of the others."""
    return _applying(PRACTISED, operation, array)


def tried_last(operation: str, array: str) -> dict[str, Form]:
    """Other ways in which some of those happen, that take longer and are tried after all."""
    return _applying(TRIED_LAST, operation, array)


def is_practised(operation: str, array: str, name: str) -> bool:
    """Whether a mistake is a family of those alone."""
    return name in practised(operation, array) and name not in _applying(FIRST, operation, array)


def _applying(tables: dict[str, Table], operation: str, array: str) -> dict[str, Form]:
    table = known(tables, NETWORK if operation == NETWORK.name else OPERATIONS[operation], MISTAKES).get(array, {})
    return {name: form for name, form in table.items() if _applies(form, operation)}


def _applies(form: Form, operation: str) -> bool:
    return form.applies(LIKE.get(operation, operation))


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
    UNPOOLING: of_unpooling,
    FUSED: of_fused,
}
