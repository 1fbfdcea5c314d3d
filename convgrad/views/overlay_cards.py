"""Overlays as cards: one opened, with everything that it touches, or one after another where a ledger is too wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.core.unfold import source_cells
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Beside, Grid, Heading, Remark, Section, Sign, Words, index, windowed
from convgrad.views.ledger import ENDS, MOST
from convgrad.views.pair import Pair, framed, restricted

MANY, FEW = 64, (1, 1)
"""Overlays beyond which only so many at either end are shown as cards."""
CLOSE = 10
"""Cells of an axis up to which an opened overlay shows all of it, not just what lies around the window."""


def cards(gradients: Gradients, pair: Pair, asked: Asked) -> Iterator[Section]:
    """The overlays as cards, those in the middle summed in one, and the total."""
    overlays, count = gradients.full_overlays, len(gradients.full_overlays)
    first, last = asked.ends(count, MOST, FEW if count > MANY else ENDS) or (count, 0)
    yield from (_card(overlays[place], place, pair, gradients) for place in range(first))
    if first + last < count:
        part = restricted(gradients.case, first, count - last, pair.a)["w"][pair.a, pair.b]
        yield Section((Heading((f"{count - last - first} more overlays",)), Grid("dW += their sum", part)))
    yield from (_card(overlays[place], place, pair, gradients) for place in range(count - last, count))
    total = gradients.by_operand["w"][pair.a, pair.b]
    yield Section((Grid((Sign.TOTAL, f" of all {count}: dW{_lead(pair)}"), total),))


def _card(overlay: Overlay, place: int, pair: Pair, gradients: Gradients) -> Section:
    """What one overlay adds to dW and to dX."""
    under, heading = overlay.window[pair.channel], _heading(overlay, place, pair, gradients)
    window = Grid("window of delta" if pair.transposed else "window", under)
    if pair.transposed:
        heading = (*heading, (f"dX{index(overlay.position)} = ", pair.scattered(overlay)))
        return Section((Heading(heading), Beside((window, _added(overlay, pair)))))
    there = "dX there" if _hangs_over(overlay, pair) else _spans("dX", overlay, pair)
    title = (f"{there} += ", *_scaled(overlay, pair))
    added = Grid(title, pair.scattered(overlay))
    return Section((Heading(heading), Beside((window, _added(overlay, pair), added))))


def _added(overlay: Overlay, pair: Pair) -> Grid:
    """What an overlay adds to dW."""
    assert overlay.dw is not None
    title = ("dW += ", pair.factor(overlay), " ", Sign.TIMES, f" window{_turned(pair)}")
    return Grid(title, overlay.dw[pair.a, pair.b])


def _turned(pair: Pair) -> str:
    return "" if pair.case.settings["mode"] == "cross-correlation" else " turned"


def _scaled(overlay: Overlay, pair: Pair) -> tuple[Any, ...]:
    """The kernel times what it is multiplied by."""
    return (pair.factor(overlay), " ", Sign.TIMES, f" w{_turned(pair)}")


def _lead(pair: Pair) -> str:
    """The pair's own index of dW, where the kernel has one."""
    return pair.lead if pair.case.layout.kernel_channels else ""


def _spans(name: str, overlay: Overlay, pair: Pair) -> str:
    """The cells under a window, as a slice, x[1:3, 0:5:2]; in words where it begins before or ends past the cells."""
    dilations = pair.case.settings["dilation"]
    if _hangs_over(overlay, pair):
        return f"{name} {_in_words(overlay.cells, dilations)}"
    steps = [f":{d}" if d > 1 else "" for d in dilations]
    spans = zip(overlay.cells, steps, strict=True)
    return f"{name}[{', '.join(f'{first}:{last}{step}' for (first, last), step in spans)}]"


def _hangs_over(overlay: Overlay, pair: Pair) -> bool:
    lengths = pair.far(0).shape
    return any(first < 0 or last > length for (first, last), length in zip(overlay.cells, lengths, strict=True))


AXES = ("planes", "rows", "columns")


def _in_words(cells: Sequence[tuple[int, int]], dilations: Sequence[int]) -> str:
    """Ranges that nobody reads as Python's, which counts a cell before the first from the end, and has none past it.

    >>> _in_words([(-1, 2), (0, 5)], [1, 2])
    'rows -1 to 1, columns 0 to 4 by 2'
    """
    names = {1: ("cells",)}.get(len(cells), AXES[-len(cells) :] if len(cells) <= len(AXES) else ())
    names = names or tuple(f"axis {axis}:" for axis in range(len(cells)))
    spans = zip(names, cells, dilations, strict=True)
    return ", ".join(f"{name} {first} to {last - 1}{f' by {d}' if d > 1 else ''}" for name, (first, last), d in spans)


