"""What rounding cannot do to a whole array: errors that are a part of the truth, or too large together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from convgrad.core.arithmetic import Array

SURE = log(1e6)
"""The logarithm of a chance of one in a million."""
FEWEST = 16
"""Different numbers from which on their errors are judged together."""
DEVIATION = 1 / sqrt(3)
"""The deviation of what is anywhere within 1, in units of it."""
BLOCK = 1 << 18
"""Numbers that are looked at at a time."""
SHARE = 0.125
"""The part of the entries, of those where it would be seen, that rounding shows in."""
SEVERAL, APART = 8, 4
"""None stands out where, of so many entries furthest off, the first is at most so many times as far off as the last."""
OUTLIERS = 4
"""Entries from which on one can stand out."""


@dataclass(frozen=True)
class Together:
    """The errors of an array together: a part of the truth (`slope`), what rounding could make of it, their size."""

    slope: float
    slope_excused: float
    square: float
    square_excused: float

    @property
    def leans(self) -> bool:
        """Whether the claim is a part of the truth larger or smaller than it."""
        return abs(self.slope) > self.slope_excused

    def is_rounding(self, unit: float) -> bool:
        """Whether rounding gives this; a slope within one unit roundoff is a way of rounding."""
        return abs(self.slope) <= unit + self.slope_excused and self.square <= self.square_excused


def together(errors: Array, truth: Array, allowed: Array) -> Together:
    """Of errors that are allowed to be so large each, equal truths counted once: equal numbers round alike."""
    keep = np.isfinite(errors) & np.isfinite(truth) & (allowed > 0)
    keep &= first_of_each(truth, keep)
    count, weight, leaning, square, largest = 0, 0.0, 0.0, 0.0, 0.0
    for part in in_blocks(keep.size):
        e, t, s = (array.reshape(-1)[part][keep.reshape(-1)[part]] for array in (errors, truth, allowed))
        s = s * DEVIATION
        count, largest = count + len(e), max(largest, float(abs(t).max(initial=0)))
        weight += float(((t / s) ** 2).sum())
        leaning += float((e * t / s**2).sum())
        square += float(((e / s) ** 2).sum())
    if count < FEWEST or not largest:
        return Together(0.0, np.inf, 0.0, np.inf)
    slope, excused = leaning / weight, sqrt(2 * SURE / weight)
    return Together(slope, excused, square / count, 1 + 2 * sqrt(SURE / count) + 2 * SURE / count)


def first_of_each(values: Array, among: Array) -> Array:
    """Marks, of the numbers among those marked, the first of each magnitude, in row-major order."""
    places = np.flatnonzero(among)
    sizes = abs(values.reshape(-1)[places])
    order = np.argsort(sizes, kind="stable")
    sizes = sizes[order]
    begins = np.ones(len(sizes), bool)
    np.not_equal(sizes[1:], sizes[:-1], out=begins[1:])
    marks = np.zeros(values.shape, bool)
    marks.reshape(-1)[places[order[begins]]] = True
    return marks


def in_blocks(size: int, block: int = BLOCK) -> Iterator[slice]:
    """So much in parts, whose temporary arrays take little memory."""
    return (slice(first, first + block) for first in range(0, size, block))


def is_spread(errors: Array, narrow: Array, wide: Array, sure: float, units: float) -> bool:
    """Whether the errors that a narrow bound does not excuse, and a wide one does, are those of many entries.

    A wrong entry stands out; rounding of a type, or of an algorithm, spreads over all entries that it can be seen in:
    those where it is larger than so many `units` of the narrow bound.
    """
    if len(errors) < OUTLIERS:
        return False
    seen = wide > (2 * units - 1) * narrow
    beyond = int((seen & (abs(errors) > units * narrow)).sum())
    if not beyond:
        return True
    if seen.sum() < OUTLIERS or (abs(errors) > narrow).sum() < 2:
        return False
    if beyond >= max(SHARE * seen.sum(), 2):
        return True
    sizes = np.sort(abs(errors[seen] / wide[seen]))[::-1]
    if units == 1 and beyond >= SEVERAL and sizes[0] <= APART * sizes[SEVERAL - 1]:
        return True  # as the corners of Winograd's tiles are
    # a type's own rounding adds to the errors of all, but of digits little more than they leave
    most = sure * (2 if units == 1 else 1)
    return bool(sizes[0] <= most * float(np.median(sizes)))
