"""The settings of a case document: what each may be, and its plain value for a number of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Plain, natural, rational
from convgrad.core.leaves import exact_value
from convgrad.core.nested import read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations.geometry import shape_text
from convgrad.subject.foreign_words import did_you_mean
from convgrad.vocabulary import (
    BOOLEAN,
    CELLS,
    CHOICE,
    DIVISOR,
    EXACT_NUMBER,
    LARGEST,
    LAYER_SETTINGS,
    LENGTHS,
    LISTED,
    MOST_DIMS,
    NUMBER,
    PADDING,
    PER_AXIS,
    SETTINGS,
    WHOLE,
    Setting,
)

LONG = 40
"""Digits from which a message does not repeat a number."""


def read_setting(name: str, value: Any, dims: int) -> Any:
    """The value of one setting for `dims` axes; RequestError for what it cannot be."""
    setting = SETTINGS[name] if name in SETTINGS else LAYER_SETTINGS[name]
    try:
        return READERS[setting.kind](setting, unwrapped(value), dims)
    except RequestError as error:
        raise RequestError(problem.under(name) for problem in error.problems) from None


@lru_cache(maxsize=256)  # the same few, once for each case of thousands
def read_default(name: str, value: Any, dims: int) -> Any:
    """What a setting is where nothing is said of it."""
    return read_setting(name, value, dims)


def unwrapped(value: Any) -> Any:
    """NumPy's numbers and arrays, of which a setting may be one, as numbers and lists."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def integer(value: Any, least: int = -LARGEST, most: int = LARGEST) -> int:
    """A whole number within bounds."""
    if type(value) is int and least <= value <= most:  # as nearly all are; a bool is no number
        return value
    number = _number(value)
    if number is None or number.denominator != 1:
        raise RequestError(Problem(f"expected a whole number, found {said(value)}"))
    if number < least:
        _refuse(f"must be at least {least}, but is {said(number)}")
    if number > most:
        _refuse(f"must be at most {most}, but is {said(number)}")
    return int(number)


def _number(value: Any) -> Fraction | None:
    value = unwrapped(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Fraction)) or (isinstance(value, (float, Decimal)) and isfinite(value)):
        return Fraction(value)
    try:
        return rational(value) if isinstance(value, Plain) else None
    except ValueError as error:
        raise RequestError(Problem(str(error))) from None


def said(value: Any) -> str:
    """A value as it stood in the document, for a message."""
    value = unwrapped(value)
    if value is None:
        return "nothing (null)"
    if isinstance(value, (bool, Plain)):
        return f"'{str(value).lower() if isinstance(value, bool) else value}'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if len(value) > 4 else "[" + ", ".join(map(said_inside, value)) + "]"
    if isinstance(value, str):
        return repr(value)
    return _number_said(value) if isinstance(value, (int, float, Fraction, Decimal)) else "what is no number or word"


def _number_said(value: Any) -> str:
    """A number as text, unless it has more digits than anyone reads."""
    if isinstance(value, (int, Fraction)) and abs(value) >= 10**LONG:
        return f"a number of more than {LONG} digits"
    return str(value)


def said_inside(value: Any) -> str:
    return said(value).strip("'")


def _refuse(message: str, advice: str = "") -> None:
    raise RequestError(Problem(message, advice))


def is_list(value: Any) -> bool:
    return isinstance(unwrapped(value), (list, tuple))


def listed_dims(settings: Mapping[str, Any]) -> int | None:
    """How many axes listed settings say there are: 1 by a list of one only where no list is longer, None by none."""
    lengths = [len(unwrapped(settings[key])) for key in LISTED if is_list(settings.get(key))]
    return next((length for length in lengths if length > 1), 1 if 1 in lengths else None)


def _per_axis(setting: Setting, value: Any, dims: int) -> tuple[int, ...]:
    """One whole number for all axes, by itself or as a list of one, or one each."""
    if not is_list(value):
        return (integer(value, setting.least),) * dims
    return tuple(_at(axis, integer, part, setting.least) for axis, part in enumerate(_for_all(value, dims)))


def _lengths(setting: Setting, value: Any, dims: int) -> tuple[int | None, ...]:
    """The same, where null in a list stands for a length that the input has."""
    if not is_list(value):
        return _per_axis(setting, value, dims)
    rows = enumerate(_for_all(value, dims))
    return tuple(None if natural(part) is None else _at(axis, integer, part, setting.least) for axis, part in rows)


