"""The ledger: a row an overlay, whose columns add up to the entries of dW, and of dX where that is a short row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.passes.overlays import Overlays
from convgrad.views.grid import Marks, bracketed
from convgrad.views.look import PIPE, Line, Look, prose
from convgrad.views.pair import Pair, framed, restricted
from convgrad.views.table import CHUNK, Column, Entry, Table

SHORT = 8
"""Cells of a row up to which every cell of dX has a column."""
TAPS = 9
HEAD, TAIL, ALL = 4, 2, 12
"""Overlays that are shown first and last, and how many are shown without leaving any out."""


def shown(look: Look, count: int) -> tuple[int, int]:
    """How many overlays are shown first, and how many last; what lies between is summed."""
    if look.overlays == "all":
        return count, 0
    if isinstance(look.overlays, int):
        return min(look.overlays, count), 0
    return (count, 0) if count <= ALL else (HEAD, TAIL)


def index(position: Sequence[int]) -> str:
    """A position or a cell as people write it."""
    return f"[{','.join(map(str, position))}]"


class Ledger:
    """The rows of a pair's ledger.

    `written` puts the products in (`0.2×3 = 0.6`); `short` shows all of a short row of cells, and a column for each.
    """

    def __init__(self, gradients: Gradients, pair: Pair, look: Look, *, written: bool, short: bool) -> None:
        self.pair, self.look, self.written = pair, look, written
        self.gradients, self.case = gradients, gradients.case
        self.overlays: Overlays = gradients.full_overlays
        self.samples = self.case.shapes["x"][0]
        self.short = short
        if short:
            far = pair.far(0)
            strip, self.first = framed(far, pair.window, self._padding())
            self.strip = look.numbers.list(strip)
            self.length = far.shape[0]

    def _padding(self) -> str:
        return str(self.case.settings.get("padding_mode", "zeros"))

    @property
    def columns(self) -> list[Column]:
        near, far, place = ("x", "delta", "x cell") if self.pair.transposed else ("delta", "x", "out")
        taps = [Column(f"dW{index(tap)}") for tap in np.ndindex(self.pair.kernel.shape)]
        cells = [Column("dX")] if self.pair.transposed else []
        if self.short and not self.pair.transposed:
            cells = [Column(f"dX[{cell}]") for cell in range(self.length)]
        sample = [Column("sample", "right")] if self.samples > 1 else []
        return [Column("#", "right"), *sample, Column(place, "left"), Column(near), Column(f"{far} window", "left"),
                *taps, *cells]  # fmt: skip

    def at(self, place: int) -> list[Entry]:
        """The row of the overlay of that number."""
        return self.row(place, self.overlays[place])

    def row(self, place: int, overlay: Overlay) -> list[Entry]:
        """The row of an overlay."""
        pair, numbers = self.pair, self.look.numbers
        factor = numbers.text(pair.factor(overlay))
        under = overlay.window[pair.channel]
        assert overlay.dw is not None
        products = numbers.list(overlay.dw[pair.a, pair.b])
        sample = [str(overlay.sample)] if self.samples > 1 else []
        taps: Sequence[Entry] = products
        if self.written:
            met = numbers.list(pair.turned(under))
            taps = [(f"{factor}{self.look.symbols.times}{x}", " = ", e) for x, e in zip(met, products, strict=True)]
        return [str(place + 1), *sample, index(overlay.position), factor, self._window(overlay, under), *taps,
                *self._cells(overlay)]  # fmt: skip

    def _window(self, overlay: Overlay, under: Array) -> Entry:
        if self.short:
            return self._brackets(overlay)
        return flattened(self.look.numbers.array(under))

    def _brackets(self, overlay: Overlay) -> Line:
        """The whole row of cells, the window in brackets, rules where the padding begins."""
        axis = self.pair.window.axes[0]
        under = [cell - self.first[0] for cell in axis.under(overlay.position[0])]
        marks, ends = bracketed([under]), (-self.first[0] - 1, self.length - self.first[0] - 1)
        line: Line = []
        for cell, text in enumerate(self.strip):
            line.append((_marked(marks, cell, text), marks.style.get((cell,), "")))
            if cell in ends and 0 <= cell < len(self.strip) - 1:
                line.append((self.look.symbols.bar, "quiet"))
        return line

    def _cells(self, overlay: Overlay) -> list[str]:
        if self.pair.transposed:
            return [self.look.numbers.text(self.pair.scattered(overlay))]
        if not self.short:
            return []
        row: list[str] = [self.look.symbols.dot] * self.length
        sums: dict[int, Any] = {}
        cells = _copied(self.pair.window.axes[0].under(overlay.position[0]), self.length, self._padding())
        for cell, value in zip(cells, self.pair.scattered(overlay), strict=True):
            if cell >= 0:
                sums[cell] = sums[cell] + value if cell in sums else value
        for cell, value in sums.items():
            row[cell] = self.look.numbers.text(value)
        return row

    def middle(self, first: int, last: int) -> list[Entry]:
        """The overlays that are not shown, summed, so that the columns still add up."""
        part = restricted(self.case, first, last, self.pair.a)
        texts = [f"({text})" for text in self._sums(part)]
        dots, blank = self.look.symbols.dot * 2, [""] if self.samples > 1 else []
        delta, *rest = texts
        return [dots, *blank, "", delta, f"{last - first} more", *rest]

    def total(self) -> list[Entry]:
        """What the columns add up to."""
        alone = self.pair.alone or not self.short
        part = self.gradients.by_operand if alone else restricted(self.case, 0, len(self.overlays), self.pair.a)
        delta, *rest = self._sums(part)
        blank = [""] if self.samples > 1 else []
        note = "" if self.pair.transposed else f"{self.look.symbols.back} db{_of(self.gradients, self.pair.a)}"
        return [self.look.symbols.total, *blank, "", delta, note, *rest]

    def _sums(self, part: dict[str, Array]) -> list[str]:
        pair, numbers = self.pair, self.look.numbers
        delta = "" if pair.transposed else numbers.text(part["b"][pair.a])
        cells = numbers.list(part["x"][0, pair.channel]) if self.short and not pair.transposed else []
        return [delta, *numbers.list(part["w"][pair.a, pair.b]), *cells, *([""] if pair.transposed else [])]


def _of(gradients: Gradients, channel: int) -> str:
    """The index of an entry of db, where it has one."""
    return f"[{channel}]" if gradients.case.layout.vector(channel + 1) else ""


def _marked(marks: Marks, cell: int, text: str) -> str:
    return f"{marks.before.get((cell,), ' ')}{text}{marks.after.get((cell,), ' ')}"


def _copied(under: range, length: int, mode: str) -> list[int]:
    from convgrad.core.unfold import source_cells

    return [int(cell) for cell in source_cells(under, length, mode)]


def flattened(texts: Array) -> tuple[str, ...]:
    """A window in one line: rows parted by `/`, planes by `//`; its cells are parts that are aligned by themselves."""
    if texts.ndim == 1:
        return tuple(chain.from_iterable((" " if i else "", text) for i, text in enumerate(texts)))[1:]
    between = " / " if texts.ndim == 2 else " // "
    parts = (((between,) if i else ()) + flattened(row) for i, row in enumerate(texts))
    return tuple(chain.from_iterable(parts))


def best_ledger(gradients: Gradients, pair: Pair, look: Look) -> tuple[Ledger, Table] | None:
    """The widest ledger that fits, or None where there is none: too many taps, or too narrow a terminal."""
    if pair.kernel.size > TAPS:
        return None
    forms = [(True, True), (False, True)] if _is_short(gradients, pair) else [(True, False)]
    for written, short in [*forms, (False, False)]:
        book = Ledger(gradients, pair, look, written=written, short=short)
        table = _started(book)
        if table.width <= (look.width or PIPE) or (look.width is None and not written):
            return book, table
    return None


def _is_short(gradients: Gradients, pair: Pair) -> bool:
    """Whether all cells have room in a row: one axis, one sample, few cells."""
    case = gradients.case
    return case.dims == 1 and case.shapes["x"][0] == 1 and pair.far(0).shape[0] <= SHORT


def _started(book: Ledger) -> Table:
    """The table with the rows it has in full, or, where they stream, with some of them to measure by."""
    count = len(book.overlays)
    first, last = shown(book.look, count)
    if first > CHUNK:
        return Table(book.columns, [book.at(place) for place in (*range(ALL), count - 1)], book.total())
    rows = [book.at(place) for place in range(first)]
    if first + last < count:
        rows.append(book.middle(first, count - last))
        rows += [book.at(place) for place in range(count - last, count)]
    return Table(book.columns, rows, book.total())


def written_ledger(book: Ledger, table: Table, look: Look) -> Iterator[str]:
    """The ledger as text, streamed where it is long."""
    first, _ = shown(look, len(book.overlays))
    yield prose(_title(book), look)
    if first <= CHUNK:
        yield table.text(look)
        return
    rows = (book.row(place, overlay) for place, overlay in zip(range(first), book.overlays, strict=False))
    rest = [book.middle(first, len(book.overlays))] if first < len(book.overlays) else []
    yield from table.streamed(chain(rows, rest), look)


def _title(book: Ledger) -> str:
    both = " or dX" if book.short and not book.pair.transposed else ""
    if book.pair.transposed:
        return "each cell of x is laid on the output, times w; a column adds up to one entry of dW, a row gives dX"
    return f"each row is one overlay; each column adds up to one entry of dW{both}"
