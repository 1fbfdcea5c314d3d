"""Which cell of the input each output position reads at each tap, axis by axis, in plain integers.

Worked out from the settings alone and on purpose shared with nothing: the gradients and the forward pass take their
geometry from core.window, and a mistake there would agree with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED

Reads = tuple[Array, ...]
"""Per spatial axis (positions of the output, taps) -> cell of the input, -1 where none is read."""
Selectors = tuple[Any, ...]


def reads(case: Case) -> Reads:
    """The geometry of a case."""
    settings, lengths = case.settings, case.shapes["x"][2:]
    rule = known(_RULES, case.operation, "which cells an output reads")
    if "output_size" in settings:
        return tuple(_adaptive(*pair) for pair in zip(lengths, settings["output_size"], strict=True))
    return tuple(rule(length, *_numbers(case, axis), settings) for axis, length in enumerate(lengths))


def _numbers(case: Case, axis: int) -> tuple[int, int, int, int, int, int]:
    """k, s, d, lo, hi and the output padding of one axis."""
    settings = case.settings
    size = case.shapes["w"][2 + axis] if "w" in case.shapes else settings["window"][axis]
    dilation = settings["dilation"][axis] if "dilation" in settings else 1
    more = settings.get("output_padding", (0,) * case.dims)
    return size, settings["stride"][axis], dilation, *settings["padding"][axis], more[axis]


def _padded(
    length: int, size: int, stride: int, dilation: int, before: int, after: int, _: int, settings: Any
) -> Array:
    """Position p reads cell p s + t d - lo."""
    room = length + before + after - (dilation * (size - 1) + 1)
    count = room // stride + 1
    if settings.get("ceil_mode"):
        count = -(-room // stride) + 1
        count -= (count - 1) * stride >= length + before
    cells = np.arange(count)[:, None] * stride + np.arange(size) * dilation - before
    return _copied(cells, length, settings.get("padding_mode", "zeros"))


def _copied(cells: Array, length: int, mode: str) -> Array:
    """Each padded cell as the cell that it copies; -1 for a zero."""
    past = cells >= length
    if mode == "reflect":
        return np.where(cells < 0, -cells, np.where(past, 2 * (length - 1) - cells, cells))
    if mode == "replicate":
        return np.where(cells < 0, 0, np.where(past, length - 1, cells))
    if mode == "circular":
        return np.where(cells < 0, cells + length, np.where(past, cells - length, cells))
    return np.where((cells < 0) | past, -1, cells)


def _transposed(
    length: int, size: int, stride: int, dilation: int, before: int, after: int, more: int, _: Any
) -> Array:
    """Position j reads cell q where q s + t d - lo = j."""
    count = (length - 1) * stride - before - after + dilation * (size - 1) + 1 + more
    stretched = np.arange(count)[:, None] + before - np.arange(size) * dilation
    cells = stretched // stride
    return np.where((stretched % stride == 0) & (cells >= 0) & (cells < length), cells, -1)


def _adaptive(length: int, count: int) -> Array:
    """Position o reads the cells from floor(o i/n) to before ceil((o+1) i/n)."""
    first = np.arange(count) * length // count
    last = -(-(np.arange(count) + 1) * length // count)
    cells = first[:, None] + np.arange((last - first).max())
    return np.where(cells < last[:, None], cells, -1)


_RULES: dict[str, Callable[..., Array]] = {
    **dict.fromkeys((CONVOLUTION, MAXIMUM, MEAN, NORM), _padded), TRANSPOSED: _transposed,
}  # fmt: skip
"""By family, of windows with a stride."""


def period(case: Case, axis: int) -> int | None:
    """How far apart cells of zero padding's plain windows lie that no window holds both of; None where it varies.

    The extent rounded up to the stride; in a transposed convolution what that is in strides.
    """
    settings = case.settings
    if "output_size" in settings or settings.get("padding_mode", "zeros") != "zeros":
        return None
    size, stride, dilation, *_ = _numbers(case, axis)
    strides = -(-(dilation * (size - 1) + 1) // stride)
    return strides if case.operation.family == TRANSPOSED else strides * stride


def meetings(geometry: Reads) -> Iterator[tuple[Selectors, Selectors]]:
    """Tap by tap in row-major order: selectors of the positions that read a cell there, and of those cells."""
    per_axis = [[_met(column) for column in cells.T] for cells in geometry]
    for taps in product(*per_axis):
        yield mesh([positions for positions, _ in taps]), mesh([cells for _, cells in taps])


def _met(column: Array) -> tuple[Array, Array]:
    positions = np.flatnonzero(column >= 0)
    return positions, column[positions]


def mesh(parts: Sequence[slice | Array]) -> Selectors:
    """Indices along the spatial axes as selectors after two leading axes: slices where all are evenly spaced."""
    slices = [spaced(part) for part in parts]
    if all(isinstance(part, slice) for part in slices):
        return (slice(None), slice(None), *slices)
    # np.ix_ of the leading axes too would copy more: open meshes broadcast after full slices only when adjacent
    indices = (np.arange(part.start, part.stop, part.step) if isinstance(part, slice) else part for part in parts)
    return (slice(None), slice(None), *np.ix_(*indices))


def spaced(indices: slice | Array) -> slice | Array:
    """Indices as a slice, where they are evenly spaced."""
    if isinstance(indices, slice):
        return indices
    if len(indices) == 0:
        return slice(0, 0)
    steps = np.diff(indices)
    if len(steps) and (steps[0] <= 0 or (steps != steps[0]).any()):
        return indices
    return slice(int(indices[0]), int(indices[-1]) + 1, int(steps[0]) if len(steps) else 1)
