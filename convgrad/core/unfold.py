"""The two adjoint maps, `unfold` and `fold`, and the padding of an input with its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis, Selector, Window

ALL = (slice(None), slice(None))


def unfold(x: Array, window: Window) -> Array:
    """Copy every window out: (N,C,*L) -> (N,C,*K,*P); a tap in the padding reads 0.

    Its adjoint is `fold`: <unfold(x), columns> = <x, fold(columns)>.
    """
    lengths = x.shape[2:]
    columns = zeros((*x.shape[:2], *window.size, *window.positions(lengths)), x.dtype)
    for tap, positions, cells in window.taps(lengths):
        columns[(*ALL, *tap, *positions)] = x[(*ALL, *cells)]
    return columns


def fold(columns: Array, window: Window, lengths: Sequence[int]) -> Array:
    """Add every window back where it came from: (N,C,*K,*P) -> (N,C,*L)."""
    x = zeros((*columns.shape[:2], *lengths), columns.dtype)
    fold_into(x, columns, window)
    return x


def fold_into(x: Array, columns: Array, window: Window) -> None:
    """Add every window to x, which has room for it: columns (N,C,*K,*P) onto x (N,C,*L)."""
    for tap, positions, cells in window.taps(x.shape[2:]):
        add_at(x, cells, columns[(*ALL, *tap, *positions)])


def add_at(x: Array, cells: tuple[Selector, ...], values: Array) -> None:
    """x[..., cells] += values; adaptive windows may name a cell twice in one go, and both count."""
    if isinstance(cells[0], slice):
        x[(*ALL, *cells)] += values
    else:
        np.add.at(x, (*ALL, *cells), values)


def windows(x: Array, window: Window) -> Array:
    """Evenly spaced windows as a view, of which `unfold` is a copy: (N,C,*L) -> (N,C,*K,*P).

    A view costs nothing, and writing out the padding of x little, where telling tap by tap where x ends costs much.
    """
    counts, x = window.positions(x.shape[2:]), framed(x, window)
    steps = [step * axis.dilation for step, axis in zip(x.strides[2:], window.axes, strict=True)]
    steps += [step * axis.stride for step, axis in zip(x.strides[2:], window.axes, strict=True)]
    return as_strided(x, (*x.shape[:2], *window.size, *counts), (*x.strides[:2], *steps), writeable=False)


def framed(x: Array, window: Window) -> Array:
    """x with its zero padding written out, and cropped where padding is negative: (N,C,*L) -> (N,C,*(lo+L+hi))."""
    inside, kept, shape = [], [], []
    for axis, length in zip(window.axes, x.shape[2:], strict=True):
        first, last = max(-axis.before, 0), min(length, length + axis.after)
        cells = max(last - first, 0)
        kept.append(slice(first, first + cells))
        inside.append(slice(max(axis.before, 0), max(axis.before, 0) + cells))
        shape.append(axis.before + length + axis.after)
    if inside == [slice(0, length) for length in shape]:
        return x[(*ALL, *kept)]
    frame = zeros((*x.shape[:2], *shape), x.dtype)
    frame[(*ALL, *inside)] = x[(*ALL, *kept)]
    return frame


def patch(x: Array, under: Sequence[range], mode: str = "zeros", outside: Any = 0) -> Array:
    """The cells of one sample under one window: x (C,*L) -> (C,*K), `outside` where zero padding lies under it."""
    if all(span.start >= 0 and span.stop <= length for span, length in zip(under, x.shape[1:], strict=True)):
        view: Array = x[(slice(None), *(slice(span.start, span.stop, span.step) for span in under))]
        return view
    cells = [source_cells(span, length, mode) for span, length in zip(under, x.shape[1:], strict=True)]
    result = x[np.ix_(range(x.shape[0]), *(np.maximum(cell, 0) for cell in cells))]
    for axis, cell in enumerate(cells, start=1):
        result[(slice(None),) * axis + (cell < 0,)] = outside
    return result


def source_cells(cells: Sequence[int], length: int, mode: str) -> Array:
    """The cell of the input that each padded cell copies; -1 where the padding is zero.

    >>> [source_cells(range(-2, 5), 3, mode).tolist() for mode in ("reflect", "circular")]
    [[2, 1, 0, 1, 2, 1, 0], [1, 2, 0, 1, 2, 0, 1]]
    """
    cell = np.asarray(cells, dtype=np.intp)
    if mode == "reflect":
        return length - 1 - abs(length - 1 - abs(cell))
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
