"""Mistakes that happen to any array: its sign, a factor, its layout, its place."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.memory import orders
from convgrad.catalogue.mistake import Form, Variants
from convgrad.core.arithmetic import Array, zeros


def flattened(c: Computation) -> Variants:
    return {"": c.then(np.ravel)}


def laid_out(c: Computation) -> Variants:
    """The axes in another order: in the shape that this gives, or read back into the right shape."""
    natural = {name: c.then(partial(np.transpose, axes=order)) for name, order in _named_orders(c.dims).items()}
    reread = {name: c.then(partial(_reread, order=order)) for name, order in _named_orders(c.dims).items()}
    return {**natural, **{f"{name} read in place": altered for name, altered in reread.items()}}


def _named_orders(dims: int) -> dict[str, tuple[int, ...]]:
    return {f"axes {','.join(map(str, order))}": order for order in orders(dims)[1:]}


def _reread(array: Array, order: tuple[int, ...]) -> Array:
    return array.transpose(order).reshape(array.shape)


def moved(c: Computation) -> Variants:
    """Moved by a cell or two along one axis, or by one along all; what comes in is zero, or comes round."""
    lengths = _lengths(c)
    within = [(axis, step) for axis in range(c.dims) for step in (1, -1, 2, -2) if abs(step) < lengths[axis]]
    steps = [_along(axis, step, c.dims) for axis, step in within]
    steps += [(step,) * c.dims for step in (1, -1)] if c.dims > 1 and min(lengths) > 1 else []
    zero = {f"by {_step_text(step)}": c.then(partial(_shifted, step=step)) for step in steps}
    return {**zero, **{f"by {_step_text(step)}, round": c.then(partial(_rolled, step=step)) for step in steps}}


def _lengths(c: Any) -> tuple[int, ...]:
    """The spatial axes of the result: moved by all of its length, nothing is left of it."""
    shapes = {"dW": lambda: c.w.shape, "dX": lambda: c.x.shape, "output": lambda: c.delta.shape}
    return tuple(shapes[c.array]()[2:])


def _along(axis: int, step: int, dims: int) -> tuple[int, ...]:
    return tuple(step if number == axis else 0 for number in range(dims))


def _step_text(step: tuple[int, ...]) -> str:
    return ",".join(map(str, step))


def _rolled(array: Array, step: tuple[int, ...]) -> Array:
    return np.roll(array, step, axis=tuple(range(2, array.ndim)))


def _shifted(array: Array, step: tuple[int, ...]) -> Array:
    result = _rolled(array, step)
    for axis, cells in enumerate(step, start=2):
        if cells:
            left = slice(cells) if cells > 0 else slice(cells, None)
            result[(slice(None),) * axis + (left,)] = zeros((), array.dtype)
    return result


ANY: dict[str, Form] = {
    "left-at-zero": Form(
        "nothing is ever added: the array is as it was made",
        "add to the array that is returned, not to a copy of it",
        lambda c: {"": c.scaled(0)},
    ),
    "negated": Form(
        "the sign is the other: a descent direction",
        "give the gradient itself, and subtract it in the step",
        lambda c: {"": c.scaled(-1)},
    ),
    "scaled": Form(
        "everything is multiplied by {factor}",
        "leave the factor out, or put it into delta (a loss without its half, a mean, a learning rate)",
        lambda c: {"2": c.scaled(2)},
    ),
    "transposed-layout": Form(
        "the right numbers stand in another order of axes",
        "leave the axes in the order of the operand",
        laid_out,
    ),
    "flattened": Form("the right numbers stand in another shape", "give it the shape of its operand", flattened),
    "shifted": Form(
        "the right numbers are moved by whole cells",
        "check where the first window starts, and `before`",
        moved,
    ),
}

ONLY_ARRAYS = {"db": ("left-at-zero", "negated", "scaled")}
"""Of an array with one axis nothing can be moved or laid out otherwise."""
