"""What a case must have to show a mistake, and so why it is blind to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.computation import pads_of, product_of, turn
from convgrad.core.arithmetic import Array
from convgrad.core.window import AdaptiveAxis, Axis
from convgrad.operations.max_pool import has_ties
from convgrad.subject.case import Case
from convgrad.vocabulary import MEAN, NORM, TRANSPOSED

EXACT_IN_HALF = 2048
"""Up to which whole numbers are exact in half precision."""


class Condition(NamedTuple):
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
    return tuple(case.arguments["lengths"] if case.operation.family == TRANSPOSED else case.shapes["x"][2:])


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
    return bool((axis.counted(length, *counted) < axis.size).any())


def _kernel_channels(case: Case) -> tuple[int, int]:
    """The channels of a group, out and in as the kernel has them."""
    first, second = case.shapes["w"][:2]
    return first // case.settings["groups"], second


def _tied(case: Case) -> bool:
    return has_ties(_x(case), case.arguments["window"])


def _varies(case: Case) -> bool:
    """Whether delta differs from position to position in any channel, or has one position."""
    if case.delta is None or product_of(case.output_shape[2:]) < 2:
        return True
    rows = case.delta.reshape(*case.delta.shape[:2], -1)
    return bool((rows != rows[..., :1]).any())


def _lengths(case: Case) -> list[tuple[int, ...]]:
    """The lengths of every array along the spatial axes, and of the window where there is one."""
    windows = [case.arguments["window"].size] if "window" in case.arguments else []
    return [tuple(shape) for shape in (case.shapes["x"][2:], case.output_shape[2:], *windows)]


def _oblong(case: Case) -> bool:
    """Whether anything is longer along one axis than along another; with one axis there is nothing to confuse."""
    return case.dims < 2 or any(len(set(lengths)) > 1 for lengths in _lengths(case))


def _odd_lengths(case: Case) -> bool:
    """Whether a loop in steps of four leaves anything over, in the input or in the output."""
    return any(length % 4 for lengths in _lengths(case)[:2] for length in lengths)


def _uneven_padding(case: Case) -> bool:
    return len({number for pair in pads_of(case) for number in pair}) > 1


def _fractions(case: Case) -> bool:
    """Whether any number is other than whole, or is divided, or is too large for half precision."""
    arrays = (*case.operands.values(), case.delta)
    divided = case.operation.family in (MEAN, NORM)
    given = [array for array in arrays if array is not None]
    return divided or any(bool(((array % 1 != 0) | (abs(array) > EXACT_IN_HALF)).any()) for array in given)


def _x(case: Case) -> Array:
    x = case.operands["x"]
    assert x is not None
    return x


def _planes(case: Case) -> Array:
    """The cells that numbers go to, a row a plane."""
    indices: Array = case.arguments["indices"]
    return indices.reshape(-1, product_of(indices.shape[2:]))


def _elsewhere(case: Case) -> bool:
    """Whether any number goes to another cell than its own place has."""
    cells, lengths = case.arguments["indices"], case.arguments["lengths"]
    own = np.ravel_multi_index(tuple(np.indices(cells.shape[2:])), lengths, mode="wrap")
    return bool((cells != own).any())


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
    "uneven padding": Condition(
        _uneven_padding, "padding is the same on every side", "use another padding on every side"
    ),
    "padding or cropping": Condition(
        lambda case: any(map(any, case.settings.get("padding", ()))), "no padding", "use padding 1"
    ),
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
    "channels": Condition(
        lambda case: max(case.shapes["x"][1], case.output_shape[1]) > 1, "one channel everywhere", "use two channels"
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
    "delta that varies": Condition(
        _varies, "delta is constant in every channel", "use a delta that differs from position to position"
    ),
    "lengths that differ": Condition(
        _oblong, "height and width are equal everywhere", "use an input, or a kernel, that is not square"
    ),
    "lengths not in fours": Condition(
        _odd_lengths, "all lengths are multiples of 4", "use a length that 4 does not divide"
    ),
    "asymmetric delta": Condition(
        lambda case: _asymmetric(case.delta), "delta is symmetric", "use a delta that is not symmetric"
    ),
    "asymmetric dW": Condition(lambda case: True, "dW is symmetric", "use numbers without symmetry"),
    "fractions": Condition(_fractions, "all numbers are whole, and small", "use numbers with decimals"),
    "other cells": Condition(_elsewhere, "every number stays at its own place", "use other indices"),
    "cells out of order": Condition(
        lambda case: bool((np.diff(_planes(case), axis=1) < 0).any()),
        "the cells of every plane are named in their order", "use indices that are not in order",
    ),
    "planes that differ": Condition(
        lambda case: bool((_planes(case) != _planes(case)[:1]).any()),
        "all planes have the same indices", "use other indices in every plane",
    ),
    "room": Condition(
        lambda case: product_of(case.output_shape[2:]) > product_of(case.shapes["x"][2:]),
        "the output is no larger than the input", "use a larger output size",
    ),
    "delta other than ones": Condition(
        lambda case: case.delta is not None and bool((case.delta != 1).any()), "delta is all ones", "use another delta"
    ),
}  # fmt: skip
TIED = ("ties",)
"""What rules for ties need: where there are none, all of them give the same."""
SPOTS = ("delta that varies", "asymmetric kernel", "lengths that differ", "lengths not in fours")
"""What hides parts of many mistakes, though none of them whole: some of their variants show only where it is met."""
OTHERWISE = ("these numbers hide it", "use other numbers")


def unmet(case: Case, needs: tuple[str, ...]) -> Condition | None:
    """The first of several conditions that a case does not meet; None where it meets all."""
    return next((CONDITIONS[name] for name in needs if not CONDITIONS[name].met(case)), None)


def spots(case: Case) -> tuple[Condition, ...]:
    """Those of the conditions that hide parts of many mistakes which a case does not meet."""
    asked = (name for name in SPOTS if name != "asymmetric kernel" or case.operands.get("w") is not None)
    return tuple(CONDITIONS[name] for name in asked if not CONDITIONS[name].met(case))


def blindness(case: Case, needs: tuple[str, ...]) -> tuple[str, str]:
    """Why a case does not show a mistake, and what would: the first condition that it does not meet."""
    if (condition := unmet(case, needs)) is not None:
        return condition.why, condition.advice
    return ("dW is symmetric", "use numbers without symmetry") if "asymmetric dW" in needs else OTHERWISE
