"""Windows at another stride or dilation than their own, or met where one is used for something else; families."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.miscounted import ROW_FOR_COLUMN, positions_counted
from convgrad.catalogue.misplaced import Axes, as_kind, over_axes, strided
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import Axis
from convgrad.vocabulary import MAXIMUM


def stride_of_one_axis(c: Any) -> Variants:
    return _of_one_axis(c, "stride") if strided(c) else {}


def dilation_of_one_axis(c: Any) -> Variants:
    if not strided(c):
        return {}
    found = _of_one_axis(c, "dilation")
    if getattr(c, "family", "") == MAXIMUM and c.array == "dX":
        found = {**found, **_looked_up(c)}
    return found


def laid_otherwise(c: Any, name: str) -> Variants:
    """Winners that are found right, and laid without the stride, the dilation or the padding."""
    if getattr(c, "family", "") != MAXIMUM or c.array != "dX" or not strided(c):
        return {}
    return {"where delta is laid": c.but(laid=tuple(replace(axis, **{name: name != "before"}) for axis in c.axes))}


def _looked_up(c: Any) -> dict[str, Any]:
    """Winners that a cell finds only where it looks for its windows at another dilation."""
    ways = {"every axis": [1] * c.dims}
    for at in range(c.dims):
        ways[f"axis {at}"] = [own.dilation if n != at else 1 for n, own in enumerate(c.axes)]
    return {
        f"where cells look for their windows, 1 on {name}": c.but(regroup=partial(_found, mask=_met(c, numbers)))
        for name, numbers in ways.items()
    }


def _met(c: Any, dilations: list[int]) -> Array:
    """Whether a tap's cell lies under its own window at other dilations: *K, *P."""
    mask = np.ones((1,) * (2 * c.dims), bool)
    for number, (axis, dilation) in enumerate(zip(c.axes, dilations, strict=True)):
        offsets = np.arange(axis.size) * axis.dilation
        alone = np.isin(offsets, np.arange(axis.size) * dilation)
        mask = mask & alone.reshape(-1, *(1,) * (2 * c.dims - number - 1))
    return mask


def _found(given: Array, mask: Array) -> Array:
    return np.where(mask, given, zeros((), given.dtype))


def _of_one_axis(c: Any, name: str) -> Variants:
    """The number of one axis ignored, another axis's used for it or for all, or the numbers in another order."""
    right = [getattr(axis, name) for axis in c.axes]

    def numbers() -> Iterator[tuple[str, list[int]]]:
        for at, (number, other) in product(range(c.dims), enumerate(right)):
            yield f"axis {number}'s for axis {at}", [other if axis == at else own for axis, own in enumerate(right)]
        for axis, number in enumerate(right):
            yield f"axis {axis}'s for all", [number] * c.dims
        for at in range(c.dims):
            yield f"axis {at}'s ignored", [1 if axis == at else number for axis, number in enumerate(right)]
        if name == "dilation" or not isinstance(c, Convolution):
            for order in permutations(range(c.dims)):
                yield f"of axes {','.join(map(str, order))}", [right[axis] for axis in order]

    changed = ((label, each) for label, each in numbers() if set(each) != {1})
    return over_axes(c, ((label, _numbered(c.axes, name, each)) for label, each in changed))


def _numbered(axes: Axes, name: str, numbers: list[int]) -> Axes:
    return tuple(replace(axis, **{name: number}) for axis, number in zip(axes, numbers, strict=True))


MISUSES: dict[str, Callable[[Axis], Axis]] = {
    "stride and dilation exchanged": lambda axis: replace(axis, stride=axis.dilation, dilation=axis.stride),
    "p + stride": lambda axis: replace(axis, stride=1, before=axis.before - axis.stride),
    "stride twice": lambda axis: replace(axis, stride=axis.stride**2),
    "the window's length for the stride": lambda axis: replace(axis, stride=axis.size),
    "the window's extent for the stride": lambda axis: replace(axis, stride=axis.extent),
    "dilation for the stride": lambda axis: replace(axis, stride=axis.dilation),
    "stride for the dilation": lambda axis: replace(axis, dilation=axis.stride),
    "stride times dilation for the stride": lambda axis: replace(axis, stride=axis.stride * axis.dilation),
    "stride times dilation for the dilation": lambda axis: replace(axis, dilation=axis.stride * axis.dilation),
    "(p - before) * stride": lambda axis: replace(axis, before=axis.before * axis.stride),
    "p * (stride - 1)": lambda axis: replace(axis, stride=max(axis.stride - 1, 1)),
    "p * (stride + 1)": lambda axis: replace(axis, stride=axis.stride + 1),
    "t + dilation": lambda axis: replace(axis, dilation=1, before=axis.before - axis.dilation),
    "t * (dilation - 1)": lambda axis: replace(axis, dilation=max(axis.dilation - 1, 1)),
    "t * (dilation + 1)": lambda axis: replace(axis, dilation=axis.dilation + 1),
}


