"""What people have wrong in a max unpooling: where numbers go, and what of delta comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.alterations import without_last
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.unpooling import Unpooling
from convgrad.core.arithmetic import Array, zeros

Named = Iterator[tuple[str, Array]]


def _moved(c: Unpooling, ways: Named) -> Variants:
    """The variants in which numbers go to other cells, (N,C,*P) or (*P)."""
    right = c.cells
    return {name: c.to_cells(cells) for name, cells in ways if (cells != right).any()}


def _cell(c: Unpooling, at: Sequence[Array]) -> Array:
    """The number of a cell in its plane by its place on every axis, -1 outside."""
    inside = np.ones(np.broadcast_shapes(*(part.shape for part in at)), bool)
    number = np.zeros(inside.shape, np.int64)
    for part, length in zip(at, c.lengths, strict=True):
        inside &= (part >= 0) & (part < length)
        number = number * length + part
    return np.where(inside, number, -1)


def _positions(c: Unpooling) -> list[Array]:
    """The place of every number of x on each axis."""
    return list(np.indices(c.x.shape[2:]))


def _steps(c: Unpooling) -> tuple[int, ...]:
    """How many cells there are to a number along each axis: the windows that x was pooled over, as a rule."""
    return tuple(length // max(count, 1) for length, count in zip(c.lengths, c.x.shape[2:], strict=True))


# -- Indices ignored, or of another plane ------------------------------------------------------------------------------


def ignored(c: Unpooling) -> Variants:
    return _moved(c, _without_indices(c))


def _without_indices(c: Unpooling) -> Named:
    at, steps = _positions(c), _steps(c)
    yield "every number stays at its own place", _cell(c, at)
    numbers = np.arange(prod(c.x.shape[2:])).reshape(c.x.shape[2:])
    yield "the first cells of every plane are taken", np.where(numbers < prod(c.lengths), numbers, -1)
    if max(steps) > 1:
        starts = [part * step for part, step in zip(at, steps, strict=True)]
        yield "the first cell of every window is taken", _cell(c, starts)
        ends = [part + step - 1 for part, step in zip(starts, steps, strict=True)]
        yield "the last cell of every window is taken", _cell(c, ends)


def of_another_plane(c: Unpooling) -> Variants:
    return _moved(c, _other_planes(c.cells))


def _other_planes(cells: Array) -> Named:
    for axis, kind in enumerate(("sample", "channel")):
        count = cells.shape[axis]
        for index in dict.fromkeys((0, count - 1)) if count > 1 else ():
            yield f"of {kind} {index} for all", np.take(cells, [index] * count, axis)
        for step, text in ((1, "before"), (-1, "after")) if count > 1 else ():
            yield f"of the {kind} {text}", np.roll(cells, step, axis)
    if cells.size:
        yield "of the first plane for all", np.broadcast_to(cells[:1, :1], cells.shape)


def in_order(c: Unpooling) -> Variants:
    rows = np.sort(c.cells.reshape(*c.x.shape[:2], -1), axis=2)
    return {"": c.to_cells(rows.reshape(c.x.shape))} if (rows.reshape(c.x.shape) != c.cells).any() else {}


def other_way_round(c: Unpooling) -> Variants:
    """Number indices[p] goes to cell p, where the output is as large as that."""
    count = min(prod(c.x.shape[2:]), prod(c.lengths))
    cells = c.cells.reshape(-1, prod(c.x.shape[2:]))[:, :count]
    to = np.full((len(cells), prod(c.x.shape[2:])), -1)
    plane, position = np.nonzero(cells < to.shape[1])
    to[plane, cells[plane, position]] = position
    return {"number indices[p] is at p": c.to_cells(to.reshape(c.x.shape))} if len(plane) else {}


# -- Cells counted otherwise -------------------------------------------------------------------------------------------


def counted_otherwise(c: Unpooling) -> Variants:
    return {**_moved(c, _in_the_plane(c)), **_over_planes(c)}


def _in_the_plane(c: Unpooling) -> Named:
    cells, size = c.cells, prod(c.lengths)
    yield "from 1", cells - 1
    yield "from 1, round", (cells - 1) % max(size, 1)
    yield "one on", np.where(cells + 1 < size, cells + 1, -1)
    if c.dims > 1:
        yield "by columns", _cell(c, np.unravel_index(cells, c.lengths, order="F"))
        yield "axes in the other order", _cell(c, _apart(cells, c.lengths)[::-1])
        yield from _by_other_lengths(c)
    steps = _steps(c)
    if prod(steps) > 1:
        taps = _apart(cells % prod(steps), steps)
        starts = (part * step for part, step in zip(_positions(c), steps, strict=True))
        yield "in every window", _cell(c, [start + tap for start, tap in zip(starts, taps, strict=True)])


def _by_other_lengths(c: Unpooling) -> Named:
    """Cells taken apart by other lengths than the output's (two axes and more)."""
    *first, last = c.lengths
    others = {
        "by the input's lengths": c.x.shape[2:], "by the lengths exchanged": c.lengths[::-1],
        "in rows one longer": (*first, last + 1), "in rows one shorter": (*first, last - 1),
    }  # fmt: skip
    for name, lengths in others.items():
        if min(lengths) > 0 and lengths[1:] != c.lengths[1:]:
            yield name, _cell(c, _apart(c.cells, lengths))


