"""What is added up, and what is done to the result; families of changed computations."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from math import floor, isfinite, trunc
from typing import Any

import numpy as np

from convgrad.catalogue import alterations as alter
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.misread import Named, altered, operands, read_as
from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import divisors
from convgrad.core.arithmetic import EXACT, Array, rounded, zeros
from convgrad.vocabulary import MEAN

# -- Overlays and taps -------------------------------------------------------------------------------------------------


WHOSE = {"every sample": slice(None), "the last sample": slice(-1, None), "the first sample": slice(0, 1)}


def one_overlay(c: Any) -> Variants:
    """One overlay alone, the last or the first: of every sample, or of one."""
    name = "x" if getattr(c, "transposed", False) and c.array == "dW" else "delta"
    near = getattr(c, name)
    if near.ndim < 3 or not near.size:
        return {}
    found = {}
    for at, where in ((-1, "last"), (0, "first")):
        for of, samples in WHOSE.items():
            place = (samples, slice(None), *(slice(at, at + 1 or None),) * (near.ndim - 2))
            found[f"the {where} of {of}"] = c.but(**{name: _kept(near, place)})
    if isinstance(c, Convolution) and c.array == "dW":
        found["the last inside the input"] = c.but(overwrite="last")
    return found


def one_sample_filled(c: Any) -> Variants:
    """dX of one sample alone, the others left at 0."""
    count = len(c.delta)
    kept = [count - 1, *range(min(count - 1, 8))] if count > 1 else []
    return {f"sample {n}": c.but(delta=_kept(c.delta, n)) for n in kept}


def _kept(array: Array, place: Any) -> Array:
    result = zeros(array.shape, array.dtype)
    result[place] = array[place]
    return result


def taps_overwritten(c: Convolution) -> Variants:
    """Taps added by `=`: of those over a cell the last one is kept; of every channel, or of the last alone."""
    if c.transposed or c.array == "output":
        return {"last tap": c.but(overwrite="tap")}
    last = c.but(delta=alter.last_output_channel(c)[""].delta)
    return {
        "last tap": c.but(overwrite="tap"), "last tap, last output channel": last.but(overwrite="tap"),
        "last overlay, last output channel": last.but(overwrite="window"),
    }  # fmt: skip


RATES = tuple(Fraction(1, n) for n in (1, 2, 10, 20, 100, 1000))


def stepped_by_sample(c: Any) -> Variants:
    """dX of every sample with the kernel that the samples before it have stepped."""
    if c.transposed or len(c.delta) < 2:
        return {}
    return {f"sample by sample, rate {rate}": c.but(arrange=(partial(_stepped, c=c, rate=rate),)) for rate in RATES}


def _stepped(dx: Array, c: Any, rate: Fraction) -> Array:
    w, parts = c.w, []
    kind = w.dtype.type(float(rate)) if w.dtype != EXACT else rate
    for n in range(len(c.delta)):
        one = c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1], w=w)
        parts.append(one.value())
        w = w - one.but(array="dW").value() * kind
    return np.concatenate(parts)


# -- Sums --------------------------------------------------------------------------------------------------------------


def channels_summed(c: Any) -> Variants:
    """Every channel holds the sum over channels; or there is one number, or one channel."""
    axes = {"dW": (0, 1), "db": (0,)}.get(c.array, (1,))
    found = {}
    for axis in axes:
        name = f"over axis {axis}" if len(axes) > 1 else "over channels"
        found[name] = c.then(partial(_total, axis=axis))
        found[f"{name}, one left"] = c.then(partial(_total, axis=axis, kept=False))
        found[f"{name}, divided"] = c.then(partial(_total, axis=axis, divided=True))
    if c.array == "db" and c.groups > 1:
        found["over the channels of a group, one left"] = c.then(partial(_total_of_groups, groups=c.groups))
    return {**found, **altered(c, _channels_added, tuple(name for name in operands(c) if name != "w"))}


def _total(array: Array, axis: int, kept: bool = True, divided: bool = False) -> Array:
    total = np.asarray(array.sum(axis=axis, keepdims=True))
    total = total / array.shape[axis] if divided else total
    return np.array(np.broadcast_to(total, array.shape)) if kept else total


def _total_of_groups(db: Array, groups: int) -> Array:
    return np.asarray(db.reshape(groups, -1).sum(axis=1))


def _channels_added(c: Any, name: str) -> Named:
    array = getattr(c, name)
    yield "the sum over channels", _total(array, 1)


def tail_missing(c: Any) -> Variants:
    """The last positions in row-major order left out, of every sample or of all: what a step of a few leaves over."""
    near = c.near if c.array == "dW" or not getattr(c, "transposed", False) else c.delta
    name, count = ("x" if near is c.x else "delta"), near[0, 0].size
    flat = near.swapaxes(0, 1).reshape(near.shape[1], -1)
    found = {}
    for left in range(2, min(count - 1, MOST_LEFT)):
        found[f"the last {left} of every sample"] = _tail(near, left)
        whole = flat.copy()
        whole[:, flat.shape[1] - left :] = zeros((), flat.dtype)
        found[f"the last {left} of all"] = whole.reshape(near.shape[1], near.shape[0], *near.shape[2:]).swapaxes(0, 1)
    return {label: c.but(**{name: array}) for label, array in found.items()}


def _tail(near: Array, left: int) -> Array:
    rows = near.reshape(*near.shape[:2], -1).copy()
    rows[..., rows.shape[2] - left :] = zeros((), near.dtype)
    return rows.reshape(near.shape)


MOST_LEFT = 16
"""Positions that a loop in steps may leave over."""
NEARLY = 2.0**-40
"""How far a number may be from a whole one to be it, but for rounding."""

# -- Numbers -----------------------------------------------------------------------------------------------------------


def truncated(c: Any) -> Variants:
    """Cut to whole numbers: the result, an operand, or a window's share."""
    ways = {"toward zero": trunc, "down": floor, "to the nearest": round}
    found = {f"the result {name}": c.then(partial(_whole, way=way)) for name, way in ways.items()}
    for name, way in ways.items():
        found |= {f"{label} {name}": made for label, made in altered(c, partial(_operand_whole, way=way)).items()}
    if getattr(c, "family", "") == MEAN and c.array == "dX":
        found |= _shares(c, ways)
    return found


