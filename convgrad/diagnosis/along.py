"""Along what a sum may be taken apart: axes of its operands, and of the array itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.unpooling import Unpooling

Indices = tuple[int, ...]


class Way(NamedTuple):
    """Along what a sum is taken apart: axes of an operand ("result" for the array itself), and what a part is called.

    `step` takes cells together that have one remainder modulo it.
    """

    operand: str
    axes: tuple[int, ...]
    kind: str
    step: int = 0


def ways(c: Computation) -> Iterator[Way]:
    """The axes that an array's sum is taken apart along, one at a time, then two, the specific first."""
    singles = list(_single_ways(c))
    yield from singles
    for first, second in _pairs(singles):
        yield Way(first.operand, (*first.axes, *second.axes), f"{first.kind} and {second.kind}")
    positions = [way for way in singles if way.kind.startswith("positions")]
    if len(positions) > 1:
        sample = [way for way in singles if way.kind == "sample" and way.operand == positions[0].operand]
        axes = tuple(axis for way in positions for axis in way.axes)
        if len(positions) > 2:
            yield Way(positions[0].operand, axes, "positions")
        if sample:
            yield Way(positions[0].operand, (0, *axes), "sample and positions")


def _pairs(singles: list[Way]) -> Iterator[tuple[Way, Way]]:
    for number, first in enumerate(singles):
        for second in singles[number + 1 :]:
            if first.operand == second.operand and not first.step and not second.step:
                yield first, second


def _single_ways(c: Computation) -> Iterator[Way]:
    """One axis at a time: what is summed over first, then what the array itself has."""
    if c.array == "output" or isinstance(c, Unpooling):
        yield from (Way("result", (axis,), kind) for axis, kind in ((0, "sample"), (1, "output channel")))
        yield from _spatial(c, "result", "positions" if not _transposed(c) else "cells")
        if isinstance(c, Convolution):
            yield Way("x", (1,), "input channel")
            yield from _spatial(c, "x", "cells" if not _transposed(c) else "positions")
            yield from _spatial(c, "w", "taps")
        return
    yield Way("delta", (0,), "sample")
    if isinstance(c, Convolution):
        yield Way("delta", (1,), "output channel")
    yield from {"dW": _ways_of_kernel, "dX": _ways_of_input, "db": _ways_of_bias}[c.array](c)


def _transposed(c: Any) -> bool:
    return bool(getattr(c, "transposed", False))


def _spatial(c: Computation, operand: str, kind: str) -> Iterator[Way]:
    yield from (Way(operand, (axis + 2,), f"{kind} {axis}") for axis in range(c.dims))


def _ways_of_bias(c: Computation) -> Iterator[Way]:
    yield from _spatial(c, "delta", "positions")


def _ways_of_kernel(c: Computation) -> Iterator[Way]:
    near, far = ("x", "delta") if _transposed(c) else ("delta", "x")
    yield Way("x", (1,), "input channel")
    yield from _spatial(c, near, "positions")
    yield from _spatial(c, "result", "taps")
    yield from _spatial(c, far, "cells")


def _ways_of_input(c: Computation) -> Iterator[Way]:
    yield Way("result", (1,), "input channel")
    yield from _spatial(c, "delta", "cells" if _transposed(c) else "positions")
    yield from _spatial(c, "result", "positions" if _transposed(c) else "cells")
    if isinstance(c, Convolution):
        yield from _spatial(c, "w", "taps")
    yield from _phases(c)


def _phases(c: Computation) -> Iterator[Way]:
    """Cells of one remainder modulo the stride, along each axis and along all."""
    steps = [getattr(axis, "stride", 1) for axis in c.axes] if not _transposed(c) else []
    yield from (Way("result", (axis + 2,), f"phase {axis}", step) for axis, step in enumerate(steps) if step > 1)
    if len(steps) > 1 and len(set(steps)) == 1 and steps[0] > 1:
        yield Way("result", tuple(range(2, 2 + c.dims)), "phase", steps[0])


def own_axes(c: Computation, way: Way) -> list[int | None]:
    """The axes of the array that axes of an operand are; None where they are summed over."""
    if way.operand == "result":
        return list(way.axes)
    own: dict[tuple[str, str], dict[int, int]] = {
        ("dW", "delta"): {1: 0}, ("db", "delta"): {1: 0}, ("dX", "delta"): {0: 0},
    }  # fmt: skip
    if not isinstance(c, Convolution):
        own["dX", "delta"] = {0: 0, 1: 1}
    elif c.transposed:
        own["dW", "delta"], own["dW", "x"] = {1: 1} if c.groups == 1 else {}, {1: 0}
    elif c.groups == 1:
        own["dW", "x"] = {1: 1}
    return [own.get((c.array, way.operand), {}).get(axis) for axis in way.axes]
