"""A point in a text as a person finds it: line, column, the line itself and a caret under it."""

from __future__ import annotations

import unicodedata

from convgrad.errors import Point, Problem

BEFORE, AFTER = 35, 35  # characters of a long line shown on either side of the column
CUT = "…"


def place_at(name: str, text: str, index: int, first_line: int = 1) -> Point:
    """The place of the character text[index], in a file where the text begins on `first_line`."""
    index = min(index, len(text))
    start = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    line = first_line + text.count("\n", 0, index)
    stop = len(text) if end < 0 else end
    if stop > start and text[stop - 1] == "\r":
        stop -= 1
    return Point(name, line, index - start + 1, _window(text, start, stop, index))


def _window(text: str, start: int, stop: int, index: int) -> str:
    """The line text[start:stop], a long one cut to what is around the index."""
    if stop - start <= BEFORE + AFTER + 2:
        return text[start:stop]
    first = index - BEFORE if index - start > BEFORE else start
    last = min(first + BEFORE + AFTER, stop)
    return (CUT if first > start else "") + text[first:last] + (CUT if last < stop else "")


def caret_index(place: Point) -> int:
    """How many characters of the place's text stand before its column: a window cut at the left has a fixed number."""
    column = (place.column or 1) - 1
    cut = (place.text or "").startswith(CUT) and column > BEFORE
    return len(CUT) + BEFORE if cut else column


def render(problem: Problem, *, ascii: bool = False) -> str:
    """The problem as a person reads it: what and where, the line with a caret under it, what to do."""
    lines = [str(Problem(problem.message, path=problem.path, place=problem.place))]
    place = problem.place
    if place and place.column and (place.text or "").strip():
        lines += [_visible(place.text or "", ascii), _caret(place, ascii)]
    lines += [problem.advice] if problem.advice else []
    return _plain("\n".join(lines)) if ascii else "\n".join(map(_encodable, lines))


def _caret(place: Point, ascii: bool) -> str:
    """A caret below the column: a tab stays a tab, a wide character takes two cells."""
    before = _visible((place.text or "")[: caret_index(place)], ascii)
    return "".join("\t" if char == "\t" else " " * _cells(char) for char in before) + "^"


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _visible(text: str, ascii: bool) -> str:
    """The text without what would act on a terminal; in ASCII with escapes when asked."""
    shown = "".join(char if char.isprintable() or char == "\t" else _escaped(char) for char in text)
    return _plain(shown) if ascii else shown


def _plain(text: str) -> str:
    return text.replace(CUT, "~").encode("ascii", "backslashreplace").decode("ascii")


def _encodable(text: str) -> str:
    return "\n".join(_visible(line, False) for line in text.split("\n"))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
