"""From sizes and settings to a Window: padding rules, ceil mode, and what geometry is impossible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

from convgrad.core.window import AdaptiveAxis, Axis, Window
from convgrad.errors import Problem, RequestError

Pairs = tuple[tuple[int, int], ...]
ENOUGH, GROWTH = 1 << 18, 64
"""Numbers that settings may ask for, however small the input, and how many for each that is given."""
TAPS = 1 << 12
"""The same of the taps of a window, which are gone through one by one."""
WORK = 1 << 23
"""Products of windows that are wider than the input: beyond these, what is added up is padding."""


def resolved_padding(padding: Any, sizes: Sequence[int], lengths: Sequence[int], settings: Mapping[str, Any]) -> Pairs:
    """Padding in cells before and after, per axis; words become numbers; below 0 crops.

    >>> resolved_padding("same", [2], [5], {"stride": (2,), "dilation": (1,)})
    ((0, 1),)
    """
    if not isinstance(padding, str):
        return tuple((int(before), int(after)) for before, after in padding)
    steps = zip(settings["stride"], settings.get("dilation", (1,) * len(sizes)), strict=True)
    axes = [Axis(size, stride, dilation) for size, (stride, dilation) in zip(sizes, steps, strict=True)]
    return tuple(_PADDINGS[padding](axis, length) for axis, length in zip(axes, lengths, strict=True))


def _same(axis: Axis, length: int) -> tuple[int, int]:
    """Padding so that the output length is ceil(i/s); the odd cell comes after."""
    total = max((-(length // -axis.stride) - 1) * axis.stride + axis.extent - length, 0)
    return total // 2, total - total // 2


def _same_lower(axis: Axis, length: int) -> tuple[int, int]:
    before, after = _same(axis, length)
    return after, before


_PADDINGS: dict[str, Callable[[Axis, int], tuple[int, int]]] = {
    "valid": lambda axis, length: (0, 0),
    "same": _same,
    "same-lower": _same_lower,
    "full": lambda axis, length: (axis.extent - 1, axis.extent - 1),
    "causal": lambda axis, length: (axis.extent - 1, 0),
}


def strided_axes(sizes: Sequence[int], settings: Mapping[str, Any]) -> tuple[Axis, ...]:
    """One axis each from sizes and the resolved stride, dilation and padding."""
    dilation = settings.get("dilation", (1,) * len(sizes))
    columns = zip(sizes, settings["stride"], dilation, settings["padding"], strict=True)
    return tuple(Axis(size, stride, step, before, after) for size, stride, step, (before, after) in columns)


def fitting(axes: Sequence[Axis], lengths: Sequence[int], what: str = "kernel") -> Window:
    """A window that has at least one position on every axis, or RequestError with the arithmetic."""
    pairs = list(enumerate(zip(axes, lengths, strict=True)))
    raise_all(_too_short(number, axis, length, what) for number, (axis, length) in pairs if not axis.positions(length))
    return Window(tuple(axes))


def _too_short(number: int, axis: Axis, length: int, what: str) -> Problem:
    room = f"{added(length, axis.before, axis.after)} = {length + axis.before + axis.after}"
    extent = f"{axis.dilation}*({axis.size} - 1) + 1 = {axis.extent}"
    return Problem(
        f"the {what} does not fit the input on axis {number}: it extends over {extent} cells, "
        f"and input and padding have {room}, so the output length would be below 1",
        f"use a smaller {what} or dilation, or padding of {axis.extent - length - axis.before - axis.after} more",
        ("padding" if min(axis.before, axis.after) < 0 else what,),
    )


def ceiled(axis: Axis, length: int) -> Axis:
    """The axis in ceil mode: ceil((i+lo+hi-K)/s)+1 windows, less one where the last would start at or past i+lo.

    >>> ceiled(Axis(3, stride=2), 6).positions(6), ceiled(Axis(1, stride=3), 5).positions(5)
    (3, 2)
    >>> ceiled(Axis(3, stride=2), 2).positions(2)
    1
    """
    room = length + axis.before + axis.after - axis.extent
    count = -(room // -axis.stride) + 1
    return axis.fitted(length, count - (axis.start(count - 1) >= length))


def pooling(settings: Mapping[str, Any], lengths: Sequence[int]) -> Window:
    """A pool's window; in ceil mode one longer than input and padding still has a position."""
    axes = strided_axes(settings["window"], settings)
    if settings["ceil_mode"]:
        raise_all(_cropped_end(number, axis) for number, axis in enumerate(axes) if axis.after < 0)
        axes = tuple(ceiled(axis, length) for axis, length in zip(axes, lengths, strict=True))
    return fitting(axes, lengths, "window")