def _for_all(value: Sequence[Any], dims: int) -> Sequence[Any]:
    """A listed setting with an entry for every axis: a list of one is for all of them."""
    if len(value) == 1:
        return [value[0]] * dims
    if len(value) != dims:
        say = f", or say `dims: {len(value)}` if there are {len(value)} axes" if value else ""
        _refuse(
            f"expected one entry for all axes or one per axis ({dims}), found {len(value) or 'an empty list'}",
            f"write {_example(value, dims)}{say}",
        )
    return value


def _example(value: Sequence[Any], dims: int) -> str:
    first = said_inside(value[0]) if value else "1"
    return "[" + ", ".join([first] * min(dims, MOST_DIMS)) + "]"


def _at(axis: int, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except RequestError as error:
        raise RequestError(problem.under(axis) for problem in error.problems) from None


def _padding(setting: Setting, value: Any, dims: int) -> Any:
    """A word, or cells before and after per axis from one number, one per axis, or a pair per axis."""
    if isinstance(value, str):
        if value in setting.choices:
            return str(value)
        if not isinstance(value, Plain) or value[:1].isalpha():
            hint = did_you_mean(value, setting.choices)
            _refuse(f"expected cells or one of {', '.join(setting.choices)}, found '{value}'{hint}")
    if not is_list(value):
        return ((integer(value, setting.least),) * 2,) * dims
    if dims == 1 and len(value) == 2:
        both = f"[[{said_inside(value[0])}, {said_inside(value[1])}]]"
        _refuse(
            "expected one entry per axis (1), found 2",
            f"write {_example(value, dims)}; for before and after on one axis write {both}",
        )
    return tuple(_at(axis, _pair, part, setting.least) for axis, part in enumerate(_for_all(value, dims)))


def _pair(value: Any, least: int) -> tuple[int, int]:
    if not is_list(value):
        return (integer(value, least),) * 2
    if len(value) != 2:
        _refuse(f"expected [before, after], found {len(value)} entries")
    before, after = (_at(side, integer, part, least) for side, part in enumerate(value))
    return before, after


def boolean(value: Any) -> bool:
    """true or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in ("true", "false", "True", "False", "TRUE", "FALSE"):
        return value.lower() == "true"
    _refuse(f"expected true or false, found {said(value)}")
    raise AssertionError


def choice(value: Any, *words: str) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in words:
        hint = did_you_mean(value, words) if isinstance(value, str) else ""
        _refuse(f"expected {', '.join(words[:-1])} or {words[-1]}, found {said(value)}{hint}")
    return str(value)


def _cells(value: Any) -> Any:
    """Numbers of cells, from 0 on."""
    numbers = read_numbers(value).as_array(np.dtype(np.float64))
    for index in map(tuple, np.argwhere((numbers % 1 != 0) | (numbers < 0) | (numbers > LARGEST))[:1].tolist()):
        found = f"expected the number of a cell, counted from 0, found {said(numbers[index])}"
        raise RequestError(Problem(found, path=index))
    return numbers.astype(np.int64)


def _divisor(value: Any) -> int:
    """A whole number other than 0."""
    number = integer(value)
    if number == 0:
        _refuse("the divisor is 0, and a sum over 0 is no mean", "leave it out to divide by the cells of the window")
    return number


def _bounded(setting: Setting, value: Any, dims: int) -> int | float:
    """A number within bounds."""
    number = _number(value)
    if number is None or not setting.least <= number <= setting.most:
        _refuse(f"expected a number from {setting.least} to {setting.most}, found {said(value)}", setting.advice)
        raise AssertionError
    return int(number) if number.denominator == 1 else float(number)


def exact_number(value: Any) -> Fraction:
    """One number, exact where it came so."""
    numbers = read_numbers(value)
    if numbers.shape != ():
        raise RequestError(Problem(f"expected one number, found an array of shape {shape_text(numbers.shape)}"))
    flat = list(numbers.values.ravel().tolist()) if not isinstance(numbers.values, list) else numbers.values
    return exact_value(flat[0])


READERS: dict[str, Callable[[Setting, Any, int], Any]] = {
    PER_AXIS: _per_axis,
    LENGTHS: _lengths,
    PADDING: _padding,
    WHOLE: lambda setting, value, dims: integer(value, setting.least, setting.most),
    DIVISOR: lambda setting, value, dims: _divisor(value),
    CELLS: lambda setting, value, dims: _cells(value),
    NUMBER: _bounded,
    EXACT_NUMBER: lambda setting, value, dims: exact_number(value),
    BOOLEAN: lambda setting, value, dims: boolean(value),
    CHOICE: lambda setting, value, dims: choice(value, *setting.choices),
}
"""By kind of setting."""
