"""`edges`: the shapes that real bugs needed, and others drawn from sizes on either side of what machines like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from math import prod
from typing import Any
from zlib import crc32

from convgrad.errors import RequestError
from convgrad.suites.sketch import Sketch, is_bent, unit_of
from convgrad.suites.splitmix import splitmix
from convgrad.suites.triggers import prefix, triggers
from convgrad.vocabulary import FUSED, INDICES, TRANSPOSED, row_of

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 65)
BATCHES, CHANNELS, GROUPS, DEPTHWISE = (1, 2, 3, 5, 33), (1, 2, 3, 4, 8, 16, 17, 33), (1, 2, 3), "depthwise"
WINDOWS, STRIDES, DILATIONS, PADDING = (1, 2, 3, 5), (1, 2, 3), (1, 1, 2, 3), (0, 1, 2, 0, 1, 17)
ACTIVATIONS: tuple[Mapping[str, Any], ...] = (
    {}, {}, {"activation": "leaky-relu", "slope": 0.25}, {"activation": "leaky-relu", "slope": 0.5},
    {"activation": "sigmoid"}, {"activation": "tanh"}, {"activation": "softplus"},
)  # fmt: skip
"""The activation of a network; without one it is ReLU."""
BEYOND = (0, 0, 1, 2)
"""Cells that a pool's stride has left over, which its unpooling is to be told of."""
DRAWN, PLAIN = 24, 8
"""Cases of an operation that are drawn, and those of them that have one stride and padding and nothing else."""
ALIKE = ("stride", "padding", "window", "output_size")
MOST_NUMBERS, MOST_PRODUCTS = 6_000, 200_000
"""What a case is no larger than, so that loops in Python come to an end."""


@cache
def edges(op: str, dims: int) -> tuple[Sketch, ...]:
    """The cases of `edges` on an operation: triggers first, then what is drawn, last with one stride and padding."""
    return (*triggers(op, dims), *_drawn(op, dims, "edge", DRAWN), *_drawn(op, dims, "plain-edge", PLAIN))


def _drawn(op: str, dims: int, name: str, count: int) -> Iterator[Sketch]:
    draw, found = Draw(crc32(f"{op} {dims} {name}".encode())), 0
    while found < count:
        sketch = _one(draw, op, dims)
        sketch = sketch if name == "edge" else _plain(sketch)
        if _is_small(sketch):
            found += 1
            yield sketch.but(id=f"{prefix(op, dims)}/{name}-{found:02}", seed=2_000 + found)


def _plain(sketch: Sketch) -> Sketch:
    """The same sizes with one stride, padding and window for all axes, one group, and no other setting."""
    dims, groups = sketch.dims, sketch.settings.get("groups", 1)
    kept = {name: [sketch.settings[name][0]] * dims for name in ALIKE if name in sketch.settings}
    if "padding" in kept:
        kept["padding"] = [[kept["padding"][0][0]] * 2] * dims
    shapes = dict(sketch.shapes)
    if "kernel" in shapes:
        first, second, *window = shapes["kernel"]
        samples, channels, *lengths = shapes["input"]
        shapes["input"], shapes["bias"] = (samples, channels // groups, *lengths), (shapes["bias"][0] // groups,)
        shapes["kernel"] = (first // groups, second, *window)
    unit, apart = unit_of(sketch.op, kept), is_bent(sketch.op, kept)
    return sketch.but(shapes=shapes, settings=kept, unit=unit, apart=apart)


def _is_small(sketch: Sketch) -> bool:
    """Whether a shape is possible at all, and no more work than loops can do."""
    shape = sketch.shapes["input"]
    asked_for = (*shape[:2], *sketch.settings.get("output_size", ()))
    if max(prod(shape), prod(asked_for)) > MOST_NUMBERS:
        return False
    try:
        output = sketch.output_shape
    except RequestError:
        return False
    taps = sketch.shapes.get("kernel", (1, 1, *sketch.settings.get("window", ())))
    far = shape if row_of(sketch.op).family == TRANSPOSED else output
    return sketch.numbers <= MOST_NUMBERS and prod(far) * prod(taps[1:]) <= MOST_PRODUCTS


class Draw:
    """Choices from a stream of SplitMix64."""

    def __init__(self, seed: int) -> None:
        self.seed, self.drawn = seed, 0

    def one(self, choices: Any) -> Any:
        number = int(splitmix(self.seed, self.drawn, 1)[0])
        self.drawn += 1
        return choices[number % len(choices)]

    def each(self, dims: int, choices: Any) -> list[Any]:
        return [self.one(choices) for _ in range(dims)]


def _one(draw: Draw, op: str, dims: int) -> Sketch:
    samples, lengths = draw.one(BATCHES), draw.each(dims, SIZES)
    if "w" in row_of(op).operands:
        shapes, settings = _convolution(draw, op, dims)
        shapes["input"] = (samples, shapes["input"][0], *lengths)
    else:
        shapes, settings = {"input": (samples, draw.one(CHANNELS), *lengths)}, _pool(draw, op, lengths)
    unit, apart = unit_of(op, settings), is_bent(op, settings)
    comment = "sizes beside powers of two"
    return Sketch("", op, shapes, settings, unit=unit, apart=apart, comment=comment, flags=("drawn",))


def _convolution(draw: Draw, op: str, dims: int) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    groups, inner, outer = draw.one((*GROUPS, DEPTHWISE)), draw.one(CHANNELS), draw.one(CHANNELS)
    if groups == DEPTHWISE:
        groups, inner, outer = inner, 1, draw.one((1, 2))
    window = draw.each(dims, WINDOWS)
    family = row_of(op).family
    first = (groups * inner, outer) if family == TRANSPOSED else (groups * outer, inner)
    shapes = {"input": (groups * inner,), "kernel": (*first, *window), "bias": (groups * outer,)}
    settings = {
        "stride": draw.each(dims, STRIDES), "dilation": draw.each(dims, DILATIONS),
        "padding": [draw.each(2, PADDING) for _ in range(dims)], "groups": groups,
    }  # fmt: skip
    return shapes, settings | (dict(draw.one(ACTIVATIONS)) if family == FUSED else {})


def _pool(draw: Draw, op: str, lengths: list[int]) -> dict[str, Any]:
    dims = len(lengths)
    if INDICES in row_of(op).settings:
        return {"output_size": [length * draw.one(STRIDES) + draw.one(BEYOND) for length in lengths]}
    if "output_size" in row_of(op).settings:
        return {"output_size": draw.each(dims, (1, 2, 3, 5, 7))}
    window = draw.each(dims, WINDOWS)
    padding = [[draw.one((0, 0, 1)) * (size > 1), draw.one((0, 0, 1)) * (size > 1)] for size in window]
    settings = {"window": window, "stride": draw.each(dims, STRIDES), "padding": padding}
    return settings | {"ceil_mode": draw.one((False, False, True))}
