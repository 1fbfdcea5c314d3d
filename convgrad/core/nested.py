"""Nested lists, as people give them, become numbers of one shape that can be read as any kind of array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT32, FLOAT64, Array, Plain, recast
from convgrad.core.foreign import as_numpy, is_foreign
from convgrad.core.leaves import any_nonfinite, exact_value, floated, problem_of, refused
from convgrad.core.printouts import PrintedRows
from convgrad.errors import Path, Problem, RequestError

MOST_PROBLEMS = 10
DIGITS_IN_COMMON = 10_000  # those of 1/1 to 1/20000 have 8,686
MOST_COMMON = 10**DIGITS_IN_COMMON
LISTS, NATIVE = {list, tuple, PrintedRows}, {int, float}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of one shape, not yet of one kind: a flat list of what was given, or a binary array.

    `exact` says that they came as decimal text, integers or fractions, so that they have exact values; `finite` that
    there is no NaN or infinity among them; `of` which type the array is of that they came in, where it is none of
    NumPy's.
    """

    values: list[Any] | Array
    shape: tuple[int, ...]
    exact: bool
    finite: bool = True
    of: str = ""

    def as_array(self, dtype: np.dtype[Any]) -> Array:
        """The numbers as an array of a kind; in an exact one every entry is a Fraction."""
        if dtype == FLOAT32:
            return self._as_float32()
        if isinstance(self.values, np.ndarray):
            return recast(self.values, dtype)
        if dtype != EXACT:
            native = set(map(type, self.values)) <= NATIVE
            return np.array(self.values if native else list(map(floated, self.values)), dtype).reshape(self.shape)
        result = np.empty(len(self.values), EXACT)
        result[:] = [exact_value(value) for value in self.values]
        _refuse_coprime(result)
        return result.reshape(self.shape)

    def outline(self) -> Numbers:
        """An array of the same shape, of which nothing has to be read: a single zero stands for every number."""
        return Numbers(np.broadcast_to(np.zeros((), FLOAT64), self.shape), self.shape, exact=False)

    def transposed(self, axes: tuple[int, ...]) -> Numbers:
        """The same numbers with their axes in another order, as NumPy's transpose has it."""
        if axes == tuple(range(len(axes))):
            return self
        if isinstance(self.values, np.ndarray):
            return replace(self, values=self.values.transpose(axes), shape=tuple(self.shape[axis] for axis in axes))
        places = np.arange(len(self.values)).reshape(self.shape).transpose(axes)
        return replace(self, values=[self.values[place] for place in places.flat], shape=places.shape)

    def reshaped(self, shape: tuple[int, ...]) -> Numbers:
        """The same numbers, in the same order, in another shape."""
        values = self.values.reshape(shape) if isinstance(self.values, np.ndarray) else self.values
        return replace(self, values=values, shape=shape)

    def _as_float32(self) -> Array:
        """As float32, which holds less: RequestError for what it does not, as for a text that float64 does not hold."""
        if isinstance(self.values, np.ndarray) and self.values.dtype == FLOAT32:
            return self.values.astype(FLOAT32, copy=False)  # in the machine's order of bytes
        wide = self.as_array(FLOAT64)
        with np.errstate(over="ignore"):
            narrow = wide.astype(FLOAT32)
        beyond, below = np.isinf(narrow) & np.isfinite(wide), (narrow == 0) & (wide != 0)
        for index in map(tuple, np.argwhere(beyond | below)[:1].tolist()):
            message = f"{wide[index]} is {'beyond' if beyond[index] else 'below'} what a 32-bit float can hold"
            raise RequestError(Problem(message, "use arithmetic float64", index))
        return narrow


def _refuse_coprime(values: Array) -> None:
    """Refuse fractions whose common denominator, by which exact arithmetic goes, is nearly all of them multiplied."""
    common = 1
    for denominator in {value.denominator for value in values}:
        common = math.lcm(common, denominator)
        if common > MOST_COMMON:
            message = f"the common denominator of these numbers has more than {DIGITS_IN_COMMON} digits"
            raise RequestError(Problem(message, "use arithmetic float64"))


