"""Gradients by central differences of the forward pass: every entry, at the price of few evaluations.

Entries whose windows do not meet are perturbed together (Curtis, Powell and Reid, 1974), as are all samples, all groups
and all filters: 2 (C/groups) prod(min(i, K rounded up to s)) evaluations for dX, 2 (C/groups) prod(k) for dW and 2 for
db, whatever the batch, the image and the number of filters. Outputs are differenced one by one before they are paired
with delta, and outside the windows that were predicted they must not differ at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.verify.colouring import Colour, colours
from convgrad.verify.kinks import Kink, Steps, steps
from convgrad.verify.probe import Probe, probe
from convgrad.verify.reach import mesh, period, reads

Progress = Callable[[int, int], None]
KernelPart = tuple[tuple[Any, ...], int, tuple[int, ...]]
Wanted = Mapping[str, Array]
"""By operand which entries to difference; all of an operand that is not named."""
STACK = 1 << 20
"""Numbers of output that several perturbed kernels may have in one evaluation: 8 MB."""
LOST = 2.0**-20
"""Cells below this part of the largest may be lost in the rounding of an output."""


@dataclass(frozen=True)
class Differences:
    """Gradients by operand, from differences alone, and where there are none.

    `undecided` marks entries at a kink, `outside` those whose perturbation changed outputs that it cannot reach.
    """

    gradients: dict[str, Array]
    undecided: dict[str, Array]
    outside: dict[str, Array]
    evaluations: int
    kinks: tuple[Kink, ...] = ()
    kink_count: int = 0


@dataclass
class _Run:
    """What is being gathered, and how far it has got."""

    probe: Probe
    wanted: Wanted
    progress: Progress | None
    total: int
    done: int = 0
    sums: dict[str, Array] = field(default_factory=dict)
    steps: dict[str, Array] = field(default_factory=dict)
    outside: dict[str, Array] = field(default_factory=dict)
    undecided: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, shape in gradient_shapes(self.probe.case).items():
            self.sums[name] = zeros(shape, self.probe.arrays["delta"].dtype)
            self.outside[name], self.undecided[name] = np.zeros(shape, bool), np.zeros(shape, bool)

    def evaluated(self, count: int) -> None:
        self.done += count
        if self.progress:
            self.progress(self.done, self.total)

    def wants(self, name: str, part: Any) -> bool:
        return _wants(self.wanted, name, part)


def finite_differences(case: Case, wanted: Wanted | None = None, progress: Progress | None = None) -> Differences:
    """Differences for the entries wanted (all by default); progress(done, evaluations) is called as they are made."""
    wanted = wanted or {}
    run = _Run(probe(case), wanted, progress, evaluations(case, wanted))
    with np.errstate(all="ignore"):  # data may hold infinities where they were allowed
        moves = _perturb_input(run)
        if "w" in case.operands:
            _perturb_kernel(run)
            _perturb_bias(run)
        gradients = {name: _quotients(run, name) for name in run.sums}
    for name, gradient in gradients.items():
        run.undecided[name] |= _not_finite(gradient)
    kinks = tuple(islice(moves.named(run.probe), 10))
    return Differences(gradients, run.undecided, run.outside, run.done, kinks, int(moves.kinks.sum()))


def evaluations(case: Case, wanted: Wanted | None = None) -> int:
    """How many forward passes the differences take."""
    wanted, shapes = wanted or {}, gradient_shapes(case)
    inputs = sum(_wants(wanted, "x", part) for _, part in _input_parts(case))
    if "w" not in shapes:
        return 2 * inputs
    kernels = sum(_wants(wanted, "w", part) for part, _, _ in _kernel_parts(case))
    return 2 * (inputs + kernels + _wants(wanted, "b", ...))


def _wants(wanted: Wanted, name: str, part: Any) -> bool:
    return name not in wanted or bool(wanted[name][part].any())


def gradient_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """The shapes of a case's gradients, by operand."""
    shapes = {name: case.shapes[name] for name in ("w", "x") if name in case.shapes}
    return shapes | ({"b": (case.output_shape[1],)} if "w" in shapes else {})


# -- x -----------------------------------------------------------------------------------------------------------------


