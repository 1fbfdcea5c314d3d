"""The settings of a case document: what each may be, and its plain value for a number of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Plain, rational
from convgrad.errors import Problem, RequestError
from convgrad.operations.conv import MODES, PADDING_MODES
from convgrad.operations.max_pool import TIES

LARGEST = 2**31 - 1
"""No axis has more cells, so no stride, window or padding that is larger means anything."""
MOST_DIMS = 14
"""Spatial axes: NumPy's arrays may have no more than 32 axes, and copied windows have two for each, and three more."""
MOST_NORM = 1000
"""2^p is to be within float64's range; at this p a norm is a maximum to three digits."""
LONG = 40
"""Digits from which a message does not repeat a number."""
LISTED = ("window", "output_size", "stride", "padding")
"""What may say by its length how many axes there are, the first that is a list before the others."""
PADDING_WORDS = ("valid", "same", "same-lower", "full")
DEFAULTS: dict[str, Any] = {
    "stride": 1, "dilation": 1, "padding": 0, "padding_mode": "zeros", "groups": 1, "mode": "cross-correlation",
    "output_padding": 0, "window": None, "ceil_mode": False, "count_include_pad": True, "divisor": None, "norm": 2,
    "ties": "first", "output_size": None,
}  # fmt: skip


def read_setting(name: str, value: Any, dims: int) -> Any:
    """The value of one setting for `dims` axes; RequestError for what it cannot be."""
    try:
        return _READERS[name](unwrapped(value), dims)
    except RequestError as error:
        raise RequestError(problem.under(name) for problem in error.problems) from None


def unwrapped(value: Any) -> Any:
    """NumPy's numbers and arrays, of which a setting may be one, as numbers and lists."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def integer(value: Any, least: int = -LARGEST, most: int = LARGEST) -> int:
    """A whole number within bounds."""
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


def per_axis(least: int) -> Callable[[Any, int], tuple[int, ...]]:
    """One whole number for all axes, by itself or as a list of one, or one each."""

    def read(value: Any, dims: int) -> tuple[int, ...]:
        if not is_list(value):
            return (integer(value, least),) * dims
        return tuple(_at(axis, integer, part, least) for axis, part in enumerate(_for_all(value, dims)))

    return read


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


def padding(value: Any, dims: int) -> Any:
    """A word, or cells before and after per axis from one number, one per axis, or a pair per axis."""
    if isinstance(value, str):
        if value in PADDING_WORDS:
            return str(value)
        if not isinstance(value, Plain) or value[:1].isalpha():
            _refuse(f"expected cells or one of {', '.join(PADDING_WORDS)}, found '{value}'")
    if not is_list(value):
        return ((integer(value, 0),) * 2,) * dims
    if dims == 1 and len(value) == 2:
        both = f"[[{said_inside(value[0])}, {said_inside(value[1])}]]"
        _refuse(
            "expected one entry per axis (1), found 2",
            f"write {_example(value, dims)}; for before and after on one axis write {both}",
        )
    return tuple(_at(axis, _pair, part) for axis, part in enumerate(_for_all(value, dims)))


def _pair(value: Any) -> tuple[int, int]:
    if not is_list(value):
        return (integer(value, 0),) * 2
    if len(value) != 2:
        _refuse(f"expected [before, after], found {len(value)} entries")
    before, after = (_at(side, integer, part, 0) for side, part in enumerate(value))
    return before, after


def boolean(value: Any, dims: int = 0) -> bool:
    """true or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in ("true", "false", "True", "False", "TRUE", "FALSE"):
        return value.lower() == "true"
    _refuse(f"expected true or false, found {said(value)}")
    raise AssertionError


def choice(*words: str) -> Callable[[Any, int], str]:
    """One of a few words."""

    def read(value: Any, dims: int = 0) -> str:
        if not isinstance(value, str) or value not in words:
            _refuse(f"expected {', '.join(words[:-1])} or {words[-1]}, found {said(value)}")
        return str(value)

    return read


def divisor(value: Any, dims: int = 0) -> int | None:
    """A whole number other than 0, or none."""
    if value is None:
        return None
    number = integer(value)
    if number == 0:
        _refuse("the divisor is 0, and a sum over 0 is no mean", "leave it out to divide by the cells of the window")
    return number


def norm(value: Any, dims: int = 0) -> int | float:
    """The p of an Lp pool, at least 1."""
    number = _number(value)
    if number is None or not 1 <= number <= MOST_NORM:
        _refuse(f"expected a number from 1 to {MOST_NORM}, found {said(value)}", "a larger p is as good as a max-pool")
        raise AssertionError
    return int(number) if number.denominator == 1 else float(number)


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "stride": per_axis(1),
    "dilation": per_axis(1),
    "window": per_axis(1),
    "output_size": per_axis(1),
    "output_padding": per_axis(0),
    "padding": padding,
    "padding_mode": choice(*PADDING_MODES),
    "mode": choice(*MODES),
    "ties": choice(*TIES),
    "groups": lambda value, dims: integer(value, 1),
    "ceil_mode": boolean,
    "count_include_pad": boolean,
    "divisor": divisor,
    "norm": norm,
}