def _whole(array: Array, way: Any) -> Array:
    if array.dtype == EXACT:
        flat = [way(value) for value in array.ravel().tolist()]
        return np.asarray(zeros(array.shape, array.dtype) + np.array(flat, object).reshape(array.shape))
    nearest = np.round(array)  # which a sum in floats may miss by its rounding
    whole = np.where(abs(array - nearest) <= NEARLY * np.maximum(abs(nearest), 1), nearest, array)
    floats: Any = {trunc: np.trunc, floor: np.floor, round: np.round}[way]
    return np.asarray(floats(whole))


def _operand_whole(c: Any, name: str, way: Any) -> Named:
    yield "cut", _whole(getattr(c, name), way)


def _shares(c: Any, ways: Any) -> dict[str, Any]:
    counts = divisors(c, c.window())
    return {
        f"a window's share {name}": c.but(delta=_whole(c.delta / counts, way) * counts) for name, way in ways.items()
    }


def narrowed(c: Any) -> Variants:
    """An operand rounded to half precision."""
    return altered(c, _halved)


def _halved(c: Any, name: str) -> Named:
    array = getattr(c, name)
    floats = rounded(array) if array.dtype == EXACT else array
    if abs(floats).max(initial=0) <= np.finfo(np.float16).max:
        yield "in float16", like(floats.astype(np.float16).astype(np.float64), array)


def like(floats: Array, array: Array) -> Array:
    """Floats in the kind of an array; what is not finite has no exact value, and stays as it is."""
    if array.dtype != EXACT:
        return floats.astype(array.dtype)
    result = zeros(floats.shape, array.dtype)
    result.reshape(-1)[:] = [Fraction(value) if isfinite(value) else value for value in floats.ravel().tolist()]
    return result


def masked(c: Any) -> Variants:
    """Zero where x, y or the array itself is not positive, as by a ReLU's slope."""
    found: dict[str, Any] = {}
    for name, keep in (("positive", 1), ("negative", -1)):
        found |= {f"{label} is not {name}": made for label, made in _masked(c, keep)}
    return found


def _masked(c: Any, sign: int) -> Iterator[tuple[str, Any]]:
    if c.array != "db":  # of which a channel that is lost would look so
        yield "where it", c.then(partial(_positive, sign=sign))
    for name in operands(c):
        yield f"{name} where it", read_as(c, name, _positive(getattr(c, name), sign))
    if c.array == "dX":
        yield "where x", c.then(partial(_where, condition=sign * c.x > 0))
    if c.array == "dW":
        yield "where w", c.then(partial(_where, condition=sign * c.w > 0))
    if c.array != "output":
        y = c.but(array="output").value()
        yield "delta where y", c.but(delta=_where(c.delta, sign * y > 0))


def _where(array: Array, condition: Array) -> Array:
    return np.where(condition, array, zeros((), array.dtype))


def _positive(array: Array, sign: int) -> Array:
    return _where(array, sign * array > 0)


def multiplied(c: Any) -> Variants:
    """Multiplied by x, y, w or delta, or by itself."""
    found: dict[str, Any] = {"by itself": c.then(_squared), "by its sign": c.then(np.abs)}
    beside = {"dX": {"x": c.x}, "dW": {"w": getattr(c, "w", None)}}.get(c.array, {})
    for name, array in beside.items():
        found[f"by {name}"] = c.then(partial(np.multiply, array))
    if c.array != "output":
        y = c.but(array="output").value()
        found["delta by y"] = c.but(delta=c.delta * y)
    for name in operands(c):
        found[f"{name} by itself"] = read_as(c, name, getattr(c, name) * getattr(c, name))
    return found


def _squared(array: Array) -> Array:
    return np.asarray(array * array)


def clipped(c: Any) -> Variants:
    """Clipped at half of the largest entry, as an example of any limit."""

    def clip(array: Array) -> Array:
        limit = abs(array).max(initial=0) / 2 if array.size else 0
        return clipped_at(array, limit)

    return {"at half of the largest": c.then(clip)}


def clipped_like(c: Any, limit: Any) -> Any:
    """The computation with its result clipped at a limit."""
    return c.then(partial(clipped_at, limit=limit))


def clipped_at(array: Array, limit: Any) -> Array:
    return np.asarray(np.minimum(np.maximum(array, -limit), limit))
