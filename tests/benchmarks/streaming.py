"""Overlays, made and written one by one: as JSON Lines, against a loop of NumPy and json, and as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from convgrad.cli import run
from convgrad.passes.gradients import Gradients, backward
from convgrad.views import render
from tests.benchmarks.row import RATE, Row
from tests.benchmarks.timing import alternating, seconds

SIDE = 101
"""Positions along an axis."""
TABLES = {
    "table, 2x2 kernel, random numbers": {"op": "conv", "kernel": True, "whole": False},
    "table, 2x2 kernel, whole numbers": {"op": "conv", "kernel": True, "whole": True},
    "table, max pool 2x2, stride 1": {"op": "max-pool", "kernel": False, "whole": True},
}


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """How many overlays a second: one row for JSON Lines, one a kind of table."""
    name = "JSON Lines, 3x3 kernel"
    if only in name:
        yield Row(name, *_lines(rounds), "a loop of NumPy and json.dumps", RATE, at_least=10_000, count=SIDE**2)
    for name, how in TABLES.items():
        if only in name:
            gradients = _gradients(**how)
            spent = median(seconds(lambda gradients=gradients: _write(gradients)) for _ in range(rounds))
            yield Row(name, spent, figure=RATE, count=len(gradients.full_overlays))


def _lines(rounds: int) -> tuple[float, float]:
    random = np.random.default_rng(0)
    shapes = {"input": (SIDE + 2, SIDE + 2), "kernel": (3, 3), "delta": (SIDE, SIDE)}
    case = {name: random.standard_normal(shape).tolist() for name, shape in shapes.items()}
    with TemporaryDirectory() as folder:
        path, output, other = (str(Path(folder, name)) for name in ("case.json", "ours.jsonl", "theirs.jsonl"))
        Path(path).write_text(json.dumps(case))
        words = ["backward", path, "--overlays", "all", "--arithmetic", "float64", "--output", output]
        return alternating(lambda: run(words), lambda: _by_numpy(path, other), rounds)


def _by_numpy(path: str, output: str) -> None:
    """What every position adds, as a loop of one's own would write it."""
    with open(path) as file:
        x, w, delta = (np.array(array) for array in json.load(file).values())
    with open(output, "w") as file:
        for at in np.ndindex(delta.shape):
            cells = [[start, start + size] for start, size in zip(at, w.shape, strict=True)]
            window, value = x[tuple(slice(*pair) for pair in cells)], delta[at]
            line = {"type": "overlay", "position": at, "cells": cells, "window": window.tolist(), "delta": float(value),
                    "dW": (value * window).tolist(), "db": float(value), "dX": (value * w).tolist()}  # fmt: skip
            file.write(json.dumps(line) + "\n")


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
