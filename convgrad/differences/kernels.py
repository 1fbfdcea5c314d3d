"""dW and db by differences: every filter's own tap, and every channel's own bias, are moved together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.differences.run import Run, changed_outside
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED

KernelPart = tuple[tuple[Any, ...], int, tuple[int, ...]]
STACK = 1 << 20
"""Numbers of output that several perturbed kernels may have in one evaluation: 8 MB."""
LOST = 2.0**-20
"""Cells below this part of the largest may be lost in the rounding of an output."""


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
    """dW: every output channel has a filter of its own; several kernels go through one evaluation as more filters."""
    case = run.probe.case
    run.steps["w"] = np.full(case.shapes["w"], 2 * run.probe.step("w"), run.probe.arrays["w"].dtype)
    wanted = (found for found in kernel_parts(case) if run.wants("w", found[0]))
    at_once = max(1, STACK // max(math.prod(case.output_shape), 1))
    while found := list(islice(wanted, at_once)):
        parts = [part for part, _, _ in found]
        # plus and minus in evaluations of their own, so that both round alike and what cannot change does not
        changes = _stacked(run, parts, +1) - _stacked(run, parts, -1)
        run.evaluated(2 * len(parts))
        for part, change in zip(found, np.moveaxis(changes, 2, 0), strict=True):
            _pair_kernel(run, part, change)


def _stacked(run: Run, parts: list[Any], sign: int) -> Array:
    """The outputs of several perturbed kernels: n g m o p."""
    groups, w, step = run.probe.groups, run.probe.arrays["w"], sign * run.probe.step("w")
    kernels = np.repeat(w[None], len(parts), axis=0)
    for kernel, part in zip(kernels, parts, strict=True):
        kernel[part] += step
    if run.probe.case.operation.family == TRANSPOSED:
        stacked = np.moveaxis(kernels, 0, 1).reshape(len(w), -1, *w.shape[2:])
    else:
        by_group = kernels.reshape(len(parts), groups, -1, *w.shape[1:])
        stacked = by_group.swapaxes(0, 1).reshape(-1, *w.shape[1:])
    y = run.probe.forward(run.probe.arrays["x"], stacked)
    return y.reshape(len(y), groups, len(parts), y.shape[1] // (groups * len(parts)), *y.shape[2:])


def _pair_kernel(run: Run, found: KernelPart, change: Array) -> None:
    """One perturbed tap's differences n g o p, paired with delta and summed for every filter."""
    (part, channel, tap), delta = found, run.probe.arrays["delta"]
    columns = [axis[:, t] for axis, t in zip(run.probe.geometry, tap, strict=True)]
    unread = [np.flatnonzero(column < 0) for column in columns]
    sums = _over_positions(change.reshape(delta.shape) * delta)
    run.sums["w"][part] = sums.reshape(run.sums["w"][part].shape)
    run.outside["w"][part] |= changed_outside(change.reshape(delta.shape), unread) or _silent(
        run, channel, columns, change
    )


def _silent(run: Run, channel: int, columns: list[Array], change: Array) -> bool:
    """Whether an output did not change although the cell that it reads at the tap is not 0."""
    x = run.probe.arrays["x"]
    cells = x[:, channel :: x.shape[1] // run.probe.groups]
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
    run.sums["b"] = _over_positions(change * run.probe.arrays["delta"])


def _over_positions(paired: Array) -> Array:
    """(N,O,*P) -> (O,)."""
    sums: Array = zeros(paired.shape[1:2], paired.dtype) + paired.sum(axis=(0, *range(2, paired.ndim)))
    return sums
