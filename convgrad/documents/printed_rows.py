"""Printed arrays without brackets: a line a row, in columns, with tabs, commas or semicolons; and MATLAB's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from convgrad.documents.printed_brackets import last
from convgrad.documents.printed_cells import CELL, Leaf, PrintError, refuse_word

NOTE = re.compile(r"\s*(?:#|%|//).*")
TITLE = re.compile(
    r"\s*(?:[A-Za-z_]\w*\s*="
    r"|\d+(?:[×x]\d+)*(?:-element)?\s+[\w.{}, :]*(?:Array|Matrix|Vector|single|double)[^\n]*:?)\s*$"
)
PAGE = re.compile(r"\s*(?:\w*\(:, ?:((?:, ?\d{1,6})+)\)|\[:, :((?:, \d{1,6})+)\])\s*=\s*$")
POWER = re.compile(r"\s*1\.0+e([-+]\d{1,3})\s*\*\s*$")
COLUMNS = re.compile(r"\s*Columns? \d+")
ELSEWHERE = "print it as text that can be read back: disp(mat2str(x, 17))"
SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", " ": "blanks"}


class _Block(NamedTuple):
    """Rows without a blank line between them, and the page that they are of."""

    page: tuple[int, ...]
    rows: list[list[Any]]


def rowed(text: str, leaf: Leaf) -> tuple[Any, str]:
    """The numbers of a text of rows, and who prints them so.

    One row or one column is a list; blank lines part the slices of a further first axis, headings those of a last one.
    Raises PrintError.
    """
    reader = _Rows(text, leaf)
    blocks = [block for block in reader.blocks() if block.rows]
    if not blocks:
        raise PrintError("there is no number here", "give rows of numbers", 0)
    if any(block.page for block in blocks):
        return _paged(blocks), reader.by or "MATLAB"
    by = "CSV" if reader.separator in (",", ";") else "TSV" if reader.separator == "\t" else "rows of numbers"
    return (_lone(blocks[0].rows) if len(blocks) == 1 else [block.rows for block in blocks]), reader.by or by


def _lone(rows: list[list[Any]]) -> Any:
    if len(rows) == 1:
        return rows[0] if len(rows[0]) > 1 else rows[0][0]
    return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows


def _paged(blocks: list[_Block]) -> list[Any]:
    """Pages along further last axes, by the indices in their headings, which count from 1."""
    axes = len(blocks[0].page)
    if any(len(block.page) != axes for block in blocks):
        raise PrintError("only some of the parts have a heading like (:,:,1) =", ELSEWHERE, 0)
    if axes == 1:
        return last([rows for _, rows in _in_order([(block.page[0], block.rows) for block in blocks])], 3)
    outer = dict.fromkeys(block.page[-1] for block in blocks)
    parts = [(index, _paged([_Block(block.page[:-1], block.rows) for block in blocks if block.page[-1] == index]))
             for index in outer]  # fmt: skip
    return last([part for _, part in _in_order(parts)], 3)


def _in_order(pages: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    if [index for index, _ in pages] != list(range(1, len(pages) + 1)):
        raise PrintError("a page is missing, or is there twice", ELSEWHERE, 0)
    return pages


class _Rows:
    """Reads a text line by line."""

    def __init__(self, text: str, leaf: Leaf) -> None:
        self.text, self.leaf = text, leaf
        self.separator = self.power = self.by = ""
        self.page: tuple[int, ...] = ()

    def blocks(self) -> Iterator[_Block]:
        """The rows between blank lines and headings."""
        block: list[list[Any]] = []
        for start, line in self._lines():
            page = self.page
            if line.strip() and not self._is_heading(line, start):
                block.append(self._row(line, start))
                continue
            if line.strip() and block and page == self.page:
                raise PrintError("a heading among rows", "give one array at a time", start)
            yield _Block(page, block)
            block = []
        yield _Block(self.page, block)

    def _lines(self) -> Iterator[tuple[int, str]]:
        start = 0
        for line in self.text.split("\n"):
            if not NOTE.fullmatch(line):
                yield start, line.rstrip("\r")
            start += len(line) + 1

    def _is_heading(self, line: str, start: int) -> bool:
        """Take note of what stands above numbers."""
        if COLUMNS.match(line):
            raise PrintError("the columns are printed in parts", ELSEWHERE, start)
        if page := PAGE.fullmatch(line):
            self.page = tuple(int(part) for part in (page[1] or page[2]).replace(",", " ").split())
        elif power := POWER.fullmatch(line):
            self.power = power[1]
        elif TITLE.fullmatch(line):
            self.by = "Julia" if re.search("Array|Matrix|Vector", line) else "MATLAB"
        else:
            return False
        return True

    def _row(self, line: str, start: int) -> list[Any]:
        separator = self._separator(line, start)
        if separator in ("", " "):
            return [self._cell(found[0], start + found.start()) for found in re.finditer(r"\S+", line)]
        row, at = [], start
        for cell in line.split(separator):
            stripped = cell.strip().strip('"')
            row.append(self._cell(stripped, at + (cell.index(stripped) if stripped else 0)))
            at += len(cell) + 1
        return row

    def _separator(self, line: str, start: int) -> str:
        """What separates the numbers of a line, which must be what separates those of the others."""
        used = next((separator for separator in "\t;," if separator in line.strip()), "")
        used = used or (" " if len(line.split()) > 1 else "")
        if used and self.separator not in ("", used):
            raise PrintError(f"this row has {SEPARATORS[used]} between its numbers, those above have "
                             f"{SEPARATORS[self.separator]}", "use one of them throughout", start)  # fmt: skip
        self.separator = self.separator or used
        return used

    def _cell(self, cell: str, index: int) -> Any:
        if not cell:
            raise PrintError("a cell is empty", "every row must have a number in every column", index)
        match = CELL.match(self.text, index)
        if match is not None and match["number"] == cell:
            return self.leaf(match, self.power)
        if len(cell.split()) > 1:
            raise PrintError("commas and blanks are mixed between the numbers",
                             "put commas between all of them, or between none", index)  # fmt: skip
        if self.separator == ";" and "," in cell:
            raise PrintError(f"expected a number, found '{cell}'", "write the decimal point as '.'", index)
        if self.text[:index].strip() == "" and cell[:1].isalpha():
            raise PrintError(f"expected a number, found '{cell}'", "leave out the line of headings", index)
        return refuse_word(cell, index, ELSEWHERE)
