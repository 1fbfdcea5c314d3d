"""What a computation gives back: plain for programs by `to_dict`, and shown to people as the command line shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from importlib import import_module
from math import isfinite
from typing import Any

import numpy as np

from convgrad.core.arithmetic import decimal_text, natural, whole_text

DISPLAY = "convgrad.views.display"
"""The writers, by name: they lie above every record, and are imported when one is shown."""


class Mapped:
    """What JSON has words for: `to_dict` is what it says, in Python's own values."""

    def streamed(self, *asked: Any, **named: Any) -> dict[str, Any]:
        """What the JSON says, for who writes it: arrays as they are, and iterators of what is long."""
        raise NotImplementedError

    def to_dict(self, *asked: Any, **named: Any) -> dict[str, Any]:
        """What the JSON says, as `json.dumps` takes it: arrays are lists, and a fraction that never ends is text."""
        result: dict[str, Any] = plain(self.streamed(*asked, **named))
        return result


class Record(Mapped):
    """A result: `print` and notebooks show its table, `repr` is one line."""

    def __str__(self) -> str:
        """The table of the command line."""
        text: str = import_module(DISPLAY).as_text(self)
        return text

    def to_markdown(self) -> str:
        """The same as Markdown, with GFM's tables."""
        text: str = import_module(DISPLAY).as_document(self, "markdown")
        return text

    def to_latex(self) -> str:
        """The same as a LaTeX document."""
        text: str = import_module(DISPLAY).as_document(self, "latex")
        return text

    def _repr_html_(self) -> str:
        """The table as notebooks show it."""
        text: str = import_module(DISPLAY).as_html(self)
        return text

    def _repr_latex_(self) -> str:
        """The same in LaTeX, for notebooks that become documents of it."""
        text: str = import_module(DISPLAY).as_passage(self)
        return text


def plain(value: Any) -> Any:
    """A value in Python's own: what is no finite number is its word, as in JSON.

    >>> plain({"dX": np.array([Fraction(1, 4), Fraction(1, 3)]), "y": (np.float32(0.1), float("nan"))})
    {'dX': [0.25, '1/3'], 'y': [0.1, 'NaN']}
    """
    if isinstance(value, str):
        return natural(value)
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Fraction):
        return _fraction(value)
    if isinstance(value, float | np.floating):
        return _real(value)
    if isinstance(value, np.generic):
        return value.item()
    return list(map(plain, value)) if isinstance(value, Iterable) else value


def _array(values: np.ndarray[Any, Any]) -> Any:
    if values.dtype.kind == "f" and values.dtype.itemsize < 8:
        values = values.astype("U").astype(np.float64)  # the shortest decimals that read back to them
    if values.dtype.kind in "fiub" and (values.dtype.kind != "f" or np.isfinite(values).all()):
        return values.tolist()
    return plain(values.tolist())


def _fraction(value: Fraction) -> Any:
    """A whole number, a float that is no other number when it is read, or p/q, also of what no float is as large as.

    >>> _fraction(Fraction(10**400 + 1, 2)) == f"{10**400 + 1}/2"
    True
    >>> len(_fraction(Fraction(10**5000, 3)))  # more digits than Python itself writes
    5003
    """
    text = decimal_text(value)
    if value.denominator == 1:
        return int(value)
    if "/" not in text and isfinite(float(text)) and Fraction(repr(float(text))) == value:
        return float(text)
    return f"{whole_text(value.numerator)}/{whole_text(value.denominator)}"


def _real(value: Any) -> Any:
    number = float(str(value)) if isinstance(value, np.float32 | np.float16) else float(value)
    return number if isfinite(number) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(number)]
