"""Somebody's function on a case: what it is called with, and what of that which it returns is a claim."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.foreign import as_numpy, is_foreign
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS

NAMES = {operand: array for array, operand in GRADIENTS.items()}


def arguments_of(case: Case) -> Iterator[Array]:
    """delta and the operands, in the shapes and the order that the function takes; a copy, which it may write into."""
    assert case.delta is not None
    yield case.layout.restored("y", _floats(case.delta))
    for name in case.operation.operands:
        array = case.operands[name]
        given = np.zeros(case.output_shape[1]) if array is None else _floats(array)
        yield case.layout.restored(name, given)


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.copy()


def settings_of(function: Callable[..., Any], case: Case) -> dict[str, Any]:
    """The settings that a function has parameters for: whole numbers where its default or annotation is one."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of what is written in C
        return {}
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return dict(case.settings)
    named = {one.name: one for one in list(parameters)[1 + len(case.operation.operands) :]}
    return {name: _told(named[name], value) for name, value in case.settings.items() if name in named}


def _told(parameter: inspect.Parameter, value: Any) -> Any:
    whole = type(parameter.default) is int or parameter.annotation in (int, "int")
    alike = {cells for part in value for cells in np.ravel(part).tolist()} if isinstance(value, tuple) else set()
    return alike.pop() if whole and len(alike) == 1 else value


def claims_of(returned: Any, case: Case) -> dict[str, Array]:
    """What a function returned, by the claims' names: a mapping, or gradients in the order of x, w, b.

    Raises ValueError, in words, for what is no gradient, and TypeError for more than there are.
    """
    named = {name: value for name, value in _by_name(returned, case).items() if value is not None}
    if not named:
        raise ValueError("the function returned no gradient")
    return {name: _array(name, value) for name, value in named.items()}


def _by_name(returned: Any, case: Case) -> Mapping[str, Any]:
    if isinstance(returned, Mapping):
        return returned
    names = [NAMES[operand] for operand in case.operation.operands]
    values = list(returned) if isinstance(returned, tuple | list) else [returned]
    if len(values) > len(names):
        what = f"the function returned {len(values)} gradients"
        raise TypeError(f"{what}, but {case.operation.name} has {', '.join(names)}")
    return dict(zip(names, values, strict=False))


def _array(name: str, value: Any) -> Any:
    """Numbers as an array of their own type; an array of another library as it is, since its type has a name."""
    try:
        array = as_numpy(value)[0] if is_foreign(value) else np.asarray(value)
        if array.dtype.kind in "cSUmM" or (array.dtype == EXACT and any(part is None for part in array.flat)):
            raise TypeError(f"it has the type {array.dtype}")
        if is_foreign(value):
            return value
        return array if array.dtype.kind in "iuf" or array.dtype.name == "bfloat16" else array.astype(FLOAT64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the function returned no array of real numbers as {name}: {error}") from error
