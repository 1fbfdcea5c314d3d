"""The arrays that parts of a sum give, each by itself or all at once, and a sum whose parts are weighed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.along import Indices, Way

MOST_STACKED = 1 << 21
"""Numbers of an operand, as often as there are parts, up to which all parts are computed at once."""
SLICES = 2
"""Channels and samples of a large array, those with most wrong entries, that parts are solved for in."""


def narrowed(c: Any, numbers: Array, wrong: Array, way: Way) -> tuple[Any, Array]:
    """Of a large array the channels and samples with most wrong entries, and a few right ones."""
    if c.array == "dX":
        if 0 not in way.axes:
            kept = _most_wrong(wrong, 0)
            c, numbers, wrong = c.but(x=c.x[kept], delta=c.delta[kept]), numbers[kept], wrong[kept]
        if isinstance(c, Convolution) and c.groups == 1 and not c.transposed:
            inputs = _most_wrong(wrong, 1)
            return c.but(w=c.w[:, inputs]), numbers[:, inputs].ravel()
    elif c.array == "dW" and c.groups == 1 and not c.transposed:
        if not (way.operand == "x" and 1 in way.axes):
            inputs = _most_wrong(wrong, 1)
            c, numbers, wrong = c.but(x=c.x[:, inputs]), numbers[:, inputs], wrong[:, inputs]
        if not (way.operand == "delta" and 1 in way.axes):
            outputs = _most_wrong(wrong, 0)
            c, numbers = c.but(delta=c.delta[:, outputs]), numbers[outputs]
    return c, numbers.ravel()


def _most_wrong(wrong: Array, axis: int) -> Array:
    count = wrong.sum(axis=tuple(a for a in range(wrong.ndim) if a != axis))
    return np.sort(np.argsort(-count, kind="stable")[:SLICES])


def only(c: Any, way: Way, index: Indices) -> Array:
    """The array that one part of an operand gives."""
    if way.axes and way.axes[0] == 0:  # of one sample the others need not be computed
        (n, *rest), count = index, len(c.x)
        one = only(c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1]), way._replace(axes=way.axes[1:]), tuple(rest))
        return one if c.array in ("dW", "db") else _among(one, n, count)
    operand = getattr(c, way.operand)
    result = np.zeros(operand.shape, operand.dtype)
    at = _at(way, index, operand.ndim)
    result[at] = operand[at]
    bias = {"b": None} if hasattr(c, "b") else {}
    value: Array = c.but(**{way.operand: result}, **bias).value()
    return value


def stacked(c: Any, way: Way, unknown: list[Indices]) -> Array | None:
    """The arrays of all parts at once, a row each, as samples or channels side by side; None where they cannot be."""
    operand = getattr(c, way.operand)
    if c.array == "db":
        return _sums_of_delta(operand, way, unknown)
    if len(unknown) * operand.size > MOST_STACKED:
        return None
    parts = np.zeros((len(unknown), *operand.shape), operand.dtype)
    for part, index in zip(parts, unknown, strict=True):
        at = _at(way, index, operand.ndim)
        part[at] = operand[at]
    bias = {"b": None} if hasattr(c, "b") else {}
    if (c.array, way.operand) in (("dX", "delta"), ("output", "x")):
        samples = {"x": np.concatenate([c.x] * len(unknown)), "delta": np.concatenate([c.delta] * len(unknown))}
        samples[way.operand] = parts.reshape(-1, *operand.shape[1:])
        return np.asarray(c.but(**samples, **bias).value()).reshape(len(unknown), -1)
    if c.array == "dW" and c.groups == 1 and not c.transposed:
        side_by_side = np.moveaxis(parts, 0, 1).reshape(len(operand), -1, *operand.shape[2:])
        value: Array = c.but(**{way.operand: side_by_side}).value()
        axis = 0 if way.operand == "delta" else 1
        split = value.reshape(*value.shape[:axis], len(unknown), -1, *value.shape[axis + 1 :])
        return np.moveaxis(split, axis, 0).reshape(len(unknown), -1)
    return None


def _sums_of_delta(delta: Array, way: Way, unknown: list[Indices]) -> Array:
    """What each part of delta adds to db: (parts, O)."""
    kept = (*way.axes, 1) if 1 not in way.axes else way.axes
    sums = delta.sum(axis=tuple(axis for axis in range(delta.ndim) if axis not in kept), keepdims=True)
    rows = np.zeros((len(unknown), delta.shape[1]), delta.dtype)
    for row, index in zip(rows, unknown, strict=True):
        at = _at(way, tuple(slice(i, i + 1) for i in index), delta.ndim)
        row[at[1]] = sums[at].ravel()
    return rows


def _at(way: Way, index: tuple[Any, ...], dims: int) -> tuple[Any, ...]:
    """Where an operand has a part."""
    at: list[Any] = [slice(None)] * dims
    for axis, i in zip(way.axes, index, strict=True):
        at[axis] = i
    return tuple(at)


def _among(sample: Array, number: int, count: int) -> Array:
    """An array of one sample among those of others, which are 0."""
    result = np.zeros((count, *sample.shape[1:]), sample.dtype)
    result[number] = sample[0]
    return result


def weighed(c: Any, way: Way, weights: Array) -> Any:
    """A computation whose parts along a way count as often as they are told to."""
    if way.operand == "result":
        return c.then(partial(_times, weights=weights, way=way))
    return c.but(**{way.operand: _times(getattr(c, way.operand), weights, way)})


def _times(array: Array, weights: Array, way: Way) -> Array:
    shape = [1] * array.ndim
    for axis in way.axes:
        shape[axis] = array.shape[axis]
    if way.step:
        at = np.ix_(*(np.arange(array.shape[axis]) % way.step for axis in way.axes))
        weights = weights[at]
    spread = weights.reshape(shape)
    result: Array = array * (spread if array.dtype == EXACT else spread.astype(array.dtype))
    return result
