"""Blocks -> text for a terminal or a pipe, in chunks of whole lines, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Any

from convgrad.views.block_kinds import (
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
    Option,
    Part,
    Prose,
    Section,
    Table,
    Verdict,
)
from convgrad.views.look import Look, plain_lines, wrapped
from convgrad.views.text_arrays import arrays_text, beside_text, grid_lines
from convgrad.views.text_table import Measured, written
from convgrad.views.text_words import Pen

SHIFT = "  "
"""What a list in a list stands in by; a formula that is broken by two of it."""


def text(parts: Iterable[Part], look: Look, *, results_only: bool = False) -> Iterator[str]:
    """Sections with an empty line between them, empty ones left out; last that numbers were rounded, if any were."""
    pen, started = Pen(look), False
    for section in _sections(parts, pen, results_only):
        first = True
        for chunk in section:
            if chunk:
                yield "\n" + chunk if started and first else chunk
                started, first = True, False


def _sections(parts: Iterable[Part], pen: Pen, results_only: bool) -> Iterator[Iterator[str]]:
    for part in parts:
        if isinstance(part, Alternatives):
            yield from _fitting(part, pen)
        else:
            yield _section(part, pen)
    if not results_only and pen.numbers.rounded:
        digits = pen.numbers.digits
        yield _block(Prose(f"rounded to {digits} digits; --digits 17 or --format json shows all"), pen)


def _section(part: Section | Block, pen: Pen, measured: Measured | None = None) -> Iterator[str]:
    for block in part.blocks if isinstance(part, Section) else (part,):
        if measured and block is measured.table:
            yield from written(measured.table, pen, measured)
        else:
            yield from _block(block, pen)


def _fitting(part: Alternatives, pen: Pen) -> Iterator[Iterator[str]]:
    """The first layout that fits."""
    option, measured = _chosen(part, pen)
    return (_section(section, pen, measured) for section in option.sections)


def _chosen(part: Alternatives, pen: Pen) -> tuple[Option, Measured | None]:
    """The first layout that fits, its table measured; the last if none does."""
    for option in part.options:
        measured = Measured(option.table, pen) if option.table else None
        if measured is None or _fits(measured, pen.look):
            return option, measured
    return option, measured


def _fits(measured: Measured, look: Look) -> bool:
    """Whether a table fits; in a pipe any does, but equations are written out only where lines stay short."""
    written_out = any(column.kind == "equation" for column in measured.table.columns)
    return measured.width <= look.room or (look.width is None and not written_out)


# -- Blocks ------------------------------------------------------------------------------------------------------------


def _block(block: Block, pen: Pen) -> Iterator[str]:
    shown: str | Iterator[str] = WRITERS[type(block)](block, pen)
    return iter((shown,)) if isinstance(shown, str) else shown


def _heading(block: Heading, pen: Pen) -> str:
    return pen.look.text(plain_lines(*_wrapped(block.items, pen), style="title"))


def _facts(block: Facts, pen: Pen) -> str:
    lines = _wrapped(block.items, pen)
    first = int(block.lead)
    return pen.look.text([*plain_lines(*lines[:first], style="title"), *plain_lines(*lines[first:])])


def _wrapped(items: Iterable[Any], pen: Pen) -> list[str]:
    return wrapped(map(pen.words, items), pen.look.width)


def _item(block: Item, pen: Pen) -> str:
    return pen.broken(block.words, SHIFT * block.level, SHIFT)


def _identities(block: Identities, pen: Pen) -> str:
    """A line each, those that hold with the same right side in one."""
    chains: dict[str, list[str]] = {}
    for identity in block.checked:
        end, name = _identity(identity, pen)
        names = chains.setdefault(end, [])
        names += [name] if name else []
    indent = SHIFT * block.level
    return "".join(pen.broken(" = ".join([*names, end]), indent, SHIFT * 2) for end, names in chains.items())


def _identity(identity: Identity, pen: Pen) -> tuple[str, str]:
    """The end of the line that an identity stands in, and what of it stands before."""
    (name, end), (left, right) = identity.names, map(pen.piece, identity.values)
    value = identity.values[0]
    if left == right and isinstance(value, float) and not isfinite(value):
        return f"{name} and {end} are {left}: nothing to compare", ""
    if identity.holds:
        return f"{end} = {right}   holds", name
    return f"{name} = {left}, but {end} = {right}: does not hold{identity.where}", ""


WRITERS: dict[type, Callable[[Any, Pen], str | Iterator[str]]] = {
    Heading: _heading,
    Facts: _facts,
    Prose: lambda block, pen: pen.broken(block.words),
    Item: _item,
    Formula: lambda block, pen: pen.broken(block.words, hang=SHIFT * 2),
    Line: lambda block, pen: f"{pen.words(block.words)}\n",
    Verdict: lambda block, pen: f"{block.word}\n",
    Identities: _identities,
    Arrays: arrays_text,
    Grid: lambda block, pen: pen.look.text(grid_lines(block, pen).lines),
    Beside: beside_text,
    Table: written,
}
"""How each kind of block is written."""
