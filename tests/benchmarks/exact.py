"""Rational arithmetic, forward and backward, against the same sums in plain NumPy on object arrays of Fraction."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from convgrad.passes.gradients import backward
from tests.benchmarks.row import ALONE, Row
from tests.benchmarks.timing import alternating

SIDE, CHANNELS, FILTERS, KERNEL = 16, 4, 4, 3
KINDS = {"decimals of one place": 10, "decimals of three places": 1000, "thirds": 3}
"""What numbers are divided by."""


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A row a kind of number."""
    for name, divisor in KINDS.items():
        if only in name:
            case = _case(divisor)
            if not all(map(np.array_equal, _ours(case), by_numpy(case))):
                raise AssertionError("the two sides compute different numbers")
            times = alternating(lambda case=case: _ours(case), lambda case=case: by_numpy(case), rounds)
            label = f"{CHANNELS}x{SIDE}x{SIDE}, {FILTERS} filters {KERNEL}x{KERNEL}, {name}"
            yield Row(label, *times, "NumPy on arrays of Fraction", ALONE, at_most=0.2)


def _case(divisor: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    positions = SIDE - KERNEL + 1
    shapes = {"input": (CHANNELS, SIDE, SIDE), "kernel": (FILTERS, CHANNELS, KERNEL, KERNEL),
              "delta": (FILTERS, positions, positions)}  # fmt: skip
    return {name: _fractions(random.integers(-999, 1000, shape), divisor) for name, shape in shapes.items()}


def _fractions(whole: Any, divisor: int) -> Any:
    array = np.empty(whole.shape, object)
    array.flat = [Fraction(int(value), divisor) for value in whole.flat]
    return array


def _ours(case: dict[str, Any]) -> tuple[Any, ...]:
    gradients = backward(case, arithmetic="exact")
    return gradients.output, gradients.dW, gradients.dX


def by_numpy(case: dict[str, Any]) -> tuple[Any, ...]:
    """y, dW and dX, tap by tap."""
    x, w, delta = case.values()
    y, dw, dx = delta * 0, w * 0, x * 0
    for row, column in product(range(KERNEL), repeat=2):
        under = np.s_[:, row : row + delta.shape[1], column : column + delta.shape[2]]
        tap = w[:, :, row, column]
        y = y + np.tensordot(tap, x[under], 1)
        dw[:, :, row, column] = np.tensordot(delta, x[under], ((1, 2), (1, 2)))
        dx[under] += np.tensordot(tap.T, delta, 1)
    return y, dw, dx