def _input_parts(case: Case) -> Iterator[tuple[tuple[Colour, ...], tuple[Any, ...]]]:
    """The cells perturbed together: a colour an axis and, where filters read several channels, one of each group."""
    per_axis = [
        colours(cells, length, period(case, axis))
        for axis, (cells, length) in enumerate(zip(reads(case), case.shapes["x"][2:], strict=True))
    ]
    together = case.shapes["x"][1] // case.settings["groups"] if "w" in case.shapes else 1
    for chosen in product(*per_axis):
        _, _, *cells = mesh([colour.cells for colour in chosen])
        for channel in range(together):
            yield chosen, (slice(None), slice(channel, None, together), *cells)


def _perturb_input(run: _Run) -> Steps:
    """dX: the outputs that change are each one cell's own."""
    case, moves = run.probe.case, steps(run.probe)
    run.undecided["x"] |= moves.undecided
    x = run.probe.arrays["x"].astype(moves.sizes.dtype)
    plus, minus = x + moves.sizes, x - moves.sizes
    # what was added, after rounding; of the kind that a difference of outputs has
    run.steps["x"] = plus - minus
    run.sums["x"] = zeros(x.shape, np.result_type(run.sums["x"], x))
    for chosen, part in _input_parts(case):
        if run.wants("x", part):
            change = _perturb_cells(run, part, (x, plus, minus))
            _pair_cells(run, change, chosen, part)
            _look_at_cells(run, change, chosen, part, moves)
    run.undecided["x"] |= (run.steps["x"] == 0) & _felt(run)
    return moves


def _perturb_cells(run: _Run, part: Any, inputs: tuple[Array, Array, Array]) -> Array:
    """How every output changes."""
    x, plus, minus = inputs
    kept, w = x[part].copy(), run.probe.arrays.get("w")
    x[part] = plus[part]
    above = run.probe.forward(x, w)
    x[part] = minus[part]
    change: Array = above - run.probe.forward(x, w)
    x[part] = kept
    run.evaluated(2)
    return change


def _pair_cells(run: _Run, change: Array, chosen: tuple[Colour, ...], part: Any) -> None:
    """Changes times delta, summed for each cell."""
    paired = change * run.probe.arrays["delta"]
    if run.probe.kind == "conv":
        paired = run.probe.grouped(paired).sum(axis=2)
    run.sums["x"][part] = _gathered(paired, chosen)


def _look_at_cells(run: _Run, change: Array, chosen: tuple[Colour, ...], part: Any, moves: Steps) -> None:
    """Whether the outputs that changed are those that had to."""
    run.outside["x"][part] |= _changed_outside(change, [colour.unread for colour in chosen])
    if run.probe.kind == "conv":
        return  # which cell a tap reads is looked at where the tap is perturbed
    x, moved = (_at_positions(array[part], chosen) for array in (run.probe.arrays["x"], run.steps["x"]))
    known = (moved != 0) & (change == change)
    if run.probe.kind == "max":
        known &= run.probe.arrays["delta"] != 0  # where delta is 0 no step was kept short of the next cell
        wrong = (change != 0) != (x == moves.largest)
        inside = (change != 0) & (change != moved)  # a kink lies inside the step
        run.undecided["x"][part] |= _gathered((known & inside).astype(int), chosen) > 0
    elif run.probe.kind == "average" or run.probe.case.settings["norm"] == 1:
        wrong = change == 0
    else:
        return
    run.outside["x"][part] |= _gathered((known & wrong).astype(int), chosen) > 0


def _changed_outside(change: Array, unread: list[Array]) -> bool:
    """Whether any output changed at a position that reads none of what was perturbed."""
    parts = (change.take(positions, axis=axis) for axis, positions in enumerate(unread, start=2) if len(positions))
    return any(bool(((part != 0) & (part == part)).any()) for part in parts)


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


def _felt(run: _Run) -> Array:
    """The cells that some output reads at all: a step of 0 matters only there."""
    felt = np.ones(run.sums["x"].shape, bool)
    for axis, cells in enumerate(run.probe.geometry, start=2):
        unread = np.setdiff1d(np.arange(felt.shape[axis]), cells)
        felt[(slice(None),) * axis + (unread,)] = False
    return felt


# -- w and b -----------------------------------------------------------------------------------------------------------


def _kernel_parts(case: Case) -> Iterator[KernelPart]:
    """The kernel's entries perturbed together: one tap of one input channel of each group, in every filter.

    Each with the number of that channel, and the tap at which it reads x.
    """
    transposed = case.operation.name == "conv-transpose"
    turned, sizes = case.settings["mode"] == "convolution", case.shapes["w"][2:]
    together = case.shapes["x"][1] // case.settings["groups"]
    for channel in range(together):
        for tap in np.ndindex(sizes):
            read = tuple(size - 1 - t for size, t in zip(sizes, tap, strict=True)) if turned else tap
            if transposed:
                yield (slice(channel, None, together), slice(None), *tap), channel, read
            else:
                yield (slice(None), channel, *tap), channel, read


