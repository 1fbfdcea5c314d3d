"""A pool's gradient as loops, with the variable of one loop where another's is meant; families."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.loops import AXES, MOST, Numbers, exchanged, named
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import Pool, divisors, given_to_taps, nothing_like
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import ALL
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM, MEAN


def _taken(c: Any) -> bool:
    """Whether loops are tried: of a mean or a maximum with evenly spaced windows, and so few that it takes no time."""
    evenly = isinstance(c, Pool) and c.array == "dX" and all(isinstance(axis, Axis) for axis in c.axes)
    return bool(evenly and c.family in (MEAN, MAXIMUM) and 0 < c.delta.size * prod(a.size for a in c.axes) <= MOST)


def variables_of(c: Pool) -> tuple[list[Array], dict[str, Array]]:
    """What every turn has for its sample, channel, tap and position, and by name."""
    grid = np.ogrid[tuple(slice(n) for n in (*c.delta.shape[:2], *(a.size for a in c.axes), *c.delta.shape[2:]))]
    n, channel, *rest = grid
    taps, positions = list(rest[: c.dims]), list(rest[c.dims :])
    names = {"sample": n, "channel": channel, **named("position", positions), **named("tap", taps)}
    return list(grid), names


def cells_by_other_loop(c: Any) -> Variants:
    """Windows that start, or taps that lie, where another loop's variable says."""
    if not _taken(c):
        return {}
    grid, names = variables_of(c)
    right = tuple(map(cell_of, c.axes, grid[2 + c.dims :], grid[2 : 2 + c.dims]))
    found = {}
    for at in range(c.dims):
        for text, cell in _cells(c, at, names):
            made = partial(_over_cells, c=c, cells=(*right[:at], cell, *right[at + 1 :]))
            found[text] = c.but(arrange=(made,))
            if c.family == MAXIMUM:
                found[f"{text}, and the plane's first cell where none is left"] = c.but(
                    arrange=(partial(made, first=True),)
                )
    return found


def cell_of(axis: Axis, position: Array, tap: Array) -> Array:
    return np.asarray(position * axis.stride + tap * axis.dilation - axis.before)


