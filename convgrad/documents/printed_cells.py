"""One number of a printed array, and what stands where a number should."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from convgrad.core.arithmetic import Plain
from convgrad.errors import excerpt

Leaf = Callable[[re.Match[str], str], Any]
"""What becomes of a number's match, and the power of ten that stands before the array, as text."""

NUMBER = r"""[-+]?(?:(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eEdDf][-+]?[0-9]+)?[fFlLuU]{0,3}(?:/[1-9][0-9]*)?
    |nan|inf(?:inity)?)(?![\w./])"""
WORD = r"[^\s,;\[\]{}()]+"
CELL = re.compile(rf"(?P<number>{NUMBER})|(?P<word>{WORD})", re.VERBOSE | re.IGNORECASE)
SUFFIX = re.compile("[fFlLuU]+$")
EXPONENT = re.compile("[eEdDf](?=[-+]?[0-9])")
LONGEST_EXPONENT = 20
DOTS = ("...", "…", "⋮", "⋯", "⋱")


class PrintError(Exception):
    """What is wrong with a printed array: in words, what to do, and the index of the character where."""

    def __init__(self, message: str, advice: str, index: int) -> None:
        super().__init__(message)
        self.message, self.advice, self.index = message, advice, index


def numeral(match: re.Match[str], power: str = "") -> Plain:
    """A printed number as documents write it.

    >>> [numeral(CELL.match(text)) for text in ("1.5f", "-2.", "1f0", "2.5d-3", "nan", "-inf", "1e3")]
    ['1.5', '-2.', '1e0', '2.5e-3', 'NaN', '-Infinity', '1e3']
    """
    text = match["number"]
    if text.lstrip("+-")[:1] in "nNiI":
        return Plain("NaN" if "a" in text.lower() else "-Infinity" if text[0] == "-" else "Infinity")
    text = EXPONENT.sub("e", SUFFIX.sub("", text))
    return Plain(_times(text, power) if power else text)


def _times(text: str, power: str) -> str:
    """A number times a power of ten, with the digits that it has."""
    digits, _, exponent = text.partition("e")
    if len(exponent) > LONGEST_EXPONENT:  # which no float64 has: it is refused as it is
        return text
    return f"{digits}e{int(exponent or 0) + int(power)}"


def refuse_word(word: str, index: int, whole: str = "") -> NoReturn:
    """Raise the PrintError about what is no number."""
    if any(dots in word for dots in DOTS):
        raise PrintError(
            f"'{excerpt(word)}' leaves numbers out, and no gradient can be judged by the rest", whole, index
        )
    raise PrintError(f"expected a number, found '{excerpt(word)}'", _advice(word), index)


def _advice(word: str) -> str:
    if set(word) == {"-"}:
        return "a masked entry has no number: print x.filled(0), say, or its data"
    if word.lower() in ("true", "false"):
        return "save the array as float64"
    if word[-1] in "jJ" or word.endswith("im"):
        return "complex numbers have no place here: check the real and the imaginary part by themselves"
    if "\u2212" in word:
        return "write the minus sign as '-'"
    if word.lstrip("+-")[:1] == "0":
        return "write numbers in decimal, without leading zeros"
    return "numbers are printed like 3, -0.5, 1.5e-3, 2/3 or nan"
