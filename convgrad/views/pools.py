"""The overlays of a pool: grids with the windows' borders, and a table of where each delta goes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from convgrad.core.arithmetic import Array
from convgrad.gradients import Gradients
from convgrad.operations import Overlay
from convgrad.views.backward import Parts
from convgrad.views.ledger import ALL, index, shown
from convgrad.views.look import Look, wrapped
from convgrad.views.pair import chosen_channel, chosen_overlay, restricted
from convgrad.views.pool_grids import borders, grids, legend, opened_grids
from convgrad.views.pool_rows import form
from convgrad.views.table import CHUNK, Entry, Table


def parts(gradients: Gradients, look: Look) -> Parts:
    """The parts of the view between the header and the checks; raises RequestError for what there is not."""
    channel = chosen_channel(gradients.case, look)
    place = None if look.only is None else chosen_overlay(gradients.overlays.shape, look.only)
    return _parts(gradients, channel, place, look)


def _parts(gradients: Gradients, channel: int, place: int | None, look: Look) -> Parts:
    if not len(gradients.overlays):
        yield "no overlays: the batch is empty\n"
        return
    yield _breadcrumb(gradients, channel, place, look)
    if place is not None:
        yield opened_grids(gradients, channel, place, look)
        yield _table(gradients, channel, look, [place])
        return
    yield grids(gradients, channel, look)
    if look.overlays not in ("none", 0):
        yield _table(gradients, channel, look)
    yield _sums(gradients, look)


def _breadcrumb(gradients: Gradients, channel: int, place: int | None, look: Look) -> str:
    """Which sample and channel are shown, where there are several."""
    samples, channels = gradients.case.shapes["x"][:2]
    sample = 0 if place is None else gradients.overlays[place].sample
    where = ([f"sample {sample}"] if samples > 1 else []) + ([f"channel {channel}"] if channels > 1 else [])
    if not where:
        return ""
    more = []
    if channels > 1:
        more.append(f"({channels - 1} more channel{'s' * (channels > 2)}; --channel {channels - 1} shows the last)")
    if samples > 1 and place is None:
        more.append(f"({samples - 1} more sample{'s' * (samples > 2)}: the table has all)")
    return "".join(f"{line}\n" for line in wrapped([", ".join(where), *more], look.width, " "))


def _table(gradients: Gradients, channel: int, look: Look, only: list[int] | None = None) -> Iterator[str]:
    """A row an overlay; those in the middle summed."""
    overlays, count = gradients.overlays, len(gradients.overlays)
    rows = form(gradients, channel, look)

    def row(place: int) -> list[Entry]:
        return rows.row(place, overlays[place])

    if only is not None:
        yield Table(rows.columns, map(row, only)).text(look)
        return
    first, last = shown(look, count)
    total = rows.total(gradients.case.delta[:, channel].sum())
    if first > CHUNK:
        table = Table(rows.columns, map(row, (*range(ALL), count - 1)), total)
        rest = (rows.row(place, overlay) for place, overlay in zip(range(first), overlays, strict=False))
        middle = [_middle(gradients, rows, channel, first, count)] if first < count else []
        yield from table.streamed(chain(rest, middle), look)
        return
    listed = [row(place) for place in range(first)]
    if first + last < count:
        listed.append(_middle(gradients, rows, channel, first, count - last))
        listed += [row(place) for place in range(count - last, count)]
    yield Table(rows.columns, listed, total).text(look)


def _middle(gradients: Gradients, rows, channel: int, first: int, last: int) -> list[Entry]:
    delta = gradients.case.delta
    flat = delta[:, channel].reshape(-1)
    return rows.middle(last - first, flat[first:last].sum())


def _sums(gradients: Gradients, look: Look) -> str:
    """Of max pooling: what goes in comes out, but for `all`."""
    case, numbers = gradients.case, look.numbers
    if "ties" not in case.settings:
        return ""
    given, got = numbers.text(case.delta.sum()), numbers.text(gradients.by_operand["x"].sum())
    if case.settings["ties"] == "all":
        items = [f"sum of delta {given},", f"sum of dX {got}:", "every cell of a tie takes the whole delta"]
    else:
        items = [f"sum of delta {given}", f"= sum of dX {got}"]
    return "".join(f"{line}\n" for line in wrapped(items, look.width, " "))
