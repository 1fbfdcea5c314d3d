"""How text is to look: width, symbols, numbers, colour."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from convgrad.views.numbers import Numbers

Span = tuple[str, str]
"""A text and the name of its style, "" for none."""
Line = list[Span]

PIPE = 88
"""Columns in which a pipe's blocks flow; what is wider stays whole there."""
STYLES = {
    "title": "bold", "head": "bold", "total": "bold", "window": "bold cyan", "win": "bold green", "tie": "yellow",
    "quiet": "dim",
}  # fmt: skip


class Symbols(NamedTuple):
    """The signs that a terminal may lack."""

    total: str
    times: str
    rule: str
    bar: str
    cross: str
    dot: str
    to: str
    back: str


UNICODE = Symbols("Σ", "×", "─", "│", "┼", "·", "→", "←")
ASCII = Symbols("sum", "*", "-", "|", "+", ".", "->", "<-")


def encodable(encoding: str | None) -> bool:
    """Whether a stream can show the Unicode symbols.

    >>> encodable("utf-8"), encodable("cp437"), encodable("ascii")
    (True, False, False)
    """
    try:
        "".join(UNICODE).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def coloured(color: str, terminal: bool) -> bool:
    """Whether to colour: as asked, else in a terminal that can, as NO_COLOR, FORCE_COLOR and TERM say."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")


class Look(NamedTuple):
    """What was asked of text; a width of None is a pipe, which takes lines of any length."""

    width: int | None
    numbers: Numbers
    symbols: Symbols = UNICODE
    color: bool = False

    @property
    def room(self) -> int:
        """Columns in which blocks are laid side by side."""
        return self.width or PIPE

    def fits(self, width: int) -> bool:
        """Whether lines so long can be shown as they are."""
        return self.width is None or width <= self.width

    def text(self, lines: Iterable[Sequence[Span]]) -> str:
        """Lines as text, with colours if they are on, without spaces at their ends."""
        return "".join(f"{self._line(line)}\n" for line in lines)

    def _line(self, line: Sequence[Span]) -> str:
        if not self.color:
            return "".join(span[0] for span in line).rstrip()
        return "".join(painted(text, style) for text, style in _stripped(line))


def _stripped(line: Sequence[Span]) -> Sequence[Span]:
    spans = list(line)
    while spans and not spans[-1][0].strip():
        spans.pop()
    return [*spans[:-1], (spans[-1][0].rstrip(), spans[-1][1])] if spans else []


def painted(text: str, style: str) -> str:
    """A text in a style, for a terminal."""
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(STYLES[style]).render(text, color_system=ColorSystem.STANDARD) if style and text else text


def width_of(line: Sequence[Span]) -> int:
    """The columns that a line takes."""
    return sum(len(span[0]) for span in line)


def plain_lines(*texts: str, style: str = "") -> list[Line]:
    """Texts as lines of one style."""
    return [[(text, style)] for text in texts]


def wrapped(items: Iterable[str], width: int | None, gap: str = "  ", indent: str = "    ") -> list[str]:
    """Items joined into lines that break between items, and within one only, at its spaces, where it is too long.

    >>> wrapped(["x = 1", "y = 2", "z = 3"], 13)
    ['x = 1  y = 2', '    z = 3']
    """
    lines: list[str] = []
    for item in items:
        fits = width is None or len(item) <= width - (len(indent) if lines else 0)
        for number, piece in enumerate([item] if fits else item.split(" ")):
            between = " " if number else gap
            if not lines:
                lines.append(piece)
            elif width is None or len(lines[-1]) + len(between) + len(piece) <= width:
                lines[-1] += between + piece
            else:
                lines[-1] = lines[-1].rstrip()
                lines.append(indent + piece)
    return lines
