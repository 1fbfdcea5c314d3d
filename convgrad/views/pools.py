"""The overlays of a pool: grids with the windows' borders, and a table of where each delta goes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from convgrad.core.arithmetic import Array
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.backward import Parts
from convgrad.views.ledger import ALL, shown
from convgrad.views.look import Look, prose
from convgrad.views.pair import chosen_channel, chosen_overlay
from convgrad.views.pool_grids import grids, opened_grids
from convgrad.views.pool_rows import form
from convgrad.views.table import CHUNK, Entry, Table


def parts(gradients: Gradients, look: Look) -> Parts:
    """The parts of the view between the header and the checks; raises RequestError for what there is not."""
    channel = chosen_channel(gradients.case, look)
    place = None if look.only is None else chosen_overlay(gradients.full_overlays.shape, look.only)
    return _parts(gradients, channel, place, look)


def _parts(gradients: Gradients, channel: int, place: int | None, look: Look) -> Parts:
    if not len(gradients.full_overlays):
        yield prose("no overlays: the batch is empty", look)
        return
    sample = 0 if place is None else gradients.full_overlays[place].sample
    yield breadcrumb(gradients.case, channel, sample, look)
    if place is not None:
        yield opened_grids(gradients, channel, place, look)
        yield _table(gradients, channel, look, [place])
        return
    yield grids(gradients, channel, look)
    if look.overlays not in ("none", 0):
        yield _table(gradients, channel, look)
    if gradients.case.settings.get("ties") == "all":
        yield _all_of_tied(gradients, look)


def breadcrumb(case: Case, channel: int, sample: int, look: Look) -> str:
    """Which sample and channel are shown, where there are several."""
    samples, channels = case.shapes["x"][:2]
    where = ([f"sample {sample}"] if samples > 1 else []) + ([f"channel {channel}"] if channels > 1 else [])
    if not where:
        return ""
    more = f"{channels - 1} more; --channel {channels - 1} shows the last" if channels > 1 else f"{samples - 1} more"
    return prose(f"{', '.join(where)} ({more})", look)


def _table(gradients: Gradients, channel: int, look: Look, only: list[int] | None = None) -> Iterator[str]:
    """A row an overlay; those in the middle summed."""
    overlays, count = gradients.full_overlays, len(gradients.full_overlays)
    rows = form(gradients, channel, look)

    def row(place: int) -> list[Entry]:
        return rows.row(place, overlays[place])

    if only is not None:
        yield Table(rows.columns, map(row, only)).text(look)
        return
    first, last = shown(look, count)
    total = rows.total(_delta(gradients, channel).sum())
    if first > CHUNK:
        table = Table(rows.columns, map(row, (*range(ALL), count - 1)), total)
        rest = (rows.row(place, overlay) for place, overlay in zip(range(first), overlays, strict=False))
        middle = [rows.middle(count - first, _delta(gradients, channel)[first:].sum())] if first < count else []
        yield from table.streamed(chain(rest, middle), look)
        return
    listed = [row(place) for place in range(first)]
    if first + last < count:
        between = _delta(gradients, channel)[first : count - last]
        listed.append(rows.middle(len(between), between.sum()))
        listed += [row(place) for place in range(count - last, count)]
    yield Table(rows.columns, listed, total).text(look)


def _delta(gradients: Gradients, channel: int) -> Array:
    """A channel's delta in the order of the overlays."""
    assert gradients.case.delta is not None
    flat: Array = gradients.case.delta[:, channel].reshape(-1)
    return flat


def _all_of_tied(gradients: Gradients, look: Look) -> str:
    """That more comes out than went in, where every cell of a tie takes the whole delta."""
    case, numbers = gradients.case, look.numbers
    assert case.delta is not None
    given, got = numbers.text(case.delta.sum()), numbers.text(gradients.by_operand["x"].sum())
    return prose(f"sum of delta {given}, sum of dX {got}: every cell of a tie takes the whole delta", look)
