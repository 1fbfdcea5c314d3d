"""Mistakes that give an array of another shape: what was kept that should be gone, or left out, or added up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Form, Later, Variants
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import AdaptiveAxis, Axis
from convgrad.subject.stored import as_came, like
from convgrad.vocabulary import MEAN

# -- The shape that an altered geometry has by itself ------------------------------------------------------------------


def or_own_shape(alter: Callable[[Any], Variants]) -> Callable[[Any], Variants]:
    """Other geometry both as it fits the right shape and, where that differs, in the shape that it gives by itself."""

    def both(c: Any) -> Variants:
        altered = dict(alter(c))
        other = {name: made for name, made in altered.items() if made.axes != c.axes}
        own = {f"{name} own shape".strip(): _in_own_shape(c, made) for name, made in other.items()}
        return altered | {name: made for name, made in own.items() if made is not None}

    return both


def _in_own_shape(right: Any, altered: Any) -> Any:
    if altered.array == "output":
        return _own_output(right, altered)
    if not isinstance(altered, Convolution) or altered.padding_mode != "zeros":
        return None
    return _own_taps(altered) if altered.array == "dW" else _own_cells(altered)


def _own_taps(c: Convolution) -> Any:
    """dW with as many taps as there is room for beside the positions; None where that is the kernel's."""
    if c.padding_mode != "zeros":
        return None
    rows = zip(c.far.shape[2:], c.axes, c.pads, c.near.shape[2:], strict=True)
    sizes = tuple(_taps_with_room(axis, length, pair, count) for length, axis, pair, count in rows)
    if sizes == tuple(axis.size for axis in c.axes) or min(sizes) < 1:
        return None
    return c.but(axes=tuple(replace(axis, size=size) for axis, size in zip(c.axes, sizes, strict=True)))


def _taps_with_room(axis: Axis, length: int, pair: tuple[int, int], count: int) -> int:
    after = pair[1] if axis.before else 0
    return (length + axis.before + after - (count - 1) * axis.stride - 1) // axis.dilation + 1


def _own_cells(c: Convolution) -> Any:
    """dX that ends where the last overlay does, less the padding; None where that is the input's length."""
    if c.transposed:
        return None
    rows = zip(c.axes, c.pads, c.near.shape[2:], strict=True)
    lengths = tuple(axis.cells(count - 1)[1] - (pair[1] if axis.before else 0) for axis, pair, count in rows)
    return None if lengths == c.lengths or min(lengths) < 1 else c.but(lengths=lengths)


def _own_output(right: Any, altered: Any) -> Any:
    """An output with as many positions, or as many cells, as its geometry has."""
    shape = altered.delta.shape
    if getattr(altered, "transposed", False):
        rows = zip(altered.lengths, right.axes, altered.axes, altered.pads, altered.x.shape[2:], strict=True)
        lengths = tuple(_own_length(*row) for row in rows)
        if lengths == shape[2:] or min(lengths) < 1:
            return None
        return altered.but(lengths=lengths, delta=zeros((*shape[:2], *lengths), altered.delta.dtype))
    counts = tuple(axis.positions(length) for axis, length in zip(altered.axes, altered.lengths, strict=True))
    if counts == shape[2:] or min(counts) < 1:
        return None
    return altered.but(delta=zeros((*shape[:2], *counts), altered.delta.dtype))


def _own_length(length: int, right: Axis, altered: Axis, pair: tuple[int, int], cells: int) -> int:
    """The length that a transposed convolution's altered axis gives: further windows, a longer one, nothing cropped."""
    uncropped = sum(pair) if altered.before != right.before else 0
    return length + (cells - 1) * (altered.stride - right.stride) + altered.extent - right.extent + uncropped


# -- What belongs in no result -----------------------------------------------------------------------------------------


def padding_kept(c: Any) -> Variants:
    """dX over the padded input: cells before and after it, or on one side, that should have been cut off."""
    if not any(map(any, c.pads)) or getattr(c, "transposed", False):
        return {}
    kept = {"": c.pads, "before": tuple((n, 0) for n, _ in c.pads), "after": tuple((0, n) for _, n in c.pads)}
    return Later({name: partial(_kept, c, pads) for name, pads in kept.items() if any(map(any, pads))})