def stride_misused(c: Any) -> Variants:
    """Added for multiplied, used twice or for something else; delta repeated; a column's start from the row's index."""
    if not strided(c):
        return {}

    def axes() -> Iterator[tuple[str, Axes]]:
        for name, change in MISUSES.items():
            yield name, tuple(map(change, c.axes))
            for at in range(c.dims if c.dims > 1 else 0):
                yield f"{name}, axis {at}", tuple(change(own) if n == at else own for n, own in enumerate(c.axes))

    return {**over_axes(c, axes()), **positions_counted(c, lambda names: names in ROW_FOR_COLUMN), **_repeated(c)}


def _repeated(c: Any) -> Variants:
    """Delta spread out by repeating its numbers in place of putting zeros between them."""
    if not isinstance(c, Convolution) or c.transposed or all(axis.stride == 1 for axis in c.axes):
        return {}
    delta = c.delta
    for number, axis in enumerate(c.axes, start=2):
        delta = np.repeat(delta, axis.stride, number)
    spans = zip(c.delta.shape[2:], c.axes, strict=True)
    cut: Any = (slice(None), slice(None), *(slice((count - 1) * axis.stride + 1) for count, axis in spans))
    once = c.on_axes(lambda axis: replace(axis, stride=1))
    repeated = {"delta repeated": once.but(delta=delta[cut]), "delta repeated to the end": once.but(delta=delta)}
    return {**repeated, **_divided(c)}


@dataclass(frozen=True, slots=True)
class Divided(Axis):
    """Windows looked up from the cell: at position (cell + before) // stride - tap * dilation."""

    def tap(self, tap: int, length: int) -> tuple[Array, Array]:
        cells = np.arange(length)
        positions = (cells + self.before) // self.stride - tap * self.dilation
        met = (cells + self.before - tap * self.dilation) % self.stride == 0
        inside = met & (positions >= 0) & (positions < self.positions(length))
        return positions[inside], cells[inside]


def _same(given: Array) -> Array:
    return given


def _divided(c: Any) -> Variants:
    """dX from the position (cell + before) // stride - tap * dilation: divided before the tap is subtracted."""
    if c.array != "dX" or c.padding_mode != "zeros":
        return {}
    looked = {
        f"divided before the tap is subtracted, axis {at}": c.but(
            axes=tuple(as_kind(own, Divided) if n == at else own for n, own in enumerate(c.axes)), regroup=_same
        )
        for at in range(c.dims)
    }
    if min(axis.before for axis in c.axes) < 0:  # cells that are cropped have no position to look at
        return looked
    reach = [(n - 1 + axis.before) // axis.stride + 1 for n, axis in zip(c.lengths, c.axes, strict=True)]
    axes = tuple(replace(axis, stride=1, before=0) for axis in c.axes)
    places = [(np.arange(n) + axis.before) // axis.stride for n, axis in zip(c.lengths, c.axes, strict=True)]
    other = c.but(axes=axes, lengths=tuple(reach)).then(partial(_at, places=places))
    return looked | {"divided before the tap is subtracted": other}


def _at(array: Array, places: list[Array]) -> Array:
    where: Any = (slice(None), slice(None), *np.ix_(*places))
    return np.asarray(array[where])


def dilation_from_the_end(c: Any) -> Variants:
    """Windows at dilation 1 that end where they should, in place of beginning there."""
    if not strided(c):
        return {}
    change = lambda axis: replace(axis, dilation=1, before=axis.before - axis.extent + axis.size)  # noqa: E731
    return over_axes(c, iter([("counted from the last tap", tuple(map(change, c.axes)))]))
