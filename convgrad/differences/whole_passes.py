"""That an output is the sum of what each channel gives, and that nothing changes out of reach: in whole forward passes.

So what a patch's own part of the forward pass tells is told of the whole one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.threads import share
from convgrad.differences.matrices import by_filter, columns, outputs
from convgrad.differences.patches import Box, boxes_of, colouring_of, passed_together
from convgrad.differences.probe import Probe, products
from convgrad.differences.roundoff import SURE, TYPES, growth
from convgrad.differences.run import Run, changed_outside

COMBINATIONS = 2
"""Groups of cells that are moved in a whole forward pass."""
FEW = 16
"""Boxes in which sums are looked at where only a sample of the entries is wanted."""


def look_at_sums(run: Run) -> None:
    """Refute dX where channels weigh on each other, or an output changes that reads nothing of what was moved.

    Of a sample's entries it is looked at in the first samples of the batch.
    """
    probe = run.probe
    if not probe.bilinear or not run.wants("x", ...) or not probe.arrays["delta"].size:
        return
    random, boxes = np.random.default_rng(0), boxes_of(probe, run.filters)
    if run.wanted and len(boxes) > FEW:
        boxes = [boxes[number] for number in random.choice(len(boxes), FEW, replace=False)]
    samples = passed_together(probe.arrays["delta"])
    for rows in samples[: 1 if run.wanted else None]:
        x = probe.arrays["x"][rows]
        moved = np.where(random.integers(0, 2, x.shape) == 1, x + probe.step("x"), x - probe.step("x"))
        whole = probe.forward(moved, probe.arrays["w"])
        right = _is_sum(run, boxes, moved, whole)
        if probe.exact:  # of others what was not moved is lost beside what was
            right = right and _is_sum(run, boxes, x, probe.forward(x, probe.arrays["w"]))
        if not right or (rows == samples[0] and _leaks(probe, moved, whole)):
            run.outside["x"] |= True


def _is_sum(run: Run, boxes: list[Box], x: Array, whole: Array) -> bool:
    """Whether the program's outputs are the sums of what channels give."""
    right: list[bool] = []

    def compare(box: Box) -> None:
        cells = x[(slice(None), slice(None), *box.cells)]
        apart = abs(by_filter(whole[(slice(None), slice(None), *box.positions)], run.probe.groups)
                    - _summed(run.matrices, box, cells))  # fmt: skip
        right.append(bool((~(apart > _rounding(run, box, cells))).all()))

    share(compare, boxes, run.cost)
    return all(right)


def _rounding(run: Run, box: Box, x: Array) -> Any:
    """What sums of the same products, in any two orders, may be apart: 2 g_n sum |w| |x|."""
    if run.probe.exact:
        return 0
    growing = 2 * SURE * growth(products(run.probe.case), TYPES["float64"].unit)
    return growing * _summed(abs(run.matrices), box, abs(x))


def _summed(matrices: Array, box: Box, x: Array) -> Array:
    """The sum over channels, c g o k, of what each gives in a box: g o n *p."""
    together, groups, *_ = matrices.shape
    w = matrices.transpose(1, 2, 0, 3).reshape(groups, -1, together * len(box.taps))
    cells = columns(box, x)
    return outputs(w, cells.reshape(groups, w.shape[2], *cells.shape[2:]))


def _leaks(probe: Probe, x: Array, before: Array) -> bool:
    """Whether, with some cells moved in a whole forward pass, any output changes that reads none of them."""
    random, groups = np.random.default_rng(0), colouring_of(probe, x.shape[2:])
    every = groups.groups()
    for group in every[random.choice(len(every), min(COMBINATIONS, len(every)), replace=False)]:
        channel, moved = int(random.integers(probe.together)), x.copy()
        part = moved[:, channel :: probe.together]
        part[...] = np.where(groups.members(group[None])[0], part + probe.step("x"), part)
        change = probe.forward(moved, probe.arrays["w"]) - before
        if changed_outside(change, groups.unread(group), first=2):
            return True
    return False
