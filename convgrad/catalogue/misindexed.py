"""Operands of another index: of other samples, channels and positions, reversed, or another array's; families."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from convgrad.catalogue.computation import turn
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.miscounted import BY_COLUMNS, counted_otherwise
from convgrad.catalogue.misgrouped import INTERLEAVED, routed
from convgrad.catalogue.misread import SAMPLED, Named, altered, operands
from convgrad.catalogue.mistake import Variants, one
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import unfold

# -- Indices -----------------------------------------------------------------------------------------------------------


def indexed(c: Any) -> Variants:
    """An operand of another sample, channel or position."""
    found = dict(altered(c, _indexed))
    if isinstance(c, Convolution):
        found |= _by_other_index(c)
    return found


def _indexed(c: Any, name: str) -> Named:
    array = getattr(c, name)
    kinds = ("sample", "channel") if name in SAMPLED else ("filter", "channel")
    for axis, kind in enumerate(kinds):
        yield from _along(array, axis, kind)
    if name == "delta":
        yield from _positions(array, c.array != "db")
        yield from _looked_up(array)
        yield from _by_group(c, array)


def _by_group(c: Any, delta: Array) -> Named:
    """Delta of a group's number, or of a number within the group, in place of the filter's."""
    count, groups = delta.shape[1], getattr(c, "groups", 1)
    if groups > 1:
        numbers = np.arange(count)
        ways = {"o//M": numbers // (count // groups), "o%M": numbers % (count // groups), "o%G": numbers % groups}
        for name, channels in ways.items():
            yield f"of channel {name}", delta[:, channels]


def _along(array: Array, axis: int, kind: str) -> Named:
    count = array.shape[axis]
    for index in dict.fromkeys((0, count - 1)):
        yield f"{kind} {index} for all", np.take(array, [index] * count, axis)
    for step, text in ((1, "before"), (-1, "after")):
        if count > 2:  # of two, this is their exchange, or one of them alone
            yield f"of the {kind} {text}", np.roll(array, step, axis)
            yield f"of the {kind} {text}, 0 at the end", _shifted(array, step, axis)


def _positions(delta: Array, placed: bool) -> Named:
    """Delta of another position; where positions do not count, as in db, only of one for all."""
    flat = delta.reshape(*delta.shape[:2], -1)
    for index in (0, -1):
        yield f"the {'last' if index else 'first'} position for all", _wide(flat[..., [index]], delta.shape)
    for step, text in ((1, "before"), (-1, "after")) if placed else ():
        for label, moved in ((", round", np.roll(flat, step, 2)), ("", _shifted(flat, step, 2))):
            yield f"of the position {text}{label}", moved.reshape(delta.shape)
        for axis in range(2, delta.ndim):
            yield f"of the position {text} on axis {axis - 2}, round", np.roll(delta, step, axis)
            yield f"of the position {text} on axis {axis - 2}", _shifted(delta, step, axis)
            yield f"of the position {text} on axis {axis - 2}, twice at the end", _edged(delta, step, axis)


def _looked_up(delta: Array) -> Named:
    """Delta of the row and column that a number gives when it is counted otherwise (two axes)."""
    for names, rows, cols in counted_otherwise(delta.shape[2:]) if delta.ndim == 4 and delta.size else ():
        if names != BY_COLUMNS and rows.max() < delta.shape[2] and cols.max() < delta.shape[3]:
            yield f"at row {names[0]}, column {names[1]}", delta[:, :, rows, cols].reshape(delta.shape)


def _wide(one: Array, shape: tuple[int, ...]) -> Array:
    return np.array(np.broadcast_to(one.reshape(*one.shape[:2], *(1,) * (len(shape) - 2)), shape))


def _shifted(array: Array, step: int, axis: int) -> Array:
    result = np.roll(array, step, axis)
    result[(slice(None),) * axis + (slice(step) if step > 0 else slice(step, None),)] = zeros((), array.dtype)
    return result


def _edged(array: Array, step: int, axis: int) -> Array:
    numbers = np.clip(np.arange(array.shape[axis]) - step, 0, array.shape[axis] - 1)
    return np.asarray(np.take(array, numbers, axis))


def _by_other_index(c: Convolution) -> Variants:
    """A filter by the sample's number, delta by the input channel's."""
    found: dict[str, Any] = {}
    samples, filters = c.delta.shape[:2]
    if not c.transposed and samples <= filters and c.groups == 1:
        by_sample = zeros(c.delta.shape, c.delta.dtype)
        for n in range(samples):
            by_sample[n, n] = c.delta[n].sum(axis=0)
        found["filter by the sample's number"] = c.but(delta=by_sample)
    if c.array == "dX" and not c.transposed and c.groups == 1 and c.w.shape[1] == filters:
        found["delta by the input channel"] = c.but(groups=filters, w=c.w.sum(axis=0)[:, None])
    if c.array == "dW" and not c.transposed and c.groups == 1 and c.w.shape[1] <= filters:
        found["delta by the input channel"] = c.then(_diagonal_rows)
    if c.array == "dW" and not c.transposed and c.groups == 1 and filters <= c.w.shape[1]:
        found["x by the filter"] = c.then(_diagonal_columns)
    return found


def _diagonal_columns(dw: Array) -> Array:
    """Every channel's gradient from the x of the filter's number."""
    filters = np.arange(dw.shape[0])
    return np.asarray(np.broadcast_to(dw[filters, filters][:, None], dw.shape))


def _diagonal_rows(dw: Array) -> Array:
    """Every filter's gradient from the delta of the input channel's number."""
    channels = np.arange(dw.shape[1])
    return np.array(np.broadcast_to(dw[channels, channels], dw.shape))


# -- Channels and directions -------------------------------------------------------------------------------------------


def channels_flipped(c: Any) -> Variants:
    """The kernel, or its gradient, flipped over its channel axes, alone or with spatial ones; or another operand."""
    sets = [axes for axes in _subsets(c.dims + 2) if min(axes) < 2]
    if c.array == "dW":
        found = {f"axes {_text(axes)}": c.then(partial(np.flip, axis=axes)) for axes in sets}
        return {**found, **altered(c, _channels_reversed)}
    if c.array != "db" and isinstance(c, Convolution):
        found = {f"axes {_text(axes)}": c.but(w=np.flip(c.w, axes)) for axes in sets}
        return {**found, **altered(c, _channels_reversed, tuple(name for name in operands(c) if name != "w"))}
    return altered(c, _channels_reversed)


def _channels_reversed(c: Any, name: str) -> Named:
    yield "channels", np.flip(getattr(c, name), 1)


def _subsets(count: int) -> list[tuple[int, ...]]:
    return [axes for size in range(1, count + 1) for axes in combinations(range(count), size)]


def _text(axes: tuple[int, ...]) -> str:
    return ",".join(map(str, axes))


def operand_flipped(c: Any) -> Variants:
    """x or delta reversed along samples or spatial axes; or each other's place in the correlation that gives dW."""
    found = dict(altered(c, _reversed, tuple(name for name in operands(c) if name in SAMPLED)))
    if isinstance(c, Convolution) and c.array == "dW" and c.padding_mode == "zeros":
        other = c.on_axes(lambda axis: replace(axis, before=axis.before + axis.extent - 1))
        found["lags of the other sign"] = other.then(turn)
        found["delta: about its first position"] = _about_first(c)
    return found