def _cropped_end(number: int, axis: Axis) -> Problem:
    message = f"padding {axis.after} after axis {number} crops it, but ceil_mode lets windows reach past its end"
    return Problem(message, "crop the input itself, or leave ceil_mode out", ("padding",))


def adaptive(lengths: Sequence[int], counts: Sequence[int]) -> Window:
    """Windows that divide each axis; where they divide it evenly they are plain strided ones."""
    return Window(tuple(_adaptive_axis(length, count) for length, count in zip(lengths, counts, strict=True)))


def _adaptive_axis(length: int, count: int) -> Axis | AdaptiveAxis:
    return AdaptiveAxis(length, count) if length % count else Axis(length // count, stride=length // count)


def lonely_positions(window: Window, lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Positions, one an axis at most, whose window meets padding only."""
    for number, (axis, length) in enumerate(zip(window.axes, lengths, strict=True)):
        if not isinstance(axis, Axis):
            continue
        count = axis.positions(length)
        begun, ended = (-(cell // -axis.stride) for cell in (axis.before, axis.before + length))
        # a window whose first cell lies in the input meets it: only those that start before or after it may not
        for position in chain(range(min(begun, count)), range(max(ended, 0), count)):
            if not any(0 <= cell < length for cell in _near(axis, position, length)):
                yield tuple(position if n == number else 0 for n in range(len(lengths)))
                break


def _near(axis: Axis, position: int, length: int) -> range:
    """The taps of a window that could meet the input: its cells from 0 on, for as long as they are inside."""
    first = axis.start(position)
    skipped = max(0, -(first // axis.dilation))
    return range(first + skipped * axis.dilation, min(first + axis.extent, length), axis.dilation)


def refuse_lonely(window: Window, lengths: Sequence[int], why: str) -> None:
    """Raise RequestError, naming the position, where a window meets padding only."""
    raise_all(
        Problem(
            f"the window at position {list(position)} meets padding only, and {why}",
            "use less padding, or a larger window",
            ("padding",),
        )
        for position in lonely_positions(window, lengths)
    )


def refuse_flood(name: str, shape: Sequence[int], given: int) -> None:
    """Raise RequestError where settings blow a small document up to far more numbers than it gives."""
    if prod(shape) <= max(TAPS if name == "window" else ENOUGH, GROWTH * given):
        return
    size = f"{prod(shape):.3g} numbers ({prod(shape) * 8 / 10**9:.3g} GB)"
    message = f"the {name} would have shape {shape_text(shape)}: {size}, from an input of {given}"
    raise RequestError(Problem(message, "check " + ", ".join(_ENLARGING[name]), (_ENLARGING[name][0],)))


_ENLARGING = {
    "window": ("window",), "padded input": ("padding",), "uncropped output": ("stride", "dilation", "padding"),
    "output": ("padding", "stride", "dilation", "output_size"),
}  # fmt: skip
"""The settings that make an array large; the first is where an error points."""


def refuse_toil(window: Sequence[int], lengths: Sequence[int], output: Sequence[int], given: int) -> None:
    """Raise RequestError where windows that are wider than the input take far more products than it gives."""
    inside = prod(map(min, window, lengths))
    cells = prod(output) * prod(window)
    if cells > max(WORK, GROWTH * given * inside):
        message = f"windows of {shape_text(window)} at {prod(output)} positions hold {cells:.3g} cells"
        padding = f", nearly all of them padding: the input has {given}"
        raise RequestError(Problem(message + padding, "use a smaller window", ("window",)))


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it.

    >>> shape_text((4,)), shape_text((2, 3)), shape_text(())
    ('(4,)', '(2, 3)', 'a number')
    """
    return str(tuple(shape)) if shape else "a number"


def added(first: int, *others: int) -> str:
    """A sum as people write it.

    >>> added(5, 1, -2)
    '5 + 1 - 2'
    """
    return " ".join([str(first), *(f"{'-' if number < 0 else '+'} {abs(number)}" for number in others)])


def raise_all(problems: Iterator[Problem] | list[Problem]) -> None:
    """Raise RequestError if there are any problems."""
    if found := list(problems):
        raise RequestError(found)
