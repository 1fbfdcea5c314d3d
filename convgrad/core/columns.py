"""Windows as the columns of matrices, and the products of a block of them: g k h p, h rows of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT32, Array, zeros
from convgrad.core.unfold import mergeable, reach, unfold_rows
from convgrad.core.window import Window

BESIDE = range(16, 128)
"""Outputs of a group for which the products of all taps of the first axis are one: for fewer the copies of delta cost
more than they bring, and of more BLAS makes as much without."""

Met = Sequence[tuple[slice, slice]]
"""For each tap of the first axis the rows of positions and of columns that meet."""


def columns_of(x: Array, window: Window, groups: int) -> tuple[Array, Met]:
    """Rows of windows over the axes but the first as columns, and for each of its taps the rows of positions and of
    columns that meet: (N,C,*L) -> g k h p, a view where a window is one cell.
    """
    rows, met, others = _rows(window, x.shape[2])
    x = x[:, :, rows].transpose(1, 2, 0, *range(3, x.ndim))
    columns = unfold_rows(x, others)
    k = len(x) // groups * prod(columns.shape[1 : -x.ndim + 1])
    return columns.reshape(groups, k, x.shape[1], -1 if columns.size else 0), met


@lru_cache(maxsize=256)
def _rows(window: Window, length: int) -> tuple[slice, Met, Window]:
    """The rows that windows reach on the first axis, where its taps meet them, and the windows over the others."""
    first: Any = window.axes[0]
    _, _, (rows,) = reach((first,), (length,))
    count = rows.stop - rows.start
    here = replace(first, before=first.before + rows.start).fitted(count, first.positions(length))
    return rows, [here.tap(tap, count) for tap in range(first.size)], Window(window.axes[1:])


def put(kernel: Array, columns: Array, met: Met, y: Array) -> None:
    """Kernel times columns, added up where each tap of the first axis meets rows: g to k, g k h p into (N,O,*P)."""
    y = grouped(y, len(kernel))
    if len(met) == 1:
        multiply(kernel, matrices(columns), y)
        return
    products = kernel @ matrices(columns)
    by_tap = products.reshape(len(products), len(met), y.shape[1], columns.shape[2], *y.shape[3:])
    y[...] = _met_sum(by_tap.swapaxes(0, 1), met, y.shape)


def _met_sum(parts: Array, met: Met, shape: Sequence[int]) -> Array:
    """The sum of each tap's rows where they meet positions: t g o h n *P -> g o p n *P; overwrites the parts."""
    whole = next((tap for tap, (positions, _) in enumerate(met) if positions == slice(0, shape[2])), None)
    total = zeros(shape, parts.dtype) if whole is None else parts[whole, :, :, met[whole][1]]
    for tap, (positions, cells) in enumerate(met):
        if tap != whole:
            total[:, :, positions] += parts[tap, :, :, cells]
    return total


def add_product(delta: Array, columns: Array, met: Met, dw: Array, first: bool) -> None:
    """Delta times columns, added to what blocks before gave: (N,O,*P), g k h p onto g o c *K."""
    near = grouped(delta, len(dw))
    if len(met) > 1 and near.shape[1] in BESIDE:
        products = _times_rows(near, columns, met, dw).reshape(len(dw), len(met), *dw.shape[1:3], *dw.shape[4:])
        if products.dtype == EXACT or np.isfinite(products).all():  # else of the rows that are met alone
            by_tap = dw.transpose(0, 3, 1, 2, *range(4, dw.ndim))
            by_tap[...] = products if first else by_tap + products
            return
    near = _merged(near)
    for tap, (positions, cells) in enumerate(met):
        far = matrices(columns[:, :, cells]).swapaxes(1, 2)
        multiply(matrices(near[:, :, positions]), far, dw[:, :, :, tap], add=not first)


def _times_rows(near: Array, columns: Array, met: Met, dw: Array) -> Array:
    """Delta beside the rows that each tap of the first axis meets, 0 beside others, times columns: -> g (t o) k.

    A product for all taps, for which BLAS arranges the columns once, and has more to do with them.
    """
    groups, outputs, _, *others = near.shape
    beside = zeros((groups, len(met), outputs, columns.shape[2], *others), near.dtype)
    for tap, (positions, cells) in enumerate(met):
        beside[:, tap, :, cells] = near[:, :, positions]
    with np.errstate(invalid="ignore"):  # of nothing times an infinity
        return _product(beside.reshape(groups, len(met) * outputs, -1), matrices(columns).swapaxes(1, 2), dw)


def multiply(a: Array, b: Array, target: Array, add: bool = False) -> None:
    """a b into the target, or onto it: g o i, g i j -> g o *J, without a copy in between where its memory allows."""
    if not add and mergeable(target, 2):
        np.matmul(a, b, out=matrices(target))
        return
    result = _product(a, b, target).reshape(target.shape)
    if add:
        target += result
    else:
        target[...] = result


def _product(a: Array, b: Array, target: Array) -> Array:
    """a b, laid out as the target is in memory: g o i, g i j -> g o j, for a target g o *J."""
    if target.strides[1] > target.itemsize:
        return np.asarray(a @ b)
    return np.asarray((b.swapaxes(1, 2) @ a.swapaxes(1, 2)).swapaxes(1, 2))


def gradient_of_zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Zeros g o c *K to add products to, laid out in memory as these are made fastest.

    In float32 that is with outputs last: OpenBLAS takes a quarter less time where the longer factor comes first.
    """
    if dtype != FLOAT32:
        return zeros(shape, dtype)
    return np.moveaxis(zeros((shape[0], *shape[2:], shape[1]), dtype), -1, 1)


def _merged(array: Array) -> Array:
    """The array, or where the axes after the second are not one in memory, a copy."""
    return array if mergeable(array, 2) else array.copy()


def matrices(array: Array) -> Array:
    """g o *P -> g o p."""
    return array.reshape(*array.shape[:2], prod(array.shape[2:]))


def grouped(delta: Array, groups: int) -> Array:
    """A view, the rows before the samples: (N,O,P,*P) -> g o p n *P."""
    by_group = delta.reshape(delta.shape[0], groups, delta.shape[1] // groups, *delta.shape[2:])
    return by_group.transpose(1, 2, 3, 0, *range(4, by_group.ndim))
