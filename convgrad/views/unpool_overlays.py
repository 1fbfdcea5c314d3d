"""The overlays of a max unpooling: a table of where each number is put, and of the delta that it takes from there."""

from __future__ import annotations

from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Beside, Column, Entry, Grid, Prose, View, index
from convgrad.views.overlay_table import OverlayTable
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


class Moves(OverlayTable):
    """A row a number of the input: the cell that it is put at, and the delta that its entry of dX is."""

    def __init__(self, gradients: Gradients, channel: int) -> None:
        super().__init__(gradients, channel)
        self.taken: Array = gradients.by_operand["x"][:, channel].reshape(-1)

    @property
    def columns(self) -> tuple[Column, ...]:
        return Column("in", "left"), Column("x"), Column("put at", "left"), Column("delta"), Column("goes to", "left")

    @property
    def parts(self) -> Array:
        return self.taken

    def entries(self, overlay: Overlay) -> list[Entry]:
        assert overlay.x is not None
        assert overlay.winners is not None
        cell, at = overlay.winners[self.channel][0], index(overlay.position)
        return [at, overlay.x[self.channel], f"y{index(cell)}", overlay.dx[self.channel], f"dX{at}"]

    def summed(self, total: Entry, note: str) -> list[Any]:
        return ["", "", note, total, ""]
