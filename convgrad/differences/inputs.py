"""dX by differences: cells that no window holds two of are moved together, so that each output change is one cell's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.threads import share
from convgrad.differences.channels import perturb_channel
from convgrad.differences.colouring import colouring
from convgrad.differences.kinks import Steps, steps
from convgrad.differences.parts import parts_of_mean
from convgrad.differences.patches import Patch, boxes_of, patches_by_channel, patches_by_plane
from convgrad.differences.planes import perturb_planes
from convgrad.differences.probe import channels_together
from convgrad.differences.reach import period, reads
from convgrad.differences.run import Run
from convgrad.subject.case import Case


def input_passes(case: Case, wanted: Array | None) -> list[int]:
    """For each channel of a group, or of a pool for all, how many groups of cells are moved together."""
    channels, lengths = channels_together(case), case.shapes["x"][2:]
    groups = colouring(reads(case), lengths, [period(case, axis) for axis in range(len(lengths))])
    if wanted is None:
        return [len(groups.groups())] * channels
    return [len(groups.groups(wanted[:, channel::channels])) for channel in range(channels)]


def perturb_input(run: Run) -> Steps:
    """dX: the outputs that change are each one cell's own."""
    probe, moves = run.probe, steps(run.probe)
    run.undecided["x"] |= moves.undecided
    x = probe.arrays["x"]
    high = x + moves.sizes
    low = np.asarray(x if run.one_sided else x - moves.sizes, high.dtype)
    # what was added, after rounding; of the kind that a difference of outputs has
    run.steps["x"] = high - low
    run.sums["x"] = zeros(moves.sizes.shape, np.result_type(run.sums["x"], moves.sizes))
    if run.wants("x", ...):
        by = patches_by_channel if probe.bilinear else patches_by_plane
        parts = by(probe, parts_of_mean(probe) or boxes_of(probe, run.room), run.room)
        tell = run.teller("x", sum(map(len, parts)))
        share(partial(_perturb_all, run, moves, (low, high), tell), parts, run.cost)
    run.undecided["x"] |= (run.steps["x"] == 0) & _felt(run)
    return moves


def _perturb_all(
    run: Run, moves: Steps, ends: tuple[Array, Array], tell: Callable[[], None], patches: list[Patch]
) -> None:
    """What is wanted of patches that write to the same places."""
    for patch in patches:
        marks = patch.of_x(run.wanted["x"]) if "x" in run.wanted else None
        if marks is None or marks.any():
            groups, (low, high) = patch.box.colouring.groups(marks), map(patch.of_x, ends)
            if run.probe.bilinear:
                perturb_channel(run, patch, groups, low, high)
            else:
                perturb_planes(run, patch, groups, low, high, moves.largest)
        tell()


def _felt(run: Run) -> Any:
    """The cells that some output reads at all: a step of 0 matters only there."""
    felt = np.ones(run.sums["x"].shape, bool)
    for axis, cells in enumerate(run.probe.geometry, start=2):
        unread = np.ones(felt.shape[axis], bool)
        unread[cells[(cells >= 0) & (cells < len(unread))]] = False
        felt[(slice(None),) * axis + (unread,)] = False
    return felt
