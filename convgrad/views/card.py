"""Overlays as cards: one opened, with everything that it touches, or one after another where a ledger is too wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convgrad.core.arithmetic import Array
from convgrad.operations import Overlay
from convgrad.passes.gradients import Gradients
from convgrad.views.arrays import block
from convgrad.views.grid import Block, Marks, beside, bracketed
from convgrad.views.ledger import index, shown
from convgrad.views.look import Look, plain_lines, wrapped
from convgrad.views.pair import Pair, framed, restricted

CLOSE = 10
"""Cells of an axis up to which an opened overlay shows all of it, not just what lies around the window."""


def cards(gradients: Gradients, pair: Pair, look: Look) -> Iterator[str]:
    """The overlays as cards, those in the middle summed in one, and the total."""
    overlays, count = gradients.full_overlays, len(gradients.full_overlays)
    first, last = shown(look, count)
    for place in range(first):
        yield _card(overlays[place], place, pair, look, gradients) + "\n"
    if first + last < count:
        part = restricted(gradients.case, first, count - last, pair.a)["w"][pair.a, pair.b]
        yield look.text([*plain_lines(f"{count - last - first} more overlays", style="title"),
                         *block("dW += their sum", part, look).lines]) + "\n"  # fmt: skip
    for place in range(count - last, count):
        yield _card(overlays[place], place, pair, look, gradients) + "\n"
    total = gradients.by_operand["w"][pair.a, pair.b]
    yield look.text(block(f"{look.symbols.total} of all {count}: dW{_lead(pair)}", total, look).lines)


def _card(overlay: Overlay, place: int, pair: Pair, look: Look, gradients: Gradients) -> str:
    """What one overlay adds to dW and to dX."""
    assert overlay.dw is not None
    times, factor = look.symbols.times, look.numbers.text(pair.factor(overlay))
    under = overlay.window[pair.channel]
    name = "window" if pair.turned(under) is under else "window turned"
    blocks = [
        block("window" if not pair.transposed else "window of delta", under, look),
        block(f"dW += {factor} {times} {name}", overlay.dw[pair.a, pair.b], look),
    ]
    if not pair.transposed:
        spans = _spans("dX", overlay, pair)
        blocks.append(block(f"{spans} += {factor} {times} {_laid(pair)}", pair.scattered(overlay), look))
    line = _head(overlay, place, pair, look, gradients)
    if pair.transposed:
        line += f"  dX{index(overlay.position)} = {look.numbers.text(pair.scattered(overlay))}"
    return look.text([*plain_lines(*wrapped(line.split("  "), look.width), style="title"), *beside(blocks, look.room)])


def _laid(pair: Pair) -> str:
    return "w" if pair.case.settings["mode"] == "cross-correlation" else "w turned"


def _lead(pair: Pair) -> str:
    """The pair's own index of dW, where the kernel has one."""
    return f"[{pair.a},{pair.b}]" if pair.case.layout.kernel_channels else ""


def _spans(name: str, overlay: Overlay, pair: Pair) -> str:
    """The cells under a window, as a slice: x[1:3, 0:5:2]."""
    steps = [f":{d}" if d > 1 else "" for d in pair.case.settings["dilation"]]
    spans = zip(overlay.cells, steps, strict=True)
    return f"{name}[{', '.join(f'{first}:{last}{step}' for (first, last), step in spans)}]"


def _head(overlay: Overlay, place: int, pair: Pair, look: Look, gradients: Gradients) -> str:
    near, far = ("x", "delta") if pair.transposed else ("delta", "x")
    sample = f"  sample {overlay.sample}" if gradients.full_overlays.shape[0] > 1 else ""
    where = f"x{index(overlay.position)}" if pair.transposed else f"out{index(overlay.position)}"
    factor = look.numbers.text(pair.factor(overlay))
    return (
        f"Overlay {place + 1} of {len(gradients.full_overlays)}{sample}  {where}  {near} = {factor}  "
        f"window {_spans(far, overlay, pair)}"
    )


