"""The fewest numbers with which a case still fails in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

from convgrad.errors import RequestError
from convgrad.grading.answer import TIMED_OUT, Adapter
from convgrad.grading.comparing import Asking, outcomes
from convgrad.grading.outcome import Outcome
from convgrad.suites.sketch import Sketch
from convgrad.suites.trial import is_held, of_sketch
from convgrad.vocabulary import TRANSPOSED, row_of

SECONDS = 20
"""What all shrinking of a run may take."""


def shrunk(adapter: Adapter, outcome: Outcome, asking: Asking, deadline: float) -> Outcome | None:
    """The smallest case found that fails in the same way; None where none is smaller, or it would hang again."""
    sketch = outcome.trial.sketch
    if sketch is None or outcome.verdict == TIMED_OUT:
        return None
    best, smaller = outcome, True
    while smaller and monotonic() < deadline:
        smaller = False
        for candidate in _smaller(sketch):
            if monotonic() > deadline:
                break
            if (failed := _fails(adapter, candidate, best, asking)) is not None:
                sketch, best, smaller = candidate, failed, True
                break
    return best if best is not outcome else None


def _fails(adapter: Adapter, candidate: Sketch, like: Outcome, asking: Asking) -> Outcome | None:
    try:
        trial = of_sketch(candidate, like.trial.dtype, like.trial.seed)
    except RequestError:
        return None
    if not is_held(trial) or trial.numbers >= like.trial.numbers:
        return None
    told = outcomes(adapter, trial, asking._replace(want=(like.array,)))
    return next((one for one in told if one.verdict == like.verdict), None)


def _smaller(sketch: Sketch) -> Iterator[Sketch]:
    """Sketches with less in them: the largest steps first."""
    shapes, settings = dict(sketch.shapes), dict(sketch.settings)
    named = sketch.but(id=sketch.id if sketch.id.endswith("-smallest") else f"{sketch.id}-smallest", catches=None)
    yield from (named.but(shapes=smaller, settings=kept) for smaller, kept in _ungrouped(sketch.op, shapes, settings))
    for name in ("stride", "dilation"):
        if any(value != 1 for value in settings.get(name, ())):
            yield named.but(settings={**settings, name: [1] * sketch.dims})
    if any(any(pair) for pair in settings.get("padding", ())):
        yield named.but(settings={**settings, "padding": [[0, 0]] * sketch.dims})
    for name in ("padding_mode", "ceil_mode", "output_padding", "divisor", "activation"):
        if name in settings:
            yield named.but(settings={key: value for key, value in settings.items() if key != name})
    for smaller in _shapes(sketch.op, shapes, settings.get("groups", 1)):
        yield named.but(shapes=smaller)
    for name in ("window", "output_size"):
        for lengths in _fewer(tuple(settings.get(name, ())), 0):
            yield named.but(settings={**settings, name: list(lengths)})


def _ungrouped(op: str, shapes: dict[str, Any], settings: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    groups = settings.get("groups", 1)
    if groups == 1:
        return
    samples, channels, *lengths = shapes["input"]
    first, second, *window = shapes["kernel"]
    smaller = {"input": (samples, channels // groups, *lengths), "kernel": (first // groups, second, *window)}
    if "bias" in shapes:
        smaller["bias"] = (shapes["bias"][0] // groups,)
    yield {**shapes, **smaller}, {**settings, "groups": 1}


def _shapes(op: str, shapes: dict[str, Any], groups: int) -> Iterator[dict[str, Any]]:
    """Fewer samples, channels, filters, cells and taps, half of them or one less."""
    for shape in _fewer(shapes["input"], 0, (0,)):
        yield {**shapes, "input": shape}
    if "kernel" not in shapes:
        for shape in _fewer(shapes["input"], 1):
            yield {**shapes, "input": shape}
        return
    for axis in (0, 1):  # of the kernel; one of them is the input's channels in a group, the other the output's
        for kernel in _fewer(shapes["kernel"], axis, (axis,)):
            if kernel[0] % groups == 0:
                yield _with_kernel(op, shapes, kernel, groups)
    for shape in _fewer(shapes["input"], 2):
        yield {**shapes, "input": shape}
    for kernel in _fewer(shapes["kernel"], 2):
        yield {**shapes, "kernel": kernel}


def _with_kernel(op: str, shapes: dict[str, Any], kernel: tuple[int, ...], groups: int) -> dict[str, Any]:
    transposed = row_of(op).family == TRANSPOSED
    inner, outer = (kernel[0], kernel[1] * groups) if transposed else (kernel[1] * groups, kernel[0])
    samples, _, *lengths = shapes["input"]
    smaller = {**shapes, "kernel": kernel, "input": (samples, inner, *lengths)}
    return smaller | ({"bias": (outer,)} if "bias" in shapes else {})


def _fewer(shape: tuple[int, ...], first: int, axes: tuple[int, ...] | None = None) -> Iterator[tuple[int, ...]]:
    """A shape with one of its axes, from `first` on or of these alone, at 1, halved, or one less."""
    for axis in range(first, len(shape)) if axes is None else axes:
        for length in dict.fromkeys((1, shape[axis] // 2, shape[axis] - 1)):
            if 1 <= length < shape[axis]:
                yield (*shape[:axis], length, *shape[axis + 1 :])
