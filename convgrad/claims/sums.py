"""An array as sums of products: per entry what is added up, and what rounding may excuse of it.

Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.1: a sum of n products in arithmetic
with unit roundoff u is off by at most g_n sum |a||b|, g_n = n u/(1 - n u), in any order of summation.

Rounding errors that do not all lean one way come to some sqrt(n) u: Higham and Mary, A new approach to probabilistic
rounding error analysis, SIAM J. Sci. Comput. 41 (2019). Each error is at most u times what is rounded; by Hoeffding's
inequality their sum is beyond c u sqrt(sum of squares of what is rounded) with a chance of 2 exp(-c^2/2) at most.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, sqrt

import numpy as np

from convgrad.claims.piecewise import At, taken
from convgrad.core.arithmetic import Array
from convgrad.differences.roundoff import SURE, growth

HALF = 0.5
EXCUSE = "what rounding may excuse"


class Sums:
    """An array as sums: per entry the sum of magnitudes, and through how many roundings a term goes at most.

    `condition` is how many times the sizes of powers are the sum that a root is taken of, where they cancel. `terms`
    are its kinds of term, each by the operands that it is a product of, once for every time that an operand's
    rounding counts; `squares` per entry the sum of the squares of its terms, or more. `roundings` has axes of length 1
    where all entries along one have as many. Of many terms the magnitudes are hardly ever needed: they may be given as
    what makes them.
    """

    def __init__(
        self, magnitude: Array | Callable[[], Array], roundings: Array, terms: tuple[tuple[str, ...], ...],
        squares: Array, condition: Array | None = None,
    ) -> None:  # fmt: skip
        self._magnitude = magnitude
        self.roundings, self.terms, self.squares, self.condition = roundings, terms, squares, condition

    @property
    def magnitude(self) -> Array:
        if callable(self._magnitude):
            self._magnitude = self._magnitude()
        return self._magnitude

    @property
    def bounded(self) -> Array:
        """The magnitudes, or what is no less: of n terms no more than the root of n times their squares."""
        return np.sqrt((self.roundings + 1) * self.squares) * SURE if callable(self._magnitude) else self._magnitude

    def is_many(self, sure: float) -> bool:
        """Whether so many deviations are less than the worst in every entry, whatever the magnitudes.

        As neither the terms' squares nor the square of their sum are more than that of the magnitudes.
        """
        few = self.roundings < sure * np.sqrt(2 + 5 * self.roundings / 6)
        return callable(self._magnitude) and not few.any()

    def sized(self, magnitude: Array) -> Sums:
        """The same of other magnitudes."""
        return Sums(magnitude, self.roundings, self.terms, self.squares, self.condition)

    def at(self, piece: At) -> Sums:
        """A piece of the array."""
        roundings, squares, condition = (taken(part, piece) for part in (self.roundings, self.squares, self.condition))
        return Sums(lambda: taken(self.magnitude, piece), roundings, self.terms, squares, condition)

    def beside(self, other: Sums | None, magnitude: Callable[[], Array]) -> Sums:
        """Both together, as of other samples: numbers that are added without a product are joined by one addition."""
        if other is None:
            return Sums(magnitude, self.roundings, self.terms, self.squares)
        joined = int(all(len(term) == 1 for term in self.terms))
        roundings = self.roundings + other.roundings + joined
        return Sums(magnitude, roundings, self.terms, self.squares + other.squares)

    def bound(self, unit: float, more: int = 0) -> Array:
        """What an evaluation with this unit roundoff may be off by."""
        return self.grown(growth(self.roundings + more, unit))

    def grown(self, rounding: Array) -> Array:
        """The same of sums that are off by so much of their magnitude: anything where that is half of a sum."""
        bound = _product(rounding, self.magnitude) * SURE
        return bound if self.condition is None else np.where(rounding * self.condition > HALF, inf, bound)

    def deviation(self, unit: float, total: Array) -> Array:
        """The root of the sum of squares of what roundings lose at most, where terms are added one after another.

        In an order of chance the k-th partial sum of n has, squared and in the mean, k^2/n^2 of the square of the total
        and at most k/n of the terms' squares; other orders round fewer and smaller sums.
        """
        count = self.roundings
        return unit * np.sqrt(self.squares * (1 + count / 2) + total**2 * (1 + count / 3)) * SURE


def confidence(entries: int) -> float:
    """How many deviations no entry of so many is off by, but for a chance of 10^-6."""
    return sqrt(2 * log(2e6 * max(entries, 1)))


def _product(bound: Array, magnitude: Array) -> Array:
    """Nothing times an endless bound is nothing."""
    if np.isfinite(bound).all():
        return bound * magnitude
    return np.where(magnitude == 0, 0.0, bound * np.where(magnitude == 0, 1.0, magnitude))
