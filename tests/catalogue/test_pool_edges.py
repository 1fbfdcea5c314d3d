"""A pool's windows with other bounds, in plain loops, are what the catalogue has, and are named; others are not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.catalogue import pool_edges
from convgrad.catalogue.tables import right
from convgrad.subject.case import make_case
from tests import definitions

pytestmark = pytest.mark.slow

Edge = Callable[[int, int, int, int], int]
"""Where a window's loop over an axis begins, or ends, of its start, its size, its stride and the axis's length."""
BEGIN: Edge = lambda a, k, s, n: max(a, 0)  # noqa: E731
END: Edge = lambda a, k, s, n: min(a + k, n)  # noqa: E731
EDGES: dict[str, tuple[Edge, Edge]] = {
    "begin at min(start, 0)": (lambda a, k, s, n: min(a, 0), END),
    "begin at max(start, 1)": (lambda a, k, s, n: max(a, 1), END),
    "begin at max(start, -1)": (lambda a, k, s, n: max(a, -1), END),
    "begin at max(start, 0) + 1": (lambda a, k, s, n: max(a, 0) + 1, END),
    "begin at max(start, 0) - 1": (lambda a, k, s, n: max(a, 0) - 1, END),
    "begin at start": (lambda a, k, s, n: a, END),
    "end at max(end, length)": (BEGIN, lambda a, k, s, n: max(a + k, n)),
    "end at min(end, length - 1)": (BEGIN, lambda a, k, s, n: min(a + k, n - 1)),
    "end at min(end, length + 1)": (BEGIN, lambda a, k, s, n: min(a + k, n + 1)),
    "end at min(end, length) - 1": (BEGIN, lambda a, k, s, n: min(a + k, n) - 1),
    "end at min(end, length) + 1": (BEGIN, lambda a, k, s, n: min(a + k, n) + 1),
    "end at end": (BEGIN, lambda a, k, s, n: a + k),
    "end at max(start, 0) + size": (BEGIN, lambda a, k, s, n: min(max(a, 0) + k, n)),
    "end at start - size": (BEGIN, lambda a, k, s, n: min(a - k, n)),
    "end at start + stride": (BEGIN, lambda a, k, s, n: min(a + s, n)),
    "end at size, whatever the start": (BEGIN, lambda a, k, s, n: min(k, n)),
    "end at min(end, 3)": (BEGIN, lambda a, k, s, n: min(a + k, 3)),
}
GEOMETRIES: list[dict[str, Any]] = [
    {"shape": (2, 3, 9), "window": [4], "stride": [3], "padding": [[2, 2]]},
    {"shape": (2, 2, 6, 7), "window": [3, 2], "stride": [2, 1], "padding": [[1, 1], [1, 0]]},
    {"shape": (1, 2, 4, 5, 4), "window": [2, 3, 2], "stride": [2, 1, 1], "padding": [[1, 0], [1, 1], [0, 1]]},
]
SQUARE = {"shape": (2, 3, 7, 8), "window": [3, 3], "stride": [2, 2], "padding": [[1, 1], [1, 1]]}


def drawn(geometry: dict[str, Any], op: str, seed: int = 0) -> dict[str, Any]:
    settings = {name: value for name, value in geometry.items() if name != "shape"}
    random = np.random.default_rng(seed)
    x = random.permutation(prod(geometry["shape"])).reshape(geometry["shape"])
    case = {"op": op, "dims": x.ndim - 2, "input": (x - 20).tolist(), **settings}
    return case | {"delta": random.integers(6, 600, definitions.output_shape(case)).tolist()}


def bounded(case: dict[str, Any], edges: dict[int, tuple[Edge, Edge]], *, reach: str = "", none: str = "") -> Any:
    """dX in loops over these bounds. Cells outside are left out, or reached as Python (round) or C (flat) does."""
    x, delta = np.array(case["input"]), np.array(case["delta"])
    dx, lengths = np.zeros(x.shape), x.shape[2:]
    flat = dx.reshape(-1)
    for n, c, *position in np.ndindex(*delta.shape):
        rows = list(zip(position, case["window"], case["stride"], case["padding"], lengths, strict=True))
        starts = [(p * s - before, k, s, length) for p, k, s, (before, _), length in rows]
        pairs = [edges.get(axis, (BEGIN, END)) for axis in range(len(starts))]
        spans = [range(first(*own), last(*own)) for (first, last), own in zip(pairs, starts, strict=True)]
        met = [place for cell in product(*spans) if (place := at(x.shape, (n, c), cell, reach)) is not None]
        if case["op"] == "average-pool":
            for place in met:
                flat[place] += delta[(n, c, *position)] / prod(case["window"])
        elif met:
            flat[max(met, key=lambda place: x.ravel()[place])] += delta[(n, c, *position)]
        elif none:
            cell = [0] * len(spans) if none == "plane" else [span.start for span in spans]
            flat[at(x.shape, (n, c), cell, "round")] += delta[(n, c, *position)]
    return dx


def at(shape: tuple[int, ...], plane: tuple[int, int], cell: Any, reach: str) -> int | None:
    """The number of a cell's entry in memory."""
    if not reach and not all(0 <= one < n for one, n in zip(cell, shape[2:], strict=True)):
        return None
    if reach == "round":
        if not all(-n <= one < n for one, n in zip(cell, shape[2:], strict=True)):
            return None
        cell = [one % n for one, n in zip(cell, shape[2:], strict=True)]
    place = 0
    for index, length in zip((*plane, *cell), shape, strict=True):
        place = place * length + index
    return place % prod(shape) if place < prod(shape) else None


