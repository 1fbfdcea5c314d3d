"""Numbers that look as if drawn at random, the same every time: a program that draws few need not load a generator."""

from __future__ import annotations

from math import prod

import numpy as np

from convgrad.core.arithmetic import Array

STEP, FIRST, SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014."""


class Draws:
    """Draws one after another."""

    def __init__(self) -> None:
        self._drawn = 0

    def words(self, count: int) -> Array:
        """Words of 64 bits."""
        state = np.arange(self._drawn + 1, self._drawn + count + 1, dtype=np.uint64) * STEP
        self._drawn += count
        state = (state ^ (state >> np.uint64(30))) * FIRST
        state = (state ^ (state >> np.uint64(27))) * SECOND
        words: Array = state ^ (state >> np.uint64(31))
        return words

    def bits(self, shape: tuple[int, ...]) -> Array:
        """True or False."""
        return (self.words(prod(shape)) >> np.uint64(63)).astype(bool).reshape(shape)

    def below(self, count: int) -> int:
        """A whole number from 0 to before `count`."""
        return int(self.words(1)[0]) % count

    def some(self, count: int, most: int) -> Array:
        """So many of the numbers from 0 to before `count`, or all of them, none twice."""
        return np.argsort(self.words(count), kind="stable")[:most]


def distinct(values: Array) -> Array:
    """The different numbers of an array, in order, as `np.unique`, which loads masked arrays."""
    ordered = np.sort(values, axis=None)
    return ordered[_is_new(ordered)]


def first_of_each(values: Array) -> Array:
    """Of the different numbers of an array, in order, where each stands first in the flat array."""
    places = np.argsort(values, axis=None, kind="stable")
    return places[_is_new(values.ravel()[places])]


def _is_new(ordered: Array) -> Array:
    new = np.ones(ordered.shape, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return new
