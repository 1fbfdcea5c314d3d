"""Entries added up again one term after another, as a plain loop in a narrow type does: what leans one way shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.unfold import pad, unpadded
from convgrad.differences.roundoff import TYPES, Type
from convgrad.subject.case import Case
from convgrad.subject.layout import OPERANDS
from convgrad.vocabulary import TRANSPOSED

MOST_TERMS = 1 << 22
"""Terms, of all entries together, that are added up again."""
MOST_SAMPLES = 64
NATIVE: dict[tuple[int, float], np.dtype[Any]] = {
    (24, 2.0**-126): np.dtype(np.float32), (11, 2.0**-14): np.dtype(np.float16),
}  # fmt: skip
"""Types that NumPy adds in by itself: by bits and least normal number."""


class Ordered:
    """The products that one entry is a sum of, in the order of a loop over samples and positions."""

    def __init__(self, case: Case, array: str, dtype: str) -> None:
        self.case, self.array, self.nearest = case, array, TYPES[dtype].nearest
        kept: dict[str, Any] = {**case.stored, "delta": case.stored_delta}
        self.operands = {name: part for name, part in kept.items() if part is not None}

    def _rounded(self, part: Array) -> Array:
        """Numbers of an operand in the type: of large ones only those that are added up."""
        return self.nearest(_floats(part))

    @cached_property
    def _all_rounded(self) -> dict[str, Array]:
        return {name: self._rounded(part) for name, part in self.operands.items()}

    def products(self, index: tuple[int, ...]) -> Array:
        """The terms of an entry by its full index."""
        if self.array == "db":
            return self._rounded(self.operands["delta"][:, index[0]].ravel())
        if self.array == "dW":
            return self._of_kernel(index)
        names, case = self.case.operation.operands, self.case
        arrays = [self._all_rounded.get(name) for name in names]
        delta = self._all_rounded["delta"]
        made = case.operation.terms(OPERANDS[self.array], index, delta, *arrays, **case.arguments)
        return np.array([term.value for term in made if term.value is not None], FLOAT64)

    def _of_kernel(self, index: tuple[int, ...]) -> Array:
        """sum over n and p of what is laid and what lies under its tap."""
        case, window = self.case, self.case.arguments["window"]
        transposed = case.operation.family == TRANSPOSED
        wide, narrow = (self.operands[name] for name in (("delta", "x") if transposed else ("x", "delta")))
        if case.arguments.get("padding_mode", "zeros") != "zeros":
            wide, window = pad(wide, window, case.arguments["padding_mode"]), unpadded(window)
        first, second, *tap = index
        if case.arguments["mode"] == "convolution":
            tap = [size - 1 - t for size, t in zip(window.size, tap, strict=True)]
        per_group = narrow.shape[1] // case.arguments["groups"], wide.shape[1] // case.arguments["groups"]
        met = (axis.tap(t, length) for axis, t, length in zip(window.axes, tap, wide.shape[2:], strict=True))
        positions, cells = zip(*met, strict=True)
        under = wide[:, first // per_group[0] * per_group[1] + second][(slice(None), *cells)]
        over = narrow[:, first][(slice(None), *positions)]
        return np.asarray(self._rounded(over) * self._rounded(under)).ravel()

    def by_sample(self, nearest: Callable[[Array], Array]) -> Iterator[Array]:
        """The array, its sum rounded after each sample, the sample's own part too or not; in order, and reversed."""
        count = len(self.operands["x"])
        if self.array not in ("dW", "db") or not 2 <= count <= MOST_SAMPLES:
            return
        parts = [self._of_sample(n) for n in range(count)]
        for ordered in (parts, parts[::-1]):
            for first in (nearest, lambda part: part):
                total = np.zeros(parts[0].shape)
                for part in ordered:
                    total = nearest(total + first(part))
                yield total

    def _of_sample(self, n: int) -> Array:
        arrays = {name: self._rounded(part[n : n + 1] if name in ("x", "delta") else part)
                  for name, part in self.operands.items()}  # fmt: skip
        names, case = self.case.operation.operands, self.case
        made = case.operation.backward(arrays["delta"], *(arrays.get(name) for name in names), **case.arguments)
        part: Array = made[OPERANDS[self.array]]
        return part


def partial_sums(products: Array) -> float:
    """The sum of squares of what is rounded where the terms are added in this order: products and partial sums."""
    return float((products**2).sum() + (np.cumsum(products) ** 2).sum())


def added_again(products: Array, accumulator: Type) -> Iterator[float]:
    """The terms added in a type one after another, and from the last to the first."""
    own = NATIVE.get((accumulator.bits, accumulator.least))
    for terms in (products, products[::-1]):
        if own is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                yield float(np.add.accumulate(terms.astype(own))[-1])
        else:
            yield _added(accumulator.nearest(terms), accumulator)


def _added(terms: Array, accumulator: Type) -> float:
    """In plain Python numbers, of which each sum is rounded by adding and subtracting a larger one."""
    factor, total = 2.0 ** (53 - accumulator.bits) + 1, 0.0
    for term in terms.tolist():
        total += term
        large = total * factor  # Veltkamp's splitting: the upper bits, rounded to nearest
        total = large - (large - total)
    return total


def _floats(array: Any) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)
