"""A layer cut into patches that stay in the cache: some samples, one channel of each group, and a box of positions.

A patch with the cells that it reads is a small layer of its own: its forward pass is all that can change where they are
moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from operator import getitem
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.threads import spans
from convgrad.core.window import Axis, Window
from convgrad.differences.colouring import Colouring, colouring
from convgrad.differences.probe import Probe
from convgrad.differences.reach import Reads, Selectors, meetings, period
from convgrad.vocabulary import NORM

ROOM = 1 << 16
"""Numbers of output that a patch aims at: half a megabyte, and as much of delta, stay in a second-level cache."""
SPARSE = 1 << 13
"""The same where few entries are wanted: what is read around them is all that is run."""

LARGE = 1 << 20
"""Numbers of output in a whole forward pass, or those of one sample."""

Spans = tuple[slice, ...]


@dataclass(frozen=True)
class Box:
    """Some positions, the cells that they read, and the probe of just these, whose geometry counts from them."""

    probe: Probe
    positions: Spans
    cells: Spans
    size: int
    """Numbers of a sample that an evaluation takes: outputs of all filters, or of one plane; its cells, if more."""

    @cached_property
    def meetings(self) -> list[tuple[Selectors, Selectors]]:
        """Tap by tap which positions read which cells."""
        return list(meetings(self.probe.geometry))

    @cached_property
    def taps(self) -> list[tuple[int, ...]]:
        """The taps in the same order, each as an index an axis."""
        return list(np.ndindex(*(axis.shape[1] for axis in self.probe.geometry)))

    @cached_property
    def sparse(self) -> list[int]:
        """Taps at which less than half of the positions read, as between the strides of a transposed convolution."""
        read = [(axis >= 0).mean(axis=0) for axis in self.probe.geometry]
        return [n for n, taps in enumerate(self.taps) if prod(map(getitem, read, taps)) < 1 / 2]

    @cached_property
    def colouring(self) -> Colouring:
        """The cells in groups of which no position reads two."""
        return colouring_of(self.probe, [span.stop - span.start for span in self.cells])


def colouring_of(probe: Probe, lengths: Sequence[int]) -> Colouring:
    """That of cells of these lengths, by the geometry of a probe."""
    periods = [period(probe.case, axis) for axis in range(len(lengths))]
    return colouring(probe.geometry, lengths, periods)


class Patch(NamedTuple):
    """A box of some samples and channels."""

    rows: slice
    channels: slice
    box: Box

    def of_x(self, array: Array) -> Array:
        """Its cells, a view: (N,C,*L) -> (n,c,*cells)."""
        view: Array = array[(self.rows, self.channels, *self.box.cells)]
        return view

    def of_y(self, array: Array) -> Array:
        """Its positions, of all filters or of its own planes, a view: (N,O,*P) -> (n,o,*positions)."""
        channels = slice(None) if self.box.probe.bilinear else self.channels
        view: Array = array[(self.rows, channels, *self.box.positions)]
        return view

    @property
    def size(self) -> int:
        """How many numbers of output it has, or of cells, whichever are more."""
        planes = 1 if self.box.probe.bilinear else self.channels.stop - self.channels.start
        return int(self.box.size * (self.rows.stop - self.rows.start) * planes)


def patches_by_channel(probe: Probe, boxes: Sequence[Box], room: int) -> list[list[Patch]]:
    """Every patch of one channel of each group, channel by channel: those of a channel write to its places alone."""
    samples = [list(_spans(len(probe.arrays["x"]), max(1, room // max(box.size, 1)))) for box in boxes]
    return [
        [Patch(rows, slice(channel, None, probe.together), box)
         for box, parts in zip(boxes, samples, strict=True) for rows in parts]
        for channel in range(probe.together)
    ]  # fmt: skip


def patches_by_plane(probe: Probe, boxes: Sequence[Box], room: int) -> list[list[Patch]]:
    """Every patch of a pool, some planes at a time: those of a plane write to its places alone."""
    count, planes = probe.arrays["x"].shape[:2]
    each = max(1, room // max(max(box.size for box in boxes), 1))
    parts = product(_spans(count, max(1, each // max(planes, 1))), _spans(planes, each))
    return [[Patch(rows, channels, box) for box in boxes] for rows, channels in parts]


def boxes_of(probe: Probe, room: int) -> list[Box]:
    """Boxes of at most so many numbers of output, as far as its axes can be cut, that cover every position once."""
    positions = [len(axis) for axis in probe.geometry]
    filters = max(probe.case.output_shape[1], 1) if probe.bilinear else 1
    whole = filters * prod(positions)
    if whole <= room or not _can_be_cut(probe):
        lengths = probe.case.shapes["x"][2:]
        return [Box(probe, _all_of(positions), _all_of(lengths), _size(probe, filters, probe.geometry, lengths))]
    boxes = cut(positions, max(room // filters, 1))
    return [_box(probe, box, filters) for box in boxes]


def _all_of(lengths: Sequence[int]) -> Spans:
    return tuple(slice(0, length) for length in lengths)


def _spans(length: int, each: int) -> list[slice]:
    return spans(length, -(length // -each))


def _can_be_cut(probe: Probe) -> bool:
    """Whether neighbouring positions read neighbouring cells alone, and the forward pass is known of some of them."""
    case = probe.case
    return case.settings.get("padding_mode", "zeros") == "zeros" and "output_size" not in case.settings


def cut(lengths: Sequence[int], room: int) -> list[Spans]:
    """Boxes of at most so many positions: rows of the first axis, or parts of a row where it is long."""
    if not lengths:
        return [()]
    height, *across = lengths
    inner = cut(across, room)
    return [(span, *rest) for span in _spans(height, max(room // max(prod(across), 1), 1)) for rest in inner]


def _box(probe: Probe, positions: Spans, filters: int) -> Box:
    read = [axis[span] for axis, span in zip(probe.geometry, positions, strict=True)]
    cells = tuple(_reached(part, length) for part, length in zip(read, probe.case.shapes["x"][2:], strict=True))
    local = tuple(np.where(part < 0, -1, part - span.start) for part, span in zip(read, cells, strict=True))
    case = replace(probe.case, arguments=_arguments(probe, positions, cells))
    size = _size(probe, filters, local, [span.stop - span.start for span in cells])
    return Box(probe._replace(case=case, geometry=local), positions, cells, size)


def _size(probe: Probe, filters: int, geometry: Reads, lengths: Sequence[int]) -> int:
    """Numbers of a sample that an evaluation takes: a norm's windows are written out."""
    taps = prod(axis.shape[1] for axis in geometry) if probe.family == NORM else 1
    return max(filters * prod(len(axis) for axis in geometry) * taps, prod(lengths))


