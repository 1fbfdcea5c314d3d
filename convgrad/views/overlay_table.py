"""A table with a row an overlay, of one channel, the ends alone where there are many, and a sum under it."""

from __future__ import annotations

from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Column, Entry, Partial, Row, Rows, Sign, Table
from convgrad.views.ledger import ENDS, MOST


class OverlayTable:
    """Number and sample of each overlay; and what follows, by kind."""

    def __init__(self, gradients: Gradients, channel: int) -> None:
        self.case, self.channel = gradients.case, channel
        self.overlays = gradients.full_overlays
        self.several = self.case.shapes["x"][0] > 1

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns after number and sample."""
        raise NotImplementedError

    def entries(self, overlay: Overlay) -> list[Entry]:
        """An overlay's entries under `columns`."""
        raise NotImplementedError

    def summed(self, total: Entry, note: str) -> list[Any]:
        """The entries under `columns` of a row that sums some overlays up."""
        raise NotImplementedError

    @property
    def parts(self) -> Array:
        """What is summed up: a number an overlay."""
        raise NotImplementedError

    def all(self, asked: Asked) -> Table:
        """A row an overlay, and the sum."""
        brief = asked.ends(len(self.overlays), MOST, ENDS)
        total = self._sum(Sign.TOTAL, self.parts.sum(), "")
        return Table(self._columns, Rows(self.overlays, self.row), total, brief, self._middle)

    def alone(self, place: int) -> Table:
        """The row of one overlay."""
        return Table(self._columns, [self.row(place, self.overlays[place])])

    def row(self, place: int, overlay: Overlay) -> Row:
        """An overlay's row."""
        return [place + 1, *([overlay.sample] if self.several else []), *self.entries(overlay)]

    @property
    def _columns(self) -> tuple[Column, ...]:
        sample = [Column("sample", "right")] if self.several else []
        return (Column("#", "ordinal"), *sample, *self.columns)

    def _middle(self, first: int, last: int) -> Row:
        """The rows that are not shown, summed."""
        return self._sum(Sign.LEFT_OUT, Partial(self.parts[first:last].sum()), f"{last - first} more")

    def _sum(self, sign: Sign, total: Entry, note: str) -> Row:
        return [sign, *([""] if self.several else []), *self.summed(total, note)]
