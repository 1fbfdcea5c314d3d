"""Numbers as people read them: to so many significant digits, aligned at the decimal point, never cut."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT32, Array, decimal_text, whole_text

FAITHFUL = 15
"""Significant digits up to which every decimal comes back from a float as it was."""
POSITIONAL = (-5, 15)
"""Powers of ten between which a number is written without an exponent."""


class Numbers:
    """Writes numbers to `digits` significant digits and remembers, in `rounded`, whether any lost some.

    `fractions` says to write 1/3 as a fraction (exact arithmetic that was asked for), not as 0.333333.
    """

    def __init__(self, digits: int = 6, *, fractions: bool = False, blank: str = "·") -> None:
        self.digits, self.fractions, self.blank = max(digits, 1), fractions, blank
        self.rounded = False
        self._format, self._whole = f"%.{self.digits}g", 10.0 ** min(self.digits, 300)

    def to(self, digits: int) -> Numbers:
        """The same to so many digits."""
        return Numbers(digits, fractions=self.fractions, blank=self.blank)

    def text(self, value: Any) -> str:
        """A number; minus zero is 0, and what is no number (None) is blank.

        >>> [Numbers().text(value) for value in (0.1 + 0.2, -0.0, 12345678.9, 1e-12, Fraction(1, 8), float("nan"))]
        ['0.3', '0', '12345679', '1e-12', '0.125', 'NaN']
        """
        kind = type(value)
        if kind is float:
            return self._float(value)
        if kind is Fraction:
            return self._fraction(value)
        if kind is int:
            return str(value)
        if isinstance(value, np.ndarray):
            return self.list(value)[0]
        if value is None:
            return self.blank
        return self._float(float(str(value)) if kind is np.float32 else float(value))

    def list(self, values: Array) -> list[str]:
        """The entries of an array, in row-major order."""
        return list(map(self.text, plain(values)))

    def array(self, values: Array) -> Array:
        """An array of the same shape that holds texts."""
        result = np.empty(values.size, object)
        result[:] = self.list(values)
        return result.reshape(values.shape)

    def _float(self, value: float) -> str:
        text = self._format % value
        if float(text) == value:
            if not value:
                return "0"
            # to more than 15 digits 0.1 would be 0.10000000000000001
            return text if "e" not in text and self.digits <= FAITHFUL else _tidy(repr(value))
        if value != value:
            return "NaN"
        if self._whole <= abs(value) < 10.0 ** POSITIONAL[1]:
            text = f"{value:.0f}"  # an integer part is given in full: 12345679 is no longer than 1.23457e7
        self.rounded |= float(text) != value
        return text if "e" not in text else _tidy(text)

    def _fraction(self, value: Fraction) -> str:
        if not self.fractions:
            return self._nearest(value)
        text = decimal_text(value)
        return text if "/" in text and len(text) <= 2 * self.digits + 2 else self._decimal(value)

    def _nearest(self, value: Fraction) -> str:
        """A rational as the nearest float, or, beyond the range of one, as itself."""
        try:
            nearest = value.numerator / value.denominator
        except OverflowError:
            return self._decimal(value)
        return self._float(nearest) if nearest or not value else self._decimal(value)

    def _decimal(self, value: Fraction) -> str:
        """A rational to so many significant digits, however large or small."""
        places = max(self.digits, len(whole_text(abs(value.numerator) // value.denominator)))
        prec = places if places <= POSITIONAL[1] else self.digits
        number = Context(prec=prec).divide(Decimal(value.numerator), Decimal(value.denominator))
        self.rounded |= Fraction(number) != value
        return _positional(number)


def _positional(number: Decimal) -> str:
    """A decimal without an exponent where that is short enough, and without trailing zeros."""
    digits = "".join(map(str, number.as_tuple().digits))
    power = number.adjusted()
    if not number or POSITIONAL[0] < power < max(POSITIONAL[1], len(digits)):
        text = format(number, "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"
    fraction = digits[1:].rstrip("0")
    return f"{'-' if number < 0 else ''}{digits[0]}{'.' if fraction else ''}{fraction}e{power}"


def _tidy(text: str) -> str:
    """A float's text with a short exponent and no empty decimals.

    >>> _tidy("1e-05"), _tidy("2.0"), _tidy("1.5e+16")
    ('1e-5', '2', '1.5e16')
    """
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}"


def plain(values: Array) -> list[Any]:
    """The entries as Python numbers; a float32 is the shortest decimal that reads back to it."""
    if values.dtype == FLOAT32:
        return [float(str(value)) for value in values.ravel()]
    flat: list[Any] = values.ravel().tolist()
    return flat


def split(text: str) -> tuple[str, str]:
    """What stands before the decimal point, and the rest.

    >>> split("-0.25"), split("12"), split("1e-12"), split("1/3")
    (('-0', '.25'), ('12', ''), ('1', 'e-12'), ('1', '/3'))
    """
    for mark in "./e":
        head, found, tail = text.partition(mark)
        if found:
            return head, found + tail
    return text, ""


def aligned(texts: Sequence[str]) -> list[str]:
    """Texts of one width, their decimal points below each other.

    >>> aligned(["0.5", "-1", "10.25"])
    [' 0.5 ', '-1   ', '10.25']
    """
    parts = list(map(split, texts))
    head = max((len(part[0]) for part in parts), default=0)
    tail = max((len(part[1]) for part in parts), default=0)
    return [part[0].rjust(head) + part[1].ljust(tail) for part in parts]
