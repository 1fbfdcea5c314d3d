"""The kinds of number: float64, float32 and exact rationals; reading, writing and rounding them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache, wraps
from typing import Any

import numpy as np

from convgrad.errors import excerpt

Array = np.ndarray[Any, Any]

FLOAT64, FLOAT32, EXACT = np.dtype(np.float64), np.dtype(np.float32), np.dtype(object)
DTYPES = {"exact": EXACT, "float64": FLOAT64, "float32": FLOAT32}
NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
FRACTION = re.compile(r"([-+]?(?:0|[1-9][0-9]*))/(0|[1-9][0-9]*)")
MARKS = frozenset(".eE")
"""What a decimal has that is not written as a whole number."""
NONFINITE = {
    **dict.fromkeys((".nan", ".NaN", ".NAN", "NaN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "Infinity"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF", "-Infinity"), -math.inf),
}

LONGEST = 5000
"""Characters of one number: no float64 takes more than 1,100 in full, and reading time grows with the square."""


class Plain(str):
    """An unquoted word of a document, as it was written: the text of a number, `same`, `true`."""

    __slots__ = ()


def natural(value: Any) -> Any:
    """What a document holds, as plain Python values: the text of a number as a number, any other word as a string."""
    if isinstance(value, dict):
        return {key: natural(part) for key, part in value.items()}
    if isinstance(value, list):
        return [natural(part) for part in value]
    if not isinstance(value, Plain):
        return value
    if NUMBER.fullmatch(value):
        return _natural_number(value)
    return {"true": True, "false": False, "null": None, "~": None}.get(value, str(value))


def _natural_number(text: Plain) -> Any:
    """A number, or its text where Python's own numbers do not hold it."""
    try:
        number = int(text) if MARKS.isdisjoint(text) else float(text)
    except ValueError:  # an integer of more digits than Python reads
        return text
    return text if isinstance(number, float) and math.isinf(number) else number


def zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """An array of zeros of its own kind: np.zeros would fill an exact array with int, and 0/2 is a float."""
    return np.full(shape, Fraction(0), dtype=EXACT) if dtype == EXACT else np.zeros(shape, dtype)


@lru_cache(maxsize=1024)  # a number is read to be checked, and again as the kind that is computed with
def rational(text: str) -> Fraction:
    """The value of a decimal or a fraction written in text.

    >>> rational("-2.5e-1"), rational("2/6")
    (Fraction(-1, 4), Fraction(1, 3))

    Raises ValueError, with a message for the user, for what is not a number or not within float64's range.
    """
    if len(text) > LONGEST:
        raise ValueError(f"'{excerpt(text)}' has {len(text)} characters, but a number has at most {LONGEST}")
    if NUMBER.fullmatch(text):
        return _decimal(text)
    if not (parts := FRACTION.fullmatch(text)):
        raise ValueError(f"expected a number, found '{excerpt(text)}'")
    if parts[2] == "0":
        raise ValueError(f"'{excerpt(text)}' divides by zero")
    value = Fraction(_whole(parts[1]), _whole(parts[2]))
    _refuse_out_of_range(nearest(value), text)
    return value


def _decimal(text: str) -> Fraction:
    _refuse_out_of_range(float(text), text)  # first: 1e-2000000 as a rational would fill the memory
    if MARKS.isdisjoint(text):
        return Fraction(int(text))
    try:
        return Fraction(*Decimal(text).as_integer_ratio())
    except InvalidOperation:  # 0e99999999999999999999, which float() reads
        raise ValueError(f"'{excerpt(text)}' has an exponent beyond what any number has") from None


def _whole(digits: str) -> int:
    """An integer of any length: int() itself reads 4,300 digits and no more."""
    return int(Decimal(digits))


def _refuse_out_of_range(nearest: float, text: str) -> None:
    if 0 < abs(nearest) < math.inf:
        return
    vanished = nearest == 0 and re.search(r"[1-9]", re.split("[eE/]", text)[0])
    if math.isinf(nearest) or vanished:
        raise ValueError(f"'{excerpt(text)}' is {'below' if vanished else 'beyond'} what a 64-bit float can hold")


