"""dW and db by differences: every filter's own tap, and every channel's own bias, are moved together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.differences.probe import LOST
from convgrad.differences.run import Run, changed_outside
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED

KernelPart = tuple[tuple[Any, ...], int, tuple[int, ...]]
STACK = 1 << 20
"""Numbers of output that several perturbed kernels may have in one evaluation: 8 MB."""


def kernel_parts(case: Case) -> Iterator[KernelPart]:
    """The kernel's entries perturbed together: one tap of one input channel of each group, in every filter.

    Each with the number of that channel, and the tap at which it reads x.
    """
    transposed = case.operation.family == TRANSPOSED
    turned, sizes = case.settings["mode"] == "convolution", case.shapes["w"][2:]
    together = case.shapes["x"][1] // case.settings["groups"]
    for channel in range(together):
        for tap in np.ndindex(sizes):
            read = tuple(size - 1 - t for size, t in zip(sizes, tap, strict=True)) if turned else tap
            if transposed:
                yield (slice(channel, None, together), slice(None), *tap), channel, read
            else:
                yield (slice(None), channel, *tap), channel, read


def perturb_kernel(run: Run) -> None:
    """dW: every output channel has a filter of its own; several taps go through one evaluation as more filters.

    Of x only the channel is read that the taps meet: what the others add to an output cancels in every difference.
    """
    run.steps["w"] = np.full(run.probe.case.shapes["w"], 2 * run.probe.step("w"), run.probe.arrays["w"].dtype)
    parts = (part for part in kernel_parts(run.probe.case) if run.wants("w", part[0]))
    for channel, taps in groupby(parts, key=lambda part: part[1]):
        while together := list(islice(taps, _at_once(run))):
            _perturb_taps(run, channel, together)


def _at_once(run: Run) -> int:
    """Taps whose outputs of one sample are not too large together."""
    return max(1, STACK // max(math.prod(run.probe.case.output_shape[1:]), 1))


def _perturb_taps(run: Run, channel: int, parts: list[KernelPart]) -> None:
    """Some taps of a channel, a few samples at a time."""
    filters = _filters(run, parts)
    each = len(parts) * max(math.prod(run.probe.case.output_shape[1:]), 1)
    x, delta = run.probe.of_channel("x", channel), run.probe.arrays["delta"][:, filters]
    for first in range(0, len(x), max(1, STACK // each)):
        rows = slice(first, first + max(1, STACK // each))
        # plus and minus in evaluations of their own, so that both round alike and what cannot change does not
        changes = _stacked(run, x[rows], filters, parts, +1) - _stacked(run, x[rows], filters, parts, -1)
        for part, change in zip(parts, np.moveaxis(changes, 2, 0), strict=True):
            _pair_kernel(run, part, filters, x[rows], change.reshape(delta[rows].shape), delta[rows])
    run.evaluated(2 * len(parts))


def _filters(run: Run, parts: list[KernelPart]) -> slice:
    """The filters that hold what is wanted of some taps: no other output changes."""
    if "w" not in run.wanted or run.probe.groups > 1:
        return slice(None)
    wanted = np.any([run.wanted["w"][part].reshape(-1) for part, _, _ in parts], axis=0)
    filters = np.flatnonzero(wanted)
    return slice(int(filters[0]), int(filters[-1]) + 1)


def _stacked(run: Run, x: Array, filters: slice, parts: list[KernelPart], sign: int) -> Array:
    """The outputs of several perturbed kernels of one channel: n g m o p."""
    probe, step = run.probe, sign * run.probe.step("w")
    transposed, groups = probe.family == TRANSPOSED, probe.groups
    w = probe.of_channel("w", parts[0][1])
    w = w[:, filters] if transposed else w[filters]
    kernels = np.repeat(w[None], len(parts), axis=0)
    for kernel, (part, _, _) in zip(kernels, parts, strict=True):
        kernel[(slice(None), slice(None), *part[2:])] += step
    if transposed:
        stacked = np.moveaxis(kernels, 0, 1).reshape(len(w), -1, *w.shape[2:])
    else:
        by_group = kernels.reshape(len(parts), groups, -1, *w.shape[1:])
        stacked = by_group.swapaxes(0, 1).reshape(-1, *w.shape[1:])
    y = probe.forward(x, stacked)
    return y.reshape(len(y), groups, len(parts), y.shape[1] // (groups * len(parts)), *y.shape[2:])


def _pair_kernel(run: Run, found: KernelPart, filters: slice, x: Array, change: Array, delta: Array) -> None:
    """One perturbed tap's differences (n,O,*P), paired with delta and summed for every filter."""
    part, _, tap = found
    columns = [axis[:, t] for axis, t in zip(run.probe.geometry, tap, strict=True)]
    unread = [np.flatnonzero(column < 0) for column in columns]
    moved = run.sums["w"][part].reshape(-1)
    moved[filters] += _over_positions(change, delta)
    run.sums["w"][part] = moved.reshape(run.sums["w"][part].shape)
    run.outside["w"][part] |= changed_outside(change, unread) or _silent(run, x, columns, run.probe.grouped(change))


def _silent(run: Run, cells: Array, columns: list[Array], change: Array) -> bool:
    """Whether an output did not change although the cell that it reads at the tap is not 0."""
    for axis, column in enumerate(columns, start=2):
        read = (column >= 0).reshape(-1, *(1,) * (cells.ndim - 1 - axis))
        cells = cells.take(np.maximum(column, 0), axis=axis) * read
    felt = abs(cells) > (0 if run.probe.exact else LOST)
    return bool((felt[:, :, None] & (change == 0)).any())


def perturb_bias(run: Run) -> None:
    """db: every output has one bias."""
    if not run.wants("b", ...):
        return
    x, w, step = run.probe.arrays["x"], run.probe.arrays["w"], run.probe.step("b")
    b = run.probe.arrays.get("b", zeros(run.sums["b"].shape, w.dtype))
    # in units of b alone: x and w have units of their own, and what they add cancels
    change = run.probe.forward(x, w, b + step) - run.probe.forward(x, w, b - step)
    run.evaluated(2)
    run.steps["b"] = (b + step) - (b - step)
    run.sums["b"] = _over_positions(change, run.probe.arrays["delta"])


def _over_positions(change: Array, delta: Array) -> Array:
    """Outputs times delta, summed for every filter: (N,O,*P) -> (O,)."""
    if change.dtype != EXACT:
        flat = (part.reshape(*part.shape[:2], math.prod(part.shape[2:])) for part in (change, delta))
        return np.asarray(np.einsum("nop,nop->o", *flat))
    paired = change * delta
    sums: Array = zeros(paired.shape[1:2], paired.dtype) + paired.sum(axis=(0, *range(2, paired.ndim)))
    return sums
