"""One entry of a result as the sum of its terms: who meets whom, at which overlay and tap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.unfold import source_cells
from convgrad.core.window import AdaptiveAxis, Axis, Window
from convgrad.operations.operation import Overlay

Index = tuple[int, ...]
Meeting = tuple[Index, Index, Index]
"""A position, a tap, and the cell that the tap meets there; the cell is -1 on an axis where it is zero padding."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One number of a product: which array it is from (delta, x, w, b, divisor), where, and its value."""

    name: str
    index: Index | None
    value: Any


class Term(NamedTuple):
    """One summand: the overlay it comes from, the tap, its factors, its value, and what to note of it."""

    sample: int | None
    position: Index | None
    tap: Index | None
    factors: tuple[Factor, ...]
    value: Any
    note: str = ""


OnAxis = tuple[int, int, int]
"""A position, a tap and a cell along one axis."""


def under_window(window: Window, lengths: Sequence[int], padding_mode: str, position: Sequence[int]) -> list[Meeting]:
    """Where the window at a position meets cells, in row-major order of taps."""
    return _together(
        [(p, tap, cell) for tap, cell in enumerate(source_cells(axis.under(p), length, padding_mode).tolist())]
        for axis, length, p in zip(window.axes, lengths, position, strict=True)
    )


def along_tap(window: Window, lengths: Sequence[int], padding_mode: str, tap: Sequence[int]) -> list[Meeting]:
    """Where a tap meets cells, in row-major order of positions."""
    return _together(
        _tap_on_axis(axis, length, padding_mode, t) for axis, length, t in zip(window.axes, lengths, tap, strict=True)
    )


def over_cell(window: Window, lengths: Sequence[int], padding_mode: str, cell: Sequence[int]) -> list[Meeting]:
    """Where windows meet a cell, or copies of it in the padding, in row-major order of positions."""
    return _together(
        _cell_on_axis(axis, length, padding_mode, c) for axis, length, c in zip(window.axes, lengths, cell, strict=True)
    )


def _together(per_axis: Iterable[list[OnAxis]]) -> list[Meeting]:
    columns = (tuple(zip(*meeting, strict=True)) for meeting in product(*per_axis))
    return sorted((position, tap, cell) for position, tap, cell in columns)


def _tap_on_axis(axis: Axis | AdaptiveAxis, length: int, padding_mode: str, tap: int) -> list[OnAxis]:
    first, last = axis.edges(length)
    cells = first + tap * axis.under(0).step
    positions = np.flatnonzero(cells < last)
    sources = source_cells(cells[positions], length, padding_mode)
    return [(position, tap, cell) for position, cell in zip(positions.tolist(), sources.tolist(), strict=True)]


def _cell_on_axis(axis: Axis | AdaptiveAxis, length: int, padding_mode: str, cell: int) -> list[OnAxis]:
    first, last = axis.edges(length)
    step, copies = axis.under(0).step, [cell]
    if padding_mode != "zeros":
        padded = np.arange(first[0], last[-1])
        copies = padded[source_cells(padded, length, padding_mode) == cell].tolist()
    met: list[OnAxis] = []
    for copy in copies:
        taps, between = np.divmod(copy - first, step)
        over = np.flatnonzero((between == 0) & (copy >= first) & (copy < last))
        met += [(position, tap, cell) for position, tap in zip(over.tolist(), taps[over].tolist(), strict=True)]
    return sorted(met)


class Bilinear(NamedTuple):
    """The relation of a convolution: `near` has the window's positions, `far` the cells under it, w joins them.

    near (N,O,*P), far (N,C,*L), w (O,C/g,*K) as given; for a convolution near is delta and far is x, for a transposed
    one near is x and far is delta. `near_name` and `far_name` say so.
    """

    near: Array
    far: Array
    w: Array
    near_name: str
    far_name: str
    window: Window
    groups: int
    mode: str
    padding_mode: str = "zeros"

    def of_kernel(self, index: Index) -> Iterator[Term]:
        """w[o,c,t]: over samples and positions, near times far."""
        o, c, *tap = index
        laid = self._turned(tuple(tap))
        channel = o // (self.w.shape[0] // self.groups) * self.w.shape[1] + c
        kept = along_tap(*self._geometry, laid)
        for n, (position, _, cell) in product(range(self.near.shape[0]), kept):
            near = self._factor(self.near_name, self.near, (n, o, *position))
            yield self._term(n, position, tuple(tap), (near, self._far(n, channel, cell)))

    def of_near(self, index: Index) -> Iterator[Term]:
        """An entry at a position: over the group's far channels and the taps, w times far."""
        n, o, *at = index
        first = o // (self.w.shape[0] // self.groups) * self.w.shape[1]
        kept = under_window(*self._geometry, at)
        for c, (position, tap, cell) in product(range(self.w.shape[1]), kept):
            given = self._turned(tap)
            factors = (self._factor("w", self.w, (o, c, *given)), self._far(n, first + c, cell))
            yield self._term(n, position, given, factors)

    def of_far(self, index: Index) -> Iterator[Term]:
        """An entry under windows: over the windows that cover it and the group's near channels, near times w."""
        n, channel, *at = index
        group, c = divmod(channel, self.w.shape[1])
        per_group = self.w.shape[0] // self.groups
        kept = over_cell(*self._geometry, at)
        for (position, tap, _), o in product(kept, range(group * per_group, (group + 1) * per_group)):
            given = self._turned(tap)
            near = self._factor(self.near_name, self.near, (n, o, *position))
            yield self._term(n, position, given, (near, self._factor("w", self.w, (o, c, *given))))

    @property
    def _geometry(self) -> tuple[Window, tuple[int, ...], str]:
        return self.window, self.far.shape[2:], self.padding_mode

    def _turned(self, tap: Index) -> Index:
        """From the kernel as it is laid to the kernel as given, or back."""
        if self.mode == "cross-correlation":
            return tap
        return tuple(size - 1 - t for size, t in zip(self.w.shape[2:], tap, strict=True))

    def _factor(self, name: str, array: Array, index: Index) -> Factor:
        return Factor(name, index, array[index])

    def _far(self, n: int, channel: int, cell: Index) -> Factor:
        if min(cell) < 0:
            return Factor(self.far_name, None, self.far.dtype.type(0) if self.far.dtype != object else 0)
        return self._factor(self.far_name, self.far, (n, channel, *cell))

    def _term(self, n: int, position: Index, tap: Index, factors: tuple[Factor, ...]) -> Term:
        note = "padding" if any(factor.index is None for factor in factors) else ""
        return Term(n, position, tap, factors, factors[0].value * factors[1].value, note)


