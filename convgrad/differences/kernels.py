"""dW and db by differences: every filter's own tap, and every channel's own bias, are moved together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.threads import share
from convgrad.differences.matrices import as_kernel, as_matrices, by_filter, columns, outputs
from convgrad.differences.patches import Box, Patch, batches, boxes_of, passed_together, patches_by_channel
from convgrad.differences.probe import LOST
from convgrad.differences.run import Run, changed_outside
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
    run.outside["w"] |= as_kernel(probe.case, kernel.outside, w.shape)


class Kernel:
    """Kernels as matrices c g o k, and what comes of moving each tap of them."""

    def __init__(self, run: Run, step: Any) -> None:
        self.run, self.step, self.groups = run, step, run.probe.groups
        self.w = as_matrices(run.probe.case, run.probe.arrays["w"])
        self.sums = zeros(self.w.shape, self.w.dtype)
        self.outside = np.zeros(self.w.shape, bool)
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
        """Every tap where it is read, if that is in few positions; else as many at once as stay in the cache."""
        cells = columns(patch.box, patch.of_x(self.run.probe.arrays["x"]))
        delta = by_filter(patch.of_y(self.run.probe.arrays["delta"]), self.groups)
        for filters, taps in moved:
            few = [tap for tap in taps if _is_read_in_few(patch.box, tap)]
            most = [tap for tap in taps if tap not in few]
            self._perturb_taps(patch, cells, delta, (channel, filters), most, None)
            for tap in few:
                _, _, *positions = patch.box.meetings[tap][0]
                self._perturb_taps(patch, cells, delta, (channel, filters), [tap], (WHOLE, WHOLE, WHOLE, *positions))

    def _perturb_taps(
        self, patch: Patch, cells: Array, delta: Array, of: tuple[int, slice], taps: list[int], at: Any
    ) -> None:
        """Some taps of a channel in some positions, as more filters of an evaluation."""
        channel, filters = of
        if at is not None:
            cells, delta = np.ascontiguousarray(cells[at]), delta[at]
        w, delta = self.w[channel][:, filters], np.ascontiguousarray(delta[:, filters])
        below: Any = None
        for some, each in batches(taps, delta.size, self.run.filters):
            # either end in an evaluation of its own, so that both round alike and what cannot change does not
            if below is None or not self.run.probe.one_sided:
                below = self._evaluated(w, cells, some, each, 0 if self.run.probe.one_sided else -1)
            changes = self._evaluated(w, cells, some, each, 1)
            changes -= below
            changes = changes.reshape(self.groups, each, *delta.shape[1:])
            for number, tap in enumerate(some):
                index = (channel, WHOLE, filters, tap)
                self.sums[index] += _over_positions(changes[:, number], delta)
                self._look(patch, changes[:, number], cells[:, tap], index, everywhere=at is None)

    def _evaluated(self, w: Array, cells: Array, taps: list[int], each: int, sign: int) -> Array:
        """The outputs of so many times a kernel of one channel, each with a tap of its own moved: g (m o) n *p."""
        kernels = np.repeat(w[:, None], each, axis=1)
        kernels[:, np.arange(len(taps)), :, taps] += sign * self.step
        return outputs(kernels.reshape(len(w), -1, w.shape[2]), cells)

    def _look(self, patch: Patch, change: Array, cells: Array, at: Any, *, everywhere: bool) -> None:
        """Whether an output changed that reads nothing at the tap, or did not although what it reads there is not 0."""
        read = [axis[:, t] for axis, t in zip(patch.box.probe.geometry, patch.box.taps[at[-1]], strict=True)]
        unread = [np.flatnonzero(column < 0) for column in read]
        leaks = everywhere and changed_outside(change, unread, first=3)
        every = prod(change.shape[:3]) * prod(int((column >= 0).sum()) for column in read)
        if leaks or np.count_nonzero(change) != every:
            felt = abs(cells) > (0 if self.run.probe.exact else LOST)
            self.outside[at] |= leaks or bool((felt[:, None] & (change == 0)).any())


def _is_read_in_few(box: Box, tap: int) -> bool:
    """Whether less than half of the positions read at a tap, as between the strides of a transposed convolution."""
    read = (axis[:, t] >= 0 for axis, t in zip(box.probe.geometry, box.taps[tap], strict=True))
    return prod(float(column.mean()) for column in read) < 1 / 2


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
        run.sums["b"] += _over_positions(by_filter(change, 1), by_filter(delta[rows], 1))[0]
        tell()


def _over_positions(change: Array, delta: Array) -> Array:
    """Outputs times delta, summed for every filter: g o n *p -> g o."""
    flat = [array.reshape(*array.shape[:2], prod(array.shape[2:])) for array in (change, delta)]
    if change.dtype != EXACT:
        return np.asarray(np.einsum("gop,gop->go", *flat))
    sums: Array = zeros(change.shape[:2], EXACT) + (flat[0] * flat[1]).sum(axis=2)
    return sums


def kernel_passes(case: Case, wanted: Array | None) -> list[int]:
    """For each channel of a group how many taps are moved."""
    marks = np.ones(case.shapes["w"], bool) if wanted is None else wanted
    return [int(channel.any(axis=(0, 1)).sum()) for channel in as_matrices(case, marks)]
