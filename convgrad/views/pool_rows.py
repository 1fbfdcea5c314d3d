"""The rows of a pool's table: for a max pool who wins, for a mean the share, for a norm what each cell gets."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.operations.operation import known
from convgrad.passes.gradients import Gradients
from convgrad.views.block_kinds import Column, Entry, Equation, Words, index
from convgrad.views.ledger import TAPS
from convgrad.views.overlay_table import OverlayTable
from convgrad.vocabulary import MAXIMUM, MEAN, NORM

NAMED = 3
"""Winners of a tie that are named one by one."""


class PoolTable(OverlayTable):
    """What every pool's table has: position, delta, window; and what follows, by kind."""

    def __init__(self, gradients: Gradients, channel: int) -> None:
        super().__init__(gradients, channel)
        self.padded = any(max(pair) > 0 for pair in self.case.settings.get("padding", ()))

    @property
    def rest(self) -> tuple[Column, ...]:
        """The columns that a kind of pool adds."""
        raise NotImplementedError

    def tail(self, overlay: Overlay) -> list[Entry]:
        """The entries under `rest`."""
        raise NotImplementedError

    @property
    def columns(self) -> tuple[Column, ...]:
        return Column("out", "left"), Column("delta"), Column("window", "left"), *self.rest

    def entries(self, overlay: Overlay) -> list[Entry]:
        assert overlay.delta is not None
        delta = overlay.delta[self.channel]
        return [index(overlay.position), delta, self._window(overlay), *self.tail(overlay)]

    def summed(self, total: Entry, note: str) -> list[Any]:
        return ["", total, note, *([""] * len(self.rest))]

    @cached_property
    def parts(self) -> Array:
        """The channel's delta in the order of the overlays."""
        assert self.case.delta is not None
        flat: Array = self.case.delta[:, self.channel].reshape(-1)
        return flat

    def _window(self, overlay: Overlay) -> Entry:
        """The cells under the window; where they are many, which ones."""
        under = overlay.window[self.channel]
        return under if under.size <= TAPS else self.spans("x", overlay)

    def spans(self, name: str, overlay: Overlay) -> str:
        """The cells of the input under a window, as a slice; padding left out."""
        dilation = self.case.settings.get("dilation", (1,) * len(overlay.cells))
        lengths = self.case.shapes["x"][2:]
        parts = []
        for (first, last), step, length in zip(overlay.cells, dilation, lengths, strict=True):
            begin = first if first >= 0 else first % step
            parts.append(f"{begin}:{min(last, length)}" + (f":{step}" if step > 1 else ""))
        return f"{name}[{', '.join(parts)}]"


class Winners(PoolTable):
    """A max pool's: who wins, and where delta goes."""

    @property
    def rest(self) -> tuple[Column, ...]:
        return Column("winner", "left"), Column("goes to", "left"), Column("note", "left")

    def tail(self, overlay: Overlay) -> list[Entry]:
        assert overlay.winners is not None
        winners, x = overlay.winners[self.channel], self.case.operands["x"]
        assert x is not None
        best = x[(overlay.sample, self.channel, *winners[0])]
        cells = " ".join(map(index, winners)) if len(winners) <= NAMED else f"{len(winners)} cells"
        at: Words = (best, f" at {'x' if len(winners) <= NAMED else ''}{cells}")
        return [at, (f"{self._to(cells, len(winners))} += ", _largest(overlay.dx[self.channel])), self._note(overlay)]

    def _to(self, cells: str, winners: int) -> str:
        """Where delta goes."""
        if winners == 1:
            return f"dX{cells}"
        shared = self.case.settings["ties"] in ("split", "all")
        return f"each of dX{cells}" if shared and winners <= NAMED else "each"

    def _note(self, overlay: Overlay) -> str:
        """How many cells of the window hold its largest number, where several do."""
        values = [value for value in overlay.window[self.channel].flat if value is not None]
        largest = max(values)
        ties = sum(bool(value == largest) for value in values)
        shared = ", shared" if self.case.settings["ties"] == "split" else ""
        return f"{ties}-way tie{shared}" if ties > 1 else ""


class Shares(PoolTable):
    """A mean's: the divisor, and what every cell gets."""

    @property
    def rest(self) -> tuple[Column, ...]:
        note = (Column("note", "left"),) if self.padded else ()
        return (Column("divisor", "right"), Column("share"), Column("goes to", "left"), *note)

    def tail(self, overlay: Overlay) -> list[Entry]:
        assert overlay.delta is not None
        share = _largest(overlay.dx[self.channel])
        written = Equation((overlay.delta[self.channel], f"/{overlay.divisor}"), share)
        row: list[Entry] = [overlay.divisor, written, f"each of {self.spans('dX', overlay)}"]
        return [*row, self._lost(overlay)] if self.padded else row

    def _lost(self, overlay: Overlay) -> str:
        """How many of the shares fall on padding."""
        gets = overlay.dx[self.channel]
        unders = self.case.arguments["window"].under(overlay.position)
        kept = [[tap for tap, cell in enumerate(under) if 0 <= cell < n]
                for under, n in zip(unders, self.case.shapes["x"][2:], strict=True)]  # fmt: skip
        given, inside = np.count_nonzero(gets), np.count_nonzero(gets[np.ix_(*kept)])
        return f"{given - inside} of {given} shares fall on padding" if given > inside else ""


class Slopes(PoolTable):
    """A norm's: what each cell gets, in the order of the window."""

    @property
    def rest(self) -> tuple[Column, ...]:
        return Column("adds to dX", "left"), Column("goes to", "left")

    def tail(self, overlay: Overlay) -> list[Entry]:
        gets = overlay.dx[self.channel]
        return [gets if gets.size <= TAPS else f"{gets.size} numbers", self.spans("dX", overlay)]


def _largest(values: Array) -> Any:
    """The share that cells get: the entry that is not 0, or 0."""
    return next((value for value in values.flat if value != 0), values.flat[0])


def table_of(gradients: Gradients, channel: int) -> PoolTable:
    """The table for a family of pools."""
    return known(TABLES, gradients.case.operation, "how its overlays are shown")(gradients, channel)


TABLES: dict[str, type[PoolTable]] = {MAXIMUM: Winners, MEAN: Shares, NORM: Slopes}