def _reached(read: Array, length: int) -> slice:
    """From the first cell that is read to past the last; where all is padding, any cell."""
    found = read[read >= 0]
    return slice(int(found.min()), int(found.max()) + 1) if found.size else slice(0, min(length, 1))


def _arguments(probe: Probe, positions: Spans, cells: Spans) -> dict[str, Any]:
    """What the operation's forward pass takes for some positions over some cells."""
    arguments = dict(probe.case.arguments)
    if probe.bilinear:  # which is run by the geometry alone
        return arguments
    axes = zip(arguments["window"].axes, probe.case.shapes["x"][2:], positions, cells, strict=True)
    arguments["window"] = Window(tuple(_axis(*parts) for parts in axes))
    if "counted" in arguments:
        ends = zip(arguments["counted"], cells, strict=True)
        arguments["counted"] = tuple((low - span.start, high - span.start) for (low, high), span in ends)
    return arguments


def _axis(axis: Axis, length: int, positions: slice, cells: slice) -> Axis:
    """The axis that has just these positions, over these cells."""
    some = axis.block(length, positions.start, positions.stop)
    count = positions.stop - positions.start
    return replace(some, before=some.before + cells.start).fitted(cells.stop - cells.start, count)


def batches(parts: Any, size: int, room: int) -> Iterator[tuple[Any, int]]:
    """Parts in evaluations of as many as fit, each with how many an evaluation has: the last may lack some."""
    count = -(len(parts) // -max(1, room // max(size, 1)))
    each = -(len(parts) // -count) if count else 1
    return ((parts[first : first + each], each) for first in range(0, len(parts), each))


def passed_together(delta: Array) -> list[slice]:
    """Samples whose whole output is not too large together."""
    return _spans(len(delta), max(1, LARGE // max(prod(delta.shape[1:]), 1)))
