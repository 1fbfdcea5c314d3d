"""Mistakes that happen to any array: its sign, a factor, its layout, its place, its shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.window import AdaptiveAxis, Axis
from convgrad.mistakes.computation import Computation, Convolution
from convgrad.mistakes.mistake import Form, Variants

# -- Other shapes ------------------------------------------------------------------------------------------------------


def padding_kept(c: Any) -> Variants:
    """dX over the padded input: cells before and after it that should have been cut off."""
    if not any(map(any, c.pads)) or getattr(c, "transposed", False):
        return {}
    if isinstance(c, Convolution) or c.kind == "average":
        return {"": _over_padded(c)}
    return {"": c.then(partial(_surrounded, pads=c.pads))}


def _over_padded(c: Any) -> Any:
    axes = tuple(
        axis if isinstance(axis, AdaptiveAxis) else replace(axis, before=axis.before - before)
        for axis, (before, _) in zip(c.axes, c.pads, strict=True)
    )
    mode = {"padding_mode": "zeros"} if isinstance(c, Convolution) else {}
    lengths = tuple(length + sum(pair) for length, pair in zip(c.lengths, c.pads, strict=True))
    return c.but(axes=axes, lengths=lengths, x=_surrounded(c.x, c.pads), **mode)


def _surrounded(array: Array, pads: Any) -> Array:
    result = zeros((*array.shape[:2], *(n + sum(p) for n, p in zip(array.shape[2:], pads, strict=True))), array.dtype)
    inside = (slice(before, before + n) for n, (before, _) in zip(array.shape[2:], pads, strict=True))
    result[(slice(None), slice(None), *inside)] = array
    return result


def remainder_left_out(c: Any) -> Variants:
    """dX that ends with the last window: the cells that no window reaches are not there."""
    if getattr(c, "transposed", False) or not all(isinstance(axis, Axis) for axis in c.axes):
        return {}
    counts = c.near.shape[2:]
    ends = [axis.cells(count - 1)[1] for axis, count in zip(c.axes, counts, strict=True)]
    kept = [min(end, length) for end, length in zip(ends, c.lengths, strict=True)]
    if kept == list(c.lengths) or min(kept) < 1:
        return {}
    return {"": c.then(partial(_first_cells, kept=tuple(kept)))}


def _first_cells(array: Array, kept: tuple[int, ...]) -> Array:
    cells: tuple[Any, ...] = (..., *(slice(count) for count in kept))
    return np.asarray(array[cells])


def remainder_as_taps(c: Any) -> Variants:
    """dW as the correlation of x with a spread-out delta, which has more taps where the stride leaves a remainder."""
    if c.transposed or c.padding_mode != "zeros":
        return {}
    spare = [
        (length + sum(pair) - (count - 1) * axis.stride - axis.extent) // axis.dilation
        for axis, length, pair, count in zip(c.axes, c.lengths, c.pads, c.near.shape[2:], strict=True)
    ]
    axes = tuple(replace(axis, size=axis.size + more) for axis, more in zip(c.axes, spare, strict=True))
    return {"": c.but(axes=axes)} if any(spare) else {}


def samples_kept(c: Computation) -> Variants:
    """dW or db sample by sample, not added up."""
    count = c.x.shape[0]
    if count < 2:
        return {}
    return {"": c.but(samples=tuple(c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1]) for n in range(count)))}


def samples_added(c: Computation) -> Variants:
    """dX added up, or averaged, over samples."""
    if c.x.shape[0] < 2:
        return {}
    return {"added": c.then(_sum_of_samples), "averaged": c.then(_mean_of_samples)}


def _sum_of_samples(array: Array) -> Array:
    return np.asarray(array.sum(axis=0, keepdims=True))


def _mean_of_samples(array: Array) -> Array:
    return np.asarray(_sum_of_samples(array) / array.shape[0])


def flattened(c: Computation) -> Variants:
    return {"": c.then(np.ravel)}


# -- The same numbers elsewhere ----------------------------------------------------------------------------------------


def laid_out(c: Computation) -> Variants:
    """The axes in another order: in the shape that this gives, or read back into the right shape."""
    natural = {name: c.then(partial(np.transpose, axes=order)) for name, order in _named_orders(c.dims).items()}
    reread = {name: c.then(partial(_reread, order=order)) for name, order in _named_orders(c.dims).items()}
    return {**natural, **{f"{name} read in place": altered for name, altered in reread.items()}}


def _orders(dims: int) -> Iterator[tuple[int, ...]]:
    """Every order of the two leading axes and the spatial ones, which stay together, forwards or backwards."""
    spatial = tuple(range(2, dims + 2))
    seen = {tuple(range(dims + 2))}
    for inner, order in product((spatial, spatial[::-1]), permutations("abs")):
        flat = tuple(axis for part in order for axis in {"a": (0,), "b": (1,), "s": inner}[part])
        if flat not in seen:
            seen.add(flat)
            yield flat


def _named_orders(dims: int) -> dict[str, tuple[int, ...]]:
    return {f"axes {','.join(map(str, order))}": order for order in _orders(dims)}


def _reread(array: Array, order: tuple[int, ...]) -> Array:
    return array.transpose(order).reshape(array.shape)


def moved(c: Computation) -> Variants:
    """Moved by a cell or two along one axis, or by one along all; what comes in is zero, or comes round."""
    steps = [_along(axis, step, c.dims) for axis in range(c.dims) for step in (1, -1, 2, -2)]
    steps += [(step,) * c.dims for step in (1, -1)] if c.dims > 1 else []
    zero = {f"by {_step_text(step)}": c.then(partial(_shifted, step=step)) for step in steps}
    return {**zero, **{f"by {_step_text(step)}, round": c.then(partial(_rolled, step=step)) for step in steps}}


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


_NOT_VECTOR = "leave the axes in the order of the operand"

SHAPES: dict[str, dict[str, Form]] = {
    "dW": {
        "remainder-kept": Form(
            "it has a tap more for every step of the remainder of the stride",
            "cut it to the kernel's size: the cells past the last window belong to no tap",
            remainder_as_taps,
            ("spare taps",),
            ("conv",),
        ),
        "batch-kept": Form(
            "samples are not added up", "add over the batch axis: dW has the kernel's shape", samples_kept,
            ("samples",), ("conv", "conv-transpose"),
        ),
    },
    "db": {
        "batch-kept": Form(
            "samples are not added up", "add over the batch axis: db has one number a channel", samples_kept,
            ("samples",), ("conv", "conv-transpose"),
        ),
    },
    "dX": {
        "padding-kept": Form(
            "the padding is not cut off",
            "cut the padding: `before` cells at the start of every axis, `after` at its end",
            padding_kept,
            ("padding",),
            ("conv", "max-pool", "average-pool", "lp-pool"),
        ),
        "remainder-missing": Form(
            "it ends with the last window",
            "give the cells past the last window a 0: dX has the input's shape",
            remainder_left_out,
            ("unreached cells",),
            ("conv", "max-pool", "average-pool", "lp-pool"),
        ),
        "batch-summed": Form(
            "samples are added up, or averaged", "keep the batch axis: dX has the input's shape", samples_added,
            ("samples",),
        ),
    },
}  # fmt: skip

ANY: dict[str, Form] = {
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
        _NOT_VECTOR,
        laid_out,
    ),
    "flattened": Form("the right numbers stand in another shape", "give it the shape of its operand", flattened),
    "shifted": Form(
        "the right numbers are moved by whole cells",
        "check where the first window starts, and `before`",
        moved,
    ),
}

ONLY_ARRAYS = {"db": ("negated", "scaled")}
"""Of an array with one axis nothing can be moved or laid out otherwise."""
