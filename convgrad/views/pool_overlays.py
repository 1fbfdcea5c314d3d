"""The overlays of a pool: grids with the windows' borders, and a table of where each delta goes."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Prose, View
from convgrad.views.pair import chosen_channel, chosen_overlay
from convgrad.views.pool_grids import grids, opened_grids
from convgrad.views.pool_rows import table_of


def overlay_sections(gradients: Gradients, asked: Asked) -> View:
    """What stands between the header and the checks; raises RequestError for what there is not."""
    channel = chosen_channel(gradients.case, asked.channel)
    if asked.only is not None:
        return _opened(gradients, channel, chosen_overlay(gradients.full_overlays.shape, asked.only))
    return _all(gradients, channel, asked)


def _opened(gradients: Gradients, channel: int, place: int) -> View:
    yield from breadcrumb(gradients.case, channel, gradients.full_overlays[place].sample)
    yield opened_grids(gradients, channel, place)
    yield table_of(gradients, channel).alone(place)


def _all(gradients: Gradients, channel: int, asked: Asked) -> View:
    if not len(gradients.full_overlays):
        yield Prose("no overlays: the batch is empty")
        return
    yield from breadcrumb(gradients.case, channel, 0)
    yield grids(gradients, channel)
    if asked.overlays not in ("none", 0):
        yield table_of(gradients, channel).all(asked)
    if gradients.case.settings.get("ties") == "all":
        yield _all_of_tied(gradients)


def breadcrumb(case: Case, channel: int, sample: int) -> Iterator[Prose]:
    """Which sample and channel are shown, where there are several."""
    samples, channels = case.shapes["x"][:2]
    where = ([f"sample {sample}"] if samples > 1 else []) + ([f"channel {channel}"] if channels > 1 else [])
    more = f"{channels - 1} more; --channel {channels - 1} shows the last" if channels > 1 else f"{samples - 1} more"
    if where:
        yield Prose(f"{', '.join(where)} ({more})")


def _all_of_tied(gradients: Gradients) -> Prose:
    """That more comes out than went in, where every cell of a tie takes the whole delta."""
    assert gradients.case.delta is not None
    sums = gradients.case.delta.sum(), gradients.by_operand["x"].sum()
    return Prose(("sum of delta ", sums[0], ", sum of dX ", sums[1], ": every cell of a tie takes the whole delta"))
