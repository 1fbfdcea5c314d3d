"""How an array of a pool is computed, with every step open to alteration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from convgrad.catalogue.computation import (
    Arrangement,
    Computation,
    Pairs,
    Reads,
    added,
    delta_of,
    overwritten,
    pads_of,
)
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import ALL
from convgrad.core.window import AdaptiveAxis, Axis, Window, taps_within
from convgrad.operations import lp_pool, max_pool
from convgrad.subject.case import Case
from convgrad.vocabulary import MAXIMUM, MEAN, NORM


@dataclass(frozen=True)
class Pool(Computation):
    """A pool: what every window gives to its taps, and how that is laid on the input.

    `rule` is the rule for ties, "spread" for delta to every cell, "above 0" or "plane" where only positive cells or the
    largest of their planes, may win, "any channel" where a winner of any channel wins in all; `divisor` what a mean
    divides by: "counted", "padding counted", "padding not counted", "window", a number, or one a position. `scores`
    decide which cell wins in place of x; `reads` are the cells that windows read in place of those under them;
    `regroup` moves what every window gives to its taps, and `laid` are other windows that it is laid on the input by.
    """

    family: str = MAXIMUM
    rule: str = "first"
    zero_padding: bool = False
    divisor: Any = "counted"
    norm: Any = 2
    powers_signed: bool = False
    signed: bool = True
    rooted: bool = True
    pads: Pairs = ()
    lengths: tuple[int, ...] = field(default=())
    scores: Array | None = None
    reads: Reads | None = None
    regroup: Arrangement | None = None
    laid: tuple[Any, ...] | None = None

    @property
    def near(self) -> Array:
        return self.delta

    def window(self) -> Window:
        """As many windows as delta has positions; cells past the end are padding."""
        pairs = zip(self.axes, self.lengths, self.delta.shape[2:], strict=True)
        return Window(tuple(a if isinstance(a, AdaptiveAxis) else a.fitted(*pair) for a, *pair in pairs))

    def bare(self) -> Array:
        if self.reads is not None:
            return self._elsewhere(self.reads)
        if not self.zero_padding:
            return _of_input(self) if self.array == "dX" else _OUTPUTS[self.family](self, self.window())
        padded = self._with_zeros()
        return np.asarray(padded.bare()[self._inside]) if self.array == "dX" else padded.bare()

    @property
    def _inside(self) -> tuple[slice, ...]:
        """The input in an array with padding around it."""
        pairs = zip(self.pads, self.lengths, strict=True)
        return (*ALL, *(slice(before, before + cells) for (before, _), cells in pairs))

    def _elsewhere(self, reads: Reads) -> Array:
        """The same over the cells that are read."""
        pairs = zip(self.axes, reads.before, strict=True)
        axes = tuple(replace(axis, before=axis.before - cells) if cells else axis for axis, cells in pairs)
        assert self.laid is None
        x = reads.read(self.x)
        divisor = divisors(self, self.window()) if self.family == MEAN else self.divisor
        read = replace(self, x=x, axes=axes, lengths=x.shape[2:], divisor=divisor, reads=None).bare()
        return reads.sent_back(read, self.lengths) if self.array == "dX" else read

    def _with_zeros(self) -> Pool:
        """The same with padding written out as zeros, which then compete."""
        lengths = [sum(pair) + cells for pair, cells in zip(self.pads, self.lengths, strict=True)]
        x = zeros((*self.x.shape[:2], *lengths), self.x.dtype)
        x[self._inside] = self.x
        axes = tuple(
            replace(axis, before=axis.before - before) if isinstance(axis, Axis) else axis
            for axis, (before, _) in zip(self.axes, self.pads, strict=True)
        )
        return replace(self, x=x, axes=axes, lengths=x.shape[2:], zero_padding=False)


def _of_input(c: Pool) -> Array:
    window = c.window()
    given, wins = _GIVEN[c.family](c, window)
    if c.regroup is not None:
        given, wins = c.regroup(given), c.regroup(wins)
        window = _sized(c, window, given.shape[2 : 2 + c.dims])
    window = window if c.laid is None else c.but(axes=c.laid).window()
    if not c.overwrite:
        return added(given, window, c.lengths)
    return overwritten(given, window, c.lengths, wins if c.overwrite == "winner" else None)


def _sized(c: Pool, window: Window, size: tuple[int, ...]) -> Window:
    """The same starts with windows of another size, as winners read in another order may need."""
    if window.size == size:
        return window
    axes: Any = window.axes
    other: Pool = c.but(axes=tuple(replace(axis, size=taps) for axis, taps in zip(axes, size, strict=True)))
    return other.window()


def given_to_taps(c: Pool, window: Window) -> Array:
    """What every window gives to each of its taps: n c k p."""
    return _GIVEN[c.family](c, window)[0]


def _given_by_max(c: Pool, window: Window) -> tuple[Array, Array]:
    """Delta to the winners: n c k p, and which they are."""
    if c.rule == "spread":
        taps = np.ones((*c.x.shape[:2], *window.size, *c.delta.shape[2:]), bool)
        return np.where(taps, _beside(c.delta, window), nothing_like(c.delta)), taps
    x = c.x if c.scores is None else c.scores
    y, winner = max_pool.winners(x, window, last=c.rule == "last")
    wins = np.zeros((*c.x.shape[:2], *window.size, *y.shape[2:]), bool)
    for number, (tap, positions, cells) in enumerate(window.taps(c.lengths)):
        at = (*ALL, *positions)
        won = winner[at] == number
        if c.rule in ("split", "all"):
            won |= x[(*ALL, *cells)] == y[at]
        wins[(*ALL, *tap, *positions)] = won & _may_win(c, x[(*ALL, *cells)], x)
    if c.rule == "any channel":
        wins[...] = wins.any(axis=1, keepdims=True)
    share = c.delta
    if c.rule == "split":
        count = np.maximum(wins.sum(axis=tuple(range(2, 2 + c.dims))), 1)
        share = c.delta / count.astype(c.delta.dtype)
    return np.where(wins, _beside(share, window), nothing_like(c.delta)), wins


def _may_win(c: Pool, cells: Array, x: Array) -> Any:
    """Whether the cells under a tap may win at all: only what is above 0, or the largest of its plane."""
    if c.rule == "above 0":
        return cells > 0
    if c.rule == "plane":
        return cells == x.max(axis=tuple(range(2, x.ndim)), keepdims=True)
    return True


def _given_by_mean(c: Pool, window: Window) -> tuple[Array, Array]:
    share = c.delta / divisors(c, window)
    taps = np.ones((*c.x.shape[:2], *window.size, *share.shape[2:]), bool)
    return np.where(taps, _beside(share, window), nothing_like(c.delta)), taps


def _given_by_norm(c: Pool, window: Window) -> tuple[Array, Array]:
    given = zeros((*c.x.shape[:2], *window.size, *c.delta.shape[2:]), c.delta.dtype)
    y = lp_pool.forward(c.x, window=window, norm=c.norm, signed=c.powers_signed)
    for tap, positions, cells in window.taps(c.lengths):
        at, x = (*ALL, *positions), c.x[(*ALL, *cells)]
        slope = lp_pool.slope(x, y[at] if c.rooted else np.ones_like(y[at]), c.norm, c.powers_signed)
        slope = slope if c.rooted or c.norm == 1 else slope * x.dtype.type(c.norm)
        given[(*ALL, *tap, *positions)] = c.delta[at] * (slope if c.signed else abs(slope)).astype(c.delta.dtype)
    return given, np.ones(given.shape, bool)


_GIVEN: dict[str, Callable[[Pool, Window], tuple[Array, Array]]] = {
    MAXIMUM: _given_by_max, MEAN: _given_by_mean, NORM: _given_by_norm,
}  # fmt: skip


def largest_of_windows(c: Pool, window: Window) -> Array:
    return max_pool.winners(c.x, window, last=False)[0]


def _mean(c: Pool, window: Window) -> Array:
    total = zeros(c.delta.shape, c.x.dtype)
    for _, positions, cells in window.taps(c.lengths):
        total[(*ALL, *positions)] += c.x[(*ALL, *cells)]
    return total / divisors(c, window)


def _norm(c: Pool, window: Window) -> Array:
    y = lp_pool.forward(c.x, window=window, norm=c.norm, signed=c.powers_signed)
    return y if c.rooted else y**c.norm


_OUTPUTS: dict[str, Callable[[Pool, Window], Array]] = {MAXIMUM: largest_of_windows, MEAN: _mean, NORM: _norm}


def _beside(share: Array, window: Window) -> Array:
    """(N,C,*P) -> n c k p with one for all taps."""
    return share.reshape(*share.shape[:2], *(1,) * len(window.size), *share.shape[2:])


def nothing_like(like: Array) -> Array:
    return zeros((), like.dtype)


def divisors(c: Pool, window: Window) -> Array:
    """(*P), in the kind of delta; 1 for a window that has nothing to divide."""
    if isinstance(c.divisor, np.ndarray):
        return c.divisor
    if not isinstance(c.divisor, str):
        return np.full(window.positions(c.lengths), c.divisor, c.delta.dtype)
    rows = [counted(c, window, number, c.divisor) for number in range(c.dims)]
    counts: Array = np.maximum(reduce(np.multiply.outer, rows), 1).astype(c.delta.dtype)
    return counts


def counted(c: Pool, window: Window, number: int, divisor: str) -> Array:
    """The cells of every window along one axis that a mean counts."""
    axis, length = window.axes[number], c.lengths[number]
    return np.array([_cells(c, axis, number, p, divisor) for p in range(axis.positions(length))])


def _cells(c: Pool, axis: Axis | AdaptiveAxis, number: int, position: int, divisor: str) -> int:
    """The cells of a window along one axis that its mean counts."""
    if divisor == "window":
        return axis.size
    (before, after), length = c.pads[number], c.lengths[number]
    span = (-before, length + after) if divisor == "padding counted" else (0, length)
    return int(taps_within(axis.cells(position), axis.under(0).step, *span))


def or_by_whole_windows(altered: Mapping[str, Any]) -> dict[str, Any]:
    """Averages over other windows, also with every one divided by its full size, wherever it ends."""
    means = {name: c for name, c in altered.items() if getattr(c, "family", "") == MEAN}
    whole = {
        f"{name}, divided by whole windows".lstrip(", "): c.but(divisor="window")
        for name, c in means.items() if c.divisor == "padding counted"
    }  # fmt: skip
    return {**altered, **whole}


def of_pool(case: Case, array: str, updated: Array | None = None) -> Pool:
    """The right computation of an array of a pool."""
    settings, x = case.settings, case.operands["x"]
    assert x is not None
    divisor = settings.get("divisor")
    if divisor is None:
        divisor = "padding counted" if settings.get("count_include_pad") else "padding not counted"
    return Pool(
        array, x, delta_of(case), case.arguments["window"].axes,
        family=case.operation.family, rule=settings.get("ties", "first"), divisor=divisor,
        norm=settings.get("norm", 2), powers_signed=case.arguments.get("signed", False),
        pads=pads_of(case), lengths=x.shape[2:],
    )  # fmt: skip
