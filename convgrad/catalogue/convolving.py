"""How an array of a plain or transposed convolution is computed, with every step open to alteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convgrad.catalogue.computation import (
    Arrangement,
    Computation,
    Pairs,
    Reads,
    added,
    delta_of,
    operand_of,
    overwritten,
    pads_of,
    product_of,
)
from convgrad.core.arithmetic import Array, zeros
from convgrad.core.bilinear import correlate, kernel_gradient, spread
from convgrad.core.unfold import ALL, pad, unfold, unpad
from convgrad.core.window import Axis, Window
from convgrad.operations.conv import biased, channel_sums, oriented
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED


@dataclass(frozen=True)
class Convolution(Computation):
    """A plain or transposed convolution: `near` has the positions of the windows, `far` the cells under them.

    `reads` are the cells that windows read in place of those under them; `regroup` moves what every window gives to its
    taps, or takes from them.
    """

    w: Array = field(default_factory=lambda: np.zeros(()))
    b: Array | None = None
    updated: Array | None = None
    transposed: bool = False
    groups: int = 1
    turned: bool = False
    padding_mode: str = "zeros"
    pads: Pairs = ()
    lengths: tuple[int, ...] = ()
    reads: Reads | None = None
    regroup: Arrangement | None = None

    @property
    def near(self) -> Array:
        return self.x if self.transposed else self.delta

    @property
    def far(self) -> Array:
        return self.delta if self.transposed else self.x

    def bare(self) -> Array:
        return _MAPS[self.array](self)

    def as_laid(self, w: Array) -> Array:
        """A kernel as it lies on the input, or its gradient as it is given."""
        return oriented(w, "convolution" if self.turned else "cross-correlation")

    def padded(self, far: Array) -> tuple[Array, tuple[int, ...]]:
        """`far` with its padding written out where that is copied cells, and how much there is before each axis."""
        if self.reads is not None:
            return self.reads.read(far), self.reads.before
        if self.padding_mode == "zeros":
            return far, (0,) * self.dims
        return pad(far, self._padding(), self.padding_mode), tuple(before for before, _ in self.pads)

    def window(self, lengths: tuple[int, ...], before: tuple[int, ...]) -> Window:
        """The windows over cells of these lengths, as many as `near` has positions; cells past the end read 0."""
        axes = [replace(axis, before=axis.before - cells) for axis, cells in zip(self.axes, before, strict=True)]
        counts = self.near.shape[2:]
        return Window(tuple(axis.fitted(*pair) for axis, *pair in zip(axes, lengths, counts, strict=True)))

    def unpadded(self, dfar: Array) -> Array:
        """The gradient of the cells, those in the padding sent back to the cells that they copy."""
        if self.reads is not None:
            return self.reads.sent_back(dfar, self.lengths)
        if self.padding_mode == "zeros":
            return dfar
        return unpad(dfar, self._padding(), self.padding_mode, self.lengths)

    def _padding(self) -> Window:
        return Window(tuple(Axis(1, before=before, after=after) for before, after in self.pads))


def _of_kernel(c: Convolution) -> Array:
    far, before = c.padded(c.far)
    window = c.window(far.shape[2:], before)
    if c.overwrite:
        return c.as_laid(_last_products(c, far, window))
    if c.regroup is not None:
        return c.as_laid(_of_columns(c.near, c.regroup(unfold(far, window)), c.groups))
    return c.as_laid(kernel_gradient(c.near, far, window=window, groups=c.groups))


def _of_columns(near: Array, taken: Array, groups: int) -> Array:
    """dW from what every window takes: (N,O,*P), (N,C,*K,*P) -> (O,C/g,*K)."""
    dims, samples = near.ndim - 2, len(near)
    taps = taken.shape[2 : 2 + dims]
    left = near.reshape(samples, groups, near.shape[1] // groups, -1).transpose(1, 2, 0, 3)
    right = taken.reshape(samples, groups, taken.shape[1] // groups * product_of(taps), -1).transpose(1, 0, 3, 2)
    rows, columns = left.reshape(groups, left.shape[1], -1), right.reshape(groups, -1, right.shape[3])
    return (rows @ columns).reshape(near.shape[1], -1, *taps)


def _last_products(c: Convolution, far: Array, window: Window) -> Array:
    """dW where every product replaces the one before: of every tap the last position at which it meets the input."""
    near, groups = c.near, c.groups
    result = zeros((near.shape[1], far.shape[1] // groups, *window.size), near.dtype)
    for tap, positions, cells in window.taps(far.shape[2:]):
        left, right = near[-1:][(*ALL, *positions)], far[-1:][(*ALL, *cells)]
        if left.size:
            pair = [part[0].reshape(part.shape[1], -1)[:, -1].reshape(groups, -1) for part in (left, right)]
            place: Any = (*ALL, *tap)
            result[place] = (pair[0][:, :, None] * pair[1][:, None, :]).reshape(result.shape[:2])
    return result


def _gathered(c: Convolution, far: Array) -> Array:
    padded, before = c.padded(far)
    if c.regroup is not None or c.overwrite:
        return _gathered_by_taps(c, padded, c.window(padded.shape[2:], before))
    return correlate(padded, c.as_laid(c.w), window=c.window(padded.shape[2:], before), groups=c.groups)


def _gathered_by_taps(c: Convolution, far: Array, window: Window) -> Array:
    """(N,C,*L) -> (N,O,*P) tap by tap: added, or each in the place of what was there."""
    w, groups, positions = c.as_laid(c.w), c.groups, c.near.shape[2:]
    taken = unfold(far, window)
    taken = taken if c.regroup is None else c.regroup(taken)
    result = zeros((len(far), w.shape[0], *positions), far.dtype)
    parts = taken.reshape(len(far), groups, -1, *taken.shape[2:])
    kernel = w.reshape(groups, -1, *w.shape[1:])
    for tap, met, _ in window.taps(far.shape[2:]):
        under: Any = (*ALL, slice(None), *tap)
        product = kernel[under] @ parts[under].reshape(len(far), groups, w.shape[1], -1)
        laid = product.reshape(result.shape)
        if c.overwrite:
            result[(*ALL, *met)] = laid[(*ALL, *met)]
        else:
            result += laid
    return result


def _scattered(c: Convolution, near: Array) -> Array:
    lengths, before = _frame(c)
    window = c.window(lengths, before)
    if not c.overwrite and c.regroup is None:
        return c.unpadded(spread(near, c.as_laid(c.w), window=window, groups=c.groups, lengths=lengths))
    given = columns(near, c.as_laid(c.w), c.groups)
    given = given if c.regroup is None else c.regroup(given)
    if not c.overwrite:
        return c.unpadded(added(given, window, lengths))
    return c.unpadded(overwritten(given, window, lengths, by_tap=c.overwrite == "tap"))


def _frame(c: Convolution) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lengths of the array that windows are laid on, and how many of its cells come before the input's."""
    if c.reads is not None:
        return c.reads.cells.shape[2:], c.reads.before
    if c.padding_mode == "zeros":
        return c.lengths, (0,) * c.dims
    lengths = tuple(length + sum(pair) for length, pair in zip(c.lengths, c.pads, strict=True))
    return lengths, tuple(before for before, _ in c.pads)