def read_numbers(value: Any, *, nonfinite: bool = False) -> Numbers:
    """Nested lists, a number or an array, of any library, as Numbers; Numbers as they are.

    Raises RequestError, with the path to each place, for ragged rows, what is not a number, and non-finite values.
    """
    if isinstance(value, Numbers):
        return value
    if is_foreign(value) or isinstance(value, np.ndarray):
        array, name = as_numpy(value)
        return _read_array(array, nonfinite, of=name if name != array.dtype.name else "")
    rows, shape = _flattened(value)
    if _plainly_finite(rows):
        return Numbers(rows, shape, exact=True)
    rows = [Plain(leaf) if isinstance(leaf, Decimal) else leaf for leaf in rows]
    _refuse_bad(rows, shape, nonfinite)
    finite = not any_nonfinite(rows)
    return Numbers(rows, shape, exact=finite, finite=finite)


def _plainly_finite(values: list[Any]) -> bool:
    """Whether these are Python's own numbers, and finite: all that thousands of small cases need to have checked."""
    try:
        return set(map(type, values)) <= NATIVE and all(map(math.isfinite, values))
    except OverflowError:  # an integer that no float holds
        return False


def _read_array(value: Array, nonfinite: bool, of: str = "") -> Numbers:
    if value.dtype == EXACT:
        return Numbers(read_numbers(value.ravel().tolist(), nonfinite=nonfinite).values, value.shape, exact=True)
    if value.dtype.kind not in "iuf":
        raise RequestError(Problem(f"expected numbers, found an array of {value.dtype}"))
    if value.dtype == np.longdouble:  # of which Python has no number
        value = value.astype(np.float64)
    if not nonfinite and value.dtype.kind == "f" and not np.isfinite(value).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise RequestError(refused(str(value[index]), index))
    finite = not nonfinite or value.dtype.kind != "f" or bool(np.isfinite(value).all())
    return Numbers(value, value.shape, exact=value.dtype.kind in "iu", finite=finite, of=of)


def _flattened(value: Any) -> tuple[list[Any], tuple[int, ...]]:
    level: list[Any] = [value]
    shape: list[int] = []
    while kinds := set(map(type, level)) & LISTS:
        if set(map(type, level)) != kinds or len(set(map(len, level))) > 1:
            raise RequestError(_ragged(level, tuple(shape)))
        shape.append(len(level[0]))
        level = list(chain.from_iterable(level))
    return level, tuple(shape)


def _ragged(level: Sequence[Any], shape: tuple[int, ...]) -> list[Problem]:
    """The rows that differ from the first, with both counts."""
    first = level[0]
    wrong = [number for number, part in enumerate(level) if _count(part) != _count(first)][:MOST_PROBLEMS]
    return [
        Problem(
            f"expected {_rows(first)}, like the first, found {_rows(level[number])}",
            "every row must have the same length",
            _index(number, shape),
        )
        for number in wrong
    ]


def _count(part: Any) -> int:
    return len(part) if isinstance(part, (list, tuple)) else -1


def _rows(part: Any) -> str:
    if not isinstance(part, (list, tuple)):
        return f"a number ({part})"
    return f"a row of {len(part)}"


def _index(number: int, shape: Sequence[int]) -> Path:
    """The path to an entry of a flat list."""
    return tuple(int(i) for i in np.unravel_index(number, shape)) if shape else ()


def _refuse_bad(values: list[Any], shape: tuple[int, ...], nonfinite: bool) -> None:
    problems: list[Problem] = []
    for number, value in enumerate(values):
        if (found := problem_of(value, nonfinite)) is not None:
            problems.append(found.under(*_index(number, shape)))
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise RequestError(problems)
