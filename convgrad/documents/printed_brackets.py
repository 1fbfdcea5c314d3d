"""Printed arrays in brackets: one kind of bracket and one kind of separator throughout, semicolons between rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from convgrad.documents.cells import DEPTH
from convgrad.documents.printed_cells import NUMBER, WORD, Leaf, PrintError, refuse_word

TOKEN = re.compile(
    rf"""(?P<number>{NUMBER})|(?P<blank>\s+)|(?P<open>[\[{{(])|(?P<close>[\]}})])|(?P<comma>,)|(?P<rows>;+)
    |(?P<note>//[^\n]*|/\*.*?\*/)|(?P<word>{WORD})""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
CLOSING = {"[": "]", "{": "}", "(": ")"}
WRAPPED = 50
"""Columns from which on a line that ends within a row is one that a printer wrapped."""


class _Level:
    """A bracket that is open: its items so far, and with semicolons the rows before them."""

    def __init__(self, start: int, bracket: str) -> None:
        self.start, self.bracket = start, bracket
        self.items: list[Any] = []
        self.blocks: list[tuple[int, list[Any]]] = []
        self.comma = False

    def end_row(self, count: int) -> None:
        """Note the items so far as a row that so many semicolons end."""
        self.blocks.append((count, self.items))
        self.items = []

    def closed(self) -> list[Any]:
        """What the bracket holds."""
        if not self.blocks:
            return self.items
        if self.items:
            self.end_row(0)
        return _stacked(self.blocks)


def bracketed(text: str, start: int, leaf: Leaf, whole: str) -> tuple[Any, int, bool]:
    """The array from `start` on, as nested lists or one number; where it ends; and whether rows have semicolons.

    `whole` is what to do where numbers are left out. Raises PrintError.
    """
    return _Brackets(text, leaf, whole).read(start)


class _Brackets:
    """Reads one array, token by token."""

    def __init__(self, text: str, leaf: Leaf, whole: str) -> None:
        self.text, self.leaf, self.whole = text, leaf, whole
        self.levels: list[_Level] = []
        self.separator, self.semicolons = "", False

    def read(self, start: int) -> tuple[Any, int, bool]:
        """The array, the end, and whether there are semicolons."""
        blank: re.Match[str] | None = None
        for match in TOKEN.finditer(self.text, start):
            kind = match.lastgroup
            if kind in ("blank", "note"):
                blank = blank or match
                continue
            done = self._take(str(kind), match, blank)
            if done is not None:
                return done, match.end(), self.semicolons
            blank = None
        if not self.levels:
            raise PrintError("expected an array, found nothing", "print it whole", len(self.text.rstrip()))
        level = self.levels[-1]
        raise PrintError(f"'{level.bracket}' is never closed", "copy the array to its end", level.start)

    def _take(self, kind: str, match: re.Match[str], blank: re.Match[str] | None) -> Any:
        """Take one token; the array, once it is complete."""
        if kind == "close":
            return self._close(match)
        if kind in ("comma", "rows"):
            return self._separate(kind, match)
        if kind == "word":
            refuse_word(match[0], match.start(), self.whole)
        if not self.levels and kind == "number":
            return self.leaf(match, "")
        self._follow(match, blank)
        if kind == "open":
            self._open(match)
        else:
            self.levels[-1].items.append(self.leaf(match, ""))
        return None

    def _open(self, match: re.Match[str]) -> None:
        if self.levels and self.levels[0].bracket != match[0]:
            raise PrintError(f"'{match[0]}' among '{self.levels[0].bracket}'", "an array has one kind of bracket",
                             match.start())  # fmt: skip
        if len(self.levels) >= DEPTH:
            raise PrintError(f"the brackets are more than {DEPTH} deep", "no array has so many axes", match.start())
        self.levels.append(_Level(match.start(), match[0]))

    def _close(self, match: re.Match[str]) -> Any:
        if not self.levels or CLOSING[self.levels[-1].bracket] != match[0]:
            raise PrintError(f"'{match[0]}' closes nothing", "copy the array from its beginning", match.start())
        rows = self.levels.pop().closed()
        if not self.levels:
            return rows
        self.levels[-1].items.append(rows)
        return None

    def _separate(self, kind: str, match: re.Match[str]) -> None:
        level = self.levels[-1] if self.levels else None
        if level is None or level.comma or not level.items:
            raise PrintError(f"there is nothing before '{match[0]}'", "put a number there", match.start())
        if kind == "comma":
            self._agree("comma", match.start())
            level.comma = True
            return
        if len(match[0]) == 2:
            raise PrintError("';;' is not read", "separate rows by ';'", match.start())
        self.semicolons = True
        level.end_row(len(match[0]))

    def _follow(self, match: re.Match[str], blank: re.Match[str] | None) -> None:
        """Note what stands between this item and the one before it."""
        level = self.levels[-1] if self.levels else None
        if level is None or not level.items:
            return
        if level.comma:
            level.comma = False
            return
        self._agree("blank", match.start())
        if blank and match.lastgroup == "number" and "\n" in blank[0]:
            self._require_wrapped(blank.start())

    def _agree(self, separator: str, index: int) -> None:
        if self.separator not in ("", separator):
            raise PrintError("commas and blanks are mixed between the numbers",
                             "put commas between all of them, or between none", index)  # fmt: skip
        self.separator = separator

    def _require_wrapped(self, end: int) -> None:
        """A line that ends early within a row may be a row of its own."""
        if end - self.text.rfind("\n", 0, end) - 1 < WRAPPED:
            raise PrintError("the line ends here, but the row does not", "put ';' or brackets between rows", end)


def _stacked(blocks: list[tuple[int, list[Any]]]) -> list[Any]:
    """Rows of one matrix, or the matrices of several along further axes, which come last: `;;;` begins the next."""
    most = max(count for count, _ in blocks)
    if most < 3:
        return [row for _, row in blocks]
    pages: list[list[tuple[int, list[Any]]]] = [[]]
    for count, row in blocks:
        pages[-1].append((0 if count == most else count, row))
        if count == most:
            pages.append([])
    return last([_stacked(page) for page in pages if page], most)


def last(pages: list[Any], axes: int) -> list[Any]:
    """Arrays along a new last axis; of rows that differ in length nothing is made."""
    made = np.empty(len(pages), object)
    made[:] = [_objects(page) for page in pages]
    if len({page.shape for page in made}) > 1:
        shapes = " and ".join(dict.fromkeys(str(page.shape) for page in made))
        raise PrintError(f"the parts have shapes {shapes}", "they must be alike", 0)
    whole: list[Any] = np.stack(list(made), -1).tolist()
    return whole


def _objects(rows: Any) -> Any:
    """Nested lists as an array of whatever they hold."""
    if len({len(row) for row in rows if isinstance(row, list)}) > 1:
        counts = " and ".join(map(str, sorted({len(row) for row in rows})))
        raise PrintError(f"rows have {counts} numbers", "every row must have the same length", 0)
    return np.array(rows, object)
