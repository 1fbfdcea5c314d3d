"""What a case must have to show a mistake, and the small changes that give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.case import Case, make_case
from convgrad.core.arithmetic import Array
from convgrad.core.window import AdaptiveAxis, Axis
from convgrad.errors import RequestError
from convgrad.mistakes.computation import pads_of, product_of, turn


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a case has or has not: why it is blind without, and what to change."""

    met: Callable[[Case], bool]
    why: str
    advice: str


def _setting(case: Case, name: str, default: Any) -> Any:
    value = case.settings.get(name)
    return default if value is None else value


def _strides(case: Case) -> tuple[int, ...]:
    return tuple(axis.stride for axis in case.arguments["window"].axes if isinstance(axis, Axis))


def _dilations(case: Case) -> tuple[int, ...]:
    return tuple(axis.dilation for axis in case.arguments["window"].axes if isinstance(axis, Axis))


def _far_lengths(case: Case) -> tuple[int, ...]:
    return tuple(case.arguments["lengths"] if case.operation.name == "conv-transpose" else case.shapes["x"][2:])


def _overlap(case: Case) -> bool:
    """Whether any two windows share a cell."""
    axes, lengths = case.arguments["window"].axes, _far_lengths(case)
    return any(_overlaps(axis, length) for axis, length in zip(axes, lengths, strict=True))


def _overlaps(axis: Axis | AdaptiveAxis, length: int) -> bool:
    seen: set[int] = set()
    for position in range(axis.positions(length)):
        under = {cell for cell in axis.under(position) if 0 <= cell < length}
        if under & seen:
            return True
        seen |= under
    return False


def _remainder(case: Case) -> bool:
    axes, pads, lengths = case.arguments["window"].axes, pads_of(case), _far_lengths(case)
    return any(
        isinstance(axis, Axis) and axis.cells(axis.positions(length) - 1)[1] < length + pair[1]
        for axis, pair, length in zip(axes, pads, lengths, strict=True)
    )


def _unreached(case: Case) -> bool:
    """Whether cells of the input lie past the last window."""
    axes = zip(case.arguments["window"].axes, _far_lengths(case), strict=True)
    return any(axis.cells(axis.positions(length) - 1)[1] < length for axis, length in axes)


def _spare_taps(case: Case) -> bool:
    """Whether the remainder of the stride has room for a tap."""
    return any(
        axis.cells(axis.positions(length) - 1)[1] + axis.dilation <= length + pair[1]
        for axis, pair, length in zip(case.arguments["window"].axes, pads_of(case), _far_lengths(case), strict=True)
    )


def _asymmetric(array: Array | None) -> bool:
    return array is not None and bool((array != turn(array)).any())


def _cut(case: Case) -> bool:
    """Whether any window has fewer cells that count than it has taps."""
    counted = case.arguments["counted"]
    return any(_cut_axis(*row) for row in zip(case.arguments["window"].axes, counted, _far_lengths(case), strict=True))


def _cut_axis(axis: Axis | AdaptiveAxis, counted: tuple[int, int], length: int) -> bool:
    spans = [axis.cells(position) for position in range(axis.positions(length))]
    return any(min(last, counted[1]) - max(first, counted[0]) < axis.size for first, last in spans)


def _kernel_channels(case: Case) -> tuple[int, int]:
    """The channels of a group, out and in as the kernel has them."""
    first, second = case.shapes["w"][:2]
    return first // case.settings["groups"], second


def _tied(case: Case) -> bool:
    x, window = case.operands["x"], case.arguments["window"]
    assert x is not None
    values = x.reshape(-1, *x.shape[2:])
    for position in np.ndindex(window.positions(x.shape[2:])):
        cells = [[c for c in under if 0 <= c < n] for under, n in zip(window.under(position), x.shape[2:], strict=True)]
        for channel in values:
            patch = channel[np.ix_(*cells)]
            if patch.size and (patch == patch.max()).sum() > 1:
                return True
    return False


def _x(case: Case) -> Array:
    x = case.operands["x"]
    assert x is not None
    return x


