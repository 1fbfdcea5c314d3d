"""The overlays of a max unpooling: a table of where each number is put, and of the delta that it takes from there."""

from __future__ import annotations

from typing import Any

from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Beside, Column, Entry, Grid, Partial, Prose, Row, Rows, Sign, Table, View, index
from convgrad.views.ledger import ENDS, MOST
from convgrad.views.pair import chosen_channel, chosen_overlay
from convgrad.views.pool_grids import CLOSE
from convgrad.views.pool_overlays import breadcrumb


def overlay_sections(gradients: Gradients, asked: Asked) -> View:
    """What stands between the header and the checks; raises RequestError for what there is not."""
    channel = chosen_channel(gradients.case, asked.channel)
    only = None if asked.only is None else chosen_overlay(gradients.full_overlays.shape, asked.only)
    return _sections(gradients, channel, asked, only)


def _sections(gradients: Gradients, channel: int, asked: Asked, only: int | None) -> View:
    if not len(gradients.full_overlays):
        yield Prose("no overlays: the batch is empty")
        return
    sample = 0 if only is None else gradients.full_overlays[only].sample
    yield from breadcrumb(gradients.case, channel, sample)
    yield _grids(gradients, channel, sample)
    if only is not None:
        yield Moves(gradients, channel).alone(only)
    elif asked.overlays not in ("none", 0):
        yield Moves(gradients, channel).all(asked)


def _grids(gradients: Gradients, channel: int, sample: int) -> Beside:
    case = gradients.case
    arrays = {"x": case.operands["x"], "indices": case.arguments["indices"], "delta": case.delta}
    arrays["dX"] = gradients.by_operand["x"]
    return Beside(tuple(Grid(name, array[sample, channel], longest=CLOSE) for name, array in arrays.items()))


class Moves:
    """A row a number of the input: the cell that it is put at, and the delta that its entry of dX is."""

    def __init__(self, gradients: Gradients, channel: int) -> None:
        self.channel, self.overlays = channel, gradients.full_overlays
        self.several = gradients.case.shapes["x"][0] > 1
        self.taken = gradients.by_operand["x"][:, channel].reshape(-1)

    def all(self, asked: Asked) -> Table:
        """A row a number, and the sum of what they take."""
        brief = asked.ends(len(self.overlays), MOST, ENDS)
        total = self._summed(Sign.TOTAL, self.taken.sum(), "")
        return Table(self._columns, Rows(self.overlays, self.row), total, brief, self._middle)

    def alone(self, place: int) -> Table:
        """The row of one number."""
        return Table(self._columns, [self.row(place, self.overlays[place])])

    @property
    def _columns(self) -> tuple[Column, ...]:
        sample = [Column("sample", "right")] if self.several else []
        ends = (Column("in", "left"), Column("x"), Column("put at", "left"), Column("delta"), Column("goes to", "left"))
        return (Column("#", "ordinal"), *sample, *ends)

    def row(self, place: int, overlay: Overlay) -> Row:
        """A number's row."""
        assert overlay.x is not None
        assert overlay.winners is not None
        sample = [overlay.sample] if self.several else []
        cell, at = overlay.winners[self.channel][0], index(overlay.position)
        moved: tuple[Any, ...] = (overlay.x[self.channel], f"y{index(cell)}", overlay.dx[self.channel])
        return [place + 1, *sample, at, *moved, f"dX{at}"]

    def _middle(self, first: int, last: int) -> Row:
        """The rows that are not shown, summed."""
        return self._summed(Sign.LEFT_OUT, Partial(self.taken[first:last].sum()), f"{last - first} more")

    def _summed(self, sign: Sign, taken: Entry, note: str) -> Row:
        return [sign, *([""] if self.several else []), "", "", note, taken, ""]
