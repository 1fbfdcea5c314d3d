"""How the work of a pool is cut: into planes, a channel of a sample each, and large planes into rows of positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.threads import share, spans, worth
from convgrad.core.window import Axis, Window

BLOCK = 1 << 20
"""Bytes that a block aims at: a second-level cache of today."""

PASS = 16
"""What one pass over an entry in the cache costs, in multiplications of a matrix product."""


def by_planes(work: Callable[..., None], window: Window, far: Sequence[Array], near: Sequence[Array]) -> None:
    """Do a pool's work plane by plane: far (N,C,*L), near (N,C,*P), in blocks of planes and of rows of positions.

    `work(window, rows, *far, *near)` sees blocks (M,1,*L) and (M,1,*R), and the window of just those rows. The rows of
    a plane come in turn, so that work may add to the far ones; planes are shared out among threads.
    """
    count = prod(far[0].shape[:2])
    wide, narrow = ([array.reshape(count, 1, *array.shape[2:]) for array in arrays] for arrays in (far, near))
    lengths, positions = far[0].shape[2:], near[0].shape[2:]
    cost = 0 if far[0].dtype == EXACT else PASS * near[0].size * prod(window.size)
    bytes_each = far[0].itemsize * (prod(lengths) + 2 * prod(positions))
    together = max(BLOCK // max(bytes_each, 1), 1)
    parts = _rows(window, lengths, max(BLOCK * positions[0] // max(bytes_each, 1), 1))

    def run(some: slice) -> None:
        for rows, part in parts:
            work(part, rows, *(array[some] for array in wide), *(array[some, :, rows] for array in narrow))

    share(run, spans(count, max(-(count // -together), worth(cost))), cost)


def _rows(window: Window, lengths: Sequence[int], most: int) -> list[tuple[slice, Window]]:
    """The rows of positions, in parts; adaptive windows stay whole, for they have few."""
    axis, height = window.axes[0], window.positions(lengths)[0]
    if height <= most or not isinstance(axis, Axis):
        return [(slice(None), window)]
    parts = spans(height, -(height // -most))
    return [(part, window.block(lengths, part.start, part.stop)) for part in parts]
