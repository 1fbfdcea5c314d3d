"""Numbers that any language makes the same: SplitMix64, and small whole numbers of it."""

from __future__ import annotations

import numpy as np

from convgrad.core.arithmetic import Array

GAMMA, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def splitmix(seed: int, first: int, count: int) -> Array:
    """So many 64-bit numbers of the stream that begins at a seed, from the one numbered `first` on.

    Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.

    >>> [hex(number) for number in splitmix(0, 0, 2).tolist()]
    ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']
    """
    steps = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    z = np.uint64(seed % 2**64) + steps * np.uint64(GAMMA)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return z ^ (z >> np.uint64(31))


def ranked(numbers: Array, cells: int, count: int) -> Array:
    """Of each plane's cells, in the order of their 64-bit numbers, so many; beyond the last where there are fewer.

    >>> ranked(splitmix(0, 0, 8), 4, 3).tolist()
    [[2, 1, 0], [0, 2, 1]]
    """
    order = np.argsort(numbers.reshape(-1, cells), axis=1, kind="stable")
    more = np.broadcast_to(np.arange(cells, max(count, cells)), (len(order), max(count - cells, 0)))
    return np.concatenate([order, more], axis=1)[:, :count]


def between(numbers: Array) -> Array:
    """A number from -1 to 1 for each 64-bit number: its first 53 digits.

    >>> between(splitmix(0, 0, 2)).round(3).tolist()
    [0.767, -0.137]
    """
    return np.asarray((numbers >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1)


def whole(numbers: Array, largest: int, thin: int = 1) -> Array:
    """A whole number from -largest to largest for each 64-bit number: its remainder; all but one in `thin` are 0.

    >>> whole(splitmix(0, 0, 6), 4).tolist()
    [3, -4, -3, 3, 0, -1]
    """
    values = (numbers % np.uint64(2 * largest + 1)).astype(np.int64) - largest
    return np.where((numbers >> np.uint64(32)) % np.uint64(thin) == 0, values, 0)
