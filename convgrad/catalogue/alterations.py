"""Changes of a computation that the tables of mistakes are made of: each returns the altered ones, by variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation, product_of, turn
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Later, Variants, one
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis
from convgrad.subject.stored import as_came, like

# -- The kernel --------------------------------------------------------------------------------------------------------


def kernel_turned(c: Convolution) -> Variants:
    return one(c.but(turned=not c.turned))


def kernel_mirrored(c: Convolution) -> Variants:
    """Flipped along one axis, where all or none were meant; with one axis that is the kernel turned."""
    if c.dims == 1:
        return {}
    if c.array == "dW":
        return {f"axis {axis}": c.then(partial(np.flip, axis=axis + 2)) for axis in range(c.dims)}
    return {f"axis {axis}": c.but(w=np.flip(c.w, axis=axis + 2)) for axis in range(c.dims)}


def kernel_axes_swapped(c: Convolution) -> Variants:
    """The kernel's spatial axes exchanged, or those of its gradient."""
    swaps = {f"axes {a} and {b}": partial(np.swapaxes, axis1=a + 2, axis2=b + 2) for a, b in _axis_pairs(c)}
    if c.array == "dW":
        return {name: c.then(swap) for name, swap in swaps.items()}
    return {name: c.but(w=swap(c.w)) for name, swap in swaps.items() if swap(c.w).shape == c.w.shape}


def kernel_channels_swapped(c: Convolution) -> Variants:
    """The kernel's channel axes exchanged, group by group, or those of its gradient."""
    swap = partial(_channels_swapped, groups=c.groups)
    if c.array == "dW":
        return one(c.then(swap))
    return one(c.but(w=swap(c.w))) if swap(c.w).shape == c.w.shape else {}


def kernel_stepped(c: Convolution) -> Variants:
    return one(c.but(w=c.updated)) if c.updated is not None else {}


def kernel_of_first_group(c: Convolution) -> Variants:
    return one(c.but(w=_first_group(c.w, c.groups, axis=0))) if c.groups > 1 else {}


def _channels_swapped(w: Array, groups: int) -> Array:
    """(O,C/g,*K) -> (C,O/g,*K), group by group."""
    parts = w.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
    return parts.reshape(-1, *parts.shape[2:])


def _first_group(array: Array, groups: int, axis: int) -> Array:
    """The channels of the first group in place of every group's."""
    first = np.split(array, groups, axis=axis)[0]
    return np.concatenate([first] * groups, axis=axis)


# -- Data --------------------------------------------------------------------------------------------------------------


def delta_turned(c: Any) -> Variants:
    return one(c.but(delta=turn(c.delta)))


def input_of_first_group(c: Convolution) -> Variants:
    return one(c.but(x=_first_group(c.x, c.groups, axis=1))) if c.groups > 1 else {}


def group_mixed(c: Convolution) -> Variants:
    """For an output: either the first group's channels or its kernels, for every group."""
    channels, kernels = input_of_first_group(c), kernel_of_first_group(c)
    return {f"first {name}": made[""] for name, made in (("channels", channels), ("kernels", kernels)) if made}


def delta_of_ones(c: Any) -> Variants:
    return one(c.but(delta=np.broadcast_to(zeros((), c.delta.dtype) + 1, c.delta.shape)))


def last_output_channel(c: Convolution) -> Variants:
    return one(c.but(delta=_last_channels(c.delta, c.groups)))


def last_input_channel(c: Convolution) -> Variants:
    return one(c.but(x=_last_channels(c.x, c.groups)))


def _last_channels(array: Array, groups: int) -> Array:
    """Zeros in all channels but the last of every group."""
    result = zeros(array.shape, array.dtype)
    last = slice(array.shape[1] // groups - 1, None, array.shape[1] // groups)
    result[:, last] = array[:, last]
    return result


def without_bias(c: Convolution) -> Variants:
    return one(c.but(b=None)) if c.b is not None else {}


# -- Samples and overlays ----------------------------------------------------------------------------------------------


def one_sample(c: Computation) -> Variants:
    """Only one sample counted: the last, the first, or (in a small batch) any other."""
    count = c.x.shape[0]
    kept = [count - 1, *range(min(count - 1, 8))] if count > 1 else []
    return {f"sample {n}": c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1]) for n in kept}


def fewer_overlays(c: Any) -> Variants:
    """A loop over positions that stops one early: on one axis, on all, or at the very last position."""
    name = "x" if getattr(c, "transposed", False) and c.array == "dW" else "delta"
    near = getattr(c, name)
    if not near.size:
        return {}
    return Later({label: partial(_without, c, name, places) for label, places in last_places(near)})