def _of_input(c: Convolution) -> Array:
    return _gathered(c, c.delta) if c.transposed else _scattered(c, c.delta)


def _of_output(c: Convolution) -> Array:
    return biased(_scattered(c, c.x) if c.transposed else _gathered(c, c.x), c.b)


_MAPS: dict[str, Callable[[Convolution], Array]] = {
    "dW": _of_kernel, "dX": _of_input, "db": lambda c: channel_sums(c.delta), "output": _of_output,
}  # fmt: skip


def columns(near: Array, w: Array, groups: int) -> Array:
    """What every window gives to the cells under it: (N,O,*P), (O,C/g,*K) -> (N,C,*K,*P)."""
    positions, taps = near.shape[2:], w.shape[1:]
    parts = near.reshape(near.shape[0], groups, near.shape[1] // groups, product_of(positions))
    kernel = w.reshape(groups, w.shape[0] // groups, -1).swapaxes(1, 2)
    return (kernel @ parts).reshape(near.shape[0], groups * taps[0], *taps[1:], *positions)


def of_convolution(case: Case, array: str, updated: Array | None = None) -> Convolution:
    """The right computation of an array of a plain or transposed convolution."""
    axes, transposed = case.arguments["window"].axes, case.operation.family == TRANSPOSED
    x, delta = operand_of(case, "x"), delta_of(case)
    return Convolution(
        array, x, delta, axes, w=operand_of(case, "w"), b=case.operands["b"], updated=updated,
        transposed=transposed, groups=case.settings["groups"], turned=case.settings["mode"] == "convolution",
        padding_mode=case.settings.get("padding_mode", "zeros"), pads=pads_of(case),
        lengths=case.arguments["lengths"] if transposed else x.shape[2:],
    )  # fmt: skip
