"""The blocks that a view is made of: numbers, names and structure, from which any format can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import product
from typing import Any, NamedTuple

from convgrad.core.arithmetic import FLOAT32, Array

Cell = tuple[int, ...]

# -- Words and entries -------------------------------------------------------------------------------------------------


class Sign(Enum):
    """A sign for which each writer has its own characters."""

    TOTAL = "total"
    TIMES = "times"
    TO = "to"
    BACK = "back"
    UNTOUCHED = "dot"
    LEFT_OUT = "left_out"


class Apart(NamedTuple):
    """A number, to be written to as many digits as it takes to tell it from another."""

    value: Any
    other: Any


Words = str | tuple[Any, ...]
"""A text, or pieces of one: texts, signs, and numbers, which a writer rounds as it was asked to."""


class Equation(NamedTuple):
    """An entry of a table with where it comes from: `0.2×3 = 0.6`."""

    left: Words
    value: Any


class Partial(NamedTuple):
    """An entry that is the sum of rows that are left out."""

    value: Any


class Strip(NamedTuple):
    """An entry that is a whole row of cells: those under the window, and after which cells padding begins or ends."""

    cells: Sequence[Any]
    window: Sequence[int]
    edges: tuple[int, int]


Entry = Any
"""A text, a number (None where there is none), a sign, Words, an Equation, a Partial, a Strip, or the array of cells
under a window."""
Row = Sequence[Entry]

# -- Blocks ------------------------------------------------------------------------------------------------------------


class Heading(NamedTuple):
    """What follows, in a few items."""

    items: tuple[Words, ...]


class Facts(NamedTuple):
    """What a thing is, item by item; `lead` says that it opens a view."""

    items: tuple[Words, ...]
    lead: bool = True


class Prose(NamedTuple):
    """A sentence."""

    words: Words


class Item(NamedTuple):
    """A sentence of a list, or of a list in it."""

    words: Words
    level: int = 0


class Formula(NamedTuple):
    """Symbols and numbers."""

    words: Words


class Line(NamedTuple):
    """Words that are never broken: a script may read them."""

    words: Words


class Verdict(NamedTuple):
    """agrees, differs or undecided."""

    word: str


class Identity(NamedTuple):
    """Two sides that must be equal: what they are called, their values, whether they are, and where they are not."""

    names: tuple[str, str]
    values: tuple[Any, Any]
    holds: bool
    where: str = ""


class Identities(NamedTuple):
    """Identities that gradients obey."""

    checked: tuple[Identity, ...]
    level: int = 0


class Arrays(NamedTuple):
    """Named arrays of any rank, None where there is none; `brief` says that they are not what was asked for."""

    named: tuple[tuple[str, Any], ...]
    brief: bool = False


WINDOW, WINS, TIES = "window", "win", "tie"
"""What a cell of a grid can be: under the window, the winner of one, as large as a winner but not it."""


class Grid(NamedTuple):
    """An array whose cells are marked, with rules after some rows and columns.

    Of an axis beyond `longest` a writer may show what lies around `focus` (cells per axis), else its ends. `origin`
    is what the first cell of each axis is called: negative where padding is drawn.
    """

    title: Words
    values: Array
    marks: Mapping[Cell, str] | None = None
    rules: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    longest: int | None = None
    focus: Sequence[Sequence[int]] = ()
    origin: Sequence[int] = ()


class Remark(NamedTuple):
    """A few words under a title, among grids."""

    title: Words
    words: Words


class Beside(NamedTuple):
    """Grids and remarks that are best seen side by side."""

    blocks: tuple[Grid | Remark, ...]


class Column(NamedTuple):
    """A heading, and how entries stand: at the decimal point (`number`, `equation`), `left`, `right`, or `ordinal`."""

    heading: Words = ""
    kind: str = "number"


class Table(NamedTuple):
    """Rows of entries under headings, and the total below.

    The rows are a sequence, whose rows may be made only when they are asked for, or an iterator that need not end.
    Of a long sequence `brief` says how many rows at either end are enough; `summed(first, last)` is the row that
    stands for those between, so that columns still add up.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Row] | Rows | Iterator[Row]
    total: Row | None = None
    brief: tuple[int, int] | None = None
    summed: Callable[[int, int], Row] | None = None


class Rows:
    """Rows that are made when they are asked for: of a sequence of things, by number and thing."""

    def __init__(self, things: Any, row: Callable[[int, Any], Row]) -> None:
        self.things, self.row = things, row

    def __len__(self) -> int:
        return len(self.things)

    def __getitem__(self, number: int) -> Row:
        return self.row(number, self.things[number])

    def __iter__(self) -> Iterator[Row]:
        return (self.row(number, thing) for number, thing in enumerate(self.things))


Block = Heading | Facts | Prose | Item | Formula | Line | Verdict | Identities | Arrays | Grid | Beside | Table


class Section(NamedTuple):
    """Blocks that belong together; they may be made only when they are asked for."""

    blocks: Iterable[Block]


class Option(NamedTuple):
    """One way to show something: sections, and the table in them that must fit the width, if there is one."""

    sections: Iterable[Section | Block]
    table: Table | None = None


class Alternatives(NamedTuple):
    """The same in several layouts, the richest first, made when they are asked for; the last one always fits."""

    options: Iterable[Option]


Part = Section | Block | Alternatives
"""What a view yields; a block by itself is a section."""
View = Iterator[Part]

# -- Numbers and places ------------------------------------------------------------------------------------------------


def plain(values: Array) -> list[Any]:
    """The entries as Python numbers; a float32 is the shortest decimal that reads back to it."""
    if values.dtype == FLOAT32:
        return [float(str(value)) for value in values.ravel()]
    flat: list[Any] = values.ravel().tolist()
    return flat


def index(position: Sequence[int]) -> str:
    """A position or a cell as people write it."""
    return f"[{','.join(map(str, position))}]"


def windowed(cells: Sequence[Sequence[int]]) -> dict[Cell, str]:
    """Marks for the cells of a window, given per axis."""
    return dict.fromkeys(product(*cells), WINDOW)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as in the header.

    >>> shape_text((2, 3, 5)), shape_text(())
    ('2x3x5', '1')
    """
    return "x".join(map(str, shape)) or "1"


def printable(text: str) -> str:
    """A user's text as it may stand in a line: without control characters, which could steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
