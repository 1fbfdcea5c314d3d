"""The grids of a pool: x with its winners, delta and dX, with the borders of windows that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, product
from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.window import Window
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.arrays import block
from convgrad.views.grid import Block, Cell, Marks, beside, bracketed
from convgrad.views.look import Look
from convgrad.views.pair import restricted

DRAWN = 256
"""Windows whose winners are marked; of more, x is shown without."""
CLOSE = 16
"""Cells of an axis up to which it is shown whole."""


def grids(gradients: Gradients, channel: int, look: Look) -> str:
    """x, delta and dX of the first sample."""
    case = gradients.case
    rules = borders(case.arguments["window"], case.shapes["x"][2:])
    assert case.delta is not None
    return look.text(beside([
        input_grid(case, case.delta, channel, look),
        block("delta", case.delta[0, channel], look, longest=CLOSE),
        block("dX", gradients.by_operand["x"][0, channel], look, marks=Marks(rules=rules), longest=CLOSE),
    ], look.room))  # fmt: skip


def input_grid(case: Case, delta: Array, channel: int, look: Look) -> Block:
    """x of the first sample, its winners in brackets."""
    window: Window = case.arguments["window"]
    laid = [
        case.operation.overlay(delta, *case.arrays, sample=0, position=position, **case.arguments)
        for position in np.ndindex(case.positions if "ties" in case.settings and prod(case.positions) <= DRAWN else 0)
    ]
    marks = _winning(laid, window, channel)
    marks = marks._replace(rules=borders(window, case.shapes["x"][2:]))
    assert case.operands["x"] is not None
    return block("x" + _legend(marks), case.operands["x"][0, channel], look, marks=marks, longest=CLOSE)


def _legend(marks: Marks) -> str:
    """What the signs mean."""
    ties = "   = ties, loses" if "=" in marks.after.values() else ""
    return f"   [ ] wins{ties}" if marks.before else ""


def borders(window: Window, lengths: tuple[int, ...]) -> tuple[frozenset[int], frozenset[int]]:
    """After which rows and columns the windows' borders run: none where windows overlap or have gaps inside."""
    found = [frozenset[int]()]
    for axis, length in zip(window.axes, lengths, strict=True):
        cells = [axis.cells(p) for p in range(axis.positions(length))]
        if getattr(axis, "dilation", 1) > 1 or any(a[1] > b[0] for a, b in pairwise(cells)):
            return frozenset(), frozenset()
        ends = {first - 1 for first, _ in cells} | {last - 1 for _, last in cells}
        found.append(frozenset(end for end in ends if 0 <= end < length - 1))
    rows, columns = found[-2:]
    return rows, columns


def _winning(laid: Iterable[Overlay], window: Window, channel: int) -> Marks:
    """Brackets around winners, `=` after cells that tie and lose."""
    won, tied = set[Cell](), set[Cell]()
    for overlay in laid:
        if overlay.winners is not None:
            won.update(overlay.winners[channel])
            tied.update(_tied(overlay, window, channel))
    return Marks(dict.fromkeys(won, "["), {**dict.fromkeys(tied, "="), **dict.fromkeys(won, "]")},
                 {**dict.fromkeys(tied, "tie"), **dict.fromkeys(won, "win")})  # fmt: skip


def _tied(overlay: Overlay, window: Window, channel: int) -> Iterator[Cell]:
    """The cells of the window that hold as much as a winner."""
    assert overlay.winners is not None
    values = dict(zip(product(*window.under(overlay.position)), overlay.window[channel].flat, strict=True))
    best = values[overlay.winners[channel][0]]
    yield from (cell for cell, value in values.items() if value == best)


def opened_grids(gradients: Gradients, channel: int, place: int, look: Look) -> Iterator[str]:
    """One overlay: x with its window, delta with its entry, dX as it stands once it has been added."""
    case, overlay = gradients.case, gradients.full_overlays[place]
    assert case.operands["x"] is not None
    assert case.delta is not None
    window: Window = case.arguments["window"]
    lengths = case.shapes["x"][2:]
    cells = [[c for c in under if 0 <= c < n] for under, n in zip(window.under(overlay.position), lengths, strict=True)]
    marks, at = bracketed(cells), [[p] for p in overlay.position]
    so_far = restricted(case, 0, place + 1)["x"][overlay.sample, channel]
    named = [
        ("x", case.operands["x"][overlay.sample, channel], marks, cells),
        ("delta", case.delta[overlay.sample, channel], bracketed(at), at),
        ("dX so far", so_far, marks, cells),
    ]
    yield f"Overlay {place + 1} of {len(gradients.full_overlays)}\n"
    blocks = (block(name, array, look, marks=marks, longest=CLOSE, focus=focus) for name, array, marks, focus in named)
    yield look.text(beside(blocks, look.room))