CONDITIONS: dict[str, Condition] = {
    "axes": Condition(lambda case: case.dims > 1, "one spatial axis", "use two spatial axes"),
    "taps": Condition(lambda case: product_of(case.shapes["w"][2:]) > 1, "the kernel has one tap", "use a kernel of 2"),
    "larger window": Condition(
        lambda case: product_of(case.arguments["window"].size) > 1, "the window is one cell", "use a window of 2"
    ),
    "stride": Condition(lambda case: max(_strides(case), default=1) > 1, "stride is 1", "use stride 2"),
    "dilation": Condition(lambda case: max(_dilations(case), default=1) > 1, "dilation is 1", "use dilation 2"),
    "stride other than dilation": Condition(
        lambda case: _strides(case) != _dilations(case),
        "stride equals dilation", "use a stride other than the dilation",
    ),
    "strides that differ": Condition(
        lambda case: len(set(_strides(case))) > 1, "all axes have one stride", "use another stride on each axis"
    ),
    "padding": Condition(lambda case: any(map(any, pads_of(case))), "no padding", "use padding 1"),
    "copied padding": Condition(
        lambda case: _setting(case, "padding_mode", "zeros") != "zeros" and any(map(any, pads_of(case))),
        "padding is zeros", "use another padding_mode",
    ),
    "groups": Condition(lambda case: case.settings["groups"] > 1, "one group", "use two groups"),
    "kernel channels": Condition(
        lambda case: max(_kernel_channels(case)) > 1, "one channel in and out", "use two channels in and two out"
    ),
    "square kernel channels": Condition(
        lambda case: len(set(_kernel_channels(case))) == 1,
        "channels in and out differ in number, so that it would not fit", "use as many channels in as out",
    ),
    "output channels": Condition(
        lambda case: case.output_shape[1] > case.settings["groups"], "one output channel", "use two output channels"
    ),
    "input channels": Condition(
        lambda case: case.shapes["x"][1] > case.settings["groups"], "one input channel", "use two input channels"
    ),
    "samples": Condition(lambda case: case.shapes["x"][0] > 1, "one sample", "use two samples"),
    "bias": Condition(
        lambda case: (b := case.operands.get("b")) is not None and bool((b != 0).any()), "no bias", "give a bias"
    ),
    "positions": Condition(
        lambda case: product_of(case.output_shape[2:]) > 1 and product_of(case.positions) > 1,
        "one position", "use a longer input",
    ),
    "overlap": Condition(_overlap, "windows do not overlap", "use a stride below the window"),
    "remainder": Condition(
        _remainder, "windows leave no remainder", "use a length that the stride does not divide"
    ),
    "unreached cells": Condition(
        _unreached, "the last window ends with the input, or past it", "use a length that the stride does not divide"
    ),
    "spare taps": Condition(
        _spare_taps, "the stride leaves no remainder of a tap", "use a length that the stride does not divide"
    ),
    "cut windows": Condition(_cut, "all windows are whole", "use ceil mode, or padding"),
    "uneven windows": Condition(
        lambda case: any(isinstance(axis, AdaptiveAxis) for axis in case.arguments["window"].axes),
        "the output's length divides the input's", "use lengths that do not divide",
    ),
    "ties": Condition(_tied, "no ties", "use equal numbers in one window"),
    "negative window": Condition(
        lambda case: bool((_x(case) < 0).any()), "no negative numbers at the padding", "use negative numbers"
    ),
    "negative numbers": Condition(lambda case: bool((_x(case) < 0).any()), "x is not negative", "use negative numbers"),
    "norm above 1": Condition(lambda case: _setting(case, "norm", 2) != 1, "the norm is 1", "use norm 2"),
    "asymmetric kernel": Condition(
        lambda case: _asymmetric(case.operands["w"]), "the kernel is symmetric", "use a kernel that is not symmetric"
    ),
    "asymmetric delta": Condition(
        lambda case: _asymmetric(case.delta), "delta is symmetric", "use a delta that is not symmetric"
    ),
    "asymmetric dW": Condition(lambda case: True, "dW is symmetric", "use numbers without symmetry"),
    "delta other than ones": Condition(
        lambda case: case.delta is not None and bool((case.delta != 1).any()), "delta is all ones", "use another delta"
    ),
}  # fmt: skip
OTHERWISE = ("these numbers hide it", "use other numbers")


def blindness(case: Case, needs: tuple[str, ...]) -> tuple[str, str]:
    """Why a case does not show a mistake, and what would: the first condition that it does not meet."""
    for name in needs:
        condition = CONDITIONS[name]
        if not condition.met(case):
            return condition.why, condition.advice
    return ("dW is symmetric", "use numbers without symmetry") if "asymmetric dW" in needs else OTHERWISE


# -- Small changes of a case -------------------------------------------------------------------------------------------

Sketch = dict[str, Any]
"""A case with shapes, or arrays that stay, in place of its numbers."""


def sketch_of(case: Case) -> Sketch:
    """A case document with its arrays at full shape and its settings resolved."""
    settings = {name: value for name, value in case.settings.items() if value is not None}
    arrays = {"input": case.operands["x"], "kernel": case.operands.get("w"), "bias": case.operands.get("b")}
    given = {name: array for name, array in arrays.items() if array is not None}
    return {"op": case.operation.name, **settings, **given, "delta": case.delta}


def _fresh(*names: str) -> Callable[[Sketch], Sketch]:
    return lambda sketch: {**sketch, **{name: np.shape(sketch[name]) for name in names if name in sketch}}