def _without(c: Any, name: str, places: list[tuple[Any, ...]]) -> Any:
    return c.but(**{name: _zeroed(getattr(c, name), places)})


def without_last(near: Array) -> Iterator[tuple[str, Array]]:
    yield from ((label, _zeroed(near, places)) for label, places in last_places(near))


def last_places(near: Array) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The places that a loop over positions leaves out where it stops early."""
    axes = range(2, near.ndim)
    for axis in axes:
        yield _last(axis - 2, len(axes)), [(slice(None),) * axis + (-1,)]
    if near.ndim > 3:
        yield "last of every axis", [(slice(None),) * axis + (-1,) for axis in axes]
        yield "last position", [(slice(None), slice(None), *(-1 for _ in axes))]


def _last(axis: int, dims: int) -> str:
    """What the last positions of an axis are called.

    >>> _last(0, 1), _last(1, 2), _last(0, 3), _last(1, 4)
    ('last position', 'last column', 'last plane', 'last of axis 1')
    """
    names = {1: ["position"], 2: ["row", "column"], 3: ["plane", "row", "column"]}.get(dims)
    return f"last {names[axis]}" if names else f"last of axis {axis}"


def _zeroed(array: Array, places: list[tuple[Any, ...]]) -> Array:
    result = as_came(array).copy()
    for place in places:
        result[place] = zeros((), result.dtype)
    zeroed: Array = like(array, result)
    return zeroed


def divided_by_samples(c: Computation) -> Variants:
    return one(c.scaled(Fraction(1, c.x.shape[0]))) if c.x.shape[0] else {}


def divided_by_overlays(c: Any) -> Variants:
    """Divided by how many positions there are, on the output or of overlays, in a sample or in all."""
    samples, counts = c.x.shape[0], {"positions": product_of(c.delta.shape[2:])}
    if getattr(c, "transposed", False):
        counts["cells of the input"] = product_of(c.x.shape[2:])
    if samples > 1:
        counts |= {f"{name} of all samples": count * samples for name, count in counts.items()}
    return {name: c.scaled(Fraction(1, count)) for name, count in counts.items() if count}


# -- Geometry ----------------------------------------------------------------------------------------------------------


def stride_one(c: Computation) -> Variants:
    return one(c.on_axes(lambda axis: replace(axis, stride=1)))


def dilation_one(c: Computation) -> Variants:
    return one(c.on_axes(lambda axis: replace(axis, dilation=1)))


def stride_for_dilation(c: Computation) -> Variants:
    return one(c.on_axes(lambda axis: replace(axis, stride=axis.dilation, dilation=axis.stride)))


def strides_swapped(c: Computation) -> Variants:
    """Two axes with each other's stride."""
    swapped = {}
    for a, b in _axis_pairs(c):
        axes = list(c.axes)
        if isinstance(axes[a], Axis) and isinstance(axes[b], Axis):
            axes[a], axes[b] = replace(axes[a], stride=axes[b].stride), replace(axes[b], stride=axes[a].stride)
            swapped[f"axes {a} and {b}"] = c.but(axes=tuple(axes))
    return swapped


def from_cell_zero(c: Any) -> Variants:
    """Positions counted from the first cell of the input, not of its padding; past its end zeros."""
    mode = {"padding_mode": "zeros"} if hasattr(c, "padding_mode") else {}
    return one(c.but(**mode).on_axes(lambda axis: replace(axis, before=0, after=0)))


def zeros_for_copies(c: Convolution) -> Variants:
    return one(c.but(padding_mode="zeros")) if c.padding_mode != "zeros" else {}


def remainder_first(c: Convolution) -> Variants:
    """The cells past the last window lie before the first."""
    spare = [
        length + sum(pair) - (count - 1) * axis.stride - axis.extent
        for axis, length, pair, count in zip(c.axes, c.lengths, c.pads, c.near.shape[2:], strict=True)
    ]
    if not any(spare):
        return {}
    shifted = [replace(axis, before=axis.before - cells) for axis, cells in zip(c.axes, spare, strict=True)]
    return one(c.but(axes=tuple(shifted)))


def _axis_pairs(c: Computation) -> Iterator[tuple[int, int]]:
    return combinations(range(c.dims), 2)


def windows_replace(c: Any) -> Variants:
    return one(c.but(overwrite="window"))


# -- The result --------------------------------------------------------------------------------------------------------


def result_times(factor: int) -> Callable[[Computation], Variants]:
    return lambda c: one(c.scaled(factor))
