"""Blocks -> CSV: every row of the tables and every entry of the arrays, each number with all its digits."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, islice
from typing import Any

import numpy as np

from convgrad.core.arithmetic import nearest
from convgrad.core.record import plain
from convgrad.views.block_kinds import (
    Apart,
    Arrays,
    Beside,
    Block,
    Equation,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Item,
    Line,
    Part,
    Partial,
    Prose,
    Remark,
    Sign,
    Strip,
    Table,
    Verdict,
    index,
    printable,
)
from convgrad.views.flattened import flattened
from convgrad.views.text_words import Pen, identity_text, joined_entry

STREAMED = 1_000_000
"""Rows of a table that need not end."""
Line_ = list[Any]


def write(parts: Iterable[Part], pen: Pen) -> Iterator[str]:
    """Blocks with an empty line after each; arrays are rows of a name, an index and a number."""
    for block in flattened(parts):
        for row in WRITERS[type(block)](block, pen):
            yield _line(row)
        yield "\n"


def _line(row: Iterable[Any]) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerow(row)
    return held.getvalue()


def _text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    plain_text = printable(text)
    return f"'{plain_text}" if plain_text[:1] in ("=", "+", "-", "@") else plain_text


def _words(words: Any, pen: Pen) -> str:
    return _text(pen.words(words))


def _entry(entry: Any, pen: Pen) -> Any:
    """A number as such, of an equation its value; what is no number as a text."""
    if isinstance(entry, Equation | Partial | Apart):
        return _entry(entry.value, pen)
    if entry is None or entry is Sign.UNTOUCHED:
        return ""
    if isinstance(entry, str | Sign | tuple | Strip) or (isinstance(entry, np.ndarray) and entry.ndim):
        return "total" if entry is Sign.TOTAL else _text(joined_entry(entry, pen))
    return _number(entry)


def _number(value: Any) -> Any:
    """Every digit; a fraction without end as the nearest float, which a spreadsheet can add."""
    number = plain(value)
    return nearest(value) if isinstance(value, Fraction) and isinstance(number, str) else number


def _table(block: Table, pen: Pen) -> Iterator[Line_]:
    yield [_words(column.heading, pen) for column in block.columns]
    rows = islice(iter(block.rows), STREAMED)
    for row in chain(rows, [block.total] if block.total else []):
        yield [_entry(entry, pen) for entry in row]


def _arrays(block: Arrays, pen: Pen) -> Iterator[Line_]:
    for name, values in block.named:
        if values is not None:
            yield from _entries(name, np.asarray(values))


def _grid(block: Grid, pen: Pen) -> Iterator[Line_]:
    return _entries(_words(block.title, pen), block.values)


def _entries(name: str, values: Any) -> Iterator[Line_]:
    """A row of the array a line, before it the name and where it begins."""
    rows = values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)
    leads = np.ndindex(*values.shape[:-1]) if values.ndim else iter([()])
    for lead, row in zip(leads, rows, strict=True):
        yield [_text(name) + (index(lead) if lead else ""), *map(_number, row)]


def _beside(block: Beside, pen: Pen) -> Iterator[Line_]:
    for part in block.blocks:
        yield from WRITERS[type(part)](part, pen)


def _sentence(block: Any, pen: Pen) -> Iterator[Line_]:
    yield [_words(block.words, pen)]


def _items(block: Heading | Facts, pen: Pen) -> Iterator[Line_]:
    yield [_words(item, pen).strip() for item in block.items]


WRITERS: dict[type[Block] | type[Remark], Callable[[Any, Pen], Iterator[Line_]]] = {
    Heading: _items,
    Facts: _items,
    Prose: _sentence,
    Item: _sentence,
    Formula: _sentence,
    Line: _sentence,
    Remark: lambda block, pen: iter([[_words(block.title, pen), _words(block.words, pen)]]),
    Verdict: lambda block, pen: iter([["verdict", block.word]]),
    Identities: lambda block, pen: ([_text(identity_text(one, pen))] for one in block.checked),
    Arrays: _arrays,
    Grid: _grid,
    Beside: _beside,
    Table: _table,
}
