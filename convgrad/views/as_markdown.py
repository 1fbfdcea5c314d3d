"""Blocks -> Markdown (CommonMark with GFM's tables): what a summary of a CI run or a README takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from convgrad.views.block_kinds import (
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
    printable,
    shape_text,
)
from convgrad.views.flattened import Plane, flattened, left_out, planes, shown_rows
from convgrad.views.text_words import Pen, identity_text, joined_entry

SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$])")
AT_START = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s|$|-|=|\+)")


def write(parts: Iterable[Part], pen: Pen) -> Iterator[str]:
    """The blocks one below the other; last that numbers were rounded, if any were."""
    for block in flattened(parts):
        if text := WRITERS[type(block)](block, pen):
            yield f"{text}\n\n"
    if pen.numbers.rounded:
        yield f"*rounded to {pen.numbers.digits} digits*\n"


def escaped(text: str) -> str:
    """A text as it reads: no sign of it is markup, and it is of one line.

    >>> escaped("a|b <i> *c*")
    'a\\\\|b \\\\<i\\\\> \\\\*c\\\\*'
    """
    plain = SPECIAL.sub(r"\\\1", printable(text))
    return AT_START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", plain)


def _words(words: Any, pen: Pen) -> str:
    return escaped(pen.words(words))


def _facts(block: Heading | Facts, pen: Pen) -> str:
    text = "  ".join(_words(item, pen) for item in block.items)
    return f"**{text}**" if text and (isinstance(block, Heading) or block.lead) else text


def _item(block: Item, pen: Pen) -> str:
    return f"- {_words(block.words, pen)}" if block.level == 0 else f"- … {_words(block.words, pen)}"


def _identities(block: Identities, pen: Pen) -> str:
    return "\n".join(f"- {escaped(identity_text(one, pen))}" for one in block.checked)


def _table(block: Table, pen: Pen) -> str:
    head = _row([_words(column.heading, pen) for column in block.columns])
    line = _row(["---" if column.kind == "left" else "--:" for column in block.columns])
    rows = [_row(_entries(row, pen)) for row in shown_rows(block)]
    total = [_row([f"**{text}**" if text else "" for text in _entries(block.total, pen)])] if block.total else []
    return "\n".join([head, line, *rows, *total])


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _entries(row: Row, pen: Pen) -> list[str]:
    return [escaped(joined_entry(entry, pen)) for entry in row]


# -- Arrays ------------------------------------------------------------------------------------------------------------


def _arrays(block: Arrays, pen: Pen) -> str:
    named = ((name, np.asarray(values)) for name, values in block.named if values is not None)
    return "\n\n".join(_grid(Grid(name, values), pen) for name, values in named)


def _grid(block: Grid, pen: Pen) -> str:
    title, values = _words(block.title, pen), block.values
    if values.ndim < 2 and not block.marks and not left_out(block):
        texts = pen.numbers.list(values)
        written = "[" + ", ".join(texts) + "]" if values.ndim else texts[0]
        return f"**{title}** = {escaped(written)}"
    shape = f" {shape_text(values.shape)}" if left_out(block) else ""
    shown = [_plane(plane, block, pen) for plane in planes(block)]
    return "\n\n".join([f"**{title}**{shape}", *shown])


def _plane(plane: Plane, block: Grid, pen: Pen) -> str:
    """A table whose headings are the indices of the columns; a cell with a mark is in bold and in brackets."""
    first = (0, 0, *block.origin)[-2:]
    head = [escaped(plane.label), *("…" if j is None else str(j + first[1]) for j in plane.columns)]
    lines = [_row(head), _row(["--:"] * len(head))]
    for i, cells in zip(plane.rows, plane.cells, strict=True):
        lines.append(_row(["…" if i is None else f"**{i + first[0]}**", *(_cell(cell, pen) for cell in cells)]))
    return "\n".join(lines)


def _cell(cell: tuple[Any, str] | None, pen: Pen) -> str:
    if cell is None:
        return "…"
    text = escaped(pen.numbers.text(cell[0]))
    return f"**\\[{text}\\]**" if cell[1] in ("window", "win") else f"{text}=" if cell[1] else text


def _beside(block: Beside, pen: Pen) -> str:
    return "\n\n".join(WRITERS[type(part)](part, pen) for part in block.blocks)


WRITERS: dict[type[Block] | type[Remark], Callable[[Any, Pen], str]] = {
    Heading: _facts,
    Facts: _facts,
    Prose: lambda block, pen: _words(block.words, pen),
    Item: _item,
    Formula: lambda block, pen: _words(block.words, pen),
    Line: lambda block, pen: _words(block.words, pen),
    Remark: lambda block, pen: f"**{_words(block.title, pen)}** {_words(block.words, pen)}",
    Verdict: lambda block, pen: f"**{block.word}**",
    Identities: _identities,
    Arrays: _arrays,
    Grid: _grid,
    Beside: _beside,
    Table: _table,
}
