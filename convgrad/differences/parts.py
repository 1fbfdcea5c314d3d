"""A mean over all of a plane, cut into parts: it is the sum of what these give, each divided by as much as all.

An entry is moved in its part's own forward pass, where to go through the whole plane for each would take the square of
its cells. That the mean is that sum is looked at in whole forward passes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.draws import Draws
from convgrad.core.window import Axis, Window
from convgrad.differences.patches import Box, Spans, cut
from convgrad.differences.probe import Probe
from convgrad.differences.reach import reads
from convgrad.differences.roundoff import SURE, TYPES, growth
from convgrad.differences.run import Run
from convgrad.differences.whole_passes import anyhow
from convgrad.operations.average_pool import divisors
from convgrad.subject.case import Case
from convgrad.vocabulary import MEAN

PART = 512
"""Cells of a part: of fewer there are more parts, each of which is some steps of Python."""


def parts_of_mean(probe: Probe) -> list[Box]:
    """Parts that cover the cells of a plane once; none of what is no mean over all of one, or a small one."""
    lengths = probe.case.shapes["x"][2:]
    spans = (slice(0, 1),) * len(lengths)
    parts = cut(lengths, PART) if has_parts(probe.case) else []
    return [Box(_part(probe, cells), spans, cells, prod(map(_length, cells))) for cells in parts]


def has_parts(case: Case) -> bool:
    """Whether it is a mean over all of a plane that is large."""
    lengths = case.shapes["x"][2:]
    if case.operation.family != MEAN or prod(lengths) <= PART:
        return False
    return all(map(_reads_all, reads(case), lengths))


def _reads_all(read: Array, length: int) -> bool:
    """Whether an axis has one position, which reads every cell once."""
    return len(read) == 1 and np.array_equal(read[read >= 0], np.arange(length))


def _length(span: slice) -> int:
    return int(span.stop - span.start)


def _part(probe: Probe, cells: Spans) -> Probe:
    """The sum of some cells over what all are divided by."""
    given, lengths = probe.case.arguments, [_length(span) for span in cells]
    by = divisors(given["window"], given["counted"], given["divisor"], probe.arrays["x"])
    window = Window(tuple(Axis(length) for length in lengths))
    counted = tuple((0, length) for length in lengths)
    arguments = {**given, "window": window, "counted": counted, "divisor": int(by.ravel()[0])}
    geometry = tuple(np.arange(length)[None] for length in lengths)
    return probe._replace(case=replace(probe.case, arguments=arguments), geometry=geometry)


def look_at_parts(run: Run) -> None:
    """Refute dX where means of planes whose cells are all moved are not the sums of what their parts give."""
    probe, x = run.probe, run.probe.arrays["x"]
    parts = parts_of_mean(probe) if run.wants("x", ...) else []
    if not parts:
        return
    moved = anyhow(Draws(), x, probe.step("x"))
    for cells in (moved, x) if probe.exact else (moved,):  # of others what was not moved is lost beside what was
        apart = abs(probe.forward(cells) - _summed(parts, cells))
        run.outside["x"] |= (apart > _rounding(probe, parts, cells)).any()


def _summed(parts: list[Box], x: Array) -> Any:
    """The sum of what each part gives: (N,C,*L) -> (N,C,*1)."""
    return reduce(np.add, (part.probe.forward(x[(slice(None), slice(None), *part.cells)]) for part in parts))


def _rounding(probe: Probe, parts: list[Box], x: Array) -> Any:
    """What sums of the same numbers, in any two orders, each divided once, may be apart."""
    if probe.exact:
        return 0
    count = prod(x.shape[2:]) + 1
    return 2 * SURE * growth(count, TYPES["float64"].unit) * _summed(parts, abs(x))