def _apart(cells: Array, lengths: Sequence[int]) -> list[Array]:
    """The place of a cell on every axis, where planes have these lengths; the first has no end."""
    at, rest = list[Array](), cells
    for length in reversed(lengths[1:]):
        at.append(rest % length)
        rest = rest // length
    return [rest, *reversed(at)]


def _over_planes(c: Unpooling) -> dict[str, Any]:
    """Cells counted as over more than a plane, so that where a channel or a sample begins is left out."""
    samples, channels = c.x.shape[:2]
    size, cells, planes = prod(c.lengths), c.cells, c.planes
    found = {}
    if channels > 1:
        first = planes // max(size * channels, 1) * size * channels
        found["over the channels of a sample"] = c.to_places(first + cells)
        last = first + cells % channels * size + cells // channels
        found["over the channels of a sample, channels last"] = c.to_places(last)
    if samples > 1:
        found["over samples"] = c.to_places(planes % max(size * channels, 1) + cells)
    if samples > 1 and channels > 1:
        found["over everything"] = c.to_places(np.zeros_like(planes) + cells)
    return found


# -- What comes back ---------------------------------------------------------------------------------------------------


def not_gathered(c: Unpooling) -> Variants:
    """Delta masked where numbers went, in the output's shape or cut to the input's; or as it came."""
    mask = np.zeros(c.delta.size, bool)
    mask[c.reads.cells.ravel()] = True
    masked = np.where(mask.reshape(c.delta.shape), c.delta, zeros((), c.delta.dtype))
    found = {"it has the output's shape": masked, "it is delta itself": c.delta}
    if all(count <= length for count, length in zip(c.x.shape[2:], c.lengths, strict=True)):
        cut: Any = (..., *(slice(count) for count in c.x.shape[2:]))
        found["it is cut to the input's lengths"] = masked[cut]
    if prod(c.x.shape[2:]) <= prod(c.lengths):
        rows = masked.reshape(*c.x.shape[:2], -1)[..., : prod(c.x.shape[2:])]
        found["it is the first of it in memory"] = rows.reshape(c.x.shape)
    return {name: c.but(arrange=(partial(_instead, other=array),)) for name, array in found.items()}


def of_all_cells(c: Unpooling) -> Variants:
    """Delta pooled over the windows: added up, averaged, or the largest."""
    steps = _steps(c)
    if prod(steps) < 2:
        return {}
    parts = [c.delta[_every(c, tap, steps)] for tap in product(*map(range, steps))]
    total, largest = sum(parts[1:], parts[0]), parts[0]
    for part in parts[1:]:
        largest = np.maximum(largest, part)
    mean = total / total.dtype.type(len(parts)) if total.dtype != object else total / len(parts)
    found = {"added up": total, "averaged": mean, "its largest": largest}
    return {name: c.but(arrange=(partial(_instead, other=array),)) for name, array in found.items()}


def _every(c: Unpooling, tap: tuple[int, ...], steps: tuple[int, ...]) -> tuple[Any, ...]:
    """One tap of all windows."""
    rows = zip(tap, steps, c.x.shape[2:], strict=True)
    return (..., *(slice(first, first + count * step, step) for first, step, count in rows))


def to_all_cells(c: Unpooling) -> Variants:
    """Every number at all cells of its part of the output."""
    if prod(c.lengths) <= prod(c.x.shape[2:]):
        return {}
    rows = zip(c.lengths, c.x.shape[2:], strict=True)
    places = [np.arange(length) * count // length for length, count in rows]
    whole = [np.arange(count) for count in c.x.shape[:2]]
    return {"": c.but(arrange=(partial(_instead, other=c.x[np.ix_(*whole, *places)]),))}


def fewer_positions(c: Unpooling) -> Variants:
    """A loop over positions that stops one early."""
    if not c.x.size:
        return {}
    if c.array == "output":
        return {label: c.but(x=part) for label, part in without_last(c.x)}
    return {label: c.but(arrange=(partial(_instead, other=part),)) for label, part in without_last(c.bare())}


def _instead(array: Array, other: Array) -> Array:
    return other
