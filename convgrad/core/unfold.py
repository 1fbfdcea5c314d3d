"""The two adjoint maps, `unfold` and `fold`, and the padding of an input with its adjoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import AdaptiveAxis, Axis, Selector, Window

ALL = (slice(None), slice(None))

LONG = 512
"""Cells of a row that is copied as fast by itself as together with its neighbours."""


def unfold(x: Array, window: Window) -> Array:
    """Copy every window out: (N,C,*L) -> (N,C,*K,*P); a tap in the padding reads 0.

    Its adjoint is `fold`: <unfold(x), columns> = <x, fold(columns)>.
    """
    columns = zeros((*x.shape[:2], *window.size, *window.positions(x.shape[2:])), x.dtype)
    for tap, positions, cells in window.taps(x.shape[2:]):
        columns[(*ALL, *tap, *positions)] = x[(*ALL, *cells)]
    return columns


def unfold_rows(x: Array, window: Window) -> Array:
    """`unfold` along the last axes, channels first: (C,H,N,*L) -> (C,*K,H,N,*P); perhaps a view that repeats cells."""
    if shifts := _shifts(window, x.shape[1:]):
        return _shifted(x, shifts)
    axes: Sequence[Any] = window.axes
    counts = window.positions(x.shape[3:])
    x = framed(x, axes)
    steps, shape = x.strides[3:], (len(x), *window.size, *x.shape[1:3], *counts)
    by_tap = [step * axis.dilation for step, axis in zip(steps, axes, strict=True)]
    by_position = [step * axis.stride for step, axis in zip(steps, axes, strict=True)]
    return as_strided(x, shape, (x.strides[0], *by_tap, *x.strides[1:3], *by_position))


def framed(x: Array, axes: Sequence[Any]) -> Array:
    """The cells that windows over the last axes reach, padding written out as zeros: a view where there is none."""
    sizes, covered, inside = reach(axes, x.shape[-len(axes) :])
    others = (slice(None),) * (x.ndim - len(axes))
    if all(span.start == 0 and span.stop == size for span, size in zip(covered, sizes, strict=True)):
        return x[(*others, *inside)]
    frame = zeros((*x.shape[: -len(axes)], *sizes), x.dtype)
    frame[(*others, *covered)] = x[(*others, *inside)]
    return frame


class Shifts(NamedTuple):
    """Windows over the last axes of a row (H,N,*L) that have as many positions as cells: a tap is the row, shifted.

    For each tap in turn where in the row it goes, and from where; and the places in columns (C,*K,H,N,*L) of taps that
    meet no cell.
    """

    size: tuple[int, ...]
    moves: list[tuple[slice, slice]]
    outside: list[tuple[Selector, ...]]


def _shifted(x: Array, shifts: Shifts) -> Array:
    """`unfold_rows` by shifts, with zeros at ends of rows.

    Rows that are not long take half the time where those of a channel are copied as one.
    """
    columns: Array = np.empty((len(x), *shifts.size, *x.shape[1:]), x.dtype)
    source, taps = x.reshape(len(x), -1), columns.reshape(len(x), len(shifts.moves), -1)
    for tap, (to, cells) in enumerate(shifts.moves):
        taps[:, tap, to] = source[:, cells]
    nothing = zeros((), x.dtype)[()]
    for place in shifts.outside:
        columns[place] = nothing
    return columns


@lru_cache(maxsize=256)
def _shifts(window: Window, shape: tuple[int, ...]) -> Shifts | None:
    """The shifts of windows over the last axes of rows (H,N,*L); None where there are none, or a copy is no slower."""
    axes: Sequence[Any] = window.axes
    lengths = shape[2:]
    every = window.positions(lengths) == lengths and all(axis.stride == 1 for axis in axes)
    if prod(window.size) == 1 or not every or not 0 < lengths[-1] < LONG or not prod(shape):
        return None
    size, steps, moves = prod(shape), [prod(shape[axis:]) for axis in range(3, len(shape) + 1)], []
    for _, positions, cells in window.taps(lengths):
        met = zip(cells, positions, steps, strict=True)
        start = sum((cell.start - place.start) * step for cell, place, step in met)
        moves.append((slice(max(-start, 0), size - max(start, 0)), slice(max(start, 0), size + min(start, 0))))
    return Shifts(window.size, moves, list(_outside(axes, lengths)))


def _outside(axes: Sequence[Axis], lengths: Sequence[int]) -> Iterator[tuple[Selector, ...]]:
    """The places in columns (C,*K,H,N,*L) at which a tap of an axis is outside."""
    for number, (axis, length) in enumerate(zip(axes, lengths, strict=True)):
        for tap in range(axis.size):
            inside, _ = axis.tap(tap, length)
            for span in (slice(0, inside.start), slice(inside.stop, length)):
                if span.start < span.stop:
                    yield *(slice(None),) * (number + 1), tap, *along(number - len(axes), span)


def mergeable(array: Array, first: int) -> bool:
    """Whether the axes from the first given on are one in memory."""
    if array.flags.c_contiguous:
        return True
    axes = [(n, step) for n, step in zip(array.shape[first:], array.strides[first:], strict=True) if n > 1]
    return all(outer == step * length for (_, outer), (length, step) in pairwise(axes))


def reach(axes: Sequence[Any], lengths: Sequence[int]) -> tuple[list[int], list[slice], list[slice]]:
    """Per axis how many cells the windows reach over, padding counted; which of them lie in the input; where in it.

    >>> reach((Axis(3, before=1, after=1),), (4,))
    ([6], [slice(1, 5, None)], [slice(0, 4, None)])
    """
    sizes, covered, inside = [], [], []
    for axis, length in zip(axes, lengths, strict=True):
        start, size = axis.start(0), (axis.positions(length) - 1) * axis.stride + axis.extent
        first = min(max(start, 0), length)
        last = max(min(start + size, length), first)
        sizes.append(size)
        covered.append(slice(max(first - start, 0), max(last - start, 0)))
        inside.append(slice(first, last))
    return sizes, covered, inside


def fold(columns: Array, window: Window, lengths: Sequence[int], first: int = 2) -> Array:
    """Add every window back where it came from: (N,C,*K,*P) -> (N,C,*L); the axes in the order opposite to `unfold`."""
    for number, (axis, length) in enumerate(zip(window.axes, lengths, strict=True)):
        columns = _fold_axis(columns, axis, length, number - len(window.axes), first)
    return columns


def reduced(x: Array, window: Window, combine: np.ufunc, start: Any) -> Array:
    """The sum, or whatever combines cells, under every window: (N,C,*L) -> (N,C,*P), one axis after another.

    `start` combines to nothing: 0 for a sum. The first axis first, for there rows are combined whole.
    """
    for number, axis in enumerate(window.axes):
        x = _reduced_axis(x, axis, number - len(window.axes), combine, start)
    return x


def _reduced_axis(x: Array, axis: Axis | AdaptiveAxis, at: int, combine: np.ufunc, start: Any) -> Array:
    length, count = x.shape[at], axis.positions(x.shape[at])
    if count == 1 and (under := _inside(axis.under(0), length)):
        cells = slice(under.start, under.stop, under.step)
        return np.asarray(combine.reduce(x[along(at, cells)], axis=at, keepdims=True))
    if isinstance(axis, AdaptiveAxis):
        windows = (x[along(at, slice(*axis.cells(position)))] for position in range(count))
        return np.concatenate([combine.reduce(cells, axis=at, keepdims=True) for cells in windows], axis=at)
    met = [axis.tap(tap, length) for tap in range(axis.size)]
    whole = next((tap for tap, (positions, _) in enumerate(met) if _is_all(positions, count)), None)
    if whole is None:
        shape = list(x.shape)
        shape[at] = count
        result = np.full(shape, start, x.dtype)
    else:  # to begin with a tap that lies inside everywhere saves a pass
        result = x[along(at, met.pop(whole)[1])].copy()
    for positions, cells in met:
        place = along(at, positions)
        if isinstance(positions, slice):
            combine(result[place], x[along(at, cells)], out=result[place])
        else:
            result[place] = combine(result[place], x[along(at, cells)])
    return result


def _inside(under: range, length: int) -> range:
    """The cells under a window that are in the input.

    >>> _inside(range(-3, 6, 2), 4)
    range(1, 4, 2)
    """
    first = max(-(under.start // under.step), 0)
    return range(under.start + first * under.step, min(under.stop, length), under.step)


def _is_all(selector: Selector, count: int) -> bool:
    """Whether a slice picks every entry of an axis."""
    return isinstance(selector, slice) and selector.indices(count) == (0, count, 1)


def lay_onto(x: Array, y: Array, window: Window) -> None:
    """Add y to every cell under its window: (N,C,*P) onto (N,C,*L). Its adjoint is the sum under windows, `reduced`.

    The last axis first: what is laid on the others is then few, and rows are added whole.
    """
    lengths = x.shape[2:]
    for number in reversed(range(1, len(lengths))):
        axis, at = window.axes[number], number - len(lengths)
        y = _fold_axis(np.broadcast_to(y, (axis.size, *y.shape)), axis, lengths[number], at, 0)
    others = (slice(None),) * (len(lengths) - 1)
    first = window.axes[0]
    for positions, cells in (first.tap(tap, lengths[0]) for tap in range(first.size)):
        add_at(x, (cells, *others), y[along(-len(lengths), positions)])


def along(at: int, selector: Selector) -> tuple[Selector, ...]:
    """Pick along one axis, counted from the last: -1, -2, …"""
    return (..., selector, *(slice(None),) * (-1 - at))


def _fold_axis(columns: Array, axis: Axis | AdaptiveAxis, length: int, at: int, first: int) -> Array:
    """The taps and positions of one axis become its cells."""
    parts = np.moveaxis(columns, first, 0)
    met = [axis.tap(tap, length) for tap in range(axis.size)]
    if len(met) == 1 and _is_all(met[0][0], parts.shape[1:][at]) and _is_all(met[0][1], length):
        return np.asarray(parts[0])
    shape = list(parts.shape[1:])
    shape[at] = length
    x = zeros(shape, columns.dtype)
    for part, (positions, cells) in zip(parts, met, strict=True):
        others = (slice(None),) * (x.ndim + at - 2), (slice(None),) * (-1 - at)
        add_at(x, (*others[0], cells, *others[1]), part[along(at, positions)])
    return x


def add_at(x: Array, cells: tuple[Selector, ...], values: Array) -> None:
    """x[:, :, *cells] += values; adaptive windows may name a cell twice in one go, and both count."""
    indices = [cell for cell in cells if not isinstance(cell, slice)]
    if indices and x.ndim == 3 and x.size == x.shape[2]:
        np.add.at(x[0, 0], cells[0], values[0, 0])  # for a single row NumPy has a way ten times as fast
    elif len(indices) <= 1 and all((np.diff(cell) > 0).all() for cell in indices):
        x[(*ALL, *cells)] += values
    else:
        np.add.at(x, (*ALL, *cells), values)


def patch(x: Array, under: Sequence[range], mode: str = "zeros", outside: Any = 0) -> Array:
    """The cells of one sample under one window: x (C,*L) -> (C,*K), `outside` where zero padding lies under it."""
    if all(span.start >= 0 and span.stop <= length for span, length in zip(under, x.shape[1:], strict=True)):
        view: Array = x[(slice(None), *(slice(span.start, span.stop, span.step) for span in under))]
        return view
    cells = [source_cells(span, length, mode) for span, length in zip(under, x.shape[1:], strict=True)]
    result: Array = x[np.ix_(np.arange(x.shape[0]), *(np.maximum(cell, 0) for cell in cells))]
    for axis, cell in enumerate(cells, start=1):
        result[(slice(None),) * axis + (cell < 0,)] = outside
    return result


def source_cells(cells: Sequence[int] | Array, length: int, mode: str) -> Array:
    """The cell of the input that each padded cell copies, however far out; -1 where the padding is zero.

    >>> [source_cells(range(-2, 5), 3, mode).tolist() for mode in ("reflect", "circular")]
    [[2, 1, 0, 1, 2, 1, 0], [1, 2, 0, 1, 2, 0, 1]]
    """
    cell = np.asarray(cells, dtype=np.intp)
    if mode == "reflect":
        last = length - 1
        return last - abs(last - cell % max(2 * last, 1))
    if mode == "replicate":
        return cell.clip(0, length - 1)
    if mode == "circular":
        return cell % length
    return np.where((cell >= 0) & (cell < length), cell, -1)


def pad(x: Array, window: Window, mode: str) -> Array:
    """x with its padding written out, by copying cells: (N,C,*L) -> (N,C,*(lo+L+hi)). Adjoint: `unpad`."""
    for number, axis in enumerate(window.axes, start=2):
        x = x.take(_copied(axis, x.shape[number], mode), axis=number)
    return x


def unpad(dxp: Array, window: Window, mode: str, lengths: Sequence[int]) -> Array:
    """The gradient of a padded input sent back to the cells that were copied: (N,C,*(lo+L+hi)) -> (N,C,*L)."""
    for number, (axis, length) in enumerate(zip(window.axes, lengths, strict=True), start=2):
        dxp = _add_back(dxp, number, _copied(axis, length, mode), length)
    return dxp


def _copied(axis: Any, length: int, mode: str) -> Array:
    return source_cells(range(-axis.before, length + axis.after), length, mode)


def _add_back(dxp: Array, number: int, sources: Array, length: int) -> Array:
    padded = np.moveaxis(dxp, number, 0)
    result = zeros((length, *padded.shape[1:]), dxp.dtype)
    for source, row in zip(sources, padded, strict=True):
        result[source] += row
    return np.moveaxis(result, 0, number)


def unpadded(window: Window) -> Window:
    """The same window on an input whose padding is written out."""
    return Window(tuple(replace(axis, before=0, after=0) for axis in window.axes if isinstance(axis, Axis)))
