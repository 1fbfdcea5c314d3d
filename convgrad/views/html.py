"""Blocks -> static HTML that needs no style sheet and no script: tables, grids and sentences, every text escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from convgrad.views.block_kinds import (
    TIES,
    WINDOW,
    WINS,
    Arrays,
    Beside,
    Block,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Item,
    Line,
    Part,
    Prose,
    Remark,
    Row,
    Table,
    Verdict,
    shape_text,
)
from convgrad.views.flattened import Plane, flattened, left_out, planes, shown_rows
from convgrad.views.text_words import Pen, identity_text, joined_entry

MARKS = {WINDOW: "background:#cfe8f3", WINS: "background:#cdebc5;font-weight:bold", TIES: "background:#fbe7a1"}
VERDICTS = {"agrees": "#1a7f37", "differs": "#b42318", "undecided": "#8a6100"}
NUMBERS = "text-align:right;font-variant-numeric:tabular-nums"
"""How the cells of a table stand, but for those to the left."""


def html(parts: Iterable[Part], pen: Pen) -> str:
    """Sections one below the other, of alternatives the richest; last that numbers were rounded, if any were."""
    body = "".join(WRITERS[type(block)](block, pen) for block in flattened(parts))
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
        _tag("p", escaped(identity_text(one, pen)), f"margin:.2em 0 .2em {2 * block.level}em") for one in block.checked
    )


def _table(block: Table, pen: Pen) -> str:
    head = "".join(_tag("th", escaped(pen.words(column.heading)), _align(column.kind)) for column in block.columns)
    rows = "".join(_row(row, block, pen) for row in shown_rows(block))
    total = _tag("tfoot", _row(block.total, block, pen)) if block.total else ""
    return _tag("table", _tag("thead", _tag("tr", head)) + _tag("tbody", rows) + total, NUMBERS)


def _row(row: Row, block: Table, pen: Pen) -> str:
    cells = zip(row, block.columns, strict=True)
    return _tag(
        "tr", "".join(_tag("td", escaped(joined_entry(entry, pen)), _align(column.kind)) for entry, column in cells)
    )


def _align(kind: str) -> str:
    return "text-align:left" if kind == "left" else ""


# -- Arrays ------------------------------------------------------------------------------------------------------------


def _arrays(block: Arrays, pen: Pen) -> str:
    named = ((name, np.asarray(values)) for name, values in block.named if values is not None)
    return _beside((_grid(Grid(name, array), pen) for name, array in named))


def _grid(block: Grid, pen: Pen) -> str:
    title = pen.words(block.title) + (f"  {shape_text(block.values.shape)}" if left_out(block) else "")
    shown = [_plane(plane, pen) for plane in planes(block)]
    return _tag("div", _tag("b", escaped(title)) + "".join(shown), "margin:.3em 1.5em .3em 0")


def _plane(plane: Plane, pen: Pen) -> str:
    """The last two axes as a table, of long ones the ends."""
    label = _tag("div", escaped(plane.label), "color:gray") if plane.label else ""
    lines = (_tag("tr", "".join(_cell(cell, pen) for cell in row)) for row in plane.cells)
    return label + _tag("table", "".join(lines), NUMBERS)


def _cell(cell: tuple[Any, str] | None, pen: Pen) -> str:
    return _tag("td", "…") if cell is None else _tag("td", escaped(pen.numbers.text(cell[0])), MARKS.get(cell[1], ""))


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
