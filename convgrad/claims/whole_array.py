"""What rounding cannot do to a whole array: errors that are a part of the truth, or too large together."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from convgrad.core.arithmetic import Array

SURE = log(1e6)
"""The logarithm of a chance of one in a million."""
FEWEST = 16
"""Different numbers from which on their errors are judged together."""
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


def together(errors: Array, truth: Array, deviations: Array) -> Together:
    """Of errors that are at most so many deviations each, equal truths counted once: equal numbers round alike."""
    keep = np.isfinite(errors) & np.isfinite(truth) & (deviations > 0)
    _, first = np.unique(abs(truth[keep]), return_index=True)
    e, t, s = (part[keep][first] for part in (errors, truth, deviations))
    if len(e) < FEWEST or not t.any():
        return Together(0.0, np.inf, 0.0, np.inf)
    weight = float(((t / s) ** 2).sum())
    slope, excused = float((e * t / s**2).sum()) / weight, sqrt(2 * SURE / weight)
    count = len(e)
    return Together(slope, excused, float(((e / s) ** 2).mean()), 1 + 2 * sqrt(SURE / count) + 2 * SURE / count)


def stands_out(errors: Array, deviations: Array, sure: float) -> bool:
    """Whether one entry is off by far more than the others are: rounding of a type would spread over all of them."""
    keep = deviations > 0
    sizes = abs(errors[keep] / deviations[keep])
    if len(sizes) < OUTLIERS:
        return True
    return bool(sizes.max() > 1.5 * sure * float(np.median(sizes)))