def _about_first(c: Convolution) -> Any:
    """Delta's position p met p strides before the first cell, as in a convolution where a correlation is meant."""
    pairs = zip(c.axes, c.near.shape[2:], strict=True)
    axes = tuple(replace(axis, before=axis.before + (count - 1) * axis.stride) for axis, count in pairs)
    return c.but(axes=axes, x=turn(c.x)) if c.transposed else c.but(axes=axes, delta=turn(c.delta))


def _reversed(c: Any, name: str) -> Named:
    everything = tuple(range(2, c.dims + 2))
    for axes in _subsets(c.dims + 2):
        if 1 not in axes and not (name == "delta" and axes == everything):
            yield f"axes {_text(axes)}", np.flip(getattr(c, name), axes)


def result_flipped(c: Any) -> Variants:
    """The result reversed along one axis or several."""
    if c.array == "db":
        return one(c.then(np.flip))
    shared = {axes for axes in _subsets(c.dims + 2) if min(axes) < 2 and axes != (0,)} if c.array == "dW" else set()
    sets = [axes for axes in _subsets(c.dims + 2) if 1 not in axes and axes not in shared]
    return {f"axes {_text(axes)}": c.then(partial(np.flip, axis=axes)) for axes in sets}


def channels_permuted(c: Any) -> Variants:
    """Channels of an operand, or of the result, in another order: m C + c for c M + m, groups interleaved."""
    found = dict(altered(c, _interleaved))
    axes = {"dW": (0, 1), "db": (0,)}.get(c.array, (1,))
    shape = {"dW": lambda: c.w.shape, "db": lambda: c.delta.shape[1:2]}.get(c.array, lambda: None)()
    for axis in axes:
        count = shape[axis] if shape else (c.x if c.array == "dX" else c.delta).shape[1]
        for name, order in _interleavings(count):
            found[f"result's axis {axis}: {name}"] = c.then(partial(np.take, indices=order, axis=axis))
    return found | {name: made for name, made in routed(c).items() if name in INTERLEAVED}


