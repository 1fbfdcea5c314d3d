"""How an array of a pool is computed, open to alteration, and the alterations that only pools have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation, Pairs, added, delta_of, overwritten, pads_of
from convgrad.catalogue.mistake import Variants, one
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import ALL
from convgrad.core.window import AdaptiveAxis, Axis, Window
from convgrad.operations import lp_pool, max_pool
from convgrad.subject.case import Case
from convgrad.vocabulary import MAXIMUM, MEAN, NORM, TIES


@dataclass(frozen=True)
class Pool(Computation):
    """A pool: what every window gives to its taps, and how that is laid on the input.

    `rule` is the rule for ties, or "spread" for delta to every cell; `divisor` what a mean divides by: "counted",
    "padding counted", "padding not counted", "window", or a number.
    """

    family: str = MAXIMUM
    rule: str = "first"
    zero_padding: bool = False
    divisor: Any = "counted"
    norm: Any = 2
    signed: bool = True
    rooted: bool = True
    pads: Pairs = ()
    lengths: tuple[int, ...] = field(default=())

    @property
    def near(self) -> Array:
        return self.delta

    def window(self) -> Window:
        """As many windows as delta has positions; cells past the end are padding."""
        pairs = zip(self.axes, self.lengths, self.delta.shape[2:], strict=True)
        return Window(tuple(a if isinstance(a, AdaptiveAxis) else a.fitted(*pair) for a, *pair in pairs))

    def bare(self) -> Array:
        if not self.zero_padding:
            return _of_input(self) if self.array == "dX" else _OUTPUTS[self.family](self, self.window())
        padded = self._with_zeros()
        return np.asarray(padded.bare()[self._inside]) if self.array == "dX" else padded.bare()

    @property
    def _inside(self) -> tuple[slice, ...]:
        """The input in an array with padding around it."""
        pairs = zip(self.pads, self.lengths, strict=True)
        return (*ALL, *(slice(before, before + cells) for (before, _), cells in pairs))

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
    if not c.overwrite:
        return added(given, window, c.lengths)
    return overwritten(given, window, c.lengths, wins if c.overwrite == "winner" else None)


def given_to_taps(c: Pool, window: Window) -> Array:
    """What every window gives to each of its taps: n c k p."""
    return _GIVEN[c.family](c, window)[0]


def _given_by_max(c: Pool, window: Window) -> tuple[Array, Array]:
    """Delta to the winners: n c k p, and which they are."""
    if c.rule == "spread":
        taps = np.ones((*c.x.shape[:2], *window.size, *c.delta.shape[2:]), bool)
        return np.where(taps, _beside(c.delta, window), _nothing(c.delta)), taps
    y, winner = max_pool.winners(c.x, window, last=c.rule == "last")
    wins = np.zeros((*c.x.shape[:2], *window.size, *y.shape[2:]), bool)
    for number, (tap, positions, cells) in enumerate(window.taps(c.lengths)):
        at = (*ALL, *positions)
        won = winner[at] == number
        if c.rule in ("split", "all"):
            won |= c.x[(*ALL, *cells)] == y[at]
        wins[(*ALL, *tap, *positions)] = won
    share = c.delta
    if c.rule == "split":
        count = np.maximum(wins.sum(axis=tuple(range(2, 2 + c.dims))), 1)
        share = c.delta / count.astype(c.delta.dtype)
    return np.where(wins, _beside(share, window), _nothing(c.delta)), wins


def _given_by_mean(c: Pool, window: Window) -> tuple[Array, Array]:
    share = c.delta / _divisors(c, window)
    taps = np.ones((*c.x.shape[:2], *window.size, *share.shape[2:]), bool)
    return np.where(taps, _beside(share, window), _nothing(c.delta)), taps


def _given_by_norm(c: Pool, window: Window) -> tuple[Array, Array]:
    given = zeros((*c.x.shape[:2], *window.size, *c.delta.shape[2:]), c.delta.dtype)
    y = lp_pool.forward(c.x, window=window, norm=c.norm)
    for tap, positions, cells in window.taps(c.lengths):
        at, x = (*ALL, *positions), c.x[(*ALL, *cells)]
        slope = lp_pool.slope(x, y[at] if c.rooted else np.ones_like(y[at]), c.norm)
        slope = slope if c.rooted or c.norm == 1 else slope * x.dtype.type(c.norm)
        given[(*ALL, *tap, *positions)] = c.delta[at] * (slope if c.signed else abs(slope)).astype(c.delta.dtype)
    return given, np.ones(given.shape, bool)


_GIVEN: dict[str, Callable[[Pool, Window], tuple[Array, Array]]] = {
    MAXIMUM: _given_by_max, MEAN: _given_by_mean, NORM: _given_by_norm,
}  # fmt: skip


def _largest(c: Pool, window: Window) -> Array:
    return max_pool.winners(c.x, window, last=False)[0]


def _mean(c: Pool, window: Window) -> Array:
    total = zeros(c.delta.shape, c.x.dtype)
    for _, positions, cells in window.taps(c.lengths):
        total[(*ALL, *positions)] += c.x[(*ALL, *cells)]
    return total / _divisors(c, window)


def _norm(c: Pool, window: Window) -> Array:
    y = lp_pool.forward(c.x, window=window, norm=c.norm)
    return y if c.rooted else y**c.norm


_OUTPUTS: dict[str, Callable[[Pool, Window], Array]] = {MAXIMUM: _largest, MEAN: _mean, NORM: _norm}


def _beside(share: Array, window: Window) -> Array:
    """(N,C,*P) -> n c k p with one for all taps."""
    return share.reshape(*share.shape[:2], *(1,) * len(window.size), *share.shape[2:])


def _nothing(like: Array) -> Array:
    return zeros((), like.dtype)


def _divisors(c: Pool, window: Window) -> Array:
    """(*P), in the kind of delta; 1 for a window that has nothing to divide."""
    if not isinstance(c.divisor, str):
        return np.full(window.positions(c.lengths), c.divisor, c.delta.dtype)
    rows = [
        np.array([_cells(c, axis, number, p) for p in range(axis.positions(length))])
        for number, (axis, length) in enumerate(zip(window.axes, c.lengths, strict=True))
    ]
    counts: Array = np.maximum(reduce(np.multiply.outer, rows), 1).astype(c.delta.dtype)
    return counts


def _cells(c: Pool, axis: Axis | AdaptiveAxis, number: int, position: int) -> int:
    """The cells of a window along one axis that its mean counts."""
    first, last = axis.cells(position)
    if c.divisor == "window":
        return axis.size
    (before, after), length = c.pads[number], c.lengths[number]
    if c.divisor == "padding counted":
        return max(min(last, length + after) - max(first, -before), 0)
    return max(min(last, length) - max(first, 0), 0)


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
        norm=settings.get("norm", 2), pads=pads_of(case), lengths=x.shape[2:],
    )  # fmt: skip


# -- Alterations -------------------------------------------------------------------------------------------------------


def tied(c: Pool, rule: str) -> Variants:
    return one(c.but(rule=rule)) if c.rule in TIES and c.rule != rule else {}


def divided(c: Pool, by: Any) -> Variants:
    return one(c.but(divisor=by)) if c.divisor != by else {}


def padding_competes(c: Pool) -> Variants:
    return one(c.but(zero_padding=True)) if any(map(any, c.pads)) else {}


def replaced(c: Pool) -> Variants:
    """Whole windows replace each other; of a max pool also only their winners."""
    variants = {"whole window": c.but(overwrite="window")}
    return variants | ({"winner": c.but(overwrite="winner")} if c.family == MAXIMUM else {})


def even_windows(c: Pool) -> Variants:
    """Windows of one size at one stride, i//n, where the adaptive rule has them unequal."""
    pairs = zip(c.axes, c.lengths, c.delta.shape[2:], strict=True)
    return one(c.but(axes=tuple(_even(axis, length, count) for axis, length, count in pairs)))


def _even(axis: Axis | AdaptiveAxis, length: int, count: int) -> Axis | AdaptiveAxis:
    stride = max(length // count, 1)
    size = length - (count - 1) * stride
    return Axis(size, stride) if isinstance(axis, AdaptiveAxis) and size > 0 else axis
