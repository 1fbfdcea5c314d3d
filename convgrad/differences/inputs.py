"""dX by differences: cells that no window holds two of are moved together, so that each output change is one cell's."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.threads import share
from convgrad.differences.colouring import colouring
from convgrad.differences.kinks import Steps, steps
from convgrad.differences.matrices import by_filter, columns, outputs
from convgrad.differences.patches import Patch, batches, boxes_of, patches_by_channel, patches_by_plane
from convgrad.differences.probe import channels_together
from convgrad.differences.reach import period, reads
from convgrad.differences.run import Run, changed_outside
from convgrad.subject.case import Case
from convgrad.vocabulary import MAXIMUM, MEAN


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
    low, high = _ends(run, probe.arrays["x"], moves.sizes)
    # what was added, after rounding; of the kind that a difference of outputs has
    run.steps["x"] = high - low
    del low, high
    run.sums["x"] = zeros(moves.sizes.shape, np.result_type(run.sums["x"], moves.sizes))
    if run.wants("x", ...):
        by = patches_by_channel if probe.bilinear else patches_by_plane
        planes = by(probe, boxes_of(probe, run.room), run.room)
        tell = run.teller("x", sum(map(len, planes)))
        share(partial(_perturb_planes, run, moves, tell), planes, run.cost)
    run.undecided["x"] |= (run.steps["x"] == 0) & _felt(run)
    return moves


def _ends(run: Run, x: Array, sizes: Array) -> tuple[Array, Array]:
    """Where a difference of some cells begins and ends."""
    return (x if run.probe.one_sided else x - sizes), x + sizes


def _perturb_planes(run: Run, moves: Steps, tell: Any, patches: list[Patch]) -> None:
    for patch in patches:
        _perturb_patch(run, moves, patch)
        tell()


def _perturb_patch(run: Run, moves: Steps, patch: Patch) -> None:
    """What is wanted of a patch: as many groups of cells in one evaluation, as more samples, as stay in the cache."""
    marks = patch.of_x(run.wanted["x"]) if "x" in run.wanted else None
    if marks is not None and not marks.any():
        return
    groups = patch.box.colouring.groups(marks)
    look = _Channel(run, patch) if run.probe.bilinear else _Planes(run, patch, moves)
    x, sizes = patch.of_x(run.probe.arrays["x"]), patch.of_x(moves.sizes)
    low, high = _ends(run, x, sizes)
    below: Any = None
    for some, each in batches(groups, patch.size, run.room):
        members = np.zeros((each, *x.shape[2:]), bool)  # an evaluation like the others, though groups may lack
        members[: len(some)] = patch.box.colouring.members(some)
        if below is None or not run.probe.one_sided:
            below = look.evaluated(_moved(x, low, members))
        changes = look.evaluated(_moved(x, high, members))
        changes -= below
        look.at(changes, some, each)


def _moved(x: Array, end: Array, members: Array) -> Array:
    """The cells of a patch with those of each group at an end of their difference, as so many times more samples."""
    moved = np.broadcast_to(x, (len(members), *x.shape)) if end is x else np.where(members[:, None, None], end, x)
    return moved.reshape(-1, *x.shape[1:])


class _Channel:
    """A patch of one channel: its outputs as g o (m n) *p, all filters together."""

    def __init__(self, run: Run, patch: Patch) -> None:
        self.run, self.patch = run, patch
        self.w = np.ascontiguousarray(run.matrices[patch.channels.start])
        self.delta = np.ascontiguousarray(by_filter(patch.of_y(run.probe.arrays["delta"]), run.probe.groups))

    def evaluated(self, x: Array) -> Array:
        """Of the channels of the patch alone."""
        return outputs(self.w, columns(self.patch.box, x))

    def at(self, changes: Array, groups: Array, each: int) -> None:
        """Changes times delta, summed over filters and for each cell, which may be read in other patches, too.

        Which cell a tap reads is looked at where the tap is perturbed.
        """
        by_group = changes.reshape(*changes.shape[:2], each, -1, *changes.shape[3:])[:, :, : len(groups)]
        paired = _over_filters(by_group, self.delta)
        _add_to_cells(self.patch, self.run.sums["x"], paired.transpose(1, 2, 0, *range(3, paired.ndim)), groups)
        for number, group in enumerate(groups):
            if changed_outside(by_group[:, :, number], self.patch.box.colouring.unread(group), first=3):
                _refute(self.run, self.patch, groups[number : number + 1])


def _over_filters(changes: Array, delta: Array) -> Array:
    """Outputs times delta, summed over the filters of each group: g o m n *p, g o n *p -> g m n *p."""
    if changes.dtype == EXACT:
        summed: Array = (changes * delta[:, :, None]).sum(axis=1)
        return summed
    return np.asarray(np.einsum("gom...,go...->gm...", changes, delta))


class _Planes:
    """Some planes of a pool: each is an operation of its own."""

    def __init__(self, run: Run, patch: Patch, moves: Steps) -> None:
        self.run, self.patch, self.moves = run, patch, moves
        self.delta = patch.of_y(run.probe.arrays["delta"])

    def evaluated(self, x: Array) -> Array:
        return self.patch.box.probe.forward(x)

    def at(self, changes: Array, groups: Array, each: int) -> None:
        """Changes times delta, summed for each cell."""
        by_group = changes.reshape(each, -1, *changes.shape[1:])[: len(groups)]
        _add_to_cells(self.patch, self.run.sums["x"], by_group * self.delta, groups)
        self._look(by_group, groups)

    def _look(self, change: Array, groups: Array) -> None:
        """Whether the outputs that changed are those that had to."""
        run, patch, read = self.run, self.patch, self.patch.box.colouring.read(groups)
        leaks = (change != 0) & (change == change) & (read < 0)[:, None, None]
        if leaks.any():
            _refute(run, patch, groups[leaks.reshape(len(groups), -1).any(axis=1)])
        x, moved = (_read_from(patch.of_x(array), read) for array in (run.probe.arrays["x"], run.steps["x"]))
        known = (moved != 0) & (change == change) & (read >= 0)[:, None, None]
        if run.probe.family == MAXIMUM:
            known &= self.delta != 0  # else no step was kept short of the next cell
            assert self.moves.largest is not None
            wrong = (change != 0) != (x == patch.of_y(self.moves.largest))
            inside = (change != 0) & (change != moved)  # a kink lies inside the step
            _mark_cells(patch, run.undecided["x"], known & inside, groups)
        elif run.probe.family == MEAN or run.probe.case.settings["norm"] == 1:
            wrong = (change == 0) & ((x != 0) | (run.probe.family == MEAN))
        else:
            return
        _mark_cells(patch, run.outside["x"], known & wrong, groups)


def _refute(run: Run, patch: Patch, groups: Array) -> None:
    """Mark every cell of some groups."""
    patch.of_x(run.outside["x"])[...] |= patch.box.colouring.members(groups).any(axis=0)


def _read_from(cells: Array, read: Array) -> Array:
    """What each position reads of the cells of each group; anything where it reads none: (n,c,*cells) -> m n c *P."""
    values = cells.reshape(*cells.shape[:2], prod(cells.shape[2:])).take(read, axis=2)
    return np.moveaxis(values, 2, 0)


def _add_to_cells(patch: Patch, sums: Array, values: Array, groups: Array) -> None:
    """Add values m n c *P to the cells that the positions read."""
    target = patch.of_x(sums)
    flat = zeros((prod(target.shape[:2]), prod(target.shape[2:]) + 1), sums.dtype)
    np.add.at(flat.reshape(-1), _places(patch, flat, values.shape, groups), values.reshape(-1))
    target += flat[:, :-1].reshape(target.shape)


def _mark_cells(patch: Patch, marks: Array, found: Array, groups: Array) -> None:
    """Mark the cells that the positions found read: m n c *P."""
    if not found.any():
        return
    target = patch.of_x(marks)
    flat = np.zeros((prod(target.shape[:2]), prod(target.shape[2:]) + 1), bool)
    flat.reshape(-1)[_places(patch, flat, found.shape, groups)[np.asarray(found, bool).reshape(-1)]] = True
    target |= flat[:, :-1].reshape(target.shape)


def _places(patch: Patch, flat: Array, shape: tuple[int, ...], groups: Array) -> Array:
    """Where in `flat`, planes of cells and one for none, what belongs to each value m n c *P lies."""
    read, (planes, length) = patch.box.colouring.read(groups), flat.shape
    cells = np.where(read < 0, length - 1, read)[:, None, None]
    of_plane = (np.arange(planes) * length).reshape(*shape[1:3], *(1,) * (read.ndim - 1))
    places: Array = cells + of_plane
    return places.reshape(-1)


def _felt(run: Run) -> Array:
    """The cells that some output reads at all: a step of 0 matters only there."""
    felt = np.ones(run.sums["x"].shape, bool)
    for axis, cells in enumerate(run.probe.geometry, start=2):
        unread = np.setdiff1d(np.arange(felt.shape[axis]), cells)
        felt[(slice(None),) * axis + (unread,)] = False
    return felt
