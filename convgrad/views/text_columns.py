"""A column of a table: the room that its entries need, part by part, and entries laid out in it."""

from __future__ import annotations

from collections.abc import Sequence

from convgrad.views.block_kinds import Column
from convgrad.views.look import Line, width_of
from convgrad.views.numbers import split
from convgrad.views.text_words import Pen, Text

BLANKS = ("·", ".")


class Room:
    """The room that a column needs: per part the width before and after the point. It only ever grows.

    In a column of numbers only the last part is a number, what stands before it (`0.2×-1`, ` = `) keeps to the right;
    elsewhere every part is one (the cells of a window).
    """

    def __init__(self, column: Column, pen: Pen) -> None:
        self.name, self.kind = pen.words(column.heading), column.kind
        self.numeric = column.kind in ("number", "equation")
        self.parts: list[list[int]] = []
        self.width = len(self.name)

    def grow(self, entry: Text) -> None:
        """Make room for an entry."""
        if isinstance(entry, list) or (isinstance(entry, str) and not self.numeric):
            self.width = max(self.width, len(entry) if isinstance(entry, str) else width_of(entry))
            return
        self._widen([(len(head), len(tail)) for head, tail in self._pieces(entry)])

    def whole(self, entries: Sequence[Text]) -> list[str]:
        """Many entries at once, having made room for them; the same as `grow` and `text` of each, but faster."""
        kinds = set(map(type, entries))
        if list in kinds:
            return self.whole([joined(entry) if isinstance(entry, list) else entry for entry in entries])
        if kinds == {str} and self.numeric:
            pieces = [[split(str(entry)) for entry in entries]]
        elif kinds == {tuple} and not self.numeric and len(set(map(len, entries))) == 1:
            pieces = [list(map(split, part)) for part in zip(*entries, strict=True)]
        else:
            for entry in entries:
                self.grow(entry)
            return [self.text(entry) for entry in entries if not isinstance(entry, list)]
        rooms = [(max(len(head) for head, _ in part), max(len(tail) for _, tail in part)) for part in pieces]
        self._widen(rooms)
        columns = [[head.rjust(before) + tail.ljust(after) for head, tail in part]
                   for part, (before, after) in zip(pieces, self.parts[-len(pieces) :], strict=True)]  # fmt: skip
        return list(map(self._padded, map("".join, zip(*columns, strict=True))))

    def _widen(self, rooms: Sequence[tuple[int, int]]) -> None:
        while len(self.parts) < len(rooms):
            self.parts.insert(0, [0, 0])
        for room, (before, after) in zip(self.parts[-len(rooms) :], rooms, strict=True):
            room[:] = max(before, room[0]), max(after, room[1])
        self.width = max(self.width, sum(map(sum, self.parts)))

    def laid(self, entry: Text) -> Line:
        """An entry, as wide as the column."""
        if isinstance(entry, list):
            return [*entry, (" " * (self.width - width_of(entry)), "")]
        return [(self.text(entry), "quiet" if entry in BLANKS else "")]

    def text(self, entry: str | tuple[str, ...]) -> str:
        """As `laid`, without styles."""
        if isinstance(entry, str) and not self.numeric:
            return self._padded(entry)
        pieces = self._pieces(entry)
        text = ""
        for (head, tail), (before, after) in zip(pieces, self.parts[-len(pieces) :], strict=True):
            text += head.rjust(before) + tail.ljust(after)
        return self._padded(text)

    def heading(self) -> str:
        return self._padded(self.name)

    def _padded(self, text: str) -> str:
        return text.ljust(self.width) if self.kind == "left" else text.rjust(self.width)

    def _pieces(self, entry: str | tuple[str, ...]) -> list[tuple[str, str]]:
        if isinstance(entry, str):
            return [split(entry)]
        if self.numeric:
            return [*((part, "") for part in entry[:-1]), split(entry[-1])]
        return list(map(split, entry))


def joined(line: Line) -> str:
    """The text of a line."""
    return "".join(text for text, _ in line)