def _longer(key: str, axis: int) -> Callable[[Sketch], Sketch]:
    return _with(key, lambda sketch: _one_more(np.shape(sketch[key]), axis))


def _one_more(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(length + ((n == axis) if axis < 2 else n >= 2) for n, length in enumerate(shape))


def _with(key: str, value: Callable[[Sketch], Any]) -> Callable[[Sketch], Sketch]:
    return lambda sketch: {**sketch, key: value(sketch), "delta": None} if key in sketch else {}


def _with_bias(sketch: Sketch) -> Sketch:
    if "kernel" not in sketch:
        return {}
    shape, groups = np.shape(sketch["kernel"]), sketch["groups"]
    return {**sketch, "bias": (shape[1] * groups if sketch["op"] == "conv-transpose" else shape[0],)}


def _with_channels(sketch: Sketch) -> Sketch:
    """Two more channels on either side of the kernel's, so many that it is square."""
    if "kernel" not in sketch:
        return {}
    shape, groups, x = np.shape(sketch["kernel"]), sketch["groups"], np.shape(sketch["input"])
    each = max(shape[0] // groups, shape[1]) + 1
    return {
        **sketch, "kernel": (each * groups, each, *shape[2:]), "input": (x[0], each * groups, *x[2:]),
        "bias": (each * groups,) if "bias" in sketch else None, "delta": None,
    }  # fmt: skip


def _with_groups(sketch: Sketch) -> Sketch:
    if "kernel" not in sketch:
        return {}
    (first, *rest), x = np.shape(sketch["kernel"]), np.shape(sketch["input"])
    return {
        **sketch, "groups": 2 * sketch["groups"], "kernel": (2 * first, *rest), "input": (x[0], 2 * x[1], *x[2:]),
        "bias": None, "delta": None,
    }  # fmt: skip


def _steps(sketch: Sketch) -> list[int]:
    return [2 + axis for axis in range(sketch["dims"])]


CHANGES: dict[str, Callable[[Sketch], Sketch]] = {
    "use a delta that is not symmetric": _fresh("delta"),
    "use a kernel that is not symmetric": _fresh("kernel"),
    "use an input without symmetry or repeats": _fresh("input"),
    "use other numbers": _fresh("delta", "kernel", "input", "bias"),
    "give a bias": _with_bias,
    "use one sample more": _longer("input", 0),
    "use an input that is a cell longer on every axis": _longer("input", 2),
    "use a kernel that is a tap longer on every axis": _longer("kernel", 2),
    "use a longer window": _with("window", lambda sketch: [size + 1 for size in sketch["window"]]),
    "use padding 1": _with("padding", lambda sketch: [[1, 1]] * sketch["dims"]),
    "use padding before only": _with("padding", lambda sketch: [[1, 0]] * sketch["dims"]),
    "use another stride on each axis, from 2 on": _with("stride", _steps),
    "use another dilation on each axis, from 2 on": _with("dilation", lambda sketch: _steps(sketch)[::-1]),
    "use stride 1": _with("stride", lambda sketch: 1),
    "use more channels, as many in as out": _with_channels,
    "use more groups": _with_groups,
    "use norm 3": _with("norm", lambda sketch: 3),
    "use padding_mode replicate": _with("padding_mode", lambda sketch: "replicate"),
    "use another output size": _with("output_size", lambda sketch: [size + 1 for size in sketch["output_size"]]),
}
"""From the smallest: other numbers, then one more of something, then other settings."""


def changed(case: Case) -> Iterator[tuple[str, Case]]:
    """The case with one small change each, where that gives a case."""
    sketch = sketch_of(case)
    for advice, change in CHANGES.items():
        altered = change(sketch)
        if altered and (made := drawn(altered)) is not None:
            yield advice, made


def drawn(sketch: Mapping[str, Any], seed: int = 1) -> Case | None:
    """A case from a sketch: whole numbers where it has shapes; None where it does not fit together."""
    random = np.random.default_rng(seed)
    filled = {key: _filled(key, value, random) for key, value in sketch.items() if value is not None}
    try:
        if filled.get("delta") is not None:
            return make_case(filled)
        shape = make_case(filled, needs_delta=False).output_shape
        return make_case({**filled, "delta": _numbers(shape, random)})
    except RequestError:
        return None


def _filled(key: str, value: Any, random: np.random.Generator) -> Any:
    is_shape = key in ("input", "kernel", "bias", "delta") and isinstance(value, tuple)
    return _numbers(value, random) if is_shape else value


def _numbers(shape: tuple[int, ...], random: np.random.Generator) -> Any:
    values = random.integers(-9, 10, shape)
    return np.where(values == 0, 10, values).tolist()
