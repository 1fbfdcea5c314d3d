"""Gradients as sums over the taps of a window, written for the court: each way of adding is a function of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests import definitions

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Layer:
    """A convolution's arrays and geometry, per axis; `wide` is what windows are taken of, `narrow` what meets them.

    Of a convolution x is wide and delta narrow; of a transposed one it is the other way round.
    """

    wide: np.ndarray
    narrow: np.ndarray
    kernel: np.ndarray
    delta: np.ndarray
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    paddings: tuple[tuple[int, int], ...]
    groups: int
    transposed: bool

    def holding(self, dtype: Any) -> Layer:
        """The same with arrays of a type."""
        return self.mapped(lambda array: array.astype(dtype))

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> Layer:
        arrays = {name: change(getattr(self, name)) for name in ("wide", "narrow", "kernel", "delta")}
        return replace(self, **arrays)

    @property
    def padded(self) -> np.ndarray:
        return np.pad(self.wide, [(0, 0), (0, 0), *self.paddings])

    @property
    def taps(self) -> Iterator[tuple[int, ...]]:
        return np.ndindex(*self.kernel.shape[2:])

    def cells(self, tap: tuple[int, ...]) -> tuple[slice, ...]:
        """The cells of the padded wide array that a tap meets, one for each position."""
        each = zip(tap, self.strides, self.dilations, self.narrow.shape[2:], strict=True)
        return (slice(None), slice(None), *(slice(t * d, t * d + s * (n - 1) + 1, s) for t, s, d, n in each))

    def split(self) -> Iterator[tuple[slice, slice]]:
        """Each group's channels, narrow and wide."""
        many, few = self.narrow.shape[1] // self.groups, self.kernel.shape[1]
        for group in range(self.groups):
            yield slice(group * many, (group + 1) * many), slice(group * few, (group + 1) * few)

    def cropped(self, padded: np.ndarray) -> np.ndarray:
        inner = zip(self.paddings, self.wide.shape[2:], strict=True)
        return padded[(slice(None), slice(None), *(slice(lo, lo + n) for (lo, _), n in inner))]


def layer(case: dict[str, Any], delta: np.ndarray | None = None) -> Layer:
    """A case as a layer, with another delta where one is given."""
    x, delta = case["input"], case["delta"] if delta is None else delta
    transposed = case["op"] == "conv-transpose"
    wide, narrow = (delta, x) if transposed else (x, delta)
    geometry = definitions.strides(case), definitions.per_axis(case, "dilation", 1), definitions.paddings(case)
    strides, dilations, paddings = map(tuple, geometry)
    return Layer(wide, narrow, case["kernel"], delta, strides, dilations, paddings, case.get("groups", 1), transposed)


# -- Ways of adding ----------------------------------------------------------------------------------------------------


def by_tensordot(one: Layer) -> Arrays:
    """One matrix product for each tap."""
    dw = _dw_by(one, lambda a, b: np.tensordot(a, b, (_but_channel(a), _but_channel(b))))
    return _gradients(one, dw, _gathered if one.transposed else _scattered)


def one_after_another(one: Layer) -> Arrays:
    """In C order, in the arrays' own type: samples, then positions; in dX channel by channel, tap by tap."""
    return _gradients(one, _dw_by(one, lambda a, b: _products(a, b).sum(axis=0, dtype=a.dtype)))


def pairwise(one: Layer) -> Arrays:
    """Blocks of products halved again and again, as NumPy adds along a contiguous axis."""
    return _gradients(one, _dw_by(one, lambda a, b: np.ascontiguousarray(np.moveaxis(_products(a, b), 0, -1)).sum(-1)))


def split_by_samples(one: Layer, rounding: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    """Each sample added in float32, the running sum rounded after each; dX after each channel that it comes from."""
    total: Arrays = {}
    for n in range(len(one.delta)):
        part = replace(one, **{key: getattr(one, key)[n : n + 1] for key in ("wide", "narrow", "delta")})
        each = by_tensordot(part)
        for key in ("dW", "db"):
            total[key] = rounding(total[key] + rounding(each[key])) if n else rounding(each[key])
    return {"dX": _spread(one, rounding) if not one.transposed else rounding(_gathered(one)), **total}


def are_few(one: Layer) -> bool:
    """Whether the products of a tap may be held all at once."""
    return one.narrow.size * one.kernel.shape[1] <= 1e7


def _gradients(one: Layer, dw: np.ndarray, dx_by: Callable[[Layer], np.ndarray] | None = None) -> Arrays:
    dx = (dx_by or (_gathered if one.transposed else _spread))(one)
    return {"dX": dx, "dW": dw, "db": one.delta.sum(axis=_but_channel(one.delta), dtype=one.delta.dtype)}


def _dw_by(one: Layer, add: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """dW, each tap's (channels narrow, channels wide) by `add` of the narrow array and the cells that the tap meets."""
    dw, padded = np.zeros_like(one.kernel), one.padded
    for tap in one.taps:
        cells = padded[one.cells(tap)]
        for narrow, wide in one.split():
            dw[(narrow, slice(None), *tap)] = add(one.narrow[:, narrow], cells[:, wide])
    return dw


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Every product (sample and position, channel of a, channel of b)."""
    rows, columns = (np.moveaxis(one, 1, -1).reshape(-1, one.shape[1]) for one in (a, b))
    return rows[:, :, None] * columns[:, None, :]


def _but_channel(array: np.ndarray) -> tuple[int, ...]:
    return tuple(axis for axis in range(array.ndim) if axis != 1)


def _spread(one: Layer, rounding: Callable[[np.ndarray], np.ndarray] = lambda array: array) -> np.ndarray:
    """dX of a convolution: each narrow channel's delta times the kernel, added to where its taps were."""
    padded = np.zeros_like(one.padded)
    for narrow, wide in one.split():
        for o in range(narrow.start, narrow.stop):
            for tap in reversed(list(one.taps)):
                part = one.narrow[:, o : o + 1] * one.kernel[(o, slice(None), *tap)].reshape(1, -1, *(1 for _ in tap))
                padded[:, wide][one.cells(tap)] += part
            padded[:, wide] = rounding(padded[:, wide])
    return one.cropped(padded)


def _scattered(one: Layer) -> np.ndarray:
    """The same, all channels of a tap at once."""
    padded = np.zeros_like(one.padded)
    for tap in one.taps:
        for narrow, wide in one.split():
            part = np.tensordot(one.kernel[(narrow, slice(None), *tap)], one.narrow[:, narrow], (0, 1))
            padded[:, wide][one.cells(tap)] += np.moveaxis(part, 0, 1)
    return one.cropped(padded)


def _gathered(one: Layer) -> np.ndarray:
    """dX of a transposed convolution: windows of delta times the kernel."""
    dx, padded = np.zeros_like(one.narrow), one.padded
    for tap in one.taps:
        cells = padded[one.cells(tap)]
        for narrow, wide in one.split():
            part = np.tensordot(one.kernel[(narrow, slice(None), *tap)], cells[:, wide], (1, 1))
            dx[:, narrow] += np.moveaxis(part, 0, 1)
    return dx
