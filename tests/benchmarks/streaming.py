"""Overlays a second, made and written as the rows of a table: `python -m tests.benchmarks streaming`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convgrad.gradients import Gradients, backward
from convgrad.views import render
from tests.benchmarks.timing import seconds

SIDE = 101
NAMED = {
    "2x2 kernel, random numbers": {"op": "conv", "kernel": True, "whole": False},
    "2x2 kernel, whole numbers": {"op": "conv", "kernel": True, "whole": True},
    "max pool 2x2, stride 1": {"op": "max-pool", "kernel": False, "whole": True},
}


def rows(rounds: int, only: str) -> Iterator[dict[str, Any]]:
    """One row a kind of table; the fastest of the rounds counts."""
    for name, how in NAMED.items():
        if only in name:
            gradients = _gradients(**how)
            best = min(seconds(lambda gradients=gradients: _write(gradients)) for _ in range(rounds))
            count = len(gradients.full_overlays)
            yield {"name": name, "overlays": count, "a second": round(count / best)}


def _gradients(op: str, kernel: bool, whole: bool) -> Gradients:
    random = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return random.integers(-9, 10, shape) if whole else random.normal(size=shape)

    weights = {"kernel": draw(2, 2)} if kernel else {"window": 2, "stride": 1}
    case = {"op": op, "input": draw(SIDE, SIDE), "delta": draw(SIDE - 1, SIDE - 1), **weights}
    return backward(case, arithmetic="float64")


def _write(gradients: Gradients) -> None:
    for _ in render(gradients, width=None, color="never", overlays="all"):
        pass