def _heading(overlay: Overlay, place: int, pair: Pair, gradients: Gradients) -> tuple[Words, ...]:
    near, far, where = ("x", "delta", "x") if pair.transposed else ("delta", "x", "out")
    sample = (f"sample {overlay.sample}",) if gradients.full_overlays.shape[0] > 1 else ()
    few, which = pair.kernel_shape[0] == 1, "channel" if pair.transposed else "filter"
    return (
        f"Overlay {place + 1} of {len(gradients.full_overlays)}", *sample, *(() if few else (f"{which} {pair.a}",)),
        f"{where}{index(overlay.position)}",
        (f"{near} = ", pair.factor(overlay)), f"window {_spans(far, overlay, pair)}",
    )  # fmt: skip


def opened(gradients: Gradients, pair: Pair, place: int) -> Iterator[Section]:
    """One overlay with x, delta and w, what it adds to dW and dX, and both as they stand once it has been added."""
    overlay = gradients.full_overlays[place]
    so_far = restricted(gradients.case, 0, place + 1, pair.a)
    heading = Heading(_heading(overlay, place, pair, gradients))
    operands = _windowed(overlay, pair), _entry(overlay, pair)
    kernel = _added(overlay, pair), Grid("dW so far", so_far["w"][pair.a, pair.b])
    yield Section((heading, Beside((*operands, *kernel))))
    yield Section((Beside(_gathered(overlay, pair) if pair.transposed else _scattered(overlay, pair, so_far["x"])),))


def _windowed(overlay: Overlay, pair: Pair) -> Grid:
    """The array under the window with its padding around it, rules between them, and the window marked."""
    far = pair.far(overlay.sample)
    drawn, origin = framed(far, pair.window, pair.case.settings.get("padding_mode", "zeros"))
    cells = [[c - o for c in under] for under, o in zip(pair.window.under(overlay.position), origin, strict=True)]
    edges = [frozenset({-o - 1, n - o - 1} & set(range(full - 1)))
             for n, o, full in zip(far.shape, origin, drawn.shape, strict=True)]  # fmt: skip
    rows, columns = ([frozenset[int](), *edges])[-2:]
    name = "delta" if pair.transposed else "x"
    return Grid(name, drawn, windowed(cells), (rows, columns), CLOSE, cells, origin)


def _entry(overlay: Overlay, pair: Pair) -> Grid:
    """The array that the window is multiplied by an entry of, and that entry marked."""
    at = [[p] for p in overlay.position]
    name = "x" if pair.transposed else "delta"
    return Grid(name, pair.near(overlay.sample), windowed(at), longest=CLOSE, focus=at)


def _scattered(overlay: Overlay, pair: Pair, so_far: Array) -> tuple[Grid, ...]:
    """dX with what the window just got."""
    dx, scaled = so_far[overlay.sample, pair.channel], _scaled(overlay, pair)
    cells = _inside(overlay, pair, dx.shape)
    part = "" if pair.alone else f", of filter {pair.a} alone"
    title = (f"dX so far{part} (window just got ", *scaled, ")")
    return (
        Grid(title, dx, windowed(cells), longest=CLOSE, focus=cells), Grid(scaled, pair.scattered(overlay)),
        Grid(f"w{_turned(pair)}", pair.laid),
    )  # fmt: skip


def _inside(overlay: Overlay, pair: Pair, shape: Sequence[int]) -> list[list[int]]:
    """The cells of the input that the window reads: none for zero padding, for a copied cell its origin."""
    mode = pair.case.settings.get("padding_mode", "zeros")
    unders = zip(pair.window.under(overlay.position), shape, strict=True)
    return [sorted({int(cell) for cell in source_cells(under, n, mode) if cell >= 0}) for under, n in unders]


def _gathered(overlay: Overlay, pair: Pair) -> tuple[Grid | Remark, ...]:
    """dX of one cell: the sum of w times the window of delta, over the channels of the output."""
    more, name = pair.kernel_shape[1] - 1, f"w{_turned(pair)}"
    sum_of = "their sum" + (f", and that of {more} more channels" if more else "")
    return (
        Grid(name, pair.laid), Grid((name, " ", Sign.TIMES, " window"), pair.laid * overlay.window[pair.channel]),
        Remark((f"dX{index(overlay.position)} = ", pair.scattered(overlay)), sum_of),
    )  # fmt: skip
