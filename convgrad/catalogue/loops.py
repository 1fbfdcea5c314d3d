"""A convolution as the loops that people write, with the variable of one loop where another's is meant; families."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros

MOST = 50_000
"""Products up to which loops are tried: a few milliseconds each."""
AXES = {1: ("",), 2: ("row", "column"), 3: ("plane", "row", "column")}
"""What the places along the spatial axes are called."""

Numbers = tuple[Array, ...]
"""What every turn of all loops has for the indices of an array."""


@dataclass(frozen=True, eq=False)
class Loops:
    """For every sample, channel of `near`, channel of `far` in its group, position and tap: which entries meet.

    `cells` are those of `far`, outside which nothing is read or written.
    """

    c: Convolution
    near: Numbers
    kernel: Numbers
    far: Numbers
    cells: Numbers

    def value(self) -> Array:
        """The array that is made: of a kernel's gradient, of what lies far, or of what lies near."""
        c, lengths = self.c, self.c.far.shape[2:]
        inside = np.ones((), bool)
        for cell, length in zip(self.cells, lengths, strict=True):
            inside = inside & (cell >= 0) & (cell < length)
        far = (*self.far, *self.cells)
        if c.array == "dW":
            return _added(c.w.shape, self.kernel, [(c.near, self.near), (c.far, far)], inside)
        if (c.array == "dX") == c.transposed:
            return _added(c.near.shape, self.near, [(c.far, far), (c.w, self.kernel)], inside)
        return _added(c.far.shape, far, [(c.near, self.near), (c.w, self.kernel)], inside)


def _added(shape: tuple[int, ...], to: Numbers, factors: list[tuple[Array, Numbers]], inside: Array) -> Array:
    """The products of all turns whose cells lie inside, each added to its entry."""
    numbers = np.broadcast_arrays(inside, *to, *(part for _, each in factors for part in each))
    met, flat = numbers[0], [part[numbers[0]] for part in numbers[1:]]
    result, rest = zeros(shape, factors[0][0].dtype), flat[len(to) :]
    product: Any = 1
    for array, each in factors:
        product = product * array[tuple(rest[: len(each)])]
        rest = rest[len(each) :]
    if met.any():
        np.add.at(result, tuple(flat[: len(to)]), product)
    return result


