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
from convgrad.views.block_kinds import TIES, WINS, Beside, Cell, Grid, Line, Section, windowed
from convgrad.views.pair import restricted
from convgrad.vocabulary import MAXIMUM

DRAWN = 256
"""Windows whose winners are marked; of more, x is shown without."""
CLOSE = 16
"""Cells of an axis up to which it is shown whole."""


def grids(gradients: Gradients, channel: int) -> Beside:
    """x, delta and dX of the first sample."""
    case = gradients.case
    assert case.delta is not None
    rules = borders(case.arguments["window"], case.shapes["x"][2:])
    dx = Grid("dX", gradients.by_operand["x"][0, channel], rules=rules, longest=CLOSE)
    delta = Grid("delta", case.delta[0, channel], longest=CLOSE)
    return Beside((_input_grid(case, case.delta, channel), delta, dx))


def input_grid(case: Case, delta: Array, channel: int) -> Beside:
    """x of the first sample with its winners, alone."""
    return Beside((_input_grid(case, delta, channel),))


def _input_grid(case: Case, delta: Array, channel: int) -> Grid:
    window: Window = case.arguments["window"]
    marked = case.operation.family == MAXIMUM and prod(case.positions) <= DRAWN
    laid = (
        case.operation.overlay(delta, *case.arrays, sample=0, position=position, **case.arguments)
        for position in np.ndindex(case.positions if marked else 0)
    )
    assert case.operands["x"] is not None
    rules = borders(window, case.shapes["x"][2:])
    return Grid("x", case.operands["x"][0, channel], _winning(laid, window, channel), rules, CLOSE)


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


def _winning(laid: Iterable[Overlay], window: Window, channel: int) -> dict[Cell, str]:
    """Which cells win, and which tie with a winner and lose."""
    won, tied = set[Cell](), set[Cell]()
    for overlay in laid:
        if overlay.winners is not None:
            won.update(overlay.winners[channel])
            tied.update(_tied(overlay, window, channel))
    return {**dict.fromkeys(tied, TIES), **dict.fromkeys(won, WINS)}


def _tied(overlay: Overlay, window: Window, channel: int) -> Iterator[Cell]:
    """The cells of the window that hold as much as a winner."""
    assert overlay.winners is not None
    values = dict(zip(product(*window.under(overlay.position)), overlay.window[channel].flat, strict=True))
    best = values[overlay.winners[channel][0]]
    yield from (cell for cell, value in values.items() if value == best)


def opened_grids(gradients: Gradients, channel: int, place: int) -> Section:
    """One overlay: x with its window, delta with its entry, dX as it stands once it has been added."""
    case, overlay = gradients.case, gradients.full_overlays[place]
    assert case.operands["x"] is not None
    assert case.delta is not None
    window: Window = case.arguments["window"]
    lengths, at = case.shapes["x"][2:], [[p] for p in overlay.position]
    cells = [[c for c in under if 0 <= c < n] for under, n in zip(window.under(overlay.position), lengths, strict=True)]
    x, delta = case.operands["x"][overlay.sample, channel], case.delta[overlay.sample, channel]
    so_far = restricted(case, 0, place + 1)["x"][overlay.sample, channel]
    named = (("x", x, cells), ("delta", delta, at), ("dX so far", so_far, cells))
    shown = (Grid(name, array, windowed(focus), longest=CLOSE, focus=focus) for name, array, focus in named)
    return Section((Line(f"Overlay {place + 1} of {len(gradients.full_overlays)}"), Beside(tuple(shown))))
