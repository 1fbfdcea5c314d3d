"""What algorithms other than sums of products may be off by: convolution by FFT, and Winograd's minimal filtering.

FFT: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 24.1: an error of about u log2 n of
the norms, spread over all entries. Winograd: Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR
2016; Barabasz et al., Error analysis and improving the accuracy of Winograd convolution, ACM TOMS 46 (2020): roundings
grow by the norms of the transforms' rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cached_property, partial
from math import inf, log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.stored import Operands, Stored, as_came
from convgrad.vocabulary import CONVOLUTION, TRANSPOSED

TRANSFORMS = 4
"""Roundings for each of an FFT's log2 n stages: a transform of each operand, their product, and the way back."""
F23 = (
    ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    ((1, 0, 0), ("1/2", "1/2", "1/2"), ("1/2", "-1/2", "1/2"), (0, 0, 1)),
    ((1, 1, 1, 0), (0, 1, -1, -1)),
)
"""The transforms B, G and A of F(2,3)."""
F43 = (
    ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0), (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0),
     (0, 4, 0, -5, 0, 1)),
    (("1/4", 0, 0), ("-1/6", "-1/6", "-1/6"), ("-1/6", "1/6", "-1/6"), ("1/24", "1/12", "1/6"),
     ("1/24", "-1/12", "1/6"), (0, 0, 1)),
    ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
)  # fmt: skip
"""The transforms of F(4,3)."""
TILES = {"F(2,3)": (2, F23), "F(4,3)": (4, F43)}
"""The outputs of a tile along an axis, and its transforms."""


class Off(NamedTuple):
    """What results of an algorithm may be off by: at `most`, whatever the entry, and entry by entry when asked for."""

    name: str
    most: float
    each: Callable[[], Array]


