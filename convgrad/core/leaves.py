"""One number of nested lists: what is wrong with it, and its value."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FRACTION, NONFINITE, NUMBER, rational, whole_text
from convgrad.errors import Path, Problem, excerpt


def problem_of(value: Any, nonfinite: bool) -> Problem | None:
    """What is wrong with one leaf, if anything."""
    kind = type(value)
    if kind is float or isinstance(value, np.floating):
        return None if nonfinite or np.isfinite(value) else refused(str(value), ())
    if kind in (int, Fraction) or isinstance(value, np.integer):
        size = "a number of %d digits is beyond what a 64-bit float can hold"
        return Problem(size % len(whole_text(int(abs(value))))) if abs(value) >= 2**1024 else None
    if not isinstance(value, str):
        return Problem(f"expected a number, found {_said(value)}")
    if value in NONFINITE:
        return None if nonfinite else refused(value, ())
    if kind is str and NUMBER.fullmatch(value):
        return Problem(f"expected a number, found the text '{excerpt(value)}'", "remove the quotes")
    return _unreadable(value)


def _unreadable(text: str) -> Problem | None:
    try:
        rational(text)
    except ValueError as error:
        if NUMBER.fullmatch(text) or FRACTION.fullmatch(text):
            return Problem(str(error))
        return Problem(f"expected a number, found '{excerpt(text)}'", _advice(text))
    return None


def _advice(text: str) -> str:
    """What to do about a word that is almost a number."""
    if "\u2212" in text:
        return "write the minus sign as '-'"
    if len(text.split()) > 1:
        return "put commas between the numbers"
    if text[:1] == "0" and text.isdigit():
        return "write numbers in decimal, without leading zeros"
    if "," in text:
        return "write the decimal point as '.'"
    return "numbers are written like 3, -0.5, 1e-3 or 2/3"


def _said(value: Any) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    return "a mapping" if isinstance(value, dict) else "what is neither number nor list"


def refused(text: str, index: Path) -> Problem:
    """That a number is not finite."""
    return Problem(f"expected a finite number, found {text}", "allow it with --allow-nonfinite", index)


def any_nonfinite(values: list[Any]) -> bool:
    """Whether a NaN or an infinity is among some leaves."""
    return any((isinstance(v, str) and v in NONFINITE) or (isinstance(v, float) and not np.isfinite(v)) for v in values)


def exact_value(value: Any) -> Fraction:
    """A leaf as a rational; a Python float is the shortest decimal that reads back to it, as it was typed."""
    if isinstance(value, str):
        return rational(value)
    if isinstance(value, (float, np.floating)):
        return Fraction(*Decimal(repr(float(value))).as_integer_ratio())
    return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)


def floated(value: Any) -> float:
    """A leaf as the nearest float64."""
    if isinstance(value, str):
        return NONFINITE[value] if value in NONFINITE else float(value) if "/" not in value else float(rational(value))
    return float(value)