def opened(gradients: Gradients, pair: Pair, look: Look, place: int) -> Iterator[str]:
    """One overlay with x, delta and w, what it adds to dW and dX, and both as they stand once it has been added."""
    overlay = gradients.full_overlays[place]
    so_far = restricted(gradients.case, 0, place + 1, pair.a)
    head = _head(overlay, place, pair, look, gradients)
    yield look.text(plain_lines(*wrapped(head.split("  "), look.width), style="title"))
    upper = [*_operands(overlay, pair, look), *_kernel_blocks(overlay, pair, look, so_far["w"][pair.a, pair.b])]
    yield look.text(beside(upper, look.room))
    lower = _gathered(overlay, pair, look) if pair.transposed else _scattered(overlay, pair, look, so_far["x"])
    yield "\n" + look.text(beside(lower, look.room))


def _operands(overlay: Overlay, pair: Pair, look: Look) -> Iterator[Block]:
    """far with the window in brackets, near with the entry that belongs to it."""
    near, far = ("x", "delta") if pair.transposed else ("delta", "x")
    yield _windowed(far, overlay, pair, look)
    at = [[p] for p in overlay.position]
    yield block(near, pair.near(overlay.sample), look, marks=bracketed(at), longest=CLOSE, focus=at)


def _windowed(name: str, overlay: Overlay, pair: Pair, look: Look) -> Block:
    """An array with its padding around it, rules between them, and the window in brackets."""
    mode = pair.case.settings.get("padding_mode", "zeros")
    far = pair.far(overlay.sample)
    drawn, origin = framed(far, pair.window, mode)
    cells = [[c - o for c in under] for under, o in zip(pair.window.under(overlay.position), origin, strict=True)]
    marks = bracketed(cells)
    edges = [frozenset({-o - 1, n - o - 1} & set(range(full - 1)))
             for n, o, full in zip(far.shape, origin, drawn.shape, strict=True)]  # fmt: skip
    rows, columns = ([frozenset[int](), *edges])[-2:]
    ruled = Marks(marks.before, marks.after, marks.style, (rows, columns))
    return block(name, drawn, look, marks=ruled, longest=CLOSE, focus=cells, origin=origin)


def _kernel_blocks(overlay: Overlay, pair: Pair, look: Look, so_far: Array) -> Iterator[Block]:
    assert overlay.dw is not None
    factor, times = look.numbers.text(pair.factor(overlay)), look.symbols.times
    turned = "" if pair.case.settings["mode"] == "cross-correlation" else " turned"
    yield block(f"dW += {factor} {times} window{turned}", overlay.dw[pair.a, pair.b], look)
    yield block("dW so far", so_far, look)


def _scattered(overlay: Overlay, pair: Pair, look: Look, so_far: Array) -> Iterator[Block]:
    """dX with what the window just got."""
    factor, times = look.numbers.text(pair.factor(overlay)), look.symbols.times
    dx = so_far[overlay.sample, pair.channel]
    cells = _inside(overlay, pair, dx.shape)
    part = "" if pair.alone else f", of filter {pair.a} alone"
    got = f"dX so far{part} (window just got {factor} {times} {_laid(pair)})"
    yield block(got, dx, look, marks=bracketed(cells), longest=CLOSE, focus=cells)
    yield block(f"{factor} {times} {_laid(pair)}", pair.scattered(overlay), look)
    yield block(_laid(pair), pair.laid, look)


def _inside(overlay: Overlay, pair: Pair, shape: Sequence[int]) -> list[list[int]]:
    """The cells of the input that the window reads: none for zero padding, for a copied cell its origin."""
    from convgrad.core.unfold import source_cells

    mode = pair.case.settings.get("padding_mode", "zeros")
    unders = zip(pair.window.under(overlay.position), shape, strict=True)
    return [sorted({int(cell) for cell in source_cells(under, n, mode) if cell >= 0}) for under, n in unders]


def _gathered(overlay: Overlay, pair: Pair, look: Look) -> Iterator[Block]:
    """dX of one cell: the sum of w times the window of delta, over the channels of the output."""
    under = overlay.window[pair.channel]
    times, more = look.symbols.times, pair.kernel_shape[1] - 1
    yield block(_laid(pair), pair.laid, look)
    yield block(f"{_laid(pair)} {times} window", pair.laid * under, look)
    value = look.numbers.text(pair.scattered(overlay))
    name = f"dX{index(overlay.position)} = {value}"
    yield Block(plain_lines(name, style="title") + plain_lines(
        "their sum" + (f", and that of {more} more channels" if more else "")))  # fmt: skip
