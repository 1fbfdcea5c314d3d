"""Windows, padding and cells taken at other places than the right ones; families of changed computations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import or_by_whole_windows
from convgrad.core.arithmetic import Array
from convgrad.core.window import AdaptiveAxis, Axis
from convgrad.vocabulary import MAXIMUM

Axes = tuple[Axis, ...]
Cut = tuple[tuple[int, int], ...]
"""How many cells are cut off before and after every axis."""


def strided(c: Any) -> bool:
    """Whether windows are evenly spaced, and an array is made through them."""
    return c.array != "db" and all(isinstance(axis, Axis) for axis in c.axes)


def inside(array: Array, cut: Cut) -> Array:
    """What is left of an array."""
    where: Any = (..., *(slice(first, n - last) for (first, last), n in zip(cut, array.shape[2:], strict=True)))
    return np.asarray(array[where])


def over_axes(c: Any, named: Iterator[tuple[str, Axes]]) -> Variants:
    """The computation over other windows, each kind of them once."""
    found: dict[str, Any] = {}
    seen = {c.axes}
    for name, axes in named:
        if axes not in seen:
            seen.add(axes)
            found[name] = c.but(axes=axes)
            if getattr(c, "family", "") == MAXIMUM and c.array == "dX":
                found[f"{name}, where delta is laid"] = c.but(laid=axes)
    return or_by_whole_windows(found)


def turned_by_a_quarter(c: Any) -> Variants:
    """The kernel, or its gradient, turned by 90 or 270 degrees in a plane."""
    if not isinstance(c, Convolution) or c.array == "db":
        return {}
    found: dict[str, Any] = {}
    for (a, b), turns in product(combinations(range(c.dims), 2), (1, 3)):
        turn = partial(np.rot90, k=turns, axes=(a + 2, b + 2))
        made = c.then(turn) if c.array == "dW" else c.but(w=turn(c.w))
        if c.array == "dW" or made.w.shape == c.w.shape:
            found[f"{90 * turns} degrees in axes {a} and {b}"] = made
    return found


def as_kind(axis: Axis, kind: Any) -> Any:
    """An axis as one of another kind, with the same numbers."""
    return kind(*(getattr(axis, part.name) for part in fields(Axis)))


def remainder_on_one_axis(c: Any) -> Variants:
    """The cells past the last window put before the first, on one axis."""
    if not strided(c) or getattr(c, "padding_mode", "zeros") != "zeros":
        return {}
    spare = _taps_to_spare(c)

    def axes() -> Iterator[tuple[str, Axes]]:
        for at in range(c.dims):
            yield f"axis {at}", tuple(_earlier(own, -spare[n] * (n == at)) for n, own in enumerate(c.axes))
        yield "every axis", tuple(_earlier(own, -spare[n]) for n, own in enumerate(c.axes))

    return over_axes(c, axes())


# -- Start -------------------------------------------------------------------------------------------------------------


def moved_over(c: Any) -> Variants:
    """The first window some cells off, with what lies there in truth: a crop, or a start, at another cell."""
    if not strided(c) or getattr(c, "padding_mode", "zeros") != "zeros":
        return {}

    def axes() -> Iterator[tuple[str, Axes]]:
        most = [max(axis.extent, 2) for axis in c.axes]
        for at in range(c.dims):
            for step in range(1, most[at] + 1):
                for off in (step, -step):
                    moved = (_earlier(own, off * (n == at)) for n, own in enumerate(c.axes))
                    yield f"{off:+d} on axis {at}", tuple(moved)
        for off in (1, -1, 2, -2):
            yield f"{off:+d} on every axis", tuple(_earlier(axis, off) for axis in c.axes)
        yield "at the kernel's middle", tuple(replace(axis, before=axis.size // 2) for axis in c.axes)
        yield "at the extent's middle", tuple(replace(axis, before=(axis.extent - 1) // 2) for axis in c.axes)
        yield "at the extent less 1", tuple(replace(axis, before=axis.extent - 1) for axis in c.axes)
        yield "by the window's length, before", tuple(_earlier(axis, axis.size) for axis in c.axes)
        yield "by the window's extent, before", tuple(_earlier(axis, axis.extent) for axis in c.axes)
        yield (
            "at the extent less 1 and the padding",
            tuple(replace(axis, before=axis.extent - 1 - axis.before) for axis in c.axes),
        )
        ends = zip(c.axes, _taps_to_spare(c), strict=True)
        yield "the last in place of the first", tuple(_earlier(axis, -spare) for axis, spare in ends)

    found = over_axes(c, axes())
    if c.array == "dW" and isinstance(c, Convolution) and not c.transposed:
        sizes = tuple(axis.size for axis in c.axes)
        rolled = np.roll(c.x, sizes, tuple(range(2, c.dims + 2)))
        found = {**found, "by the window's length, before, round": c.but(x=rolled)}
    return found


def _taps_to_spare(c: Any) -> list[int]:
    """How many taps more would fit beside the positions."""
    far = (c.delta if getattr(c, "transposed", False) else c.x).shape[2:]
    rows = zip(c.axes, c.pads or ((0, 0),) * c.dims, far, c.near.shape[2:], strict=True)
    return [n + sum(pair) - (count - 1) * axis.stride - axis.extent for axis, pair, n, count in rows]


def _earlier(axis: Axis, cells: int) -> Axis:
    return replace(axis, before=axis.before + cells)


# -- Adaptive windows --------------------------------------------------------------------------------------------------


class Floored(AdaptiveAxis):
    """Adaptive windows that end too early: at floor((o+1) i/n)."""

    def edges(self, length: int) -> tuple[Array, Array]:
        first = np.arange(self.count) * self.length // self.count
        return first, np.maximum((np.arange(self.count) + 1) * self.length // self.count, first + 1)

    def cells(self, position: int) -> tuple[int, int]:
        first, last = self.edges(self.length)
        return int(first[position]), int(last[position])


class Equal(Floored):
    """Adaptive windows of floor(i/n) cells each."""

    def edges(self, length: int) -> tuple[Array, Array]:
        first = np.arange(self.count) * self.length // self.count
        return first, first + max(self.length // self.count, 1)


def windows_floored(c: Any) -> Variants:
    kinds = {"they end at the floor": Floored, "floor(i/n) cells each": Equal}
    return {
        name: c.but(axes=tuple(kind(a.length, a.count) if isinstance(a, AdaptiveAxis) else a for a in c.axes))
        for name, kind in kinds.items()
        if any(isinstance(axis, AdaptiveAxis) for axis in c.axes)
    }