def _perturb_kernel(run: _Run) -> None:
    """dW: every output channel has a filter of its own; several kernels go through one evaluation as more filters."""
    case = run.probe.case
    run.steps["w"] = np.full(case.shapes["w"], 2 * run.probe.step("w"), run.probe.arrays["w"].dtype)
    wanted = (found for found in _kernel_parts(case) if run.wants("w", found[0]))
    at_once = max(1, STACK // max(math.prod(case.output_shape), 1))
    while found := list(islice(wanted, at_once)):
        parts = [part for part, _, _ in found]
        # plus and minus in evaluations of their own, so that both round alike and what cannot change does not
        changes = _stacked(run, parts, +1) - _stacked(run, parts, -1)
        run.evaluated(2 * len(parts))
        for part, change in zip(found, np.moveaxis(changes, 2, 0), strict=True):
            _pair_kernel(run, part, change)


def _stacked(run: _Run, parts: list[Any], sign: int) -> Array:
    """The outputs of several perturbed kernels: n g m o p."""
    groups, w, step = run.probe.groups, run.probe.arrays["w"], sign * run.probe.step("w")
    kernels = np.repeat(w[None], len(parts), axis=0)
    for kernel, part in zip(kernels, parts, strict=True):
        kernel[part] += step
    if run.probe.case.operation.name == "conv-transpose":
        stacked = np.moveaxis(kernels, 0, 1).reshape(len(w), -1, *w.shape[2:])
    else:
        by_group = kernels.reshape(len(parts), groups, -1, *w.shape[1:])
        stacked = by_group.swapaxes(0, 1).reshape(-1, *w.shape[1:])
    y = run.probe.forward(run.probe.arrays["x"], stacked)
    return y.reshape(len(y), groups, len(parts), y.shape[1] // (groups * len(parts)), *y.shape[2:])


def _pair_kernel(run: _Run, found: KernelPart, change: Array) -> None:
    """One perturbed tap's differences n g o p, paired with delta and summed for every filter."""
    (part, channel, tap), delta = found, run.probe.arrays["delta"]
    columns = [axis[:, t] for axis, t in zip(run.probe.geometry, tap, strict=True)]
    unread = [np.flatnonzero(column < 0) for column in columns]
    sums = _over_positions(change.reshape(delta.shape) * delta)
    run.sums["w"][part] = sums.reshape(run.sums["w"][part].shape)
    run.outside["w"][part] |= _changed_outside(change.reshape(delta.shape), unread) or _silent(
        run, channel, columns, change
    )


def _silent(run: _Run, channel: int, columns: list[Array], change: Array) -> bool:
    """Whether an output did not change although the cell that it reads at the tap is not 0."""
    x = run.probe.arrays["x"]
    cells = x[:, channel :: x.shape[1] // run.probe.groups]
    for axis, column in enumerate(columns, start=2):
        read = (column >= 0).reshape(-1, *(1,) * (cells.ndim - 1 - axis))
        cells = cells.take(np.maximum(column, 0), axis=axis) * read
    felt = abs(cells) > (0 if run.probe.exact else LOST)
    return bool((felt[:, :, None] & (change == 0)).any())


def _perturb_bias(run: _Run) -> None:
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


# -- Results -----------------------------------------------------------------------------------------------------------


def _quotients(run: _Run, name: str) -> Array:
    """Sums over steps, in the units of the case: exact, or float64."""
    sums, unit = run.sums[name], run.probe.unit(name)
    if name not in run.steps:
        return sums
    step = run.steps[name]
    if not run.probe.exact:
        quotient = np.divide(sums, step, out=np.zeros_like(sums), where=step != 0).real
        return quotient / float(unit)
    result = np.empty(sums.size, EXACT)
    pairs = zip(sums.ravel().tolist(), step.ravel().tolist(), strict=True)
    result[:] = [Fraction(total) / (Fraction(by) * unit) if by else Fraction(0) for total, by in pairs]
    return result.reshape(sums.shape)


def _not_finite(gradient: Array) -> Array:
    return np.zeros(gradient.shape, bool) if gradient.dtype == EXACT else ~np.isfinite(gradient)


