"""How an array of a pool is computed, open to alteration, and the alterations that only pools have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import combinations, product
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
    product_of,
)
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
        return np.where(taps, _beside(c.delta, window), _nothing(c.delta)), taps
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
    return np.where(wins, _beside(share, window), _nothing(c.delta)), wins


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
    return total / divisors(c, window)


def _norm(c: Pool, window: Window) -> Array:
    y = lp_pool.forward(c.x, window=window, norm=c.norm)
    return y if c.rooted else y**c.norm


_OUTPUTS: dict[str, Callable[[Pool, Window], Array]] = {MAXIMUM: _largest, MEAN: _mean, NORM: _norm}


def _beside(share: Array, window: Window) -> Array:
    """(N,C,*P) -> n c k p with one for all taps."""
    return share.reshape(*share.shape[:2], *(1,) * len(window.size), *share.shape[2:])


def _nothing(like: Array) -> Array:
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
    first, last = axis.cells(position)
    if divisor == "window":
        return axis.size
    (before, after), length = c.pads[number], c.lengths[number]
    if divisor == "padding counted":
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


def winners_mistaken(c: Pool) -> Variants:
    """The smallest cell, the largest in size, the winner of another sample or channel, one from another window."""
    if c.family != MAXIMUM or c.array != "dX":
        return {}
    first = np.repeat(c.x[:, :1], c.x.shape[1], axis=1)
    scores = {
        "the smallest": -c.x, "the largest in size": abs(c.x), "of channel 0": first,
        "of the last channel": np.repeat(c.x[:, -1:], c.x.shape[1], axis=1),
        "of sample 0": np.repeat(c.x[:1], len(c.x), axis=0),
        "of the last sample": np.repeat(c.x[-1:], len(c.x), axis=0),
        "of plane 0": np.repeat(first[:1], len(c.x), axis=0),
        "of the sample before": np.roll(c.x, 1, 0), "of the channel before": np.roll(c.x, 1, 1),
        "of the sample after": np.roll(c.x, -1, 0), "of the channel after": np.roll(c.x, -1, 1),
    }  # fmt: skip
    found = {name: c.but(scores=array) for name, array in scores.items() if (array != c.x).any()}
    rules = {"only if positive": "above 0", "only if its plane's largest": "plane", "of any channel": "any channel"}
    found |= {name: c.but(rule=rule) for name, rule in rules.items()}
    for a, b in combinations(range(c.dims) if all(isinstance(axis, Axis) for axis in c.axes) else (), 2):
        found[f"axes {a} and {b} exchanged"] = c.but(regroup=partial(_winner_turned, a=a, b=b))
    found |= {f"its {name}": c.but(regroup=move) for name, move in _decodings(c)}
    found["the largest so far"] = c.but(arrange=(lambda _: _carried_over(c, lambda y, best: y > best),))
    found["the one before, where nothing is above 0"] = c.but(arrange=(lambda _: _carried_over(c, lambda y, _: y > 0),))
    found["cell 0, where nothing is above 0"] = c.but(arrange=(partial(_first_cell_by_default, c=c),), rule="above 0")
    return found


def _decodings(c: Pool) -> Iterator[tuple[str, Arrangement]]:
    """The number of the winning tap taken apart by the window's height in place of its width (two axes)."""
    if c.dims != 2 or not all(isinstance(axis, Axis) for axis in c.axes) or c.axes[0].size == c.axes[1].size:
        return
    height, width = (axis.size for axis in c.axes)
    numbers = np.arange(height * width)
    for name, rows, columns in (
        ("number taken apart by the height", numbers // height, numbers % height),
        ("number counted by columns", numbers % height, numbers // height),
    ):
        yield name, partial(_at_taps, rows=rows, columns=columns)


def _at_taps(given: Array, rows: Array, columns: Array) -> Array:
    result = zeros((*given.shape[:2], rows.max() + 1, columns.max() + 1, *given.shape[4:]), given.dtype)
    result[:, :, rows, columns] = given.reshape(*given.shape[:2], -1, *given.shape[4:])
    return result


def _first_cell_by_default(dx: Array, c: Pool) -> Array:
    """Delta to the first cell of the plane from windows in which nothing is above 0."""
    result, y = dx.copy(), _largest(c, c.window())
    lost = np.where(y > 0, _nothing(c.delta), c.delta)
    corner: Any = (*ALL, *(0,) * c.dims)
    result[corner] += lost.sum(axis=tuple(range(2, lost.ndim)))
    return result


def _winner_turned(given: Array, a: int, b: int) -> Array:
    return given.swapaxes(2 + a, 2 + b)


def _carried_over(c: Pool, wins: Callable[[Any, Any], bool]) -> Array:
    """Delta to the cell that won last, where a window's largest does not win against it."""
    window = c.window()
    y, winner = max_pool.winners(c.x, window, last=False)
    cells = _winning_cells(c, window, winner).reshape(*y.shape[:2], -1)
    y, delta = (part.reshape(*part.shape[:2], -1) for part in (y, c.delta))
    result, best = zeros(c.x.shape, c.delta.dtype), (y[0, 0, 0], cells[0, 0, 0])
    for n, channel, at in np.ndindex(*y.shape):
        if at == 0 and wins(y[n, channel, 0], y[n, channel, 0] - 1):
            best = (y[n, channel, 0], cells[n, channel, 0])
        if wins(y[n, channel, at], best[0]):
            best = (y[n, channel, at], cells[n, channel, at])
        result[n, channel].reshape(-1)[best[1]] += delta[n, channel, at]
    return result


def _winning_cells(c: Pool, window: Window, winner: Array) -> Array:
    """The number, in its plane, of the cell that wins: (N,C,*P)."""
    numbers, cells = np.arange(product_of(c.lengths)).reshape(c.lengths), np.zeros(winner.shape, np.int64)
    for number, (_, positions, under) in enumerate(window.taps(c.lengths)):
        at = (*ALL, *positions)
        cells[at] = np.where(winner[at] == number, numbers[under], cells[at])
    return cells


DIVISORS = ("window", "padding counted", "padding not counted")


def divisors_mistaken(c: Pool) -> Variants:
    """A divisor that counts along one axis what it should along another, or counts something else."""
    if c.family != MEAN:
        return {}
    window = c.window()
    rows = {(number, way): counted(c, window, number, way) for number in range(c.dims) for way in DIVISORS}
    found = {}
    for ways in product(DIVISORS, repeat=c.dims):
        if len(set(ways)) > 1:
            found[", ".join(ways)] = _outer([rows[number, way] for number, way in enumerate(ways)])
    for number, way in product(range(c.dims), DIVISORS):
        counts = enumerate(c.delta.shape[2:])
        alone = [rows[number, way] if axis == number else np.ones(count, int) for axis, count in counts]
        found[f"axis {number} alone, {way}"] = _outer(alone)
        found[f"axis {number} for all, {way}"] = _outer(alone) ** c.dims
    whole = {"positions": product_of(c.delta.shape[2:]), "cells of the input": product_of(c.lengths)}
    made = {name: np.maximum(by, 1) for name, by in found.items()} | {name: np.array(by) for name, by in whole.items()}
    return {name: c.but(divisor=zeros((), c.delta.dtype) + by) for name, by in made.items()}


def _outer(rows: list[Array]) -> Array:
    return np.asarray(reduce(np.multiply.outer, rows))
