"""How the work of a convolution is cut: into blocks of positions whose columns fit the cache and bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from convgrad.core.threads import spans
from convgrad.core.window import Window

BLOCK = 1 << 23
"""Bytes that a block aims at: beyond a second-level cache, for on shorter work threads wait for Python's lock."""

LEAST = 1 << 21
"""Bytes of a block below which sharing costs more, in steps of Python, than it brings."""

MOST = 40 << 20
"""Bytes that the blocks of all threads hold together at most, whatever the layer."""


class Block(NamedTuple):
    """Some samples and a box of positions, with the window that has just those positions."""

    samples: slice
    box: tuple[slice, ...]
    window: Window
    number: int


def cut(lengths: Sequence[int], count: int) -> list[tuple[slice, ...]]:
    """Cut the one of several lengths that divides most evenly by the count, and leave the others whole."""
    if count == 1:
        return [(slice(None),) * len(lengths)]
    shares = [-(length // -count) / max(length, 1) for length in lengths]
    axis = shares.index(min(shares))
    pieces = spans(lengths[axis], count)
    return [(slice(None),) * axis + (span,) + (slice(None),) * (len(lengths) - axis - 1) for span in pieces]


def blocks_of(window: Window, shape: Sequence[int], width: int, sharers: int, enough: int) -> list[Block]:
    """Every position of every sample of (N,C,*L), in blocks.

    `width` is the bytes of a position, `sharers` how many want blocks, `enough` how many positions a block should have.
    """
    count, _, *lengths = shape
    positions = window.positions(lengths)
    whole, everywhere = max(prod(positions), 1), (slice(None),) * len(positions)
    if sharers == 1 and 0 < count * whole * width <= BLOCK:
        return [Block(slice(None), everywhere, window, 0)]
    room = max(min(max(BLOCK // width, enough), MOST // sharers // width), 1)
    if sharers > 1:  # several blocks each, so that none waits long for the last
        room = min(room, max(enough, LEAST // width, count * whole // (4 * sharers)))
    if whole <= room:
        pieces = -(count // -(room // whole))
        pieces = -(pieces // -sharers) * sharers
        return [Block(span, everywhere, window, number) for number, span in enumerate(spans(count, pieces))]
    parts = [(box, _boxed(window, lengths, box)) for box in _boxes(positions, room)]
    pairs = product(range(count), parts)
    return [Block(slice(n, n + 1), box, part, number) for number, (n, (box, part)) in enumerate(pairs)]


def _boxes(positions: Sequence[int], room: int) -> list[tuple[slice, ...]]:
    """Boxes of at most `room` positions that cover all: rows of the first axis, or parts of a row where it is long."""
    if not positions:
        return [()]
    height, *across = positions
    rows = max(room // prod(across), 1)
    inner = _boxes(across, room)
    return [(span, *rest) for span in spans(height, -(height // -rows)) for rest in inner]


def _boxed(window: Window, lengths: Sequence[int], box: tuple[slice, ...]) -> Window:
    """The window that has just the positions of a box."""
    axes = zip(window.axes, lengths, box, strict=True)
    return Window(tuple(axis.block(length, span.start, span.stop) for axis, length, span in axes))
