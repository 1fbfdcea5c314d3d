"""A second writer of blocks, in Markdown: it knows blocks alone, and takes the richest layout and every row."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from convgrad.views.block_kinds import (
    Alternatives,
    Apart,
    Arrays,
    Beside,
    Equation,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Item,
    Line,
    Partial,
    Prose,
    Remark,
    Section,
    Sign,
    Strip,
    Table,
    Verdict,
)

SIGNS = {"total": "**total**", "times": "·", "to": "=>", "back": "<=", "dot": "", "left_out": "..."}


def markdown(parts):
    """Every block of a view, in order."""
    return "\n".join(line for part in parts for block in in_sections(part) for line in WRITERS[type(block)](block))


def in_sections(part):
    """The blocks of a part; of alternatives those of the richest."""
    if isinstance(part, Alternatives):
        return (block for section in next(iter(part.options)).sections for block in in_sections(section))
    return iter(part.blocks) if isinstance(part, Section) else iter((part,))


def words(pieces):
    """An entry, a title or a sentence."""
    if isinstance(pieces, str):
        return pieces
    if isinstance(pieces, Sign):
        return SIGNS[pieces.value]
    if isinstance(pieces, Equation):
        return f"{words(pieces.left)} = {words(pieces.value)}"
    if isinstance(pieces, Apart | Partial):
        return words(pieces.value)
    if isinstance(pieces, Strip):
        return " ".join(f"**{cell}**" if i in pieces.window else str(cell) for i, cell in enumerate(pieces.cells))
    if isinstance(pieces, np.ndarray):
        return array(pieces)
    return "".join(map(words, pieces)) if type(pieces) is tuple else number(pieces)


def number(value):
    """Every digit; a fraction as one; nothing where there is no number, as in the padding of a max pool."""
    if value is None:
        return ""
    return str(value) if isinstance(value, Fraction | int) else repr(float(value))


def array(values):
    return str([words(value) for value in np.ravel(values).tolist()])


def _table(table) -> Iterator[str]:
    yield from _row([words(column.heading) for column in table.columns])
    yield from _row("---" if column.kind == "left" else "--:" for column in table.columns)
    for row in table.rows:
        yield from _row(map(words, row))
    if table.total:
        yield from _row(map(words, table.total))


def _row(entries) -> Iterator[str]:
    yield f"| {' | '.join(entries)} |"


def _grid(grid) -> Iterator[str]:
    yield f"**{words(grid.title)}** {array(grid.values)} {sorted(map(str, (grid.marks or {}).items()))}"


def _identities(block) -> Iterator[str]:
    for identity in block.checked:
        left, right = (f"{name} = {words(value)}" for name, value in zip(identity.names, identity.values, strict=True))
        yield f"- {left}, {right}: {'holds' if identity.holds else 'does not hold'}{identity.where}"


def _beside(block) -> Iterator[str]:
    for part in block.blocks:
        yield from WRITERS[type(part)](part)


WRITERS = {
    Heading: lambda block: ["## " + ", ".join(map(words, block.items))],
    Facts: lambda block: [", ".join(map(words, block.items))],
    Prose: lambda block: [words(block.words)],
    Item: lambda block: [f"{'  ' * block.level}- {words(block.words)}"],
    Formula: lambda block: [f"`{words(block.words)}`"],
    Line: lambda block: [words(block.words)],
    Remark: lambda block: [f"**{words(block.title)}** {words(block.words)}"],
    Verdict: lambda block: [f"**{block.word}**"],
    Identities: _identities,
    Arrays: lambda block: [f"`{name}` {array(values)}" for name, values in block.named if values is not None],
    Grid: _grid,
    Beside: _beside,
    Table: _table,
}
