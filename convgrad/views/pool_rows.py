"""The rows of a pool's table: for a max pool who wins, for a mean the share, for a norm what each cell gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.ledger import TAPS, flattened, index
from convgrad.views.look import Look
from convgrad.views.table import Column, Entry

NAMED = 3
"""Winners of a tie that are named one by one."""


class Rows:
    """What every pool's table has: number, sample, position, delta, window; and what follows, by kind."""

    @property
    def rest(self) -> tuple[Column, ...]:
        """The columns that a kind of pool adds."""
        raise NotImplementedError

    def __init__(self, gradients: Gradients, channel: int, look: Look) -> None:
        self.gradients, self.channel, self.look = gradients, channel, look
        self.case, self.numbers = gradients.case, look.numbers
        self.samples = self.case.shapes["x"][0] > 1
        self.padded = any(any(pair) for pair in self.case.settings.get("padding", ()))

    @property
    def columns(self) -> list[Column]:
        sample = [Column("sample", "right")] if self.samples else []
        return [Column("#", "right"), *sample, Column("out", "left"), Column("delta"), Column("window", "left"),
                *self.rest]  # fmt: skip

    def row(self, place: int, overlay: Overlay) -> list[Entry]:
        """An overlay's row."""
        sample = [str(overlay.sample)] if self.samples else []
        assert overlay.delta is not None
        delta = self.numbers.text(overlay.delta[self.channel])
        return [str(place + 1), *sample, index(overlay.position), delta, self._window(overlay), *self.tail(overlay)]

    def _window(self, overlay: Overlay) -> Entry:
        """The cells under the window; where they are many, which ones."""
        under = overlay.window[self.channel]
        return flattened(self.numbers.array(under)) if under.size <= TAPS else self.spans("x", overlay)

    def tail(self, overlay: Overlay) -> list[Entry]:
        """The entries under `rest`."""
        raise NotImplementedError

    def spans(self, name: str, overlay: Overlay) -> str:
        """The cells of the input under a window, as a slice; padding left out."""
        dilation = self.case.settings.get("dilation", (1,) * len(overlay.cells))
        lengths = self.case.shapes["x"][2:]
        parts = []
        for (first, last), step, length in zip(overlay.cells, dilation, lengths, strict=True):
            begin = first if first >= 0 else first % step
            parts.append(f"{begin}:{min(last, length)}" + (f":{step}" if step > 1 else ""))
        return f"{name}[{', '.join(parts)}]"

    def middle(self, count: int, delta: Any) -> list[Entry]:
        """The rows that are not shown, summed."""
        return self._summed(self.look.symbols.dot * 2, f"({self.numbers.text(delta)})", f"{count} more")

    def total(self, delta: Any) -> list[Entry]:
        return self._summed(self.look.symbols.total, self.numbers.text(delta), "")

    def _summed(self, sign: str, delta: str, note: str) -> list[Entry]:
        return [sign, *([""] if self.samples else []), "", delta, note, *([""] * len(self.rest))]


class Winners(Rows):
    """A max pool's: who wins, and where delta goes."""

    @property
    def rest(self) -> tuple[Column, ...]:
        return Column("winner", "left"), Column("goes to", "left"), Column("note", "left")

    def tail(self, overlay: Overlay) -> list[Entry]:
        assert overlay.winners is not None
        assert overlay.delta is not None
        winners, under = overlay.winners[self.channel], overlay.window[self.channel]
        x = self.case.operands["x"]
        assert x is not None
        best = self.numbers.text(x[(overlay.sample, self.channel, *winners[0])])
        cells = " ".join(index(cell) for cell in winners) if len(winners) <= NAMED else f"{len(winners)} cells"
        share = self.numbers.text(_largest(overlay.dx[self.channel]))
        ties = self.tied(under)
        shared = self.case.settings["ties"] in ("split", "all")
        note = "" if ties < 2 else f"{ties}-way tie" + (", shared" if self.case.settings["ties"] == "split" else "")
        to = f"dX{cells}" if len(winners) == 1 else f"each of dX{cells}" if shared and len(winners) <= NAMED else "each"
        return [f"{best} at x{cells}" if len(winners) <= NAMED else f"{best} at {cells}", f"{to} += {share}", note]

    def tied(self, under: Array) -> int:
        """How many cells of the window hold its largest number."""
        values = [value for value in under.flat if value is not None]
        return sum(bool(value == max(values)) for value in values)


class Shares(Rows):
    """A mean's: the divisor, and what every cell gets."""

    @property
    def rest(self) -> tuple[Column, ...]:
        note = (Column("note", "left"),) if self.padded else ()
        return (Column("divisor", "right"), Column("share"), Column("goes to", "left"), *note)

    def tail(self, overlay: Overlay) -> list[Entry]:
        assert overlay.delta is not None
        share = self.numbers.text(_largest(overlay.dx[self.channel]))
        delta = self.numbers.text(overlay.delta[self.channel])
        written = f"{delta}/{overlay.divisor}"
        shown: Entry = share if share == written else (written, " = ", share)
        row: list[Entry] = [str(overlay.divisor), shown, f"each of {self.spans('dX', overlay)}"]
        return [*row, self._lost(overlay)] if self.padded else row

    def _lost(self, overlay: Overlay) -> str:
        """How many of the shares fall on padding."""
        gets = overlay.dx[self.channel]
        kept = [range(max(0, -first), min(last, n) - first)
                for (first, last), n in zip(overlay.cells, self.case.shapes["x"][2:], strict=True)]  # fmt: skip
        given, inside = np.count_nonzero(gets), np.count_nonzero(gets[np.ix_(*kept)])
        return f"{given - inside} of {given} shares fall on padding" if given > inside else ""


class Slopes(Rows):
    """A norm's: what each cell gets, in the order of the window."""

    @property
    def rest(self) -> tuple[Column, ...]:
        return Column("adds to dX", "left"), Column("goes to", "left")

    def tail(self, overlay: Overlay) -> list[Entry]:
        gets = overlay.dx[self.channel]
        texts = flattened(self.numbers.array(gets)) if gets.size <= TAPS else f"{gets.size} numbers"
        return [texts, self.spans("dX", overlay)]


def _largest(values: Array) -> Any:
    """The share that cells get: the entry that is not 0, or 0."""
    return next((value for value in values.flat if value != 0), values.flat[0])


def form(gradients: Gradients, channel: int, look: Look) -> Rows:
    """The rows for a kind of pool."""
    settings = gradients.case.settings
    kind = Winners if "ties" in settings else Slopes if "norm" in settings else Shares
    return kind(gradients, channel, look)
