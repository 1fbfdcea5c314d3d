"""Entries that are right and written to other places, by another loop's variable; families."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from convgrad.catalogue.memory import laid
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array

AXES = {
    "dW": ("filter", "input channel", "tap"), "dX": ("sample", "channel", "cell"),
    "output": ("sample", "channel", "position"),
}  # fmt: skip


def written_elsewhere(c: Any) -> Variants:
    """Every entry written by the index along another axis, or by where another loop ended; the last is kept, or all."""
    if c.array not in AXES:
        return {}
    shape = {"dW": lambda: c.w.shape, "dX": lambda: c.x.shape, "output": lambda: c.delta.shape}[c.array]()
    found: dict[str, Any] = {}
    for name, axis, numbers in _others(c, shape):
        for what, kept in (("written", True), ("added", False)):
            move = partial(_moved, axis=axis, numbers=numbers, kept=kept)
            found[f"{c.array}: entries {what} by the {name}"] = c.then(move)
    return found


def _others(c: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, int, Array]]:
    """The number that stands in place of an index, and of which axis."""
    names = _names(c, len(shape))
    grid = np.indices(shape, sparse=True)
    for axis, other in permutations(range(len(shape)), 2):
        if shape[axis] > 1 and 1 < shape[other] <= shape[axis]:
            yield f"{names[other]}, not the {names[axis]}", axis, grid[other]
    ends = {axis.size - 1 for axis in c.axes if hasattr(axis, "size")} | {n - 1 for n in c.delta.shape}
    for axis, length in enumerate(shape):
        for end in sorted(ends | {0}):
            if end < length > 1:
                yield f"number {end}, not the {names[axis]}", axis, np.full((1,) * len(shape), end)


def _names(c: Any, rank: int) -> tuple[str, ...]:
    first, second, noun = AXES[c.array]
    spatial = {1: ("",), 2: ("'s row", "'s column"), 3: ("'s plane", "'s row", "'s column")}
    places = spatial.get(rank - 2, tuple(f"'s axis {axis}" for axis in range(rank - 2)))
    return (first, second, *(f"{noun}{place}" for place in places))


def _moved(array: Array, axis: int, numbers: Array, kept: bool) -> Array:
    places: list[Array] = list(np.indices(array.shape))
    places[axis] = np.broadcast_to(numbers, array.shape)
    return laid(array, np.asarray(np.ravel_multi_index(tuple(places), array.shape)), kept)
