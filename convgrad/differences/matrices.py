"""A convolution, plain or transposed, as products of matrices by the geometry alone: y = w columns, channel by channel.

    y        g o n p  =  sum over c of  w c g o k , columns g k n p of channel c

c channel in the group, g group, o output channel in the group, k tap, n sample, p position. It is the definition once
more, and shares nothing with the program's own forward pass: that both give the same is looked at (`whole_passes`).
"""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.differences.patches import Box
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED


def as_matrices(case: Case, w: Array) -> Array:
    """A kernel, or what is by entry of one, in the order in which taps read: (O,C/g,*K) or (C,O/g,*K) -> c g o k."""
    groups, taps = case.settings["groups"], prod(w.shape[2:])
    by_group = w.reshape(groups, w.shape[0] // groups, w.shape[1], taps)
    ordered = by_group.transpose(_ORDER[case.operation.family == TRANSPOSED])
    return ordered[..., ::-1] if case.settings["mode"] == "convolution" else ordered


def as_kernel(case: Case, matrices: Array, shape: tuple[int, ...]) -> Array:
    """`as_matrices` undone."""
    ordered = matrices[..., ::-1] if case.settings["mode"] == "convolution" else matrices
    return ordered.transpose(np.argsort(_ORDER[case.operation.family == TRANSPOSED])).reshape(shape)


_ORDER = {False: (2, 0, 1, 3), True: (1, 0, 2, 3)}
"""From g o c k and, transposed, g c o k to c g o k."""


def columns(box: Box, x: Array) -> Array:
    """The cell that each position reads at each tap, 0 for none: (n,c,*cells) -> c k n *positions."""
    shape = (x.shape[1], len(box.meetings), len(x), *(len(axis) for axis in box.probe.geometry))
    result, by_channel = zeros(shape, x.dtype), x.swapaxes(0, 1)
    for tap, (positions, cells) in enumerate(box.meetings):
        result[(slice(None), tap, *positions[1:])] = by_channel[cells]
    return result


def outputs(w: Array, cells: Array) -> Array:
    """g o k times columns g k n *p -> g o n *p."""
    flat = cells.reshape(*cells.shape[:2], prod(cells.shape[2:]))
    return (w @ flat).reshape(*w.shape[:2], *cells.shape[2:])


def by_filter(array: Array, groups: int) -> Array:
    """Outputs, or what is by output, a view: (n,O,*p) -> g o n *p."""
    grouped = array.reshape(len(array), groups, array.shape[1] // groups, *array.shape[2:])
    return grouped.transpose(1, 2, 0, *range(3, grouped.ndim))
