"""Blocks -> static HTML that needs no style sheet and no script: tables, grids and sentences, every text escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from convgrad.views.block_kinds import (
    TIES,
    WINDOW,
    WINS,
    Alternatives,
    Arrays,
    Beside,
    Block,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Identity,
    Item,
    Line,
    Part,
    Prose,
    Remark,
    Row,
    Section,
    Table,
    Verdict,
    shape_text,
)
from convgrad.views.text_words import Pen

MOST_ROWS = 200
"""Rows of a table without a brief form that are written; a page holds no more than anyone reads."""
MOST, ENDS = 20, 6
"""Cells of an axis up to which an array is written whole, and how many of a longer one at either end."""
SLICES = 8
"""Planes of a volume that are written."""
MARKS = {WINDOW: "background:#cfe8f3", WINS: "background:#cdebc5;font-weight:bold", TIES: "background:#fbe7a1"}
VERDICTS = {"agrees": "#1a7f37", "differs": "#b42318", "undecided": "#8a6100"}
NUMBERS = "text-align:right;font-variant-numeric:tabular-nums"
"""How the cells of a table stand, but for those to the left."""


def html(parts: Iterable[Part], pen: Pen) -> str:
    """Sections one below the other, of alternatives the richest; last that numbers were rounded, if any were."""
    body = "".join(text for part in parts for text in _part(part, pen))
    if pen.numbers.rounded:
        body += _tag("p", escaped(f"rounded to {pen.numbers.digits} digits"), "color:gray")
    return _tag("div", body, "line-height:1.4")


def escaped(text: str) -> str:
    """A text as it stands in a page: no sign of it is markup, in an element or in an attribute."""
    for sign, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#39")):
        text = text.replace(sign, f"&{name};")
    return text


def _tag(name: str, inside: str, style: str = "", **attributes: str) -> str:
    """An element; what is inside is HTML already."""
    attributes |= {"style": style} if style else {}
    written = "".join(f' {key}="{escaped(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{inside}</{name}>"


def _part(part: Part, pen: Pen) -> Iterator[str]:
    if isinstance(part, Alternatives):
        for section in next(iter(part.options)).sections:
            yield from _part(section, pen)
        return
    for block in part.blocks if isinstance(part, Section) else (part,):
        yield WRITERS[type(block)](block, pen)


# -- Blocks ------------------------------------------------------------------------------------------------------------


def _items(block: Heading | Facts, pen: Pen) -> str:
    words = " &ensp; ".join(escaped(pen.words(item).strip()) for item in block.items)
    lead = not isinstance(block, Facts) or block.lead
    return _tag("p", _tag("b", words) if lead else words)


def _sentence(block: Prose | Formula | Line, pen: Pen) -> str:
    return _tag("p", escaped(pen.words(block.words)))


def _item(block: Item, pen: Pen) -> str:
    return _tag("p", escaped(pen.words(block.words)), f"margin:.2em 0 .2em {2 * block.level}em")


def _verdict(block: Verdict, pen: Pen) -> str:
    return _tag("p", _tag("b", escaped(block.word), f"color:{VERDICTS.get(block.word, 'inherit')}"))


def _identities(block: Identities, pen: Pen) -> str:
    return "".join(
        _tag("p", escaped(_identity(one, pen)), f"margin:.2em 0 .2em {2 * block.level}em") for one in block.checked
    )


def _identity(identity: Identity, pen: Pen) -> str:
    (name, end), (left, right) = identity.names, map(pen.piece, identity.values)
    held = "holds" if identity.holds else f"does not hold{identity.where}"
    return f"{name} = {left}, {end} = {right}: {held}" if left != right else f"{name} = {end} = {right}: {held}"


def _table(block: Table, pen: Pen) -> str:
    head = "".join(_tag("th", escaped(pen.words(column.heading)), _align(column.kind)) for column in block.columns)
    rows = "".join(_row(row, block, pen) for row in _rows(block, pen))
    total = _tag("tfoot", _row(block.total, block, pen)) if block.total else ""
    return _tag("table", _tag("thead", _tag("tr", head)) + _tag("tbody", rows) + total, NUMBERS)


def _rows(block: Table, pen: Pen) -> Iterator[Row]:
    """The rows that are shown: of many those at the ends, what lies between summed, or as many as are read."""
    if isinstance(block.rows, Iterator) or block.brief is None or block.summed is None:
        yield from islice(iter(block.rows), MOST_ROWS)
        return
    (first, last), count = block.brief, len(block.rows)
    if first + last >= count:
        yield from islice(iter(block.rows), MOST_ROWS)
        return
    yield from (block.rows[number] for number in range(first))
    yield block.summed(first, count - last)
    yield from (block.rows[number] for number in range(count - last, count))


def _row(row: Row, block: Table, pen: Pen) -> str:
    cells = zip(row, block.columns, strict=True)
    return _tag("tr", "".join(_tag("td", _entry(entry, pen), _align(column.kind)) for entry, column in cells))


def _entry(entry: Any, pen: Pen) -> str:
    """A cell, in the words of the text."""
    text = pen.entry(entry)
    parts = [text] if isinstance(text, str) else [part if isinstance(part, str) else part[0] for part in text]
    return escaped("".join(parts).strip())


def _align(kind: str) -> str:
    return "text-align:left" if kind == "left" else ""


# -- Arrays ------------------------------------------------------------------------------------------------------------


def _arrays(block: Arrays, pen: Pen) -> str:
    named = ((name, np.asarray(values)) for name, values in block.named if values is not None)
    return _beside((_grid(Grid(name, array), pen) for name, array in named))


def _grid(block: Grid, pen: Pen) -> str:
    values = block.values.reshape((1,) * (2 - min(block.values.ndim, 2)) + block.values.shape)
    title, marks = pen.words(block.title), block.marks or {}
    flat = 2 - min(block.values.ndim, 2)
    planes = list(islice(np.ndindex(values.shape[:-2]), SLICES))
    whole = max(values.shape, default=0) <= MOST and len(planes) == int(np.prod(values.shape[:-2]))
    named = title if whole else f"{title}  {shape_text(block.values.shape)}"
    marked = {(0,) * flat + tuple(cell): mark for cell, mark in marks.items()}
    shown = [_plane(values, plane, marked, pen) for plane in planes]
    return _tag("div", _tag("b", escaped(named)) + "".join(shown), "margin:.3em 1.5em .3em 0")


def _plane(values: Any, plane: tuple[int, ...], marks: dict[Any, str], pen: Pen) -> str:
    """The last two axes as a table, of long ones the ends."""
    rows, columns = (_picked(length) for length in values.shape[-2:])
    lines = ["".join(_cell(values, (*plane, row, column), marks, pen) for column in columns) for row in rows]
    label = _tag("div", escaped(f"[{','.join(map(str, plane))}]"), "color:gray") if plane else ""
    return label + _tag("table", "".join(_tag("tr", line) for line in lines), NUMBERS)


def _cell(values: Any, index: tuple[int | None, ...], marks: dict[Any, str], pen: Pen) -> str:
    if None in index:
        return _tag("td", "…")
    return _tag("td", escaped(pen.numbers.text(values[index])), MARKS.get(marks.get(index, ""), ""))


def _picked(length: int) -> Sequence[int | None]:
    if length <= MOST:
        return range(length)
    return [*range(ENDS), None, *range(length - ENDS, length)]


def _beside(parts: Iterable[str]) -> str:
    return _tag("div", "".join(parts), "display:flex;flex-wrap:wrap;align-items:flex-start")


def _remark(block: Remark, pen: Pen) -> str:
    return _tag("div", _tag("b", escaped(pen.words(block.title))) + _tag("p", escaped(pen.words(block.words))))


def _side_by_side(block: Beside, pen: Pen) -> str:
    return _beside(_grid(part, pen) if isinstance(part, Grid) else _remark(part, pen) for part in block.blocks)


WRITERS: dict[type[Block], Callable[[Any, Pen], str]] = {
    Heading: _items,
    Facts: _items,
    Prose: _sentence,
    Item: _item,
    Formula: _sentence,
    Line: _sentence,
    Verdict: _verdict,
    Identities: _identities,
    Arrays: _arrays,
    Grid: _grid,
    Beside: _side_by_side,
    Table: _table,
}
"""How each kind of block is written."""
