"""An output of softmax with every entry that its sum is over."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from convgrad.passes.explanation import Explanation, bracketed, user_index
from convgrad.views.block_kinds import Block, Column, Prose, Row, Sign, Table


def shared_sum(explanation: Explanation) -> Iterator[Block]:
    """y = e^(x - max) / sum e^(x - max): a row for each entry of x in the sum, the one asked for marked."""
    case = explanation.case
    x, axes = case.arrays[0], case.arguments["axes"]
    assert x is not None
    full = case.layout.full_index("x", explanation.index, x.ndim)
    kept = tuple(slice(None) if axis in axes else i for axis, i in enumerate(full))
    shifted = np.exp(x[kept] - x[kept].real.max())
    total = shifted.sum()
    yield Prose(f"{explanation.own_entry} = e^(x - max) / sum of e^(x - max), max being the largest x of the sum")
    rows = [
        _row(explanation, _whole(kept, place), x[_whole(kept, place)], shifted[place], total)
        for place in np.ndindex(shifted.shape)
    ]
    columns = (Column("entry", "left"), Column("x"), Column("e^(x - max)"), Column("/ sum"), Column("", "left"))
    yield Table(columns, rows, [Sign.TOTAL, "", total, 1, ""])


def _whole(kept: tuple[int | slice, ...], place: tuple[int, ...]) -> tuple[int, ...]:
    """The full index of a place among the entries that were kept."""
    inner = iter(place)
    return tuple(next(inner) if isinstance(part, slice) else part for part in kept)


def _row(explanation: Explanation, full: tuple[int, ...], x: float, e: float, total: float) -> Row:
    own = user_index(explanation.case, "dX", full)
    return [f"x{bracketed(own)}", x, e, e / total, explanation.own_entry if own == explanation.index else ""]