def _interleaved(c: Any, name: str) -> Named:
    array = getattr(c, name)
    for axis in (0, 1) if name == "w" else (1,):
        for label, order in _interleavings(array.shape[axis]):
            yield f"axis {axis}: {label}", np.take(array, order, axis)


def _interleavings(count: int) -> Iterator[tuple[str, Array]]:
    """m C + c for c M + m, for every way to write the number of channels as a product."""
    for outer in range(2, count):
        if count % outer == 0:
            yield f"{outer} interleaved", np.arange(count).reshape(outer, -1).T.ravel()


# -- Other operands ----------------------------------------------------------------------------------------------------


def other_operand(c: Any) -> Variants:
    """Another array of the case in an operand's place, or in the result's."""
    found = dict(altered(c, _others, tuple(name for name in operands(c))))
    found |= _windows_exchanged(c)
    shape = {"dW": lambda: c.w.shape, "dX": lambda: c.x.shape, "output": lambda: c.delta.shape}.get(c.array, tuple)()
    for name, array in _arrays(c).items():
        if array.shape == shape:
            found[f"{name} itself"] = c.but(arrange=(partial(_instead, other=array),))
    return found


def _windows_exchanged(c: Any) -> dict[str, Any]:
    """x's window for the kernel in what an overlay adds to dX, the kernel for x's window in what it adds to dW."""
    if not isinstance(c, Convolution) or c.transposed:
        return {}
    if c.array == "dW":
        sums = c.delta.sum(axis=(0, *range(2, c.delta.ndim)))
        return {
            "the kernel for x's window": c.but(
                arrange=(partial(_instead, other=(c.w.swapaxes(0, -1) * sums).swapaxes(0, -1)),)
            )
        }
    if c.array != "dX":
        return {}
    return {"x's window for the kernel": c.but(regroup=lambda _: _weighted_windows(c))}


def _weighted_windows(c: Convolution) -> Array:
    """Every window of x times its deltas, added up over the output channels of its group: (N,C,*K,*P)."""
    far, before = c.padded(c.x)
    taken = unfold(far, c.window(far.shape[2:], before))
    parts = c.delta.reshape(len(c.delta), c.groups, -1, *c.delta.shape[2:]).sum(axis=2)
    sums = np.repeat(parts, c.x.shape[1] // c.groups, axis=1)
    return np.asarray(taken * sums.reshape(*sums.shape[:2], *(1,) * c.dims, *sums.shape[2:]))


def _instead(array: Array, other: Array) -> Array:
    return other


def _arrays(c: Any) -> dict[str, Array]:
    """The arrays of a case that may be taken for another: what goes in, and y."""
    arrays = {"x": c.x, "delta": c.delta}
    if isinstance(c, Convolution):
        arrays["w"] = c.w
    if c.array != "output":
        arrays["y"] = c.but(array="output").value()
    return arrays


def _others(c: Any, name: str) -> Named:
    right = getattr(c, name)
    for other, array in _arrays(c).items():
        if other != name and array.size == right.size:
            yield other, array.reshape(right.shape)
    if name == "delta":
        yield "its signs", np.sign(right) if right.dtype != object else _signs(right)
        yield "its sizes", abs(right)
        yield "its running sum", _running(right)
    if name == "w" and c.array == "dX":
        yield "dW", c.but(array="dW").value()


def _signs(array: Array) -> Array:
    return zeros(array.shape, array.dtype) + (array > 0) - (array < 0)


def _running(delta: Array) -> Array:
    """The sum of a channel so far, sample after sample."""
    moved = delta.swapaxes(0, 1)
    return np.asarray(moved.reshape(len(moved), -1).cumsum(axis=1).reshape(moved.shape).swapaxes(0, 1))