def _cells(c: Pool, at: int, names: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    spatial = list(names)[2:]
    here, tap, own = spatial[at], spatial[c.dims + at], c.axes[at]
    for other, number in names.items():
        if other != here and not other.startswith("tap"):
            yield f"a window's {other} for its {here}", cell_of(own, number, names[tap])
    yield f"{here} // stride", names[here] // own.stride + names[tap] * own.dilation - own.before
    yield f"{here} subtracted", cell_of(own, -names[here], names[tap])
    yield f"{tap} subtracted", cell_of(own, names[here], -names[tap])


def _over_cells(array: Array, c: Pool, cells: Numbers, first: bool = False) -> Array:
    """dX over windows of these cells; of those without any to the plane's first cell, where that is asked."""
    inside, places = _inside(c, cells)
    grid, _ = variables_of(c)
    *at, inside = np.broadcast_arrays(*grid[:2], *places, inside, *grid)[: 3 + c.dims]
    delta = c.delta if c.family == MAXIMUM else c.delta / divisors(c, c.window())
    given = np.broadcast_to(delta.reshape(*delta.shape[:2], *(1,) * c.dims, *delta.shape[2:]), inside.shape)
    result = zeros(c.x.shape, c.delta.dtype)
    if c.family == MAXIMUM:
        lost = np.where(inside.any(axis=tuple(range(2, 2 + c.dims))), nothing_like(c.delta), c.delta)
        if first:
            corner: Any = (*ALL, *(0,) * c.dims)
            result[corner] += lost.sum(axis=tuple(range(2, lost.ndim)))
        inside = inside & first_of_largest(np.where(inside, c.x[tuple(at)], c.x.min() - 1), c.dims)
    return result + _added(c, tuple(at), np.where(inside, given, nothing_like(c.delta)))


def _inside(c: Pool, cells: Numbers) -> tuple[Array, list[Array]]:
    """Whether cells lie in the input, and the nearest that do."""
    inside = np.ones((), bool)
    for cell, length in zip(cells, c.lengths, strict=True):
        inside = inside & (cell >= 0) & (cell < length)
    return inside, [np.clip(cell, 0, length - 1) for cell, length in zip(cells, c.lengths, strict=True)]


def first_of_largest(scores: Array, dims: int) -> Array:
    """Of every window the first of its largest cells: n c k p."""
    flat = scores.reshape(*scores.shape[:2], -1, *scores.shape[2 + dims :])
    numbers = np.arange(flat.shape[2]).reshape(-1, *(1,) * dims)
    first = (flat == flat.max(axis=2, keepdims=True)).argmax(axis=2)
    return np.asarray((numbers == first[:, :, None]).reshape(scores.shape))


def _added(c: Pool, at: Numbers, given: Array) -> Array:
    result = zeros(c.x.shape, given.dtype)
    np.add.at(result, at, given)
    return result


def indices_by_other_loop(c: Any) -> Variants:
    """Delta, or the result, addressed by another loop's variable than its own."""
    if not _taken(c):
        return {}
    return {**_of_delta(c), **_of_result(c)}


def _of_delta(c: Pool) -> dict[str, Any]:
    grid = np.ogrid[tuple(slice(n) for n in c.delta.shape)]
    names = {"sample": grid[0], "channel": grid[1], **named("position", list(grid[2:]))}
    return {
        f"delta: by the {other}, not the {own}": c.but(
            delta=c.delta[tuple(np.broadcast_arrays(*numbers, *grid)[: c.delta.ndim])]
        )
        for other, own, numbers in exchanged(tuple(grid), c.delta.shape, names)
    }


def _of_result(c: Pool) -> dict[str, Any]:
    grid, names = variables_of(c)
    cells = tuple(map(cell_of, c.axes, grid[2 + c.dims :], grid[2 : 2 + c.dims]))
    found = {
        f"dX: by the {other}, not the {own}": c.but(arrange=(partial(_laid, c=c, leading=numbers, cells=cells),))
        for other, own, numbers in exchanged(tuple(grid[:2]), c.x.shape[:2], names)
    }
    nouns = AXES.get(c.dims, tuple(f"axis {axis}" for axis in range(c.dims)))
    for axis, (noun, length) in enumerate(zip(nouns, c.lengths, strict=True)):
        others = {name: number for name, number in names.items() if number.size <= length}
        others |= {f"cell's {nouns[at]}": cell for at, cell in enumerate(cells) if at != axis}
        for other, number in others.items():
            places = (*cells[:axis], number, *cells[axis + 1 :])
            made = partial(_laid, c=c, leading=tuple(grid[:2]), cells=places)
            found[f"dX: by the {other}, not the cell's {noun}".rstrip()] = c.but(arrange=(made,))
    for name, places in _in_the_window(c):
        found[f"dX: {name}"] = c.but(arrange=(partial(_laid, c=c, leading=tuple(grid[:2]), cells=places),))
    return found


def _in_the_window(c: Pool) -> Iterator[tuple[str, Numbers]]:
    """Cells by their places in the window, or by their number there, as if that were the plane."""
    grid, _ = variables_of(c)
    taps = grid[2 : 2 + c.dims]
    yield "by the cell's place in its window", tuple(tap * a.dilation for tap, a in zip(taps, c.axes, strict=True))
    number = np.zeros((), np.int64)
    for tap, axis in zip(taps, c.axes, strict=True):
        number = number * axis.size + tap
    yield "by the cell's number in its window", np.unravel_index(number % prod(c.lengths), c.lengths)


def _laid(array: Array, c: Pool, leading: Numbers, cells: Numbers) -> Array:
    """What every window gives, laid in another sample, channel or cell."""
    inside, places = _inside(c, cells)
    given = given_to_taps(c, c.window())
    at = np.broadcast_arrays(*leading, *places, given)[: 2 + c.dims]
    return _added(c, tuple(at), np.where(inside, given, nothing_like(c.delta)))