def of_catalogue(found: Any, dims: int, text: str, axis: int | None, reach: str, none: str) -> Any:
    """The array that the catalogue has for it; None where it has none."""
    where = "" if dims == 1 else " on every axis" if axis is None else f" on axis {axis}"
    reached = {"": "", "round": ", those before 0 counted from the end", "flat": ", those outside read in memory"}
    empty = {"": "", "plane": ", and the plane's first cell where none is left",
             "own": ", and its own first cell where none is left"}  # fmt: skip
    text = f"{text}, the start cut first" if text.endswith("+ size") else text
    wanted = f"they {text}{where}{reached[reach]}{empty[none]}"
    return found[wanted].value() if wanted in found else None


@pytest.mark.parametrize("op", ["max-pool", "average-pool"])
@pytest.mark.parametrize("text", EDGES)
def test_windows_with_other_bounds_are_those_of_plain_loops(text: str, op: str) -> None:
    assert sum(_as_in_loops(drawn(geometry, op), text) for geometry in GEOMETRIES)


def _as_in_loops(case: dict[str, Any], text: str) -> int:
    """In how many ways the catalogue has these bounds, each as loops give it; what others give it has not twice."""
    found = pool_edges.windows_cut_otherwise(right(make_case(case), "dX"))
    seen, axes = 0, (None,) if case["dims"] == 1 else (None, *range(case["dims"]))
    for axis, reach, none in product(axes, ("", "round", "flat"), ("", "plane", "own")):
        made = of_catalogue(found, case["dims"], text, axis, reach, none)
        if made is not None:
            axes = range(case["dims"]) if axis is None else [axis]
            loops = bounded(case, dict.fromkeys(axes, EDGES[text]), reach=reach, none=none)
            assert np.allclose(made.astype(float), loops, rtol=1e-12)
            seen += 1
    return seen


@pytest.mark.parametrize("op", ["max-pool", "average-pool"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda one: f"{len(one['window'])}-D")
def test_right_bounds_give_what_is_right(geometry: dict[str, Any], op: str) -> None:
    case = drawn(geometry, op)
    assert np.allclose(bounded(case, {}), definitions.backward(case, float)["dX"].astype(float))
    assert convgrad.check(case, {"dX": definitions.backward(case, float)["dX"].astype(float)}).verdict == "agrees"


def told(case: dict[str, Any], dx: Any) -> Any:
    return convgrad.check(case, {"dX": np.round(dx, 8).tolist()}, sample=1).diagnosis[0]


NAMED: list[tuple[str, int | None, str, str]] = [
    ("begin at min(start, 0)", 0, "", ""), ("begin at min(start, 0)", 1, "round", ""),
    ("begin at min(start, 0)", 1, "flat", ""), ("end at max(end, length)", 0, "", ""),
    ("end at max(end, length)", 1, "", ""), ("end at min(end, 3)", 0, "", "plane"),
    ("end at start - size", 1, "", "plane"), ("end at min(end, length) + 1", 1, "", ""),
    ("end at max(start, 0) + size", 0, "", ""), ("end at size, whatever the start", 1, "", "own"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "axis", "reach", "none"), NAMED)
def test_a_max_pool_with_other_bounds_is_named(text: str, axis: int, reach: str, none: str) -> None:
    case = drawn(SQUARE, "max-pool", 3)
    dx = bounded(case, {axis: EDGES[text]}, reach=reach, none=none)
    one = told(case, dx)
    assert (one.mistake, f"they {text}" in one.message) == ("shifted", True)


@pytest.mark.parametrize("text", ["begin at min(start, 0)", "end at max(end, length)", "end at max(start, 0) + size"])
@pytest.mark.parametrize("axis", [0, 1])
def test_an_average_with_other_bounds_is_named(text: str, axis: int) -> None:
    geometry = {"shape": (2, 2, 8, 7), "window": [3, 2], "stride": [2, 2], "padding": [[1, 1], [1, 0]]}
    case = drawn(geometry, "average-pool", 4)
    one = told(case, bounded(case, {axis: EDGES[text]}))
    assert (one.mistake, f"they {text}" in one.message) == ("shifted", True)


@pytest.mark.parametrize("op", ["max-pool", "average-pool"])
def test_windows_of_any_bounds_are_no_such_mistake(op: str) -> None:
    """Each window begins and ends somewhere: no rule gives that, and none is told."""
    case = drawn(SQUARE, op, 5)
    random = np.random.default_rng(6)
    somewhere = (
        lambda a, k, s, n: max(a, 0) - int(random.integers(2)),
        lambda a, k, s, n: min(a + k, n) + int(random.integers(2)),
    )
    assert told(case, bounded(case, {0: somewhere, 1: somewhere})).mistake is None


@pytest.mark.parametrize(
    ("number", "text"), [((Ellipsis, -1), "last position on axis 1"), ((-1, -1), "last plane"), ((0,), "first sample")]
)
def test_windows_that_a_loop_over_a_maximum_does_not_come_to_are_named(number: Any, text: str) -> None:
    case = drawn(SQUARE, "max-pool", 7)
    delta = np.array(case["delta"])
    left = np.zeros(delta.shape, bool)
    left[number] = True
    dx = bounded({**case, "delta": np.where(left, 0, delta)}, {})
    dx[:, :, 0, 0] += np.where(left, delta, 0).sum(axis=(2, 3))
    one = told(case, dx)
    assert (one.mistake, text in one.message) == ("wrong-winner", True)