def _right(c: Convolution) -> tuple[Loops, dict[str, Array]]:
    """The loops as they should be, and their variables by name."""
    samples, outer, inner = len(c.near), c.near.shape[1], c.w.shape[1]
    grid = np.ogrid[tuple(slice(n) for n in (samples, outer, inner, *c.near.shape[2:], *c.w.shape[2:]))]
    n, o, i, *rest = grid
    positions, taps = rest[: c.dims], rest[c.dims :]
    cells = tuple(p * a.stride + t * a.dilation - a.before for p, t, a in zip(positions, taps, c.axes, strict=True))
    turned = [size - 1 - t if c.turned else t for t, size in zip(taps, c.w.shape[2:], strict=True)]
    far = (n, i if c.groups == 1 else o // (outer // c.groups) * inner + i)
    names = {"sample": n, **_channels(c, o, i), **named("position", positions), **named("tap", taps)}
    if c.groups > 1:
        names["group"] = o // (outer // c.groups)
    return Loops(c, (n, o, *positions), (o, i, *turned), far, cells), names


def _channels(c: Convolution, o: Array, i: Array) -> dict[str, Array]:
    first, second = ("input", "output") if c.transposed else ("output", "input")
    return {f"{first} channel": o, f"{second} channel": i}


def named(noun: str, each: list[Array]) -> dict[str, Array]:
    names = AXES.get(len(each), tuple(f"axis {axis}" for axis in range(len(each))))
    return {f"{noun}'s {name}" if name else noun: part for name, part in zip(names, each, strict=True)}


# -- Families ----------------------------------------------------------------------------------------------------------


def _taken(c: Any) -> bool:
    """Whether loops are so few that they are tried."""
    if not isinstance(c, Convolution) or c.array == "db" or c.padding_mode != "zeros" or not c.near.size:
        return False
    return bool(c.near.size * prod(c.w.shape[1:]) <= MOST)


def _computed(c: Convolution, loops: Loops) -> Any:
    """The computation whose result is what the loops add up."""
    return c.but(arrange=(partial(_instead, loops=loops),))


def _instead(array: Array, loops: Loops) -> Array:
    value = loops.value()
    return value + (array - array if loops.c.b is None else _bias(loops.c)) if loops.c.array == "output" else value


def _bias(c: Convolution) -> Array:
    assert c.b is not None
    return c.b.reshape(1, -1, *(1,) * c.dims)


def cells_by_other_loop(c: Any) -> Variants:
    """A cell counted from another loop's variable than its position's or its tap's, or by division."""
    if not _taken(c):
        return {}
    loops, names = _right(c)
    return {
        text: _computed(c, replace(loops, cells=(*loops.cells[:axis], cell, *loops.cells[axis + 1 :])))
        for axis in range(c.dims)
        for text, cell in _cells(c, axis, names)
    }


def _cells(c: Convolution, axis: int, names: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    yield from _instead_of_cell(c, axis, names)
    own, spatial = c.axes[axis], list(names)[3:]
    here, tap = spatial[axis], spatial[c.dims + axis]
    p, t = names[here], names[tap]
    for other, number in names.items():
        if other != here:
            yield f"a cell's {other} for its {here}", number * own.stride + t * own.dilation - own.before
        if other != tap:
            yield f"a cell's {other} for its {tap}", p * own.stride + number * own.dilation - own.before
    ways: dict[str, Callable[[], Array]] = {
        f"{here} // stride": lambda: p // own.stride + t * own.dilation - own.before,
        f"{tap} // dilation": lambda: p * own.stride + t // own.dilation - own.before,
        f"{tap} subtracted": lambda: p * own.stride - t * own.dilation - own.before,
        f"{here} subtracted": lambda: t * own.dilation - p * own.stride - own.before,
    }
    yield from ((name, way()) for name, way in ways.items())


def _instead_of_cell(c: Convolution, axis: int, names: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Another axis's cell, of x or of the padded x, or the variable of a loop, where a cell is meant."""
    cells = _right(c)[0].cells
    noun = AXES.get(len(cells), tuple(f"axis {number}" for number in range(len(cells))))
    for number, cell in enumerate(cells):
        if number != axis:
            shift = c.axes[number].before - c.axes[axis].before
            yield f"the cell's {noun[number]} for its {noun[axis]}", cell
            if shift:
                yield f"the cell's {noun[number]} for its {noun[axis]}, with padding", cell + shift
    for other, variable in names.items():
        yield f"the {other} for the cell's {noun[axis]}".rstrip(), variable
        if c.axes[axis].before:
            yield f"the {other} for the cell's {noun[axis]}".rstrip() + ", with padding", variable - c.axes[axis].before


def indices_by_other_loop(c: Any) -> Variants:
    """An array addressed by another loop's variable than its own."""
    if getattr(c, "array", "") == "db" and c.delta.size:
        return _sums_by_other_loop(c)
    if not _taken(c):
        return {}
    loops, names = _right(c)
    near, far, w = _called(c)
    parts = {"near": (near, c.near.shape), "kernel": (w, c.w.shape), "far": (far, c.far.shape[:2])}
    found = {
        f"{called}: by the {other}, not the {own}": _computed(c, _with(loops, part, changed))
        for part, (called, shape) in parts.items()
        for other, own, changed in exchanged(getattr(loops, part), shape, names)
    }
    return found | {
        f"{far}: {text}": _computed(c, replace(loops, far=(loops.far[0], channel)))
        for text, channel in _of_groups(c, names)
    }


def _of_groups(c: Convolution, names: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Channels of what lies far, counted in groups by another loop's variable than the group or its own channel."""
    inner, channels = c.w.shape[1], c.far.shape[1]
    own = list(names)[2]
    for other, number in names.items() if c.groups > 1 else ():
        for text, channel in (
            (f"channel {other} of the group, not its {own}", names["group"] * inner + number),
            (f"channel of group {other}", number * inner + names[own]),
            (f"by the {other}, not the group's channel", number),
        ):
            if channel.max(initial=0) < channels:
                yield text, channel


def _with(loops: Loops, part: str, numbers: Numbers) -> Loops:
    changed: dict[str, Any] = {part: numbers}
    return replace(loops, **changed)


def _sums_by_other_loop(c: Convolution) -> Variants:
    """db from delta addressed by another loop's variable."""
    grid = np.ogrid[tuple(slice(n) for n in c.delta.shape)]
    names = {"sample": grid[0], "output channel": grid[1], **named("position", list(grid[2:]))}
    found = {}
    for other, own, numbers in exchanged(tuple(grid), c.delta.shape, names):
        delta = c.delta[tuple(np.broadcast_arrays(*numbers, *grid)[: c.delta.ndim])]
        found[f"delta: by the {other}, not the {own}"] = c.but(delta=delta)
    return found


def _called(c: Convolution) -> tuple[str, str, str]:
    """What lies near, what lies far and the kernel, as people call them: what is made by its own name."""
    near, far = ("x", "delta") if c.transposed else ("delta", "x")
    made = {"dX": "x", "output": "delta", "dW": "w"}[c.array]
    names = {"x": "x", "delta": "delta", "w": "w", made: "y" if c.array == "output" else c.array}
    return names[near], names[far], names["w"]


def exchanged(numbers: Numbers, shape: tuple[int, ...], names: dict[str, Array]) -> Iterator[tuple[str, str, Numbers]]:
    """The indices of an array with one by another variable that does not lead past its end."""
    for axis, (number, length) in enumerate(zip(numbers, shape, strict=True)):
        own = next((name for name, variable in names.items() if variable is number), None)
        for other, variable in names.items() if own else ():
            if other != own and variable.max(initial=0) < length:
                yield other, str(own), (*numbers[:axis], variable, *numbers[axis + 1 :])
