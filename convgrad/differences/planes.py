"""Some planes of a pool, each of which is an operation of its own, whose cells are moved in the program's own pass."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.differences.patches import Patch, batches
from convgrad.differences.run import Run
from convgrad.differences.scattered import Sums, mark_cells, moved
from convgrad.vocabulary import MAXIMUM, MEAN


def perturb_planes(run: Run, patch: Patch, groups: Array, low: Array, high: Array, largest: Array | None) -> None:
    """Groups of cells: as many in one evaluation, as more samples, as stay in the cache.

    `largest` are the maxima of a max pool's windows.
    """
    x, delta = patch.of_x(run.probe.arrays["x"]), patch.of_y(run.probe.arrays["delta"])
    below, sums = None, Sums(patch, run.sums["x"])
    for some, each in batches(groups, patch.size, run.room):
        every = np.resize(some, (each, some.shape[1]))  # an evaluation like the others, though groups may lack
        if below is None or not run.one_sided:
            below = _outputs(patch, moved(patch, x, low, every))
        change = (_outputs(patch, moved(patch, x, high, every)) - below)[: len(some)]
        sums.add(change * delta, some)
        if run.probe.family == MAXIMUM:
            assert largest is not None
            _look_at_maxima(run, patch, change, some, patch.of_y(largest))
        else:
            _look_at_sums(run, patch, change, some)
    sums.put()


def _outputs(patch: Patch, x: Array) -> Array:
    """The outputs of copies of the samples: m n c *cells -> m n c *P."""
    y = patch.box.probe.forward(x.reshape(-1, *x.shape[2:]))
    return y.reshape(*x.shape[:2], *y.shape[1:])


def _look_at_maxima(run: Run, patch: Patch, change: Array, groups: Array, largest: Array) -> None:
    """Whether the outputs changed of which the largest cell was moved, each by as much, and no other."""
    read, delta = patch.box.colouring.read(groups), patch.of_y(run.probe.arrays["delta"])
    met, wins = (read >= 0)[:, None, None], _read_from(patch.of_x(run.probe.arrays["x"]), read) == largest
    step = _read_from(patch.of_x(run.steps["x"]), read)
    if (change == wins * step * met).all():
        return
    _refute_leaks(run, patch, change, groups, met)
    # where delta is 0 no step was kept short of the next cell
    known = met & (step != 0) & (change == change) & (delta != 0)
    inside = (change != 0) & (change != step)  # a kink lies inside the step
    mark_cells(patch, run.undecided["x"], known & inside, groups)
    mark_cells(patch, run.outside["x"], known & ((change != 0) != wins), groups)


def _look_at_sums(run: Run, patch: Patch, change: Array, groups: Array) -> None:
    """Whether no other outputs changed than could, and of a mean or a sum of magnitudes all that had to."""
    read, mean = patch.box.colouring.read(groups), run.probe.family == MEAN
    met = (read >= 0)[:, None, None]
    _refute_leaks(run, patch, change, groups, met)
    if (mean or run.probe.case.settings["norm"] == 1) and (still := (change == 0) & met).any():
        x, step = (_read_from(patch.of_x(array), read) for array in (run.probe.arrays["x"], run.steps["x"]))
        mark_cells(patch, run.outside["x"], still & (step != 0) & (mean | (x != 0)), groups)


def _refute_leaks(run: Run, patch: Patch, change: Array, groups: Array, met: Array) -> None:
    """Mark every cell of the groups with which an output changed that reads none of them."""
    leaks = ~met & (change != 0) & (change == change)
    if leaks.any():
        of_groups = patch.box.colouring.members(groups[leaks.reshape(len(groups), -1).any(axis=1)])
        patch.of_x(run.outside["x"])[...] |= of_groups.any(axis=0)


def _read_from(cells: Array, read: Array) -> Any:
    """What each position reads of the cells of each group; anything where it reads none: (n,c,*cells) -> m n c *P."""
    values = cells.reshape(*cells.shape[:2], prod(cells.shape[2:])).take(read, axis=2)
    return np.moveaxis(values, 2, 0)
