"""dW and db by differences: every filter's own tap, and every channel's own bias, are moved together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.threads import share
from convgrad.differences.matrices import as_kernel, as_matrices, by_filter, columns
from convgrad.differences.patches import Patch, batches, boxes_of, passed_together, patches_by_channel
from convgrad.differences.run import Run
from convgrad.subject.case import Case

WHOLE = slice(None)


def perturb_kernel(run: Run) -> None:
    """dW: every output channel has a filter of its own.

    Of x only the channel is read that the taps meet: what the others add to an output cancels in every difference.
    """
    probe, w, step = run.probe, run.probe.arrays["w"], run.probe.step("w")
    run.steps["w"] = (w + step) - (w if probe.one_sided else w - step)
    if not run.wants("w", ...):
        return
    kernel = Kernel(run, step)
    patches = patches_by_channel(probe, boxes_of(probe, run.filters), run.filters)
    tell = run.teller("w", sum(map(len, patches)))
    share(partial(kernel.perturb, tell), enumerate(patches), run.cost)
    run.sums["w"] = as_kernel(probe.case, kernel.sums, w.shape)


class Kernel:
    """Kernels as matrices c g o k, and what comes of moving each tap of them."""

    def __init__(self, run: Run, step: Any) -> None:
        self.run, self.step, self.groups = run, step, run.probe.groups
        self.w = np.ascontiguousarray(as_matrices(run.probe.case, run.probe.arrays["w"]))
        self.sums = zeros(self.w.shape, self.w.dtype)
        wanted = run.wanted.get("w")
        self.wanted = np.ones(self.w.shape, bool) if wanted is None else as_matrices(run.probe.case, wanted)

    def perturb(self, tell: Callable[[], None], plane: tuple[int, list[Patch]]) -> None:
        """Every tap of a channel that is wanted, in every patch of it."""
        channel, patches = plane
        moved = list(self._moved(channel))
        for patch in patches:
            if moved:
                self._perturb_patch(patch, channel, moved)
            tell()

    def _moved(self, channel: int) -> Iterator[tuple[slice, list[int]]]:
        """The taps that are moved, all with their filters, of which no other output changes."""
        wanted = self.wanted[channel].any(axis=0)
        if wanted.all():
            yield WHOLE, list(range(wanted.shape[1]))
            return
        for tap in np.flatnonzero(wanted.any(axis=0)).tolist():
            marked = np.flatnonzero(wanted[:, tap])
            yield slice(int(marked[0]), int(marked[-1]) + 1), [tap]

    def _perturb_patch(self, patch: Patch, channel: int, moved: list[tuple[slice, list[int]]]) -> None:
        """Every tap where it is read, if that is in few positions."""
        cells = columns(patch.box, patch.of_x(self.run.probe.arrays["x"]))
        delta = by_filter(patch.of_y(self.run.probe.arrays["delta"]), self.groups)
        for filters, taps in moved:
            self._perturb_taps(cells, delta, (channel, filters), [tap for tap in taps if tap not in patch.box.sparse])
            for tap in filter(patch.box.sparse.__contains__, taps):
                _, _, *positions = patch.box.meetings[tap][0]
                at = (WHOLE, WHOLE, WHOLE, *positions)
                self._perturb_taps(cells[at], delta[at], (channel, filters), [tap])

    def _perturb_taps(self, cells: Array, delta: Array, of: tuple[int, slice], taps: list[int]) -> None:
        """Some taps of a channel, as more filters of an evaluation, as many as stay in the cache."""
        channel, filters = of
        cells, delta = flattened(cells), flattened(delta[:, filters])
        w, sums = self.w[channel][:, filters], self.sums[channel][:, filters]
        below = over_positions(w[:, None] @ cells[:, None], delta) if taps and self.run.probe.one_sided else None
        for some, _ in batches(taps, delta.size, self.run.filters):
            change = self._paired(w, cells, delta, some, 1)
            change -= self._paired(w, cells, delta, some, -1) if below is None else below
            sums[..., some] += change.transpose(0, 2, 1)

    def _paired(self, w: Array, cells: Array, delta: Array, taps: list[int], sign: int) -> Array:
        """Outputs of as many kernels of one channel as taps, each with its own tap moved, times delta: -> g m o."""
        kernels = np.repeat(w[:, None], len(taps), axis=1)
        kernels[:, np.arange(len(taps)), :, taps] += sign * self.step
        outputs = kernels.reshape(len(w), -1, w.shape[2]) @ cells
        return over_positions(outputs.reshape(*kernels.shape[:3], -1), delta)


def flattened(array: Array) -> Array:
    """g k n *p -> g k p."""
    return np.ascontiguousarray(array.reshape(*array.shape[:2], prod(array.shape[2:])))


def perturb_bias(run: Run) -> None:
    """db: every output has one bias; what the channels add to it cancels, so that one of them is enough."""
    if not run.wants("b", ...):
        return
    probe, step = run.probe, run.probe.step("b")
    b = probe.arrays.get("b", zeros(run.sums["b"].shape, probe.arrays["w"].dtype))
    high, low = b + step, b if probe.one_sided else b - step
    run.steps["b"] = high - low
    # in units of b alone: x and w have units of their own, and what they add cancels
    x, w, delta = probe.of_channel("x", 0), probe.of_channel("w", 0), probe.arrays["delta"]
    samples = passed_together(delta)
    tell = run.teller("b", len(samples))
    for rows in samples:
        change = probe.forward(x[rows], w, high) - probe.forward(x[rows], w, low)
        by_bias = (flattened(by_filter(array, 1)) for array in (change, delta[rows]))
        run.sums["b"] += over_positions(*by_bias)[0]
        tell()


def over_positions(outputs: Array, delta: Array) -> Array:
    """Outputs times delta, summed for every filter: g m o p, g o p -> g m o, and without m."""
    along = delta if outputs.ndim == delta.ndim else delta[:, None]
    if outputs.dtype != EXACT:
        return np.asarray((outputs[..., None, :] @ along[..., None])[..., 0, 0])
    return np.asarray(zeros(outputs.shape[:-1], EXACT) + (outputs * along).sum(axis=-1))


def kernel_passes(case: Case, wanted: Array | None) -> list[int]:
    """For each channel of a group how many taps are moved."""
    marks = np.ones(case.shapes["w"], bool) if wanted is None else wanted
    return [int(channel.any(axis=(0, 1)).sum()) for channel in as_matrices(case, marks)]
