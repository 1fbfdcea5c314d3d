"""What digits tell of how well a number is known: its last decimal place, and how many digits it is written with."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.core.arithmetic import NONFINITE

MANY = 15
"""Significant digits from which a number is float64 data: every decimal of 15 digits survives float64."""


@dataclass(frozen=True)
class Written:
    """Numbers as they were written, each by its digits; None for what is exact (a fraction) or not finite."""

    decimals: tuple[Decimal | None, ...]

    @property
    def place(self) -> int:
        """The last decimal place that any uses: 2 for hundredths."""
        return max((-_exponent(number) for number in self.decimals if number is not None), default=0)

    @property
    def digits(self) -> int:
        """The most significant digits that any is written with."""
        return max((len(number.as_tuple().digits) for number in self.decimals if number is not None), default=0)

    @property
    def is_binary(self) -> bool:
        """Whether so many digits say that these are float64 data."""
        return self.digits >= MANY

    def half_units(self) -> list[Fraction]:
        """Of each number half a unit of the last place that the array uses; 0 for what is exact.

        1e30 beside 0.5 is not known to a tenth: no float64 is, and it is not written with so many digits.
        """
        half = Fraction(10) ** -self.place / 2
        return [Fraction(0) if number is None else self._half_unit(number, half) for number in self.decimals]

    def _half_unit(self, number: Decimal, half: Fraction) -> Fraction:
        return max(half, _half_unit_of_float64(number)) if number.adjusted() + self.place >= MANY else half

    def relative_half_units(self) -> list[Fraction]:
        """Of each number half a unit of its last digit, all having as many as the one that is written with most.

        The shortest text of a float64 has only the digits that it needs to be read as the same one.
        """
        return [Fraction(0) if not number else self._relative_half_unit(number) for number in self.decimals]

    def _relative_half_unit(self, number: Decimal) -> Fraction:
        return max(Fraction(10) ** (number.adjusted() - self.digits + 1) / 2, _half_unit_of_float64(number))


def _half_unit_of_float64(number: Decimal) -> Fraction:
    """At most half the distance to the next float64 is lost by one that stands for it: half a unit of 53 bits."""
    return abs(Fraction(number)) / 2**53


def written(values: list[Any]) -> Written:
    """Leaves of a document, or Python numbers, as they were written; a float by its shortest text.

    >>> written(["0.17", "-2.5e-3", 3]).place
    4
    """
    return Written(tuple(map(_decimal, values)))


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        return None if "/" in value or value in NONFINITE else Decimal(value)
    if isinstance(value, (float, np.floating)):
        number = Decimal(repr(float(value))) if np.isfinite(value) else None
        # repr writes a whole number of 22 digits as 1e+22, but knows all of them
        return Decimal(int(value)) if number and _exponent(number) > 0 else number
    return None if isinstance(value, Fraction) else Decimal(int(value))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
