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


def look_at_sums(run: Run) -> None:
    """Refute dX where channels weigh on each other, or an output changes that reads nothing of what was moved."""
    probe = run.probe
    if not probe.bilinear or not run.wants("x", ...) or not probe.arrays["delta"].size:
        return
    step, x = probe.step("x"), probe.arrays["x"]
    boxes = boxes_of(probe, run.room)
    samples = passed_together(probe.arrays["delta"])
    for rows in samples[:1] if run.wanted else samples:
        run.outside["x"] |= not channels_add_up(run, boxes, x[rows], step)
    run.outside["x"] |= _leaks(probe, x[samples[0]], step)


def channels_add_up(run: Run, boxes: list[Box], x: Array, step: Any) -> bool:
    """Whether the program's outputs are the sums of what channels give, with cells moved at random.

    Exact ones also as they are; of others what was not moved is lost beside what was.
    """
    up = np.random.default_rng(0).integers(0, 2, x.shape) == 1
    moved = np.where(up, x + step, x - step)
    return all(_is_sum(run, boxes, some) for some in ((x, moved) if run.probe.exact else (moved,)))


def _is_sum(run: Run, boxes: list[Box], x: Array) -> bool:
    probe, w = run.probe, run.probe.arrays["w"]
    whole, off = probe.forward(x, w), _rounding(run, x)
    right: list[bool] = []

    def compare(box: Box) -> None:
        cells = x[(slice(None), slice(None), *box.cells)]
        at = (slice(None), slice(None), *box.positions)
        apart = abs(by_filter(whole[at], probe.groups) - _summed(run, box, cells))
        right.append(bool((~(apart > by_filter(np.broadcast_to(off, whole.shape)[at], probe.groups))).all()))

    share(compare, boxes, run.cost)
    return all(right)


def _rounding(run: Run, x: Array) -> Array:
    """What sums of the same products, in any two orders, may be apart: 2 g_n sum |w| |x|."""
    if run.probe.exact:
        return np.zeros(())
    magnitude = run.probe.forward(abs(x), abs(run.probe.arrays["w"]))
    bound: Array = 2 * SURE * growth(products(run.probe.case), TYPES["float64"].unit) * magnitude
    return bound


def _summed(run: Run, box: Box, x: Array) -> Array:
    """The sum over channels of what each gives in a box: g o n *p."""
    groups, together = run.probe.groups, run.probe.together
    w = run.matrices.transpose(1, 2, 0, 3).reshape(groups, -1, together * len(box.taps))
    cells = columns(box, x)
    return outputs(w, cells.reshape(groups, w.shape[2], *cells.shape[2:]))


def _leaks(probe: Probe, x: Array, step: Any) -> bool:
    """Whether, with some cells moved in a whole forward pass, any output changes that reads none of them."""
    random, groups = np.random.default_rng(0), colouring_of(probe, x.shape[2:])
    every = groups.groups()
    picked = every[random.choice(len(every), min(COMBINATIONS, len(every)), replace=False)]
    before = probe.forward(x, probe.arrays["w"])
    for group in picked:
        channel = int(random.integers(probe.together))
        moved = x.copy()
        moved[:, channel :: probe.together] += step * groups.members(group[None])[0]
        change = probe.forward(moved, probe.arrays["w"]) - before
        if changed_outside(change, groups.unread(group), first=2):
            return True
    return False
