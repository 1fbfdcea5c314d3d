"""The cases that are tried: operations, geometries, sizes and data, each drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests import definitions

DATA = ("normal", "positive", "badly scaled", "whole")
SMALL: tuple[dict[str, Any], ...] = (
    {"op": "conv", "x": (1, 1, 3, 3), "w": (1, 1, 2, 2)},
    {"op": "conv", "x": (1, 1, 5, 5), "w": (1, 1, 3, 3)},
    {"op": "conv", "x": (2, 3, 7, 7), "w": (3, 3, 3, 3), "padding": 1},
    {"op": "conv", "x": (2, 3, 7, 6), "w": (3, 3, 3, 2), "stride": [2, 1], "padding": [[1, 0], [0, 1]]},
    {"op": "conv", "x": (3, 4, 8, 7), "w": (4, 2, 3, 3), "groups": 2, "padding": 1},
    {"op": "conv", "x": (2, 4, 6, 9), "w": (8, 1, 2, 3), "groups": 4, "stride": [1, 2]},
    {"op": "conv", "x": (2, 2, 9, 8), "w": (3, 2, 3, 2), "dilation": [2, 3]},
    {"op": "conv", "x": (3, 2, 11), "w": (4, 2, 3), "stride": 2, "padding": 1},
    {"op": "conv", "x": (2, 3, 14), "w": (2, 3, 4), "dilation": 2, "padding": [[3, 0]]},
    {"op": "conv", "x": (2, 2, 5, 4, 6), "w": (3, 2, 2, 2, 3), "padding": [0, 1, 1]},
    {"op": "conv", "x": (2, 2, 5, 5, 4), "w": (2, 1, 3, 2, 2), "groups": 2, "stride": [2, 1, 1]},
    {"op": "conv-transpose", "x": (2, 3, 4, 5), "w": (3, 2, 3, 3), "stride": 2, "padding": 1},
    {"op": "conv-transpose", "x": (2, 4, 5, 4), "w": (4, 1, 2, 3), "groups": 2, "dilation": [2, 1]},
    {"op": "conv-transpose", "x": (3, 2, 7), "w": (2, 3, 4), "stride": 2},
    {"op": "max-pool", "x": (2, 3, 7, 6), "window": [2, 3], "stride": [2, 2]},
    {"op": "max-pool", "x": (2, 2, 9), "window": [3], "stride": [2], "padding": 1},
    {"op": "average-pool", "x": (2, 3, 6, 7), "window": [3, 2], "stride": [2, 1], "padding": [1, 0]},
    {"op": "average-pool", "x": (2, 2, 4, 5, 4), "window": [2, 2, 2], "stride": [2, 1, 2]},
    {"op": "adaptive-average-pool", "x": (2, 3, 7, 5), "output_size": [3, 2]},
    {"op": "adaptive-max-pool", "x": (2, 3, 8, 5), "output_size": [3, 3]},
)
"""Those whose truth the definitions are asked for."""
MIDDLE: tuple[dict[str, Any], ...] = (
    {"op": "conv", "x": (4, 6, 14, 14), "w": (8, 6, 3, 3), "padding": 1},
    {"op": "conv", "x": (4, 8, 16, 12), "w": (8, 4, 3, 3), "groups": 2, "stride": 2, "padding": 1},
    {"op": "conv", "x": (8, 4, 20, 20), "w": (6, 4, 5, 5), "padding": 2},
    {"op": "conv", "x": (4, 4, 500), "w": (6, 4, 5), "dilation": 2},
    {"op": "conv", "x": (2, 3, 10, 12, 12), "w": (4, 3, 3, 3, 3), "padding": 1},
    {"op": "conv-transpose", "x": (4, 6, 10, 10), "w": (6, 4, 4, 4), "stride": 2, "padding": 1},
)
LARGE: tuple[dict[str, Any], ...] = (
    {"op": "conv", "x": (16, 2, 56, 56), "w": (4, 2, 3, 3), "padding": 1},
    {"op": "conv", "x": (1, 1, 65536), "w": (1, 1, 5)},
    {"op": "conv", "x": (16, 64, 56, 56), "w": (64, 64, 3, 3), "padding": 1},
)
"""Layers of the size that people train: seconds each."""
SETTINGS = ("stride", "padding", "dilation", "groups", "window", "output_size")


@dataclass(frozen=True, eq=False)
class Trial:
    """A case with arrays of float64, of which data, and how it is called where it is to be repeated."""

    name: str
    case: dict[str, Any]
    data: str

    @property
    def is_conv(self) -> bool:
        return "kernel" in self.case

    @property
    def hand_sized(self) -> bool:
        return self.case["input"].size <= 1000


def trials(seed: int, sizes: tuple[str, ...]) -> Iterator[Trial]:
    """Every geometry of these sizes with each kind of data; pools have no badly scaled ones, the largest one kind."""
    for size in sizes:
        for number, geometry in enumerate(globals()[size.upper()]):
            for data in DATA if size != "large" else DATA[number % 2 :][:1]:
                yield trial(f"{size}-{number}-{data.replace(' ', '-')}", geometry, data, [seed, number, len(data)])


def trial(name: str, geometry: dict[str, Any], data: str, seed: list[int]) -> Trial:
    """One case: its settings, and its numbers."""
    draw = np.random.default_rng(seed)
    case = {key: geometry[key] for key in ("op", *SETTINGS) if key in geometry}
    case |= {"dims": len(geometry["x"]) - 2, "input": _cells(draw, geometry, data)}
    if "w" in geometry:
        case["kernel"] = numbers(draw, geometry["w"], data)
        case["bias"] = numbers(draw, (definitions.out_channels(case),), data)
    return Trial(name, case | {"delta": numbers(draw, definitions.output_shape(case), data)}, data)


def _cells(draw: np.random.Generator, geometry: dict[str, Any], data: str) -> np.ndarray:
    """x; of a max pool without two cells that any print would make equal."""
    if "max" not in geometry["op"]:
        return numbers(draw, geometry["x"], data)
    return (draw.permutation(np.prod(geometry["x"])).reshape(geometry["x"]) - 50) * (1 if data == "whole" else 0.5)


def numbers(draw: np.random.Generator, shape: tuple[int, ...], data: str) -> np.ndarray:
    """Numbers of a kind, in full precision unless they are whole."""
    if data == "whole":
        return draw.integers(-4, 5, shape).astype(float)
    values = draw.normal(size=shape)
    if data == "positive":
        return abs(values) + 0.1
    return values * 10.0 ** draw.uniform(-2.5, 2.5, shape) if data == "badly scaled" else values
