"""That an output is the sum of what each channel gives, and that nothing changes out of reach: in whole forward passes.

So what a patch's own part of the forward pass tells is told of the whole one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.draws import Draws
from convgrad.core.threads import share
from convgrad.differences.matrices import as_matrices, by_filter, columns, outputs
from convgrad.differences.patches import Box, boxes_of, colouring_of, passed_together
from convgrad.differences.probe import Probe, products
from convgrad.differences.roundoff import SURE, TYPES, growth
from convgrad.differences.run import Run

COMBINATIONS = 2
"""Groups of cells that are moved in a whole forward pass."""
FEW = 16
"""Boxes in which sums are looked at where only a sample of the entries is wanted."""


def look_at_sums(run: Run) -> None:
    """Refute dX where channels weigh on each other, or an output changes that reads nothing of what was moved.

    And dW where that is so of a kernel all of whose taps are moved, in the first samples of the batch; of a sample's
    entries either is looked at in these.
    """
    probe = run.probe
    if not probe.bilinear or not probe.arrays["delta"].size:
        return
    random, boxes = Draws(), boxes_of(probe, run.filters)
    if run.wanted and len(boxes) > FEW:
        boxes = [boxes[number] for number in random.some(len(boxes), FEW)]
    first, *others = passed_together(probe.arrays["delta"])
    if run.wants("x", ...):
        for rows in [first] if run.wanted else [first, *others]:
            run.outside["x"] |= not _adds_up(run, boxes, rows, random, leaks=rows == first)
    if run.wants("w", ...):
        w = anyhow(random, probe.arrays["w"], probe.step("w"))
        run.outside["w"] |= not _is_sum(run, boxes, probe.arrays["x"][first], w)


def _adds_up(run: Run, boxes: list[Box], rows: slice, random: Draws, *, leaks: bool) -> bool:
    """Whether some samples' outputs are the sums of what channels give, all cells moved, and nothing leaks."""
    probe, x, w = run.probe, run.probe.arrays["x"][rows], run.probe.arrays["w"]
    moved = anyhow(random, x, probe.step("x"))
    whole = probe.forward(moved, w)
    right = _is_sum(run, boxes, moved, w, whole)
    if probe.exact:  # of others what was not moved is lost beside what was
        right = right and _is_sum(run, boxes, x, w)
    return right and not (leaks and _leaks(probe, moved, whole))


def anyhow(random: Draws, array: Array, step: Any) -> Any:
    """All entries moved by a step, up or down."""
    return np.where(random.bits(array.shape), array + step, array - step)


def _is_sum(run: Run, boxes: list[Box], x: Array, w: Array, whole: Array | None = None) -> bool:
    """Whether the program's outputs, which may be there, are the sums of what channels give."""
    whole, right = run.probe.forward(x, w) if whole is None else whole, []
    matrices = _of_all_channels(as_matrices(run.probe.case, w))

    def compare(box: Box) -> None:
        cells = x[(slice(None), slice(None), *box.cells)]
        apart = abs(by_filter(whole[(slice(None), slice(None), *box.positions)], run.probe.groups)
                    - _summed(matrices, box, cells))  # fmt: skip
        right.append(bool((~(apart > _rounding(run.probe, matrices, box, cells))).all()))

    share(compare, boxes, run.cost)
    return all(right)


def _rounding(probe: Probe, matrices: Array, box: Box, x: Array) -> Any:
    """What sums of the same products, in any two orders, may be apart: 2 g_n sum |w| |x|."""
    if probe.exact:
        return 0
    growing = 2 * SURE * growth(products(probe.case), TYPES["float64"].unit)
    return growing * _summed(abs(matrices), box, abs(x))


def _of_all_channels(matrices: Array) -> Array:
    """c g o k -> g o (c k)."""
    # of one channel it would be a view, which BLAS does not take where a kernel is turned
    return np.ascontiguousarray(matrices.transpose(1, 2, 0, 3).reshape(*matrices.shape[1:3], -1))


def _summed(matrices: Array, box: Box, x: Array) -> Array:
    """The sum over channels of what each gives in a box: g o (c k), (n,C,*cells) -> g o n *p."""
    cells = columns(box, x)
    return outputs(matrices, cells.reshape(len(matrices), -1, *cells.shape[2:]))


def _leaks(probe: Probe, x: Array, before: Array) -> bool:
    """Whether, with some cells moved in a whole forward pass, any output changes that reads none of them."""
    random, groups = Draws(), colouring_of(probe, x.shape[2:])
    every = groups.groups()
    for group in every[random.some(len(every), COMBINATIONS)]:
        channel, moved = random.below(probe.together), x.copy()
        part = moved[:, channel :: probe.together]
        part[...] = np.where(groups.members(group[None])[0], part + probe.step("x"), part)
        change = probe.forward(moved, probe.arrays["w"]) - before
        if _changed_outside(change, groups.unread(group)):
            return True
    return False


def _changed_outside(change: Array, unread: list[Array]) -> bool:
    """Whether any output changed at a position that reads none of what was perturbed."""
    parts = (change.take(positions, axis=axis) for axis, positions in enumerate(unread, start=2) if len(positions))
    return any(bool(((part != 0) & (part == part)).any()) for part in parts)
