"""The ledger: a row an overlay, whose columns add up to the entries of dW, and of dX where that is a short row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.unfold import source_cells
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Column, Entry, Equation, Partial, Row, Rows, Sign, Strip, Table, index, plain
from convgrad.views.pair import Pair, framed, restricted

SHORT = 8
"""Cells of a row up to which every cell of dX has a column."""
TAPS = 9
"""Taps up to which each has a column."""
MOST, ENDS = 12, (4, 2)
"""Overlays that are shown without leaving any out; and how many are shown first and last, where there are more."""


class Ledger:
    """The rows of a pair's ledger.

    `written` puts the products in (`0.2×3 = 0.6`); `short` shows all of a short row of cells, and a column for each.
    """

    def __init__(self, gradients: Gradients, pair: Pair, asked: Asked, *, written: bool, short: bool) -> None:
        self.pair, self.asked, self.written, self.short = pair, asked, written, short
        self.gradients, self.case = gradients, gradients.case
        self.overlays = gradients.full_overlays
        self.several = self.case.shapes["x"][0] > 1
        self.padding = str(self.case.settings.get("padding_mode", "zeros"))
        if short:
            far = pair.far(0)
            strip, self.first = framed(far, pair.window, self.padding)
            self.strip, self.length = plain(strip), far.shape[0]

    @property
    def title(self) -> str:
        """How to read it."""
        if self.pair.transposed:
            return "each cell of x is laid on the output, times w; a column adds up to one entry of dW, a row gives dX"
        return f"each row is one overlay; each column adds up to one entry of dW{' or dX' if self.short else ''}"

    def table(self) -> Table:
        """The overlays with their sums."""
        brief = self.asked.ends(len(self.overlays), MOST, ENDS)
        rows = Rows(self.overlays, self.row)
        return Table(tuple(self._columns()), rows, self._total(), brief, self._middle)

    def _columns(self) -> Iterator[Column]:
        near, far, place = ("x", "delta", "x cell") if self.pair.transposed else ("delta", "x", "out")
        yield Column("#", "ordinal")
        if self.several:
            yield Column("sample", "right")
        yield from (Column(place, "left"), Column(near), Column(f"{far} window", "left"))
        for tap in np.ndindex(self.pair.kernel.shape):
            yield Column(f"dW{self.pair.entry('w', *tap)}", "equation" if self.written else "number")
        if self.pair.transposed:
            yield Column("dX")
        elif self.short:
            yield from (Column(f"dX{self.pair.entry('x', cell)}") for cell in range(self.length))

    def row(self, place: int, overlay: Overlay) -> Row:
        """The row of an overlay."""
        pair, factor = self.pair, self.pair.factor(overlay)
        under = overlay.window[pair.channel]
        assert overlay.dw is not None
        taps = plain(overlay.dw[pair.a, pair.b])
        if self.written:
            met = plain(pair.turned(under))
            taps = [Equation((factor, Sign.TIMES, x), product) for x, product in zip(met, taps, strict=True)]
        sample = [overlay.sample] if self.several else []
        window = self._strip(overlay) if self.short else under
        return [place + 1, *sample, index(overlay.position), factor, window, *taps, *self._cells(overlay)]

    def _strip(self, overlay: Overlay) -> Strip:
        """The whole row of cells, and where the window lies and the padding begins."""
        under = [cell - self.first[0] for cell in self.pair.window.axes[0].under(overlay.position[0])]
        return Strip(self.strip, under, (-self.first[0] - 1, self.length - self.first[0] - 1))

    def _cells(self, overlay: Overlay) -> list[Entry]:
        """What is added to each cell of dX; in a transposed convolution, to the one."""
        if self.pair.transposed:
            return [self.pair.scattered(overlay)]
        if not self.short:
            return []
        row: list[Entry] = [Sign.UNTOUCHED] * self.length
        under = self.pair.window.axes[0].under(overlay.position[0])
        for cell, value in zip(source_cells(under, self.length, self.padding), self.pair.scattered(overlay),
                               strict=True):  # fmt: skip
            if cell >= 0:
                row[cell] = value if row[cell] is Sign.UNTOUCHED else row[cell] + value
        return row

    def _middle(self, first: int, last: int) -> Row:
        """The overlays that are not shown, summed, so that the columns still add up."""
        delta, *rest = map(Partial, self._sums(restricted(self.case, first, last, self.pair.a)))
        return [Sign.LEFT_OUT, *self._blank(), delta, f"{last - first} more", *rest]

    def _total(self) -> Row:
        """What the columns add up to."""
        alone = self.pair.alone or not self.short
        part = self.gradients.by_operand if alone else restricted(self.case, 0, len(self.overlays), self.pair.a)
        delta, *rest = self._sums(part)
        note = "" if self.pair.transposed else (Sign.BACK, f" db{_of(self.gradients, self.pair.a)}")
        return [Sign.TOTAL, *self._blank(), delta, note, *rest]

    def _blank(self) -> list[str]:
        """Nothing below the sample and the position."""
        return [""] * (1 + self.several)

    def _sums(self, part: dict[str, Array]) -> list[Any]:
        pair = self.pair
        delta = "" if pair.transposed else part["b"][pair.a]
        cells = plain(part["x"][0, pair.channel]) if self.short and not pair.transposed else []
        return [delta, *plain(part["w"][pair.a, pair.b]), *cells, *([""] if pair.transposed else [])]


def _of(gradients: Gradients, channel: int) -> str:
    """The index of an entry of db, where it has one."""
    return index((channel,)) if gradients.case.layout.vector(channel + 1) else ""


def ledgers(gradients: Gradients, pair: Pair, asked: Asked) -> Iterator[Ledger]:
    """The ledgers of a pair from the richest on; none where there are too many taps."""
    if pair.kernel.size > TAPS:
        return
    richest = [(True, True), (False, True)] if _is_short(gradients, pair) else [(True, False)]
    for written, short in (*richest, (False, False)):
        yield Ledger(gradients, pair, asked, written=written, short=short)


def _is_short(gradients: Gradients, pair: Pair) -> bool:
    """Whether all cells have room in a row: one axis, one sample, few cells."""
    case = gradients.case
    return case.dims == 1 and case.shapes["x"][0] == 1 and pair.far(0).shape[0] <= SHORT
