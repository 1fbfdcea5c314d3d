"""What rounding cannot do to a whole array: errors that are a part of the truth, or too large together."""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.draws import Draws, distinct, first_of_each

SURE = log(1e6)
"""The logarithm of a chance of one in a million."""
FEWEST = 16
"""Different numbers from which on their errors are judged together."""
DRAWN = 4096
"""Numbers of many that are looked at for equal ones: of pairs among half a million, 16 are to be expected."""
MOST = 1 << 19
"""Entries of a large array that are judged together: some say enough."""
SHARE = 0.125
"""The part of the entries, of those where it would be seen, that rounding shows in."""
SEVERAL, APART = 8, 4
"""None stands out where, of so many entries furthest off, the first is at most so many times as far off as the last."""
OUTLIERS = 4
"""Entries from which on one can stand out."""


class Together(NamedTuple):
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


def together(errors: Array, truth: Array, deviations: Array) -> Together:
    """Of errors that are at most so many deviations each, equal truths counted once: equal numbers round alike."""
    keep = np.isfinite(errors) & np.isfinite(truth) & (deviations > 0)
    e, t, s = (part[keep] for part in (errors, truth, deviations))
    if not _seem_distinct(t):
        first = first_of_each(abs(t))
        e, t, s = (part[first] for part in (e, t, s))
    if len(e) < FEWEST or not t.any():
        return Together(0.0, np.inf, 0.0, np.inf)
    weight = float(((t / s) ** 2).sum())
    slope, excused = float((e * t / s**2).sum()) / weight, sqrt(2 * SURE / weight)
    count = len(e)
    return Together(slope, excused, float(((e / s) ** 2).mean()), 1 + 2 * sqrt(SURE / count) + 2 * SURE / count)


def _seem_distinct(values: Array) -> bool:
    """Whether of so many, taken at random, none is as large as another: if each came twice, some of these would."""
    if len(values) < 2 * DRAWN:
        return False
    each = len(values) // DRAWN
    places = np.arange(DRAWN) * each + (Draws().words(DRAWN) % np.uint64(each)).astype(int)
    drawn = abs(values[places])
    return len(distinct(drawn)) == DRAWN


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
