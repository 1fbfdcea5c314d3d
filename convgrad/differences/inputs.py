"""dX by differences: cells that no window holds two of are moved together, so that each output change is one cell's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.differences.colouring import Colour, colours
from convgrad.differences.kinks import Steps, steps
from convgrad.differences.probe import LOST, Probe
from convgrad.differences.reach import mesh, period, reads
from convgrad.differences.run import Run, changed_outside
from convgrad.subject.case import Case
from convgrad.vocabulary import MAXIMUM, MEAN, NORM


def input_parts(case: Case) -> Iterator[tuple[tuple[Colour, ...], tuple[Any, ...]]]:
    """The cells perturbed together: a colour an axis and, where filters read several channels, one of each group."""
    per_axis = [
        colours(cells, length, period(case, axis))
        for axis, (cells, length) in enumerate(zip(reads(case), case.shapes["x"][2:], strict=True))
    ]
    together = case.shapes["x"][1] // case.settings["groups"] if "w" in case.shapes else 1
    for channel in range(together):
        for chosen in product(*per_axis):
            _, _, *cells = mesh([colour.cells for colour in chosen])
            yield chosen, (slice(None), slice(channel, None, together), *cells)


def perturb_input(run: Run) -> Steps:
    """dX: the outputs that change are each one cell's own."""
    case, moves = run.probe.case, steps(run.probe)
    run.undecided["x"] |= moves.undecided
    x = run.probe.arrays["x"].astype(moves.sizes.dtype)
    plus, minus = x + moves.sizes, x - moves.sizes
    # what was added, after rounding; of the kind that a difference of outputs has
    run.steps["x"] = plus - minus
    run.sums["x"] = zeros(x.shape, np.result_type(run.sums["x"], x))
    for chosen, part in input_parts(case):
        if run.wants("x", part):
            rows = _rows(run, part)
            change = _perturb_cells(run, part, rows, (x, plus, minus))
            _pair_cells(run, change, chosen, part, rows)
            _look_at_cells(run, change, chosen, part, rows, moves)
    if run.probe.together > 1 and run.wants("x", ...):
        run.outside["x"] |= not channels_add_up(run.probe, x, plus, minus)
    run.undecided["x"] |= (run.steps["x"] == 0) & _felt(run)
    return moves


def _rows(run: Run, part: Any) -> slice:
    """The samples that hold what is wanted of a part: no other changes."""
    if "x" not in run.wanted or run.probe.family == NORM:
        return slice(None)
    wanted = run.wanted["x"][part]
    rows = np.flatnonzero(wanted.reshape(len(wanted), -1).any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1)


def _perturb_cells(run: Run, part: Any, rows: slice, inputs: tuple[Array, Array, Array]) -> Array:
    """How the outputs of some samples change: by the channels of the part alone, which no other has a part in."""
    _, channels, *cells = part
    x, plus, minus = (array[rows, channels] for array in inputs)
    x, inside = x.copy(), (slice(None), slice(None), *cells)
    w = run.probe.of_channel("w", channels.start or 0) if run.probe.bilinear else None
    x[inside] = plus[inside]
    above = run.probe.forward(x, w)
    x[inside] = minus[inside]
    change: Array = above - run.probe.forward(x, w)
    run.evaluated(2)
    return change


def channels_add_up(probe: Probe, x: Array, plus: Array, minus: Array) -> bool:
    """Whether an output is the sum of what each channel gives, as it is and with cells moved at random.

    So what a channel's own part of the forward pass tells is told of the whole one.
    """
    up = np.random.default_rng(0).random(x.shape) < 1 / 2
    return all(_is_sum(probe, moved) for moved in (x, np.where(up, plus, minus)))


def _is_sum(probe: Probe, x: Array) -> bool:
    whole = probe.forward(x, probe.arrays["w"])
    parts = zeros(whole.shape, whole.dtype)
    for channel in range(probe.together):
        parts = parts + probe.forward(probe.of_channel("x", channel, x), probe.of_channel("w", channel))
    off = 0 if probe.exact else LOST * abs(whole).max(initial=0)
    return bool((~(abs(whole - parts) > off)).all())


def _pair_cells(run: Run, change: Array, chosen: tuple[Colour, ...], part: Any, rows: slice) -> None:
    """Changes times delta, summed for each cell."""
    delta = run.probe.arrays["delta"][rows]
    paired = run.probe.over_filters(change, delta) if run.probe.bilinear else change * delta
    run.sums["x"][rows][part] = _gathered(paired, chosen)


def _look_at_cells(run: Run, change: Array, chosen: tuple[Colour, ...], part: Any, rows: slice, moves: Steps) -> None:
    """Whether the outputs that changed are those that had to."""
    run.outside["x"][rows][part] |= changed_outside(change, [colour.unread for colour in chosen])
    if run.probe.bilinear:
        return  # which cell a tap reads is looked at where the tap is perturbed
    x, moved = (_at_positions(array[rows][part], chosen) for array in (run.probe.arrays["x"], run.steps["x"]))
    known = (moved != 0) & (change == change)
    if run.probe.family == MAXIMUM:
        known &= run.probe.arrays["delta"][rows] != 0  # where delta is 0 no step was kept short of the next cell
        assert moves.largest is not None
        wrong = (change != 0) != (x == moves.largest[rows])
        inside = (change != 0) & (change != moved)  # a kink lies inside the step
        run.undecided["x"][rows][part] |= _gathered((known & inside).astype(int), chosen) > 0
    elif run.probe.family == MEAN or run.probe.case.settings["norm"] == 1:
        wrong = (change == 0) & ((x != 0) | (run.probe.family == MEAN))
    else:
        return
    run.outside["x"][rows][part] |= _gathered((known & wrong).astype(int), chosen) > 0


def _gathered(values: Array, chosen: tuple[Colour, ...]) -> Array:
    """Sums over positions, for each perturbed cell."""
    for axis, colour in enumerate(chosen, start=2):
        values = colour.gathered(values, axis)
    return values


def _at_positions(cells: Array, chosen: tuple[Colour, ...]) -> Array:
    """What each position has of the perturbed cell that it reads; anything where it reads none."""
    for axis, colour in enumerate(chosen, start=2):
        cells = cells.take(colour.owner, axis=axis)
    return cells


def _felt(run: Run) -> Array:
    """The cells that some output reads at all: a step of 0 matters only there."""
    felt = np.ones(run.sums["x"].shape, bool)
    for axis, cells in enumerate(run.probe.geometry, start=2):
        unread = np.setdiff1d(np.arange(felt.shape[axis]), cells)
        felt[(slice(None),) * axis + (unread,)] = False
    return felt
