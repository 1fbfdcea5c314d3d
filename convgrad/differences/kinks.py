"""Where a pool has no gradient, found rather than guessed: ties of a maximum, and corners of a norm at zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.threads import spans
from convgrad.differences.probe import Probe
from convgrad.differences.reach import Selectors, meetings
from convgrad.operations.lp_pool import cancellation
from convgrad.operations.operation import known
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED

STEPS = "how far a number may be moved to take differences"
CANCELLED = 2.0**20
"""A sum of signed powers that is so much smaller than they are has lost the digits that a difference needs."""
TINY = 2.0**-40
"""A complex step, relative to its cell: its square is far below a rounding error."""


PLANES = 1 << 15
"""Cells of the planes of a max pool whose steps are worked out together."""
Taps = Sequence[tuple[Selectors, Selectors]]


class Kink(NamedTuple):
    """A window at which no gradient exists: the output entry, the cells of x concerned, and why; full indices."""

    output: tuple[int, ...]
    cells: tuple[tuple[int, ...], ...]
    why: str


class Steps(NamedTuple):
    """How far each cell of x may be moved (0 where it may not be), and where a kink forbids it."""

    sizes: Array
    undecided: Array
    kinks: Array
    """The output entries whose window has a kink that matters: delta is not 0 there."""
    why: str = ""
    largest: Array | None = None
    """Of a max pool the maximum of each window."""

    def named(self, probe: Probe) -> Iterator[Kink]:
        """Every kink with its cells."""
        for output in zip(*(axis.tolist() for axis in np.nonzero(self.kinks)), strict=True):
            cells = [cell for cell in _under(probe, output) if self.undecided[cell]]
            yield Kink(output, tuple(_at_kink(probe, cells)), self.why)


def steps(probe: Probe) -> Steps:
    """The steps for x of a case."""
    return known(_STEPS, probe.case.operation, STEPS)(probe)


def _anywhere(probe: Probe) -> Steps:
    """One step for all: what is linear has no kinks."""
    x = probe.arrays["x"]
    step = np.broadcast_to(np.asarray(probe.step("x"), x.dtype), x.shape)
    return Steps(step, np.zeros(x.shape, bool), _nowhere(probe))


def _nowhere(probe: Probe) -> Array:
    return np.zeros(probe.arrays["delta"].shape, bool)


def _of_maximum(probe: Probe) -> Steps:
    """Half the distance from a cell to the largest other cell of each window that holds it and whose delta counts.

    Some planes at a time, that stay in the cache.
    """
    x, matters, taps = probe.arrays["x"], probe.arrays["delta"] != 0, list(meetings(probe.geometry))
    first, sizes, tied = np.empty(matters.shape, x.dtype), np.empty(x.shape, x.dtype), matters.copy()
    by_plane = [array.reshape(-1, 1, *array.shape[2:]) for array in (x, matters, first, sizes, tied)]
    each = max(1, PLANES // max(prod(x.shape[2:]), 1))
    for some in spans(len(by_plane[0]), -(len(by_plane[0]) // -each)):
        _of_planes(taps, *(array[some] for array in by_plane))
    sizes /= 2
    sizes[sizes == np.inf] = probe.step("x")
    return Steps(sizes, sizes == 0, tied, "tie", first)


def _of_planes(taps: Taps, x: Array, matters: Array, first: Array, distance: Array, tied: Array) -> None:
    """Of some planes the maxima, the distances, without bound where no window counts, and the ties that matter."""
    second = _two_largest(taps, x, first)
    best, ahead = (np.where(matters, array, np.inf) for array in (first, first - second))
    tied &= first == second
    distance[...] = np.inf
    for positions, cells in taps:
        value, most = x[cells], best[positions]
        _lower(distance, cells, np.where(value == most, ahead[positions], most - value))


def _two_largest(taps: Taps, x: Array, first: Array) -> Array:
    """Write the largest cell of each window; the largest other one, equal at a tie; -inf where there is none."""
    first[...] = -np.inf
    second = first.copy()
    for positions, cells in taps:
        value, largest = x[cells], first[positions]
        second[positions] = np.maximum(second[positions], np.minimum(largest, value))
        first[positions] = np.maximum(largest, value)
    return second


def _lower(array: Array, cells: Selectors, values: Array) -> None:
    """array[cells] = min(array[cells], values), where adaptive windows may name a cell twice."""
    if all(isinstance(part, slice) for part in cells):
        array[cells] = np.minimum(array[cells], values)
    else:
        np.minimum.at(array, cells, values)


def _of_norm(probe: Probe) -> Steps:
    """Exact: half of each cell, on either side of which |x| is straight. Else a small step into the complex plane.

    A norm has a corner where all of its window is 0, and the sum of magnitudes wherever a cell is 0.
    """
    if probe.case.arguments.get("signed", False):
        return _of_signed_norm(probe)
    x, matters = probe.arrays["x"], probe.arrays["delta"] != 0
    zero_window, held = _zeros_under(probe), np.zeros(x.shape, bool)
    corners = matters & (zero_window if probe.case.settings["norm"] != 1 else _zeros_under(probe, any_cell=True))
    for positions, cells in meetings(probe.geometry):
        np.logical_or.at(held, cells, corners[positions])
    undecided = held & (x == 0)
    sizes = abs(x) / 2 if probe.exact else abs(x) * TINY * 1j
    any_step = probe.step("x") if probe.exact else TINY  # both sides of 0 are alike
    sizes = np.where(x == 0, any_step, sizes)
    return Steps(np.where(undecided, 0 * sizes, sizes), undecided, corners, "zero")


def _of_signed_norm(probe: Probe) -> Steps:
    """A sum of signed powers has a root without a slope where it is 0, and none below; else any step is as good.

    The sum of numbers has a slope everywhere, but the convention says 0 where it is 0.
    """
    x, delta, arguments = probe.arrays["x"], probe.arrays["delta"], probe.case.arguments
    y = probe.case.operation.forward(x, **arguments)
    why = "a sum of 0" if arguments["norm"] == 1 else "a sum not above 0"
    rootless = np.asarray((y == 0) | (y != y), bool)
    if not probe.exact:
        rootless |= cancellation(x, window=arguments["window"], norm=arguments["norm"]) > CANCELLED
    corners, undecided = (delta != 0) & rootless, np.zeros(x.shape, bool)
    for positions, cells in meetings(probe.geometry):
        undecided[cells] |= corners[positions]
    sizes = np.where(x == 0, TINY, abs(x) * TINY) * 1j if not probe.exact else np.full_like(x, probe.step("x"))
    return Steps(np.where(undecided, 0 * sizes, sizes), undecided, corners, why)


_STEPS: dict[str, Callable[[Probe], Steps]] = {
    CONVOLUTION: _anywhere, TRANSPOSED: _anywhere, MEAN: _anywhere, MAXIMUM: _of_maximum, NORM: _of_norm,
}  # fmt: skip


def _zeros_under(probe: Probe, any_cell: bool = False) -> Array:
    """The windows of which all cells, or any, are 0."""
    x, found = probe.arrays["x"], np.full(probe.arrays["delta"].shape, not any_cell)
    met = np.zeros(found.shape, bool)
    for positions, cells in meetings(probe.geometry):
        is_zero = np.asarray(x[cells] == 0, bool)
        found[positions] = found[positions] | is_zero if any_cell else found[positions] & is_zero
        met[positions] = True
    return found & met


def _under(probe: Probe, output: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The cells of x that an output entry reads."""
    per_axis = [sorted({int(c) for c in axis[p] if c >= 0}) for axis, p in zip(probe.geometry, output[2:], strict=True)]
    for index in np.ndindex(*map(len, per_axis)):
        yield (*output[:2], *(cells[i] for cells, i in zip(per_axis, index, strict=True)))


def _at_kink(probe: Probe, cells: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Of the undecided cells under a window those that make its kink: the largest, or those that are 0."""
    x = probe.arrays["x"]
    if probe.case.arguments.get("signed", False):
        return cells
    best: Any = max(x[cell] for cell in cells) if probe.family == MAXIMUM else 0
    return [cell for cell in cells if x[cell] == best]
