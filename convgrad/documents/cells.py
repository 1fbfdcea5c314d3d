"""The text of a flow array, piece by piece, to float64: its structure by its signature, its numbers all at once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT64, Array

BLANKS = b" \t\r\n"
DEPTH = 16  # levels of nesting: a network's claim holds an array of rank five four levels down
NOT_STRUCTURE = b"0123456789+-.eE" + BLANKS
SEPARATOR = re.compile(rb"\][\] \t\r\n]*,[ \t\r\n]*\[[\[ \t\r\n]*")
AS_FLOW = bytes.maketrans(b"{;}", b"[,]")
SEPARATORS = 16  # ways to write one, in a piece: programs indent alike
FAR = re.compile(rb"e-[0-9]{3}")
BLANK_CELL = re.compile(rb",[ \t\r\n]+,")
POINT, ZERO, NINE = b".09"


def flow_array(pieces: Iterable[str], *, dashes: int = 0) -> Array | None:
    """The array in pieces of text that were cut at commas; None for whatever is not regular, or may be no number.

    The outermost levels, where they were written with dashes, have braces and semicolons here, and they alone.

    >>> flow_array(["[[1, 2", " 3], [.5", "1e-3, -0]]"])
    array([[ 1.e+00,  2.e+00,  3.e+00],
           [ 5.e-01,  1.e-03, -0.e+00]])
    """
    signatures, values = [], []
    for piece in pieces:
        text = piece.encode("ascii")
        numbers = _numbers(_flattened(text.translate(AS_FLOW) if dashes else text))
        if numbers is None:
            return None
        signatures.append(text.translate(None, NOT_STRUCTURE))
        values.append(numbers)
    shape = regular_shape((b";" if dashes else b",").join(signatures), dashes)
    whole = np.concatenate(values)
    return whole.reshape(shape) if shape and whole.size == np.prod(shape, dtype=int) else None


def regular_shape(signature: bytes, dashes: int = 0) -> tuple[int, ...] | None:
    """The shape of an array of which only brackets and commas are left; None where its rows differ.

    >>> regular_shape(b"[[,,],[,,]]"), regular_shape(b"[[,],[]]")
    ((2, 3), None)
    """
    rank = len(signature) - len(signature.lstrip(b"[{"))
    forms = [b"[,]"] * (rank - dashes) + [b"{;}"] * dashes
    closing = b"".join(form[2:] for form in forms)
    shape: tuple[int, ...] = ()
    inner = b""
    for level, form in enumerate(forms[:DEPTH], 1):
        outer = signature[rank - level : signature.find(closing[:level]) + level]
        count = (len(outer) - 1) // (len(inner) + 1)
        if outer != form[:1] + (inner + form[1:2]) * (count - 1) + inner + form[2:]:
            return None
        inner, shape = outer, (count, *shape)
    return shape if inner == signature else None


def _flattened(text: bytes) -> bytes | None:
    """The numbers with commas alone between them; None where a bracket is next to anything but another or a comma."""
    text = text.lstrip(b"[" + BLANKS).rstrip(b"]" + BLANKS)
    for _ in range(SEPARATORS):
        at = text.find(b"]")
        if at < 0:
            break
        separator = SEPARATOR.match(text, at)
        if separator is None:
            return None
        text = text.replace(separator[0], b",")
    return None if b"]" in text or b"[" in text else text


def _numbers(text: bytes | None) -> Array | None:
    """The numbers of a text, where all are surely within the grammar and float64's range."""
    if not text or not text[-1:].replace(b".", b"0").isdigit() or _has_leading_zero(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # how older NumPy says that it stopped early
            values = np.fromstring(text, FLOAT64, sep=",")
    except (ValueError, DeprecationWarning):
        return None
    return None if _leaves_range(values, text) or _has_blank_cell(values, text) else values


def _has_blank_cell(values: Array, text: bytes) -> bool:
    """Whether there is nothing but blanks between two commas, which NumPy reads as -1."""
    return bool((values == -1).any() and BLANK_CELL.search(text))


def _has_leading_zero(text: bytes) -> bool:
    """Whether a number begins with a zero and another digit, as 010 does, and 1e010 does not."""
    chars: Any = np.frombuffer(b",," + text, np.uint8)
    digit = (chars >= ZERO) & (chars <= NINE)
    zero = (chars[2:-1] == ZERO) & digit[3:] & ~digit[1:-2] & (chars[1:-2] != POINT)
    at = np.flatnonzero(zero) + 1
    return any(bytes(chars[i - 1 : i + 1]).strip(b"+-")[-1:] not in (b"e", b"E") for i in at[:1000]) or len(at) > 1000


def _leaves_range(values: Array, text: bytes) -> bool:
    """Whether a number is too large for float64, or may have vanished."""
    if not np.isfinite(values).all():
        return True
    return not values.all() and (b"E-" in text or b"0" * 100 in text or FAR.search(text) is not None)
