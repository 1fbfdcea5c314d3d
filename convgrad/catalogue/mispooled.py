"""What only pools have wrong: ties, winners, divisors, windows that replace each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce
from itertools import combinations, product
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Arrangement, product_of
from convgrad.catalogue.mistake import Variants, one
from convgrad.catalogue.pooling import Pool, counted, largest_of_windows, nothing_like
from convgrad.catalogue.scanned import scanned
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import ALL, add_at
from convgrad.core.window import AdaptiveAxis, Axis, Window
from convgrad.operations import max_pool
from convgrad.vocabulary import MAXIMUM, MEAN, TIES


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
        "the first, where nothing is above 0": np.where(c.x > 0, c.x, nothing_like(c.x)),
        "of plane 0": np.repeat(first[:1], len(c.x), axis=0),
        "of the sample before": np.roll(c.x, 1, 0), "of the channel before": np.roll(c.x, 1, 1),
        "of the sample after": np.roll(c.x, -1, 0), "of the channel after": np.roll(c.x, -1, 1),
    }  # fmt: skip
    scores |= _without_edges(c.x)
    found = {name: c.but(scores=array) for name, array in scores.items() if (array != c.x).any()}
    rules = {"only if positive": "above 0", "only if its plane's largest": "plane", "of any channel": "any channel"}
    found |= {name: c.but(rule=rule) for name, rule in rules.items()}
    whole = c.delta / product_of(tuple(axis.size for axis in c.axes))
    found["every cell with its share, as of an average"] = c.but(rule="spread", delta=whole.astype(c.delta.dtype))
    for a, b in combinations(range(c.dims) if all(isinstance(axis, Axis) for axis in c.axes) else (), 2):
        found[f"axes {a} and {b} exchanged"] = c.but(regroup=partial(_winner_turned, a=a, b=b))
    found |= {f"its {name}": c.but(regroup=move) for name, move in _decodings(c)}
    found["the padding, where a window reaches into it"] = c.but(delta=_of_whole_windows(c))
    found["the largest so far"] = c.but(arrange=(lambda _: _carried_over(c, lambda y, best: y > best),))
    found["the one before, where nothing is above 0"] = c.but(arrange=(lambda _: _carried_over(c, lambda y, _: y > 0),))
    found["cell 0, where nothing is above 0"] = c.but(arrange=(partial(_first_cell_by_default, c=c),), rule="above 0")
    return found | dict(scanned(c))


def _of_whole_windows(c: Pool) -> Array:
    """Delta of the windows that lie within the input, and 0 of the others."""
    rows = zip(c.axes, c.lengths, c.delta.shape[2:], strict=True)
    whole = [[axis.cells(p)[0] >= 0 and axis.cells(p)[1] <= n for p in range(count)] for axis, n, count in rows]
    return np.where(reduce(np.multiply.outer, map(np.array, whole)), c.delta, nothing_like(c.delta))


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
    result, y = dx.copy(), largest_of_windows(c, c.window())
    lost = np.where(y > 0, nothing_like(c.delta), c.delta)
    corner: Any = (*ALL, *(0,) * c.dims)
    result[corner] += lost.sum(axis=tuple(range(2, lost.ndim)))
    return result


def _without_edges(x: Array) -> dict[str, Array]:
    """x whose first or last cells of an axis never win against another."""
    found = {}
    for axis, (name, at) in product(range(2, x.ndim), (("last", -1), ("first", 0))):
        if x.shape[axis] > 1:
            array = x.copy()
            np.moveaxis(array, axis, 0)[at] = x.min() - 1
            found[f"where the {name} cells of axis {axis - 2} are not looked at"] = array
    return found


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
    others = _by_running_sums(c, rows) if c.array == "dX" and c.dims == 1 else {}
    made = {name: np.maximum(by, 1) for name, by in found.items()} | {name: np.array(by) for name, by in whole.items()}
    others["none, the largest cell alone, as of a max pool"] = c.but(family=MAXIMUM)
    return others | {name: c.but(divisor=zeros((), c.delta.dtype) + by) for name, by in made.items()}


def _by_running_sums(c: Pool, rows: dict[tuple[int, str], Array]) -> dict[str, Any]:
    """Shares that begin with one divisor and end with another, where windows are added by running sums (one axis)."""
    axis, length = c.axes[0], c.lengths[0]
    first, last = (np.clip(edge, 0, length) for edge in axis.edges(length))
    ways = {way: c.delta / np.maximum(rows[0, way], 1).astype(c.delta.dtype) for way in DIVISORS}
    found = {}
    for (start, begun), (end, ended) in product(ways.items(), ways.items()):
        if start != end:
            steps = zeros((*c.x.shape[:2], length + 1), c.delta.dtype)
            for edges, share in ((first, begun), (last, -ended)):
                add_at(steps, (edges,), share)
            running = np.cumsum(steps[..., :-1], axis=2)
            name = f"{start} where a window begins, {end} where it ends"
            found[name] = c.but(arrange=(partial(_instead, other=running),))
    return found


def _instead(array: Array, other: Array) -> Array:
    return other


def _outer(rows: list[Array]) -> Array:
    return np.asarray(reduce(np.multiply.outer, rows))
