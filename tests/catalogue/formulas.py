"""The catalogue's formulas for a convolution as plain loops, written from their descriptions and sharing nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np


def zeros(shape):
    result = np.empty(shape, object)
    result[...] = Fraction(0)
    return result


def exact(values):
    given = np.array(values, object)
    result = np.empty(given.shape, object)
    for index in np.ndindex(given.shape):
        result[index] = Fraction(given[index])
    return result


def turned(array):
    return np.flip(array, axis=tuple(range(2, array.ndim)))


def at(array, n, c, cell):
    """The number in a cell; 0 outside."""
    inside = all(0 <= i < length for i, length in zip(cell, array.shape[2:], strict=True))
    return array[(n, c, *cell)] if inside else Fraction(0)


def cells(position, tap, stride, dilation, before):
    return tuple(p * s + t * d - lo for p, t, s, d, lo in zip(position, tap, stride, dilation, before, strict=True))


def indices(shape):
    return product(*map(range, shape))


def kernel_gradient(delta, x, size, stride, dilation, before, groups, group_read=lambda g: g):
    """dW; `group_read` says which group's input channels a group reads."""
    filters, channels = delta.shape[1] // groups, x.shape[1] // groups
    dw = zeros((delta.shape[1], channels, *size))
    for n, o, c in product(range(x.shape[0]), range(delta.shape[1]), range(channels)):
        source = group_read(o // filters) * channels + c
        for position, tap in product(indices(delta.shape[2:]), list(indices(size))):
            cell = cells(position, tap, stride, dilation, before)
            dw[(o, c, *tap)] += delta[(n, o, *position)] * at(x, n, source, cell)
    return dw


def input_gradient(delta, w, lengths, stride, dilation, before, groups, overwrite=False, group_used=lambda g: g):
    """dX, overlay by overlay in row-major order; `group_used` says which group's kernels a group uses."""
    filters, channels = w.shape[0] // groups, w.shape[1]
    dx = zeros((delta.shape[0], channels * groups, *lengths))
    for n, g, c in product(range(delta.shape[0]), range(groups), range(channels)):
        for position in indices(delta.shape[2:]):
            for tap in indices(w.shape[2:]):
                cell = cells(position, tap, stride, dilation, before)
                if not all(0 <= i < length for i, length in zip(cell, lengths, strict=True)):
                    continue
                given = sum(
                    delta[(n, g * filters + o, *position)] * w[(group_used(g) * filters + o, c, *tap)]
                    for o in range(filters)
                )
                place = (n, g * channels + c, *cell)
                dx[place] = given if overwrite else dx[place] + given
    return dx
