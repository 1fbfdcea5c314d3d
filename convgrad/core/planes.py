"""How the work of a pool is cut: into planes, a channel of a sample each, and large planes into rows of positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.threads import share, spans, worth
from convgrad.core.unfold import reach
from convgrad.core.window import Axis, Window

BLOCK = 1 << 23
"""Bytes that a block aims at: beyond a second-level cache, for on shorter work threads wait for Python's lock."""

MOST = 32 << 20
"""Bytes that the blocks of all threads aim at together at most."""

PASS = 16
"""What one pass over an entry in the cache costs, in multiplications of a matrix product."""


def by_planes(work: Callable[..., None], window: Window, far: Sequence[Array], near: Sequence[Array]) -> None:
    """Do a pool's work plane by plane: far (N,C,*L), near (N,C,*P), in blocks of planes and of rows of positions.

    `work(window, rows, *far, *near)` sees blocks (M,1,*R), and the window of those rows over those cells. The rows of
    a plane come in turn, so that work may add to the far ones; planes are shared out among threads.
    """
    count, lengths, positions = prod(far[0].shape[:2]), far[0].shape[2:], near[0].shape[2:]
    wide, narrow = ([array.reshape(count, 1, *array.shape[2:]) for array in arrays] for arrays in (far, near))
    cost = 0 if far[0].dtype == EXACT else PASS * near[0].size * prod(window.size)
    size = max(far[0].itemsize * (prod(lengths) + 2 * prod(positions)), 1)
    sharers = worth(cost)
    room = min(BLOCK, MOST // sharers)
    parts = _rows(window, lengths, max(room * positions[0] // size, 1))

    def run(some: slice) -> None:
        for rows, cells, part in parts:
            work(part, rows, *(array[some, :, cells] for array in wide), *(array[some, :, rows] for array in narrow))

    share(run, spans(count, max(-(count // -max(room // size, 1)), sharers)), cost)


def _rows(window: Window, lengths: Sequence[int], most: int) -> list[tuple[slice, slice, Window]]:
    """The rows of positions, in parts, each with the cells that it reaches; adaptive windows stay whole."""
    axis, height = window.axes[0], window.positions(lengths)[0]
    if height <= most or not isinstance(axis, Axis):
        return [(slice(None), slice(None), window)]
    rows = spans(height, -(height // -most))
    return [(part, *_reached(window, lengths, part)) for part in rows]


def _reached(window: Window, lengths: Sequence[int], rows: slice) -> tuple[slice, Window]:
    """The cells that some rows of windows reach, and the window of those rows over those cells."""
    axis, *others = window.block(lengths, rows.start, rows.stop).axes
    assert isinstance(axis, Axis)
    _, _, (cells,) = reach((axis,), lengths[:1])
    here = replace(axis, before=axis.before + cells.start).fitted(cells.stop - cells.start, rows.stop - rows.start)
    return cells, Window((here, *others))
