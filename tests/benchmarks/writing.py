"""Writing a result of a million numbers, against json.dumps of the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import numpy as np

from convgrad.documents import chunks
from tests.benchmarks.row import Row
from tests.benchmarks.timing import alternating

SIDE = 1000


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A row a format and shape."""
    numbers = np.random.default_rng(0).standard_normal((SIDE, SIDE))
    for array in (numbers, numbers.reshape(-1, 2, 2), np.rint(numbers * 10)):
        for form in ("json", "jsonl", "yaml"):
            kind = "whole " if (array == np.rint(array)).all() else ""
            name = f"{form}, {'x'.join(map(str, array.shape))} {kind}numbers"
            if only in name:
                ours = partial(_written, array, form)
                times = alternating(ours, lambda array=array: json.dumps({"dX": array.tolist()}), rounds)
                yield Row(name, *times, "json.dumps", at_most=1 if form != "yaml" else None)


def _written(array: np.ndarray, form: str) -> str:
    return "".join(chunks({"dX": array}, form))
