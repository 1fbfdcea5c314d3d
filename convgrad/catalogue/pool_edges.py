"""A pool whose windows begin or end elsewhere, as loops with other bounds have them; families."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pool_cells import MOST, Span, laid_out, tap_axes
from convgrad.catalogue.pooling import Pool, nothing_like
from convgrad.core.arithmetic import Array
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM, MEAN


@dataclass(frozen=True)
class Bounds:
    """What loops over an axis know of it: where windows start and end, their size and stride, how many cells it has."""

    start: Array
    end: Array
    axis: Axis
    length: int


Edge = Callable[[Bounds], Array]
BEGINS: dict[str, Edge] = {
    "min(start, 0)": lambda b: np.minimum(b.start, 0),
    "max(start, 1)": lambda b: np.maximum(b.start, 1),
    "max(start, -1)": lambda b: np.maximum(b.start, -1),
    "max(start, 0)": lambda b: np.maximum(b.start, 0),
    "max(start, 0) + 1": lambda b: np.maximum(b.start, 0) + 1,
    "max(start, 0) - 1": lambda b: np.maximum(b.start, 0) - 1,
    "start": lambda b: b.start,
}
ENDS: dict[str, Edge] = {
    "max(end, length)": lambda b: np.maximum(b.end, b.length),
    "min(end, length - 1)": lambda b: np.minimum(b.end, b.length - 1),
    "min(end, length + 1)": lambda b: np.minimum(b.end, b.length + 1),
    "min(end, length) - 1": lambda b: np.minimum(b.end, b.length) - 1,
    "min(end, length) + 1": lambda b: np.minimum(b.end, b.length) + 1,
    "end": lambda b: b.end,
    "max(start, 0) + size, the start cut first": lambda b: np.minimum(np.maximum(b.start, 0) + b.axis.extent, b.length),
    "start - size": lambda b: np.minimum(b.start - b.axis.extent, b.length),
    "start + stride": lambda b: np.minimum(b.start + b.axis.stride, b.length),
    "size, whatever the start": lambda b: np.minimum(b.axis.extent + 0 * b.end, b.length),
}


def windows_cut_otherwise(c: Any) -> Variants:
    """Windows whose first cell, or whose end, is cut to the input otherwise, on one axis or on all."""
    if not _taken(c):
        return {}
    spans, bounds = _right(c), _bounds(c)
    found, seen = dict[str, Any](), {_key(spans)}
    for where, axes in _places(c.dims):
        for name, change in _changes(c, axes):
            changed = tuple(change(bounds[n]) if n in axes else span for n, span in enumerate(spans))
            if _key(changed) not in seen:
                seen.add(_key(changed))
                found |= laid_out(c, f"{name}{where}", changed)
    return found


def _key(spans: tuple[Span, ...]) -> tuple[bytes, ...]:
    return tuple(edge.astype(np.int64).tobytes() for span in spans for edge in (span.first, span.last))


def _taken(c: Any) -> bool:
    """Whether windows are laid out: of a mean or a maximum, evenly spaced, and so few that it takes no time."""
    if not isinstance(c, Pool) or not all(isinstance(axis, Axis) for axis in c.axes):
        return False
    return c.family in (MEAN, MAXIMUM) and 0 < c.delta.size * prod(axis.size for axis in c.axes) <= MOST


def _bounds(c: Pool) -> tuple[Bounds, ...]:
    rows = zip(c.axes, c.lengths, c.delta.shape[2:], strict=True)
    starts = ((axis, n, np.arange(count) * axis.stride - axis.before) for axis, n, count in rows)
    return tuple(Bounds(start, start + axis.extent, axis, n) for axis, n, start in starts)


def _right(c: Pool) -> tuple[Span, ...]:
    """Windows as they are, those with every cell next to the last cut to the input."""
    return tuple(Span(_first(b), np.minimum(b.end, b.length), b.axis.dilation) for b in _bounds(c))


def _first(b: Bounds) -> Array:
    return np.maximum(b.start, 0) if b.axis.dilation == 1 else b.start


def _places(dims: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((f" on axis {axis}", (axis,)) for axis in range(dims) if dims > 1)
    yield (" on every axis" if dims > 1 else ""), tuple(range(dims))


def _changes(c: Pool, axes: tuple[int, ...]) -> Iterator[tuple[str, Callable[[Bounds], Span]]]:
    """Spans that begin elsewhere, those that end elsewhere, and those that end where another axis does."""
    for name, edge in BEGINS.items():
        yield f"they begin at {name}", partial(_begun, edge=edge)
    for name, edge in ENDS.items():
        yield f"they end at {name}", partial(_ended, edge=edge)
    for length in sorted({*c.x.shape, *c.delta.shape}) if len(axes) == 1 else ():
        yield f"they end at min(end, {length})", partial(_ended, edge=partial(_at_most, length=length))


def _begun(b: Bounds, edge: Edge) -> Span:
    return Span(edge(b), np.minimum(b.end, b.length), b.axis.dilation)


def _ended(b: Bounds, edge: Edge) -> Span:
    return Span(_first(b), edge(b), b.axis.dilation)


def _at_most(b: Bounds, length: int) -> Array:
    return np.minimum(b.end, length)


def windows_unvisited(c: Any) -> Variants:
    """Windows that the loop over a maximum does not come to: their delta goes to the plane's first cell."""
    if not _taken(c) or c.family != MAXIMUM or c.array != "dX":
        return {}
    found = {}
    for name, at in _left_out(c.dims):
        lost = np.zeros(c.delta.shape, bool)
        lost[at] = True
        found[f"the plane's first, of {name}"] = c.but(
            delta=np.where(lost, nothing_like(c.delta), c.delta), arrange=(partial(_onto_first, c=c, lost=lost),)
        )
    return found


def _left_out(dims: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The windows at an end of a loop: over samples, channels or both, over an axis's positions, or over all."""
    every = slice(None)
    for noun, number in (("first", 0), ("last", -1)):
        for axis, called in enumerate(("sample", "channel", *(f"position on axis {axis}" for axis in range(dims)))):
            yield f"the {noun} {called}", (*(every,) * axis, number)
        yield f"the {noun} plane", (number, number)
        yield f"the {noun} position of all axes", (every, every, *(number,) * dims)


def _onto_first(array: Array, c: Pool, lost: Array) -> Array:
    result = array.copy()
    corner: Any = (slice(None), slice(None), *(0,) * c.dims)
    result[corner] += np.where(lost, c.delta, nothing_like(c.delta)).sum(axis=tap_axes(c))
    return result
