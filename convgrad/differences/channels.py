"""One channel of each group of a convolution, whose cells are moved: what its outputs make with delta.

That the program's own forward pass is the sum of what channels give is looked at in `whole_passes`.
"""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.threads import spans
from convgrad.differences.matrices import by_filter, columns
from convgrad.differences.patches import Patch, batches
from convgrad.differences.run import Run
from convgrad.differences.scattered import Sums, moved


def perturb_channel(run: Run, patch: Patch, groups: Array, low: Array, high: Array) -> None:
    """Groups of cells, of which as many are written out as windows at once as stay in the cache.

    An output that reads no cell of a group is not paired with any; that it does not change is a whole pass's to see.
    """
    paired, x = Pairing(run, patch), patch.of_x(run.probe.arrays["x"])
    below, sums = paired(x[None]) if run.probe.one_sided else None, Sums(patch, run.sums["x"])
    for some, _ in batches(groups, paired.size, run.room):
        change = paired(moved(patch, x, high, some))
        change -= paired(moved(patch, x, low, some)) if below is None else below
        sums.add(change.transpose(1, 2, 0, *range(3, change.ndim)), some)
    sums.put()


class Pairing:
    """Outputs of all filters, from one channel of each group alone, times delta: summed over the filters."""

    def __init__(self, run: Run, patch: Patch) -> None:
        self.box, self.w = patch.box, np.ascontiguousarray(run.matrices[patch.channels.start])
        delta = by_filter(patch.of_y(run.probe.arrays["delta"]), run.probe.groups)
        self.places, count = delta.shape[2:], prod(delta.shape[2:])
        self.delta = np.ascontiguousarray(delta.reshape(*delta.shape[:2], count))
        self.size = self.w.shape[0] * self.w.shape[2] * count  # numbers in the windows of a copy of the samples
        self.together = max(1, run.room // max(self.delta.size, 1))

    def __call__(self, x: Array) -> Array:
        """Copies of the samples m n c *cells -> g m n *p."""
        copies, (groups, filters, count) = len(x), self.delta.shape
        cells = columns(self.box, x.reshape(-1, *x.shape[2:])).reshape(groups, -1, copies, count)
        result = zeros((groups, copies, count), np.result_type(self.w, cells))
        for some in spans(copies, -(copies // -self.together)):
            outputs = self.w @ cells[:, :, some].reshape(groups, self.w.shape[2], -1)
            result[:, some] = over_filters(outputs.reshape(groups, filters, -1, count), self.delta)
        return result.reshape(groups, copies, *self.places)


def over_filters(outputs: Array, delta: Array) -> Array:
    """Outputs times delta, summed over the filters of each group: g o m p, g o p -> g m p."""
    if outputs.dtype == EXACT:
        return np.asarray((outputs * delta[:, :, None]).sum(axis=1))
    return np.asarray(np.einsum("gomp,gop->gmp", outputs, delta))
