"""A filter and one of its channels: where its overlays sit, what meets there, and sums over some of the overlays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.unfold import source_cells
from convgrad.core.window import Window
from convgrad.errors import Point, Problem, RequestError
from convgrad.operations import Overlay
from convgrad.operations.conv import oriented
from convgrad.subject.case import Case
from convgrad.views.block_kinds import index
from convgrad.vocabulary import TRANSPOSED


class Pair(NamedTuple):
    """One pair of indices (a, b) of the kernel, dW[a,b].

    In a convolution a is the filter and `near` is delta, `far` is x; in a transposed one a is the channel of x, and
    near is x, far is delta: the window's positions belong to near, the cells under it to far.
    """

    case: Case
    a: int
    b: int

    @property
    def transposed(self) -> bool:
        return self.case.operation.family == TRANSPOSED

    @property
    def window(self) -> Window:
        window: Window = self.case.arguments["window"]
        return window

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        return self.case.shapes["w"]

    @property
    def channel(self) -> int:
        """The channel of far that dW[a,b] meets."""
        group = self.a // (self.kernel_shape[0] // self.case.settings["groups"])
        return int(group * self.kernel_shape[1] + self.b)

    @property
    def lead(self) -> str:
        """The index of the pair's part of dW: [a,b], or in another layout [:,:,b,a]."""
        if not self.case.layout.filters:
            return f"[{self.a},{self.b}]"
        kept = (str(self.a), str(self.b), *":" * self.case.dims)
        return f"[{','.join(kept[axis] for axis in self.case.layout.filters)}]"

    def entry(self, name: str, *at: int) -> str:
        """The index of an entry of w or x as its user has it: at a tap of the pair's, or at a cell of its channel's."""
        layout, lead = self.case.layout, (self.a, self.b) if name == "w" else (0, self.channel)
        return index(layout.index(name, (*lead, *at), len(layout.shape(name, self.case.shapes[name]))))

    @property
    def alone(self) -> bool:
        """Whether a's part of dX is all of it: the group has no other filter."""
        return self.transposed or self.kernel_shape[0] == self.case.settings["groups"]

    @property
    def kernel(self) -> Array:
        """w[a,b] as given, (*K)."""
        kernel: Array = self._array("w")[self.a, self.b]
        return kernel

    @property
    def laid(self) -> Array:
        """w[a,b] as it is laid on the cells, (*K)."""
        laid: Array = oriented(self._array("w"), self.case.settings["mode"])[self.a, self.b]
        return laid

    def turned(self, under: Array) -> Array:
        """What lies under the window, in the order of w as given: (*K)."""
        return under if self.case.settings["mode"] == "cross-correlation" else np.flip(under)

    def near(self, sample: int) -> Array:
        """(*P)."""
        near: Array = (self._array("x") if self.transposed else self._delta())[sample, self.a]
        return near

    def far(self, sample: int) -> Array:
        """(*L)."""
        far: Array = (self._delta() if self.transposed else self._array("x"))[sample, self.channel]
        return far

    def factor(self, overlay: Overlay) -> Any:
        """What the window is multiplied by."""
        return (overlay.x if overlay.delta is None else overlay.delta)[self.a]  # type: ignore[index]

    def scattered(self, overlay: Overlay) -> Array:
        """What a adds to dX: under the window (*K), in a transposed convolution to its cell, ()."""
        if self.transposed:
            return np.asarray(overlay.dx[self.a], overlay.dx.dtype)
        dx: Array = overlay.dx[self.channel] if self.alone else self.factor(overlay) * self.laid
        return dx

    def _array(self, name: str) -> Array:
        array = self.case.operands[name]
        assert array is not None
        return array

    def _delta(self) -> Array:
        assert self.case.delta is not None
        return self.case.delta


def chosen_pair(case: Case, channel: tuple[int, ...] | None) -> Pair:
    """The pair asked for, else the first. Raises RequestError for one that there is not."""
    first, second = case.shapes["w"][:2]
    a, b = _checked(channel or (0, 0), (first, second), "dW")
    return Pair(case, a, b)


def chosen_channel(case: Case, channel: tuple[int, ...] | None) -> int:
    """A pool's channel."""
    asked = (channel or (0,))[-1:]
    return _checked(asked, case.shapes["x"][1:2], "x")[0]


def _checked(asked: tuple[int, ...], counts: Sequence[int], name: str) -> tuple[int, ...]:
    if len(asked) == len(counts) and all(0 <= i < n for i, n in zip(asked, counts, strict=True)):
        return asked
    said, most = ",".join(map(str, asked)), ",".join(str(n - 1) for n in counts)
    least = ",".join("0" * len(counts))
    what = f"{name} has {' x '.join(map(str, counts))} channels, so they run from {least} to {most}"
    place = Point("--channel")
    raise RequestError(Problem(f"there is no channel {said}: {what}", "channels count from 0", place=place))


def chosen_overlay(shape: Sequence[int], only: tuple[int, ...]) -> int:
    """The number of the overlay at a position, its sample before it where there are several; shape (N,*P).

    Raises RequestError for one that there is not.
    """
    at = (0, *only) if len(only) == len(shape) - 1 else only
    if len(at) == len(shape) and all(0 <= i < n for i, n in zip(at, shape, strict=True)):
        return int(np.ravel_multi_index(at, tuple(shape)))
    said = ",".join(map(str, only))
    last = ",".join(str(n - 1) for n in shape[1:])
    sample = f", with the sample before them: 0 to {shape[0] - 1}" if shape[0] > 1 else ""
    what = f"positions run from {','.join('0' * (len(shape) - 1))} to {last}{sample}"
    advice, place = "positions count from 0, in strides", Point("--only")
    raise RequestError(Problem(f"there is no overlay {said}: {what}", advice, place=place))


def restricted(case: Case, first: int, last: int, channel: int | None = None) -> dict[str, Array]:
    """The gradients that the overlays from `first` to before `last` add up to, those of one filter if one is named.

    The same backward pass, with all other entries of delta (of x in a transposed convolution) set to 0.
    """
    shape = (case.shapes["x"][0], *case.positions)
    keep = np.zeros(prod(shape), bool)
    keep[first:last] = True
    keep = keep.reshape(shape[0], 1, *shape[1:])
    transposed = case.operation.family == TRANSPOSED
    near = case.operands["x"] if transposed else case.delta
    assert near is not None
    if channel is not None:
        keep = keep & (np.arange(near.shape[1]) == channel).reshape(1, -1, *(1,) * case.dims)
    kept = np.where(keep, near, zeros((), near.dtype))
    if not transposed:
        return case.operation.backward(kept, *case.arrays, **case.arguments)
    full = case.operation.backward(case.delta, kept, *case.arrays[1:], **case.arguments)
    return {**full, "x": np.where(keep, full["x"], zeros((), full["x"].dtype))}


def framed(far: Array, window: Window, mode: str) -> tuple[Array, tuple[int, ...]]:
    """An array (*L) with the padding that windows reach written around it, and what its first cells are called."""
    reach = [window.axes[i].cells(window.axes[i].positions(n) - 1)[1] for i, n in enumerate(far.shape)]
    before = [min(axis.cells(0)[0], 0) for axis in window.axes]
    spans = [range(first, max(n, last)) for first, n, last in zip(before, far.shape, reach, strict=True)]
    cells = [source_cells(span, n, mode) for span, n in zip(spans, far.shape, strict=True)]
    result = far[np.ix_(*(np.maximum(cell, 0) for cell in cells))]
    for axis, cell in enumerate(cells):
        result[(slice(None),) * axis + (cell < 0,)] = 0
    return result, tuple(before)