def decimal_text(value: Fraction) -> str:
    """A rational as a finite decimal where it is one, else as p/q.

    >>> decimal_text(Fraction(3, 10)), decimal_text(Fraction(-1, 3)), decimal_text(Fraction(5))
    ('0.3', '-1/3', '5')
    """
    places = _decimal_places(value.denominator)
    if places is None:
        return f"{whole_text(value.numerator)}/{whole_text(value.denominator)}"
    digits = whole_text(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 else text


def whole_text(value: int) -> str:
    """An integer in decimal, of any length: str() itself writes 4,300 digits and no more."""
    return str(Decimal(value))


def _decimal_places(denominator: int) -> int | None:
    """How many decimals 1/denominator takes; None where they never end."""
    twos = (denominator & -denominator).bit_length() - 1
    rest = denominator >> twos
    fives = round(math.log(rest, 5))
    return max(twos, fives) if 5**fives == rest else None


def rounded(values: Array) -> Array:
    """An exact array as the nearest float64 numbers: dividing two integers rounds once."""
    return np.array([nearest(value) for value in values.flat], FLOAT64).reshape(values.shape)


def recast(values: Array, dtype: np.dtype[Any]) -> Array:
    """An array in another kind of number: rationals are rounded once, floats become the rationals that they are."""
    if values.dtype == dtype or EXACT not in (values.dtype, dtype):
        return values.astype(dtype, copy=False)
    if dtype != EXACT:
        return rounded(values).astype(dtype, copy=False)
    result = np.empty(values.size, EXACT)
    result[:] = [Fraction(value) for value in values.ravel().tolist()]
    return result.reshape(values.shape)


def nearest(value: Fraction) -> float:
    """The float64 nearest to a rational; beyond its range, an infinity. A float, such as a NaN among them, is its own.

    >>> nearest(Fraction(1, 3)), nearest(Fraction(-(10**400)))
    (0.3333333333333333, -inf)
    """
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except AttributeError:
        return float(value)


def floated(value: Any) -> float:
    """The float64 nearest to any number, exact or not."""
    return nearest(Fraction(value)) if isinstance(value, (int, Fraction)) else float(value)


def fractions(values: Array, denominator: int = 1) -> Array:
    """Integers over one denominator, as an array of Fraction."""
    whole = values.ravel().tolist()
    result = np.empty(len(whole), EXACT)
    result[:] = [Fraction(int(value), denominator) for value in whole]
    return result.reshape(values.shape)


def integers(values: Array) -> tuple[list[int], int]:
    """An array of rationals as integers over their least common denominator."""
    denominator = math.lcm(*{value.denominator for value in values.flat})
    return [value.numerator * (denominator // value.denominator) for value in values.flat], denominator


def bilinear(function: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function linear in each of two arrays take exact ones, by way of integers.

    f(a, b) = f(pa, qb)/(pq), with p and q the common denominators. Integers whose partial sums stay below 2^53 are
    exact in float64 in any order, so the same BLAS serves; larger ones are computed as Python integers.
    """

    @wraps(function)
    def exact(a: Array, b: Array, *args: Any, **settings: Any) -> Array:
        if a.dtype != EXACT:
            return function(a, b, *args, **settings)
        (left, p), (right, q) = integers(a), integers(b)
        dtype = FLOAT64 if _bound(left, right) < 2**53 else EXACT
        whole = function(_filled(left, a.shape, dtype), _filled(right, b.shape, dtype), *args, **settings)
        return fractions(whole, p * q)

    return exact


def bilinear_pair(function: Callable[..., tuple[Array, Array]]) -> Callable[..., tuple[Array, Array]]:
    """The same for two functions of three arrays in one, linear in the first and third, and in the first and second."""

    @wraps(function)
    def exact(a: Array, b: Array, c: Array, **settings: Any) -> tuple[Array, Array]:
        if a.dtype != EXACT:
            return function(a, b, c, **settings)
        (first, p), (second, q), (third, r) = integers(a), integers(b), integers(c)
        if max(_bound(first, second), _bound(first, third)) >= 2**53:
            return function(a, b, c, **settings)
        arrays = (_filled(values, array.shape, FLOAT64) for values, array in ((first, a), (second, b), (third, c)))
        by_third, by_second = function(*arrays, **settings)
        return fractions(by_third, p * r), fractions(by_second, p * q)

    return exact


def _bound(left: list[int], right: list[int]) -> int:
    """What no partial sum of products exceeds: each entry of either is in one product of a sum at most."""
    largest = [max(map(abs, values), default=0) or 1 for values in (left, right)]
    return largest[0] * largest[1] * max(len(left), len(right))


def _filled(values: Iterable[Any], shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    return np.array(values, dtype).reshape(shape)