class Algorithms:
    """The algorithms that compute arrays of a case; what several of them need is worked out once."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def of(self, array: str, unit: float, sure: float, algorithm: str) -> Iterator[Off]:
        """Those of a kind, by name and size; none where it does not compute such an array."""
        if "w" not in self.case.operation.operands or array == "db":
            return
        if algorithm == "fft":
            off = self._of_fft(array) * unit
            yield Off("FFT", float(off.max(initial=0)), lambda: off)
        elif _filterable(self.case):
            for name, (outputs, transforms) in TILES.items():
                times = sure * unit * prod(_amplified(transforms) for _ in range(self.case.dims))
                yield Off(f"Winograd {name}", times * sqrt(self._most_squares(array)),
                          partial(self._of_winograd, array, outputs, times))  # fmt: skip

    @cached_property
    def operands(self) -> Operands:
        """In float64, each to be had when it is asked for."""
        kept = {**self.case.stored, "delta": self.case.stored_delta}
        return Operands({name: part if isinstance(part, Stored) else _floats(part)
                         for name, part in kept.items() if part is not None})  # fmt: skip

    @cached_property
    def _norms(self) -> dict[str, Array]:
        """Of the planes of each operand: (N,C), (O,C/g)."""
        return {name: _plane_norms(part) for name, part in self.operands.stored.items() if len(part.shape) > 2}

    def _of_fft(self, array: str) -> Array:
        """log2 n times the products of norms that an entry is a sum of, in units of roundoff."""
        wide, narrow = ("delta", "x") if self.case.operation.family == TRANSPOSED else ("x", "delta")
        groups, norms = self.case.arguments["groups"], self._norms
        outer, inner = (norms[name].reshape(len(norms[name]), groups, -1) for name in (narrow, wide))
        w = norms["w"].reshape(groups, -1, norms["w"].shape[1])
        made = {
            "w": lambda: np.einsum("ngi,ngj->gij", outer, inner).reshape(norms["w"].shape),
            narrow: lambda: np.einsum("ngj,gij->ngi", inner, w).reshape(norms[narrow].shape),
            wide: lambda: np.einsum("ngi,gij->ngj", outer, w).reshape(norms[wide].shape),
        }
        name = "delta" if array == "output" else GRADIENTS[array]
        sizes = zip(self.operands[wide].shape[2:], self.operands["w"].shape[2:], strict=True)
        stages = TRANSFORMS * (1 + log2(prod(a + b for a, b in sizes)))
        spread: Array = stages * made[name]()
        shape = self.operands[name].shape
        return np.broadcast_to(spread.reshape(*spread.shape, *(1,) * (len(shape) - 2)), shape)

    def _of_winograd(self, array: str, outputs: int, times: float) -> Array:
        off: Array = times * np.sqrt(_near_squares(self.case, array, self.operands, outputs))
        return off

    def _most_squares(self, array: str) -> float:
        """What no entry's `_near_squares` is beyond: a mean is no larger than the largest of its cells.

        The means of a plane add up to less than twice what its cells do, along each axis; those of a kernel to as much.
        """
        if self.case.settings.get("padding_mode", "zeros") != "zeros":
            return inf  # cells in the padding count again
        summed, kept, largest, twice = {
            "output": ("w", 0, "x", 0), "dX": ("w", 1, "delta", 0), "dW": ("x", 1, "delta", self.case.dims),
        }[array]  # fmt: skip
        total = float((self._norms[summed] ** 2).sum(axis=1 - kept).max(initial=0))
        bias = self._largest.get("b", 0.0) if array == "output" else 0.0
        return float(4 * self._largest[largest] * total * 2**twice + bias)

    @cached_property
    def _largest(self) -> dict[str, float]:
        """The square of the largest number of each operand."""
        kept = ((name, as_came(part)) for name, part in self.operands.stored.items())
        ends = ((name, part.min(initial=0), part.max(initial=0)) for name, part in kept)
        return {name: max(float(low) ** 2, float(high) ** 2) for name, low, high in ends}


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


def _plane_norms(array: Array | Stored) -> Array:
    """(N,C) of N,C,*L; of an array that stays as it came one sample after another."""
    if isinstance(array, Stored):
        return np.concatenate([_plane_norms(array.part(slice(n, n + 1))) for n in range(len(array))])
    planes = array.reshape(*array.shape[:2], -1)
    return np.asarray(np.sqrt(np.einsum("nci,nci->nc", planes, planes)))


def _filterable(case: Case) -> bool:
    """Whether there is a Winograd algorithm for it: dense windows of 3 laid cell by cell."""
    if case.operation.family != CONVOLUTION:
        return False
    axes = case.arguments["window"].axes
    return all(axis.size == 3 and axis.stride == axis.dilation == 1 for axis in axes)


def _amplified(transforms: Any) -> float:
    """By how much roundings grow along one axis: the largest norms of rows of B, G and A, and in the mean their root.

    Few rows are that large; measured on normal and positive data, whole arrays stay six times within it.
    """
    norms = (max(sqrt(sum(float(Fraction(part)) ** 2 for part in row)) for row in matrix) for matrix in transforms)
    return sqrt(prod(norms))


def _near_squares(case: Case, array: str, operands: Mapping[str, Array], outputs: int) -> Array:
    """Sums of squares of products, every operand as large as those that share a tile with it are in the mean."""
    squared = {name: 2 * _tiled(part**2, outputs + 2 if name != "w" else 3) if part.ndim > 2 else part**2
               for name, part in operands.items() if array == "output" or name != "b"}  # fmt: skip
    arrays = [squared.get(name) for name in case.operation.operands]
    if array == "output":
        return case.operation.forward(*arrays, **case.arguments)
    squares: Array = case.operation.backward(squared["delta"], *arrays, **case.arguments)[GRADIENTS[array]]
    return squares


def _tiled(values: Array, length: int) -> Array:
    """The mean of the cells that are nearer than a tile's length."""
    for axis in range(2, values.ndim):
        size = values.shape[axis]
        total = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
        first = np.maximum(np.arange(size) - length + 1, 0)
        last = np.minimum(np.arange(size) + length, size)
        count = (last - first).reshape(-1, *(1,) * (values.ndim - axis - 1))
        values = np.maximum((total.take(last, axis) - total.take(first, axis)) / count, 0)
    return values