def _kept(c: Any, pads: Any) -> Any:
    if isinstance(c, Convolution) or c.family == MEAN:
        return _over_padded(c, pads)
    return c.then(partial(_surrounded, pads=pads))


def _over_padded(c: Any, pads: Any) -> Any:
    axes = tuple(
        axis if isinstance(axis, AdaptiveAxis) else replace(axis, before=axis.before - before)
        for axis, (before, _) in zip(c.axes, pads, strict=True)
    )
    mode = {"padding_mode": "zeros"} if isinstance(c, Convolution) else {}
    lengths = tuple(length + sum(pair) for length, pair in zip(c.lengths, pads, strict=True))
    return c.but(axes=axes, lengths=lengths, x=_surrounded(c.x, pads), **mode)


def _surrounded(array: Array, pads: Any) -> Array:
    lengths = (n + sum(p) for n, p in zip(array.shape[2:], pads, strict=True))
    result = zeros((*array.shape[:2], *lengths), as_came(array).dtype)
    inside = (slice(before, before + n) for n, (before, _) in zip(array.shape[2:], pads, strict=True))
    result[(slice(None), slice(None), *inside)] = as_came(array)
    surrounded: Array = like(array, result)
    return surrounded


def remainder_left_out(c: Any) -> Variants:
    """dX that ends with the last window: the cells that no window reaches are not there."""
    if getattr(c, "transposed", False) or not all(isinstance(axis, Axis) for axis in c.axes):
        return {}
    counts = c.near.shape[2:]
    ends = [axis.cells(count - 1)[1] for axis, count in zip(c.axes, counts, strict=True)]
    kept = [min(end, length) for end, length in zip(ends, c.lengths, strict=True)]
    if kept == list(c.lengths) or min(kept) < 1:
        return {}
    return {"": c.then(partial(_first_cells, kept=tuple(kept)))}


def _first_cells(array: Array, kept: tuple[int, ...]) -> Array:
    cells: tuple[Any, ...] = (..., *(slice(count) for count in kept))
    return np.asarray(array[cells])


def remainder_as_taps(c: Any) -> Variants:
    """dW as the correlation of x with a spread-out delta, which has more taps where the stride leaves a remainder."""
    own = None if c.transposed else _own_taps(c)
    return {} if own is None else {"": own}


def samples_kept(c: Computation) -> Variants:
    """dW or db sample by sample, not added up."""
    count = c.x.shape[0]
    if count < 2:
        return {}
    return {"": c.but(samples=tuple(c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1]) for n in range(count)))}


def samples_added(c: Computation) -> Variants:
    """dX added up, or averaged, over samples."""
    if c.x.shape[0] < 2:
        return {}
    return {"added": c.then(_sum_of_samples), "averaged": c.then(_mean_of_samples)}


def _sum_of_samples(array: Array) -> Array:
    return np.asarray(array.sum(axis=0, keepdims=True))


def _mean_of_samples(array: Array) -> Array:
    return np.asarray(_sum_of_samples(array) / array.shape[0])


SHAPES: dict[str, dict[str, Form]] = {
    "dW": {
        "remainder-kept": Form(
            "it has a tap more for every step of the remainder of the stride",
            "cut it to the kernel's size: the cells past the last window belong to no tap",
            remainder_as_taps,
            ("spare taps",),
            ("conv",),
        ),
        "batch-kept": Form(
            "samples are not added up", "add over the batch axis: dW has the kernel's shape", samples_kept,
            ("samples",), ("conv", "conv-transpose"),
        ),
    },
    "db": {
        "batch-kept": Form(
            "samples are not added up", "add over the batch axis: db has one number a channel", samples_kept,
            ("samples",), ("conv", "conv-transpose"),
        ),
    },
    "dX": {
        "padding-kept": Form(
            "the padding is not cut off",
            "cut the padding: `before` cells at the start of every axis, `after` at its end",
            padding_kept,
            ("padding",),
            ("conv", "max-pool", "average-pool", "lp-pool"),
        ),
        "remainder-missing": Form(
            "it ends with the last window",
            "give the cells past the last window a 0: dX has the input's shape",
            remainder_left_out,
            ("unreached cells",),
            ("conv", "max-pool", "average-pool", "lp-pool"),
        ),
        "batch-summed": Form(
            "samples are added up, or averaged", "keep the batch axis: dX has the input's shape", samples_added,
            ("samples",),
        ),
    },
}  # fmt: skip