Share = Callable[[Overlay, Any, str], Any]
"""share(overlay, value, note) is what a cell of the window puts into a pool's output; None for nothing."""


def pool_terms(overlay: Callable[..., Overlay], share: Share) -> Callable[..., Iterator[Term]]:
    """The `terms` of a pool, from its overlay and the share that cells have in the output."""

    def terms(name: str, index: Index, delta: Array, x: Array, *, window: Window, **arguments: Any) -> Iterator[Term]:
        def at(sample: int, position: Index) -> Overlay:
            return overlay(delta, x, sample=sample, position=position, window=window, **arguments)

        if name == "x":
            whole = arguments.get("ties") == "all"
            yield from of_covered_cell(index, window, x.shape[2:], at, "ties with {}, takes all of it" if whole else "")
        else:
            said = "ties with {}" if arguments.get("ties") == "all" else ""
            yield from of_pooled(index, x, at(index[0], index[2:]), window.under(index[2:]), share, said)

    return terms


def of_bias(delta: Array, o: int) -> Iterator[Term]:
    """db[o] = sum of delta over samples and positions."""
    for n, *position in np.ndindex(delta.shape[0], *delta.shape[2:]):
        index = (n, o, *position)
        yield Term(n, tuple(position), None, (Factor("delta", index, delta[index]),), delta[index])


def of_covered_cell(
    index: Index, window: Window, lengths: Sequence[int], overlay: Callable[[int, Index], Overlay], tied: str = ""
) -> Iterator[Term]:
    """A pool's dx[n,c,cell]: over the windows that cover it, what each gives."""
    n, channel, *at = index
    for position, tap, _ in over_cell(window, lengths, "zeros", at):
        laid = overlay(n, position)
        assert laid.delta is not None
        delta = Factor("delta", (n, channel, *position), laid.delta[channel])
        note = _note(laid, channel, at, tap, tied)
        yield Term(n, position, tap, (delta, *_divisor(laid)), laid.dx[(channel, *tap)], note)


def of_pooled(
    index: Index, x: Array, laid: Overlay, under: Sequence[range], share: Share, tied: str = ""
) -> Iterator[Term]:
    """A pool's y[n,c,p]: over the cells under the window."""
    n, channel, *position = index
    for tap in np.ndindex(*map(len, under)):
        cell = tuple(span[t] for span, t in zip(under, tap, strict=True))
        inside = all(0 <= c < length for c, length in zip(cell, x.shape[2:], strict=True))
        value = laid.window[(channel, *tap)]
        note = "padding" if not inside else _note(laid, channel, cell, tap, tied)
        factors = (Factor("x", (n, channel, *cell) if inside else None, value), *_divisor(laid))
        yield Term(n, tuple(position), tap, factors, share(laid, value, note), note)


def _divisor(laid: Overlay) -> tuple[Factor, ...]:
    return () if laid.divisor is None else (Factor("divisor", None, laid.divisor),)


def _note(laid: Overlay, channel: int, cell: Sequence[int], tap: Index, tied: str) -> str:
    """What becomes of a cell under a maximum; `tied` says it of one among several winners, where they do not share."""
    if laid.winners is None:
        return ""
    winners = laid.winners[channel]
    if tuple(cell) not in winners:
        # what wins is the largest, or no number, which equals nothing
        held = [value for value in laid.window[channel].flat if value is not None]
        equal = laid.window[(channel, *tap)] == max(held) and all(value == value for value in held)
        return "ties, but does not win" if equal else "does not win"
    if len(winners) == 1:
        return "wins"
    others = f"{len(winners) - 1} other{'s' * (len(winners) > 2)}"
    return tied.format(others) if tied else f"shares a tie of {len(winners)}"
