"""Padding on the wrong side or axis, of other values, or not sent back; families of changed computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np

from convgrad.catalogue import memory
from convgrad.catalogue.computation import Reads
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.misplaced import Axes, as_kind, inside, strided
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import or_by_whole_windows
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM, MEAN

# -- Padding -----------------------------------------------------------------------------------------------------------

Pads = tuple[tuple[int, int], ...]

SIDES: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "sides exchanged": lambda before, after: (after, before),
    "`after` for both": lambda before, after: (after, after),
    "`before` for both": lambda before, after: (before, before),
    "split evenly": lambda before, after: ((before + after) // 2, (before + after + 1) // 2),
    "split evenly, the odd cell before": lambda before, after: ((before + after + 1) // 2, (before + after) // 2),
    "all before": lambda before, after: (before + after, 0),
    "all after": lambda before, after: (0, before + after),
    "half of it": lambda before, after: (before // 2, after // 2),
    "added in place of subtracted": lambda before, after: (-before, -after),
}


def padding_of_other_side(c: Any) -> Variants:
    def pads() -> Iterator[tuple[str, Pads]]:
        for name, side in SIDES.items():
            yield name, tuple(side(*pair) for pair in c.pads)
            for at in range(c.dims if c.dims > 1 else 0):
                yield f"{name}, axis {at}", tuple(side(*own) if n == at else own for n, own in enumerate(c.pads))

    return _with_pads(c, pads())


def padding_of_other_axis(c: Any) -> Variants:
    def pads() -> Iterator[tuple[str, Pads]]:
        for order in permutations(range(c.dims)):
            yield f"of axes {','.join(map(str, order))}", tuple(c.pads[axis] for axis in order)
        for at, (number, other) in product(range(c.dims), enumerate(c.pads)):
            yield f"axis {number}'s for axis {at}", tuple(other if n == at else own for n, own in enumerate(c.pads))
        for number, pair in enumerate(c.pads):
            yield f"axis {number}'s for all", (pair,) * c.dims
        flat = [number for pair in c.pads for number in pair]
        columns = tuple(zip(flat[: c.dims], flat[c.dims :], strict=True))
        if all(other == pair for other, pair in zip(c.pads, columns, strict=True)):
            return
        yield "read side by side", tuple((int(before), int(after)) for before, after in columns)

    return {**_with_pads(c, pads()), **_cut_by_other(c)} if c.dims > 1 else {}


def _cut_by_other(c: Any) -> Variants:
    """dX cut from another axis's padding on, past which too few cells are left."""
    if c.array != "dX" or not strided(c) or getattr(c, "transposed", False):
        return {}
    found = {}
    for at, number in permutations(range(c.dims), 2):
        first = c.pads[number][0] - c.pads[at][0]
        if 0 < first < c.x.shape[at + 2] and not c.pads[at][1]:
            cut = tuple((first, 0) if axis == at else (0, 0) for axis in range(c.dims))
            found[f"axis {at} cut from axis {number}'s on"] = c.then(partial(inside, cut=cut))
    return found


def _with_pads(c: Any, named: Iterator[tuple[str, Pads]]) -> Variants:
    """The computation with other padding; in an average's divisor alone too."""
    if not strided(c) or not any(map(any, c.pads)):
        return {}
    found: dict[str, Any] = {}
    seen = {c.pads}
    for name, pads in named:
        if pads in seen:
            continue
        seen.add(pads)
        rows = zip(c.axes, pads, c.pads, strict=True)
        axes = tuple(replace(axis, before=own[0] + axis.before - old[0]) for axis, own, old in rows)
        if c.array == "output" and not getattr(c, "transposed", False) and (own := _own_output(c, axes, pads)):
            found[f"{name}, own shape"] = own
        if getattr(c, "padding_mode", "zeros") == "zeros":
            found |= or_by_whole_windows({name: c.but(axes=axes)})
            if getattr(c, "family", "") == MAXIMUM and c.array == "dX":
                found[f"{name}, where delta is laid"] = c.but(laid=axes)
            if getattr(c, "family", "") == MEAN:
                found[f"{name}, divisor too"] = c.but(axes=axes, pads=pads)
                found[f"{name}, divisor only"] = c.but(pads=pads)
        elif min(min(pair) for pair in pads) >= 0:
            found[name] = c.but(axes=axes, pads=pads)
    return found


