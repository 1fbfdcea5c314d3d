"""What algorithms other than sums of products may be off by: convolution by FFT, and Winograd's minimal filtering.

FFT: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 24.1: an error of about u log2 n of
the norms, spread over all entries. Winograd: Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR
2016; Barabasz et al., Error analysis and improving the accuracy of Winograd convolution, ACM TOMS 46 (2020): roundings
grow by the norms of the transforms' rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import log2, prod, sqrt
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
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


def by_algorithm(case: Case, array: str, unit: float, sure: float, algorithm: str) -> Iterator[tuple[str, Array]]:
    """What the algorithm, by its name and size, may be off by; nothing where it does not compute such an array."""
    if "w" not in case.operation.operands or array == "db":
        return
    if algorithm == "fft":
        yield "FFT", _of_fft(case, array) * unit
    elif _filterable(case):
        operands = {name: abs(values) for name, values in _operands(case).items()}
        for name, (outputs, transforms) in TILES.items():
            grown = prod(_amplified(transforms) for _ in range(case.dims))
            yield f"Winograd {name}", sure * unit * grown * np.sqrt(_near_squares(case, array, operands, outputs))


def _of_fft(case: Case, array: str) -> Array:
    """log2 n times the products of norms that an entry is a sum of, in units of roundoff."""
    wide, narrow = ("delta", "x") if case.operation.family == TRANSPOSED else ("x", "delta")
    groups, operands = case.arguments["groups"], _operands(case)
    norms = {name: np.sqrt((part**2).sum(axis=tuple(range(2, part.ndim)))) for name, part in operands.items()
             if part.ndim > 2}  # fmt: skip
    outer, inner = (norms[name].reshape(len(norms[name]), groups, -1) for name in (narrow, wide))
    w = norms["w"].reshape(groups, -1, norms["w"].shape[1])
    made = {
        "w": lambda: np.einsum("ngi,ngj->gij", outer, inner).reshape(norms["w"].shape),
        narrow: lambda: np.einsum("ngj,gij->ngi", inner, w).reshape(norms[narrow].shape),
        wide: lambda: np.einsum("ngi,gij->ngj", outer, w).reshape(norms[wide].shape),
    }
    name = "delta" if array == "output" else GRADIENTS[array]
    sizes = (a + b for a, b in zip(operands[wide].shape[2:], operands["w"].shape[2:], strict=True))
    stages = TRANSFORMS * (1 + log2(prod(sizes)))
    spread: Array = stages * made[name]()
    shape = operands[name].shape
    return np.broadcast_to(spread.reshape(*spread.shape, *(1,) * (len(shape) - 2)), shape)


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


def _near_squares(case: Case, array: str, operands: dict[str, Array], outputs: int) -> Array:
    """Sums of squares of products, every operand as large as those that share a tile with it are in the mean."""
    squared = {name: 2 * _tiled(part**2, outputs + 2 if name != "w" else 3) if part.ndim > 2 else part**2
               for name, part in operands.items()}  # fmt: skip
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


def _operands(case: Case) -> dict[str, Array]:
    arrays = {name: part for name, part in case.operands.items() if part is not None}
    assert case.delta is not None
    arrays["delta"] = case.delta
    return {name: rounded(part) if part.dtype == EXACT else part.astype(FLOAT64) for name, part in arrays.items()}
