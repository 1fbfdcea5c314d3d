"""Words, numbers and signs as text: the entries of a table, and sentences broken between words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.views.block_kinds import Apart, Equation, Identity, Partial, Sign, Strip, Words
from convgrad.views.look import Line, Look, wrapped
from convgrad.views.numbers import Numbers

Text = str | tuple[str, ...] | Line
"""An entry as text, as parts that are each aligned with the same part above and below, or as spans laid out already."""
MOST_DIGITS = 17
"""Digits by which any two floats differ."""


class Pen:
    """Writes what is in blocks as a look has it."""

    def __init__(self, look: Look) -> None:
        self.look, self.numbers, self.symbols = look, look.numbers, look.symbols
        self._pieces: dict[type, Callable[[Any], str]] = {str: str, Sign: self._sign, Apart: self._apart}
        self._kinds: dict[type, Callable[[Any], Text]] = {
            **self._pieces, tuple: self.words, Equation: self._equation, Partial: self._partial, Strip: self._strip,
            np.ndarray: self._window,
        }  # fmt: skip

    @classmethod
    def plain(cls, numbers: Numbers) -> Pen:
        """One whose lines are not broken and have no colour."""
        return cls(Look(None, numbers))

    # -- Words ----------------------------------------------------------------------------------------------------

    def words(self, words: Words) -> str:
        """A text, or its pieces joined."""
        return words if isinstance(words, str) else "".join(map(self.piece, words))

    def piece(self, piece: Any) -> str:
        """A text, a sign or a number."""
        return self._pieces.get(type(piece), self.numbers.text)(piece)

    def _sign(self, sign: Sign) -> str:
        return self.symbols.dot * 2 if sign is Sign.LEFT_OUT else str(getattr(self.symbols, sign.value))

    def _apart(self, pair: Apart) -> str:
        """A number, to as many digits as it takes to see that it differs from another."""
        for digits in range(self.numbers.digits, MOST_DIGITS + 1):
            numbers = self.numbers if digits == self.numbers.digits else self.numbers.to(digits)
            text, other = numbers.text(pair.value), numbers.text(pair.other)
            if text != other:
                return text
        return self.numbers.text(pair.value)

    # -- Entries --------------------------------------------------------------------------------------------------

    def entries(self, entries: Sequence[Any]) -> list[Text]:
        """Entries of a column, which are mostly of one kind."""
        kinds = set(map(type, entries))
        if kinds == {str}:
            return list(entries)
        if len(kinds) > 1:
            return list(map(self.entry, entries))
        return list(map(self._kinds.get(kinds.pop(), self.numbers.text), entries))

    def entry(self, entry: Any) -> Text:
        """An entry of a table."""
        return self._kinds.get(type(entry), self.numbers.text)(entry)

    def _partial(self, partial: Partial) -> str:
        """A sum of rows that are left out, in parentheses."""
        return f"({self.piece(partial.value)})"

    def _equation(self, equation: Equation) -> Text:
        """`0.2×3 = 0.6`, but of 3 = 3 only one."""
        left, value = self.words(equation.left), self.numbers.text(equation.value)
        return value if left == value else (left, " = ", value)

    def _window(self, values: Array) -> tuple[str, ...]:
        """A window in one line: rows parted by `/`, planes by `//`; its cells are aligned by themselves."""
        parts = list(_separators(values.shape))
        parts[::2] = self.numbers.list(values)
        return tuple(parts)

    def _strip(self, strip: Strip) -> Line:
        """A row of cells, the window in brackets, rules where the padding begins."""
        line: Line = []
        for cell, text in enumerate(map(self.numbers.text, strip.cells)):
            under = cell in strip.window
            before = "[" if under and cell - 1 not in strip.window else " "
            after = "]" if under and cell + 1 not in strip.window else " "
            line.append((before + text + after, "window" if under else ""))
            if cell in strip.edges and 0 <= cell < len(strip.cells) - 1:
                line.append((self.symbols.bar, "quiet"))
        return line

    # -- Lines ----------------------------------------------------------------------------------------------------

    def broken(self, words: Words, indent: str = "", hang: str = "") -> str:
        """A sentence, broken between words; its later lines stand in by `hang`."""
        lines = wrapped((indent + self.words(words)).split(" "), self.look.width, " ", indent + hang)
        return "".join(f"{line}\n" for line in lines)


def joined_entry(entry: Any, pen: Pen) -> str:
    """An entry in one piece, for who aligns no parts of it."""
    text = pen.entry(entry)
    parts = [text] if isinstance(text, str) else [part if isinstance(part, str) else part[0] for part in text]
    return "".join(parts).strip()


def identity_text(identity: Identity, pen: Pen) -> str:
    """Both sides of an identity, and whether they are equal."""
    (name, end), (left, right) = identity.names, map(pen.piece, identity.values)
    held = "holds" if identity.holds else f"does not hold{identity.where}"
    return f"{name} = {left}, {end} = {right}: {held}" if left != right else f"{name} = {end} = {right}: {held}"


@lru_cache(64)
def _separators(shape: tuple[int, ...]) -> tuple[str, ...]:
    """What stands between the cells of a window in one line, at odd places; empty at even ones."""
    between = [""]
    for axis, length in enumerate(reversed(shape)):
        between = [*between, *[(" ", " / ", " // ")[min(axis, 2)], *between] * (length - 1)]
    return tuple(between)
