"""The sums behind the deltas of a pool, below a dense layer or a convolution: who sends how much to whom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import prod

import numpy as np

from convgrad.passes.explanation import Explanation, above, bracketed, pooled_sums
from convgrad.passes.subject import Part, Subject
from convgrad.views.block_kinds import Block, Column, Entry, Prose, Row, Sign, Table
from convgrad.views.term_rows import products
from convgrad.vocabulary import MAXIMUM, MEAN, NORM

ROWS, PRODUCTS = 12, 6
"""Deltas of a pool, and products of each, that are written out."""
POOLS = (MAXIMUM, MEAN, NORM)
"""The families whose deltas are told of."""


def pooled_deltas(network: Subject, layer: Part) -> Iterator[Block]:
    """Each delta of a pool as the sum that it is, and where it goes; of any other layer nothing."""
    sender = above(network, layer)
    if sender is None or layer.layer.operation.family not in POOLS or sender.layer.operation.operands == ("x",):
        return
    yield Prose(f"who sends how much to whom: each delta of {layer.name} is a sum over {sender.name}")
    sums = zip(np.ndindex(layer.delta.shape), pooled_sums(network, layer), strict=True)
    rows = [_row(layer, explanation, index) for index, explanation in islice(sums, ROWS)]
    yield Table((Column("delta in", "left"), Column((f"from {sender.name}: delta ", Sign.TIMES, " w"), "left"),
                 Column("sum"), Column("goes to", "left")), rows)  # fmt: skip
    if left := prod(layer.delta.shape) - len(rows):
        example = f"{layer.name}.delta{bracketed((0,) * layer.delta.ndim)}"
        yield Prose(f"{left} more: convgrad explain '{example}' shows any of them")


def _row(layer: Part, explanation: Explanation, index: tuple[int, ...]) -> Row:
    terms = products(explanation.terms, PRODUCTS)
    return [bracketed(index), terms, explanation.value, _target(layer, index)]


def _target(layer: Part, index: tuple[int, ...]) -> Entry:
    """Where a pool passes a delta on to."""
    case = layer.case
    sample, channel, *position = (0,) * (case.dims + 2 - len(index)) + index
    laid = layer.gradients.full_overlays.at(sample, tuple(position))
    lead = index[: len(index) - case.dims]
    if laid.winners is not None:
        return ", ".join(f"x{bracketed((*lead, *cell))}" for cell in laid.winners[channel])
    cells = sum(bool(value != 0) for value in laid.dx[channel].flat)
    number = f"{cells} cell{'s' * (cells != 1)}"
    return number if laid.divisor is None else (f"{number}, ", Sign.TIMES, f" 1 / {laid.divisor} each")
