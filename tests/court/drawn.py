"""Geometries that an implementation says it supports, and cases of them, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests import definitions

LENGTHS = {1: (6, 10), 2: (4, 8), 3: (3, 5)}
"""Cells along an axis, the least and the most, by how many axes there are."""
SUPPORTS = {"stride": "axis", "padding": "pairs", "groups": "one", "dilation": False}
MOST_TRIED = 200

Draw = np.random.Generator


def geometry(supports: dict[str, Any], draw: Draw) -> dict[str, Any]:
    """Settings and shapes of a case whose output has several positions."""
    for _ in range(MOST_TRIED):
        made = _geometry({**SUPPORTS, **supports}, draw)
        if (shape := _output(made)) is not None and min(shape[2:]) >= 1 and np.prod(shape[2:]) > 1:
            return made
    raise AssertionError(f"no geometry of {supports} in {MOST_TRIED} tries")


def _geometry(supports: dict[str, Any], draw: Draw) -> dict[str, Any]:
    op, dims = str(draw.choice(supports["ops"])), int(draw.choice(supports["dims"]))
    kernel, least_most = "pool" not in op, LENGTHS[dims]
    size = _sizes(draw, dims, 1 if kernel else 2, 4, alike=supports.get("pool_window") == "square" and not kernel)
    made = {"op": op, "dims": dims, **_steps(supports, draw, dims, size, kernel), "x": (int(draw.integers(1, 4)),)}
    if not supports["dilation"] or (op == "average-pool" and not supports.get("avg_dilation", True)):
        made["dilation"] = 1
    lengths = tuple(int(n) for n in draw.integers(least_most[0], least_most[1] + 1, dims))
    if not kernel:
        return made | {"window": list(size), "x": (*made["x"], int(draw.integers(1, 4)), *lengths)}
    return _with_channels(made, supports, draw, lengths, size)


def _with_channels(
    made: dict[str, Any], supports: dict[str, Any], draw: Draw, lengths: tuple[int, ...], size: tuple[int, ...]
) -> dict[str, Any]:
    inner, outer = (int(n) for n in draw.integers(1, 4, 2))
    groups = {"one": 1, "any": int(draw.integers(1, 3)), "depthwise": inner}[supports["groups"]]
    if supports["groups"] == "depthwise":
        inner = 1
    into, out = inner * groups, outer * groups
    w = (into, outer) if made["op"] == "conv-transpose" else (out, inner)
    return made | {"groups": groups, "x": (*made["x"], into, *lengths), "w": (*w, *size)}


def _steps(supports: dict[str, Any], draw: Draw, dims: int, size: tuple[int, ...], kernel: bool) -> dict[str, Any]:
    stride = _sizes(draw, dims, 1, 3, alike=supports["stride"] == "int")
    way = supports["padding"] if kernel else supports.get("pool_padding", supports["padding"])
    most = 2 if kernel else max(min(size) // 2, 0)
    pads = {
        "pairs": lambda: draw.integers(0, most + 1, (dims, 2)).tolist(),
        "axis": lambda: draw.integers(0, most + 1, dims).tolist(),
        "int": lambda: int(draw.integers(0, most + 1)), "none": lambda: 0,
    }[way]()  # fmt: skip
    dilation = _sizes(draw, dims, 1, 3)
    steps = {"stride": stride[0] if supports["stride"] == "int" else list(stride), "padding": pads}
    return steps | {"dilation": list(dilation), "groups": 1}


def _sizes(draw: Draw, dims: int, least: int, most: int, *, alike: bool = False) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in draw.integers(least, most + 1, dims))
    return sizes[:1] * dims if alike else sizes


def case(made: dict[str, Any], draw: Draw) -> dict[str, Any]:
    """A case of a geometry, its numbers of three decimals; of a max pool no two cells are equal."""
    settings = {key: value for key, value in made.items() if key not in ("x", "w")}
    x = draw.permutation(int(np.prod(made["x"]))) - np.prod(made["x"]) / 2 if "max" in made["op"] else None
    arrays = {"input": _numbers(draw, made["x"]) if x is None else np.round(x / 100, 3).reshape(made["x"]).tolist()}
    if "w" in made:
        arrays |= {"kernel": _numbers(draw, made["w"])}
    shape = _output(made)
    assert shape is not None
    if "w" in made:
        arrays |= {"bias": _numbers(draw, shape[1:2])}
    return {**settings, **arrays, "delta": _numbers(draw, shape)}


def _numbers(draw: Draw, shape: tuple[int, ...]) -> Any:
    return np.round(draw.normal(size=shape), 3).tolist()


def _output(made: dict[str, Any]) -> tuple[int, ...] | None:
    """The output's shape; None where there is none."""
    settings = {key: value for key, value in made.items() if key not in ("x", "w")}
    arrays = {"input": np.zeros(made["x"]), **({"kernel": np.zeros(made["w"])} if "w" in made else {})}
    try:
        return tuple(definitions.output_shape({**settings, **arrays}))
    except (ValueError, AssertionError, ZeroDivisionError):
        return None
