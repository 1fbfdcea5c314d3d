"""Taps past an end of an axis, and what lies there in memory: the row before or after; families."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue import memory
from convgrad.catalogue.computation import Reads
from convgrad.catalogue.mispadded import reaches_of, sides_of
from convgrad.catalogue.misplaced import strided
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array


def row_run_over(c: Any) -> Variants:
    """A tap past the end of an axis that reads, or writes, what lies there in memory: the row before or after."""
    if not strided(c) or getattr(c, "padding_mode", "zeros") != "zeros":
        return {}
    far, reaches = c.delta if getattr(c, "transposed", False) else c.x, reaches_of(c)
    found = {}
    for where, sides in sides_of(c.dims):
        over = Over(far.shape, reaches, sides)
        ways = {"past the end": over}
        if len(sides) == 1 and max(map(max, reaches)) > 1:
            ways["one cell past the end"] = replace(over, most=1)
        if len({axis for axis, _ in sides}) == 1 and len(sides) == 2:  # a condition the wrong way round
            ways |= {"past the end alone": replace(over, alone=True),
                     "past the end alone, from the axis's end": replace(over, alone=True, in_axis=True)}  # fmt: skip
        for name, way in ways.items():
            found[f"{name}: {where}"] = c.but(reads=way.reads())
            if any(end == 0 for _, end in sides) and not way.in_axis:
                found[f"{name}, round: {where}"] = c.but(reads=way.reads(round_=True))
    return found


@dataclass(frozen=True)
class Over:
    """Which cells past the ends of x are reached: on some sides all, or the `most` nearest; with those inside or not.

    `in_axis` counts those before an axis from its end.
    """

    shape: tuple[int, ...]
    reaches: list[tuple[int, int]]
    sides: frozenset[tuple[int, int]]
    most: int = 0
    alone: bool = False
    in_axis: bool = False

    def reads(self, round_: bool = False) -> Reads:
        """The places in memory; with `round_` those before it are counted from its end, as Python does."""
        steps, size = memory.steps_of(self.shape), prod(self.shape)
        places, lost = np.zeros((), np.int64), np.zeros((), bool)
        for number, (part, step) in enumerate(zip(self._cells(), steps, strict=True)):
            spread = part.reshape(-1, *(1,) * (len(steps) - number - 1))
            places = places + (spread % self.shape[number] if self.in_axis else spread) * step
            lost = lost | (self._lost(spread, number - 2, self.shape[number]) if number >= 2 else False)
        places = np.where(places < 0, places % max(size, 1), places) if round_ else places
        lost = lost | (places < 0) | (places >= size)
        return Reads(np.where(lost, -1, places), tuple(before for before, _ in self.reaches))

    def _cells(self) -> list[Array]:
        rows = zip(self.shape[2:], self.reaches, strict=True)
        return [*map(np.arange, self.shape[:2]), *(np.arange(-before, n + after) for n, (before, after) in rows)]

    def _lost(self, cells: Array, axis: int, length: int) -> Array:
        before, after = (axis, 0) in self.sides, (axis, 1) in self.sides
        lost: Array = ((cells < 0) & (not before)) | ((cells >= length) & (not after or self.in_axis))
        if self.most:
            lost = lost | (cells < -self.most) | (cells >= length + self.most)
        return lost | ((cells >= 0) & (cells < length)) if self.alone and (before or after) else lost