def _own_output(c: Any, axes: Axes, pads: Pads) -> Any:
    """The output in the shape that other padding gives it; None where that is the right one."""
    rows = zip(c.x.shape[2:], pads, axes, strict=True)
    counts = tuple((n + sum(pair) - axis.extent) // axis.stride + 1 for n, pair, axis in rows)
    if counts == c.delta.shape[2:] or min(counts) < 1 or min(min(pair) for pair in pads) < 0:
        return None
    return c.but(axes=axes, pads=pads, delta=zeros((*c.delta.shape[:2], *counts), c.delta.dtype))


# -- What padding reads ------------------------------------------------------------------------------------------------

Fill = Callable[[Array, int], Array]
"""The cell that every cell of the padding copies, by its number (negative, or from the length on) and the length."""
FILLS: dict[str, Fill] = {
    "replicate": lambda cell, length: np.clip(cell, 0, length - 1),
    "reflect": lambda cell, length: _folded(cell, max(2 * length - 2, 1), length, 0),
    "symmetric": lambda cell, length: _folded(cell, 2 * length, length, 1),
    "circular": lambda cell, length: cell % length,
    "zeros": lambda cell, length: np.where((cell >= 0) & (cell < length), cell, -1),
}


def _folded(cell: Array, period: int, length: int, twice: int) -> Array:
    within = cell % period
    return np.where(within < length, within, period - within - twice)


def padding_values(c: Any) -> Variants:
    """Padding of other values: on every side, on one axis or on one side."""
    mode = getattr(c, "padding_mode", "zeros")
    sides = list(sides_of(c.dims))
    found: dict[str, Any] = {}
    for name in FILLS:
        if name != mode and strided(c) and any(map(any, c.pads)):
            found |= {f"{name}, {where}".removesuffix(", all"): _filled(c, name, mode, side) for where, side in sides
                      if not _said_otherwise(c, name, where)}  # fmt: skip
    return {name: made for name, made in found.items() if made is not None}


def _said_otherwise(c: Any, name: str, where: str) -> bool:
    """Whether another mistake says it: padding ignored, its gradient lost, taps clamped at one side."""
    lost = name == "zeros" and (where == "all" or c.array == "dX")
    clamped = name in ("replicate", "symmetric") and c.padding_mode == "zeros"
    return lost or (clamped and where.endswith(("before", "after")))


def sides_of(dims: int) -> Iterator[tuple[str, frozenset[tuple[int, int]]]]:
    """Sides of the input: (axis, 0) before it, (axis, 1) after it."""
    yield "all", frozenset(product(range(dims), (0, 1)))
    for end, text in enumerate(("before", "after")):
        yield text, frozenset((axis, end) for axis in range(dims))
    for axis in range(dims if dims > 1 else 0):
        yield f"axis {axis}", frozenset({(axis, 0), (axis, 1)})
        for end, text in enumerate(("before", "after")):
            yield f"axis {axis} {text}", frozenset({(axis, end)})


def _filled(c: Any, name: str, mode: str, sides: Any, *, back: bool = False) -> Any:
    """Padding on some sides filled otherwise; `back` only its gradient, which is lost there."""
    shape = (c.delta.shape if getattr(c, "transposed", False) else c.x.shape)[2:]
    cells = [_axis_cells(n, reach, FILLS[mode]) for n, reach in zip(shape, reaches_of(c), strict=True)]
    other = [
        _mixed(own, _axis_cells(n, reach, FILLS[name]), n, reach, [end for axis, end in sides if axis == number])
        for number, (own, n, reach) in enumerate(zip(cells, shape, reaches_of(c), strict=True))
    ]
    before = tuple(reach[0] for reach in reaches_of(c))
    if any((part >= n).any() for part, n in zip(other, shape, strict=True)):
        return None
    if back:
        return c.but(reads=Reads(_flat_cells(c, cells, shape), before, _flat_cells(c, other, shape)))
    return c.but(reads=Reads(_flat_cells(c, other, shape), before))


def reaches_of(c: Any) -> list[tuple[int, int]]:
    """How many cells windows reach over, before and after the input."""
    counts = c.near.shape[2:]
    far = (c.delta.shape if getattr(c, "transposed", False) else c.x.shape)[2:]
    ends = [axis.cells(count - 1)[1] - n for axis, count, n in zip(c.axes, counts, far, strict=True)]
    return [(max(axis.before, 0), max(end, 0)) for axis, end in zip(c.axes, ends, strict=True)]


def _axis_cells(length: int, reach: tuple[int, int], fill: Fill) -> Array:
    return fill(np.arange(-reach[0], length + reach[1]), length)


def _mixed(own: Array, other: Array, length: int, reach: tuple[int, int], ends: list[int]) -> Array:
    """One way to fill on some ends, another on the rest."""
    result = own.copy()
    if 0 in ends:
        result[: reach[0]] = other[: reach[0]]
    if 1 in ends:
        result[reach[0] + length :] = other[reach[0] + length :]
    return result


def _flat_cells(c: Any, axes: list[Array], shape: tuple[int, ...]) -> Array:
    """Places in memory of an array of cells, -1 where any axis has a zero."""
    leading = (c.delta if getattr(c, "transposed", False) else c.x).shape[:2]
    full = (*leading, *shape)
    steps = memory.steps_of(full)
    parts = [np.arange(n) for n in leading] + axes
    outside = np.zeros(tuple(map(len, parts)), bool)
    places = np.zeros(outside.shape, np.int64)
    for number, (part, step) in enumerate(zip(parts, steps, strict=True)):
        spread = part.reshape(-1, *(1,) * (len(parts) - number - 1))
        places += spread * step
        outside |= spread < 0
    return np.where(outside, -1, places)


def padding_not_folded(c: Any) -> Variants:
    """The gradient of copied cells not sent back on some side."""
    if not isinstance(c, Convolution) or c.array != "dX" or c.padding_mode == "zeros":
        return {}
    sides = list(sides_of(c.dims))[1:]
    return {where: _filled(c, "zeros", c.padding_mode, side, back=True) for where, side in sides}


def tap_clamped(c: Any) -> Variants:
    """A tap outside the input reads, or writes, the cell at the edge: on one side, or (in a pool) on every side."""
    if not strided(c) or getattr(c, "padding_mode", "zeros") != "zeros":
        return {}
    sides = list(sides_of(c.dims))[1 if isinstance(c, Convolution) else 0 :]
    found = {where: _filled(c, "replicate", "zeros", side) for where, side in sides}
    if not isinstance(c, Convolution):
        found["the first alone"] = c.on_axes(lambda axis: as_kind(axis, Clamped))
    return found


@dataclass(frozen=True, slots=True)
class Clamped(Axis):
    """Windows whose first tap is the input's first cell where they begin before it, and that end where they did."""

    def tap(self, tap: int, length: int) -> tuple[Array, Array]:
        positions = np.arange(self.positions(length))
        start = positions * self.stride - self.before
        cells = np.maximum(start, 0) + tap * self.dilation
        inside = cells < np.minimum(start + self.extent, length)
        return positions[inside], cells[inside]
