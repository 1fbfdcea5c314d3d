"""Arrays read wrongly from memory: in another order of axes, some numbers off, with another length in their address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, permutations, product
from math import prod

import numpy as np

from convgrad.core.arithmetic import Array, zeros

Order = tuple[int, ...]

LETTERS = {1: "W", 2: "HW", 3: "DHW"}
"""What the spatial axes are called."""


@cache
def orders(dims: int) -> tuple[Order, ...]:
    """Every order of the two leading axes and the spatial ones, which stay together, forwards or backwards."""
    spatial = tuple(range(2, dims + 2))
    made = (_flat(inner, order) for inner in (spatial, spatial[::-1]) for order in permutations("abs"))
    return tuple(dict.fromkeys(made))


def _flat(inner: Order, order: tuple[str, ...]) -> Order:
    return tuple(axis for part in order for axis in {"a": (0,), "b": (1,), "s": inner}[part])


@cache
def misreadings(dims: int) -> tuple[tuple[Order, Order], ...]:
    """Pairs of orders: the one in which an array lies in memory, and the one in which it is read.

    Of the many pairs, those of which one is the right order, and those of orders that keep spatial axes forwards.
    """
    plain, *others = orders(dims)
    forward = [order for order in others if dims == 1 or order.index(2) < order.index(3)]
    pairs = [(order, plain) for order in others] + [(plain, order) for order in others]
    if dims == 2:  # few enough to be tried in any order; a matrix is read with its channels before its positions
        pairs += [(order, read) for read in (plain, (1, 2, 3, 0), (1, 0, 2, 3)) for order in permutations(range(4))]
    pairs = [(stored, read) for stored, read in pairs if stored != read]
    return tuple(dict.fromkeys((*pairs, *((a, b) for a, b in product(forward, forward) if a != b))))


def reread(array: Array, stored: Order, read: Order) -> Array:
    """An array that lies in memory in one order of its axes, read as if it lay there in another."""
    lengths = [array.shape[axis] for axis in read]
    return array.transpose(stored).reshape(lengths).transpose(np.argsort(read))


def order_text(order: Order, leading: str) -> str:
    """An order of axes in letters.

    >>> order_text((0, 2, 3, 1), "NC")
    'NHWC'
    """
    letters = leading + LETTERS.get(len(order) - 2, "".join(map(str, range(len(order) - 2))))
    return "".join(letters[axis] for axis in order)


# -- Addresses ---------------------------------------------------------------------------------------------------------

Steps = tuple[int, ...]


def steps_of(lengths: Sequence[int]) -> Steps:
    """How many numbers lie between neighbours along every axis.

    >>> steps_of((2, 3, 4))
    (12, 4, 1)
    """
    steps = [1]
    for length in reversed(lengths[1:]):
        steps.append(steps[-1] * length)
    return tuple(reversed(steps))


def wrong_steps(shape: Sequence[int], lengths: Sequence[int]) -> Iterator[tuple[str, Steps]]:
    """Steps in which another length of the case stands for that of an axis, an axis does not count, or two exchange.

    What would lead outside is left out: a program stops there.
    """
    seen = {steps_of(shape)}
    for name, steps in _wrong_steps(shape, lengths):
        if steps not in seen and sum((n - 1) * step for n, step in zip(shape, steps, strict=True)) < prod(shape):
            seen.add(steps)
            yield name, steps


def _wrong_steps(shape: Sequence[int], lengths: Sequence[int]) -> Iterator[tuple[str, Steps]]:
    right = steps_of(shape)
    for axis, length in product(range(1, len(shape)), lengths):
        whole = steps_of((*shape[:axis], length, *shape[axis + 1 :]))
        yield f"{length} for the length of axis {axis}", whole
        yield f"{length} for the length of axis {axis}, further out", (*whole[: axis - 1], *right[axis - 1 :])
        yield f"{length} for the length of axis {axis}, once", (*right[: axis - 1], whole[axis - 1], *right[axis:])
    for axis in range(len(shape) - 1):
        yield f"axis {axis} left out of the address", (*right[:axis], 0, *right[axis + 1 :])
        shorter = steps_of((*shape[:axis], 1, *shape[axis + 1 :]))
        yield f"axis {axis} and its length left out of the address", (*shorter[:axis], 0, *shorter[axis + 1 :])
        yield f"axes up to {axis} left out of the address", (*(0,) * (axis + 1), *right[axis + 1 :])
    for a, b in combinations(range(len(shape)), 2):
        swapped = list(right)
        swapped[a], swapped[b] = right[b], right[a]
        yield f"axes {a} and {b} exchanged in the address", tuple(swapped)


def addresses(shape: Sequence[int], steps: Steps, offset: int = 0) -> Array:
    """The place in memory of every entry, with these steps; -1 where that is outside."""
    places = sum((np.arange(n).reshape(-1, *(1,) * (len(shape) - axis - 1)) * step
                  for axis, (n, step) in enumerate(zip(shape, steps, strict=True))), np.array(offset))  # fmt: skip
    size = prod(shape)
    return np.where((places >= 0) & (places < size), places, -1)


def subtracted(shape: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Addresses from which the number along an axis is subtracted; below 0 they are counted from the end."""
    steps, size = steps_of(shape), prod(shape)
    for axis, length in enumerate(shape if size else ()):
        back = 2 * steps[axis] * np.arange(length).reshape(-1, *(1,) * (len(shape) - axis - 1))
        if length > 1:
            yield f"axis {axis} subtracted in the address", (np.arange(size).reshape(shape) - back) % size


def divided(shape: Sequence[int]) -> Iterator[tuple[str, Array]]:
    """Addresses in which the length of an axis divides what it should multiply."""
    for axis in range(1, len(shape)):
        places = np.zeros((), np.int64)
        for number, length in enumerate(shape):
            own = np.arange(length).reshape(-1, *(1,) * (len(shape) - number - 1))
            places = (places // max(length, 1) if number == axis else places * length) + own
        yield f"divided by the length of axis {axis} in the address", np.broadcast_to(places, shape)


def gathered(array: Array, places: Array) -> Array:
    """Every entry read from its place in memory; 0 from outside."""
    return np.asarray(np.append(array.ravel(), zeros((1,), array.dtype))[places])


def laid(array: Array, places: Array, kept: bool = False) -> Array:
    """Every entry added to its place in memory, or the last `kept` of several; what falls outside is lost."""
    result = zeros(array.shape, array.dtype)
    if kept:
        result.reshape(-1)[places[places >= 0]] = array[places >= 0]
    else:
        np.add.at(result.reshape(-1), places[places >= 0], array[places >= 0])
    return result
