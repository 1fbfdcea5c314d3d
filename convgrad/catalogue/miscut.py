"""Cells and taps that are cut off, not read, or wrapped round; families of changed computations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial, reduce
from itertools import product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.misplaced import Cut, inside, strided
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM


def wrapped(c: Any) -> Variants:
    """dX from a circular convolution that is too short: what is past its end comes in at its start."""
    if c.array != "dX" or not isinstance(c, Convolution) or c.transposed or c.padding_mode != "zeros":
        return {}
    rows = zip(c.axes, c.lengths, c.near.shape[2:], strict=True)
    ends = [max(axis.before + n, (count - 1) * axis.stride + axis.extent) for axis, n, count in rows]
    whole = c.but(axes=tuple(replace(axis, before=0) for axis in c.axes), lengths=tuple(ends))
    first = tuple(axis.before for axis in c.axes)
    if min(first) < 0:
        return {}
    turned = whole.but(turned=not c.turned)
    spread = tuple((count - 1) * axis.stride + 1 for axis, count in zip(c.axes, c.near.shape[2:], strict=True))
    sizes = {"the input's": c.lengths, "one less than is needed": tuple(end - 1 for end in ends), "delta's": spread}
    found = {
        f"of length {name}": whole.then(partial(_round, size=size, first=first, lengths=c.lengths))
        for name, size in sizes.items() if min(size) > 0
    }  # fmt: skip
    about = tuple(1 - axis.extent for axis in c.axes)
    whole_length = (n + sum(pair) + axis.extent - 1 for n, pair, axis in zip(c.lengths, c.pads, c.axes, strict=True))
    for name, size in {"": tuple(ends), ", in a circle that is long enough": tuple(whole_length)}.items():
        move = partial(_round, size=size, first=first, lengths=c.lengths, start=about)
        found[f"with the kernel turned about its first tap{name}"] = turned.then(move)
    return found


def _round(
    array: Array, size: tuple[int, ...], first: tuple[int, ...], lengths: tuple[int, ...], start: Any = None
) -> Array:
    """Cells, the first of which is number `start`, put into a circle of this size, and cut from `first` on."""
    for axis, (n, cut, length) in enumerate(zip(size, first, lengths, strict=True), start=2):
        places = (np.arange(array.shape[axis]) + (start[axis - 2] if start else 0)) % n
        circle = zeros((*array.shape[:axis], max(n, cut + length), *array.shape[axis + 1 :]), array.dtype)
        moved = np.moveaxis(circle, axis, 0)
        np.add.at(moved, places, np.moveaxis(array, axis, 0))
        array = np.take(circle, np.arange(cut, cut + length), axis)
    return array


def cut_short(c: Any) -> Variants:
    """dX, or an output, with cells at its ends missing, or empty, or left at zero."""
    if c.array not in ("dX", "output"):
        return {}
    lengths = (c.x if c.array == "dX" else c.delta).shape[2:]
    found = {"empty": c.then(partial(inside, cut=tuple((0, n) for n in lengths)))} | _of_other_lengths(c)
    for label, cut in _cuts(c, lengths):
        if all(first + last < n for (first, last), n in zip(cut, lengths, strict=True)):
            found[label] = c.then(partial(inside, cut=cut))
            if not label.startswith("two"):
                found[f"{label}, left at 0"] = c.then(partial(_cleared, cut=cut))
    return found


def _of_other_lengths(c: Any) -> dict[str, Any]:
    """dX cut from the padded gradient in lengths of other axes."""
    if c.array != "dX" or not isinstance(c, Convolution) or c.transposed or c.padding_mode != "zeros":
        return {}
    ways = {"every axis as long as the one before it": c.x.shape[1:-1]}
    for at, other in product(range(c.dims), sorted({*c.x.shape[1:]})):
        ways[f"axis {at} of {other} cells"] = tuple(other if n == at else own for n, own in enumerate(c.lengths))
    found = {}
    for name, lengths in ways.items():
        most = [n + max(after, 0) for n, (_, after) in zip(c.lengths, c.pads, strict=True)]
        cut = tuple(map(min, lengths, most))  # a slice ends with the padding
        if cut != c.lengths and min(cut) > 0:
            found[name] = c.but(lengths=cut)
    return found


def _cuts(c: Any, lengths: tuple[int, ...]) -> Iterator[tuple[str, Cut]]:
    """How many cells are cut off before and after every axis."""
    pads, none = c.pads or ((0, 0),) * c.dims, ((0, 0),) * c.dims
    ways = {
        "first cell": (1, 0), "last cell": (0, 1), "both ends": (1, 1), "two last cells": (0, 2),
        "two first cells": (2, 0),
    }  # fmt: skip
    seen = {none}
    for at, other in product(range(c.dims), lengths):
        if 2 < lengths[at] - other < lengths[at]:
            ways[f"cells from {other} on"] = (0, lengths[at] - other)
    for name, way in ways.items():
        for at in (None, *range(c.dims)):
            cut = tuple(way if at in (None, n) else (0, 0) for n in range(c.dims))
            if cut not in seen:
                seen.add(cut)
                yield name + ("" if at is None else f" of axis {at}"), cut
    for name, cut in {
        "the padding once more": pads, "the end counted from the input": tuple((0, before) for before, _ in pads),
        "the end counted from the input, after": tuple((0, after) for _, after in pads),
        "the padding before once more": tuple((before, 0) for before, _ in pads),
    }.items():  # fmt: skip
        if cut not in seen:
            seen.add(cut)
            yield name, cut


def _cleared(array: Array, cut: Cut) -> Array:
    result = zeros(array.shape, array.dtype)
    where: Any = (..., *(slice(first, n - last) for (first, last), n in zip(cut, array.shape[2:], strict=True)))
    result[where] = array[where]
    return result


def tap_missing(c: Any) -> Variants:
    """The first or the last taps of every window left out, on one axis or on all."""
    if not strided(c):
        return {}
    found = {}
    for end, at in product(("first", "last"), (None, *range(c.dims)) if c.dims > 1 else (0,)):
        most = min(axis.size for n, axis in enumerate(c.axes) if at in (None, n))
        for count in range(1, most):
            where = "every axis" if at is None else f"axis {at}"
            name = f"the {end} {'' if count == 1 else f'{count} '}of {where}"
            found[name] = _without_taps(c, end, at, count)
            if getattr(c, "family", "") == MAXIMUM and c.array == "dX":
                found[f"{name}, and the plane's first cell where none is left"] = _first_cell_of_none(found[name])
                if end == "first":
                    found[f"{name}, and winners laid as if it were there"] = _laid_from(found[name], c)
    return found


def _laid_from(c: Any, right: Any) -> Any:
    """Winners of shorter windows laid from where the whole ones begin."""
    rows = zip(c.axes, right.axes, strict=True)
    return c.but(laid=tuple(replace(axis, before=own.before) for axis, own in rows))


def taps_counted_otherwise(c: Any) -> Variants:
    """dW of other taps than the kernel has: one more at the end, or those that begin a cell later."""
    if not strided(c) or not isinstance(c, Convolution) or c.array != "dW" or c.padding_mode != "zeros":
        return {}
    found = {}
    for at in (None, *range(c.dims)) if c.dims > 1 else (None,):
        where = "every axis" if at is None else f"axis {at}"
        for name, change in TAPS.items():
            axes = tuple(change(axis) if at in (None, n) else axis for n, axis in enumerate(c.axes))
            if min(axis.size for axis in axes) > 0:
                found[f"{name} of {where}"] = c.but(axes=axes)
    return found


TAPS: dict[str, Callable[[Axis], Axis]] = {
    "one tap more": lambda axis: replace(axis, size=axis.size + 1),
    "the taps from the second cell on": lambda axis: replace(
        axis, before=axis.before - 1, size=len(range(1, axis.extent, axis.dilation))
    ),
}


def _first_cell_of_none(c: Any) -> Any:
    """Windows that have no cell give their delta to the first cell of the plane."""
    rows = zip(c.axes, c.lengths, c.delta.shape[2:], strict=True)
    held = [[any(0 <= cell < n for cell in axis.under(p)) for p in range(count)] for axis, n, count in rows]
    lost = np.where(reduce(np.multiply.outer, map(np.array, held)), zeros((), c.delta.dtype), c.delta)
    return c.but(delta=c.delta - lost).then(partial(_onto_first, more=lost.sum(axis=tuple(range(2, lost.ndim)))))


def _onto_first(array: Array, more: Array) -> Array:
    result = array.copy()
    where: Any = (slice(None), slice(None), *(0,) * (array.ndim - 2))
    result[where] += more
    return result


def _without_taps(c: Any, end: str, at: int | None, count: int) -> Any:
    lost = [count * (at in (None, n)) for n in range(c.dims)]
    cut = tuple((n, 0) if end == "first" else (0, n) for n in lost)
    if not isinstance(c, Convolution):
        pairs = zip(c.axes, cut, strict=True)
        return c.but(axes=tuple(
            replace(axis, size=axis.size - first - last, before=axis.before - axis.dilation * first)
            for axis, (first, last) in pairs
        ))  # fmt: skip
    return c.then(partial(_cleared, cut=cut)) if c.array == "dW" else c.but(w=_cleared(c.w, cut))


def cells_unread(c: Any) -> Variants:
    """Cells of x at its ends that no tap reads: the bound counted without the padding, or one short."""
    if not isinstance(c, Convolution) or c.transposed or c.array not in ("dW", "output"):
        return {}
    lengths = c.x.shape[2:]
    return {
        label: c.but(x=_cleared(c.x, cut))
        for label, cut in _cuts(c, lengths)
        if not label.startswith("two") and all(first + last < n for (first, last), n in zip(cut, lengths, strict=True))
    }
