"""Blocks -> a picture in SVG: rectangles and text, no script and no fonts; of gradients a panel for each overlay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from convgrad.passes.gradients import Gradients
from convgrad.views import blocks
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import (
    TIES,
    WINDOW,
    WINS,
    Arrays,
    Beside,
    Block,
    Facts,
    Formula,
    Grid,
    Heading,
    Identities,
    Item,
    Line,
    Part,
    Prose,
    Remark,
    Table,
    Verdict,
    printable,
)
from convgrad.views.flattened import Plane, flattened, planes, shown_rows
from convgrad.views.text_words import Pen, identity_text, joined_entry

LETTER, LINE, GAP = 7.3, 18, 14
"""Pixels: what a letter takes in a font of 12, the height of a line, and the space between parts."""
MOST = 16
"""Overlays that have a panel, unless one is opened or how many are said."""
WIDE = 1000
"""Pixels in which panels stand side by side."""
FILLS = {WINDOW: "#cfe8f3", WINS: "#cdebc5", TIES: "#fbe7a1"}


class Box(NamedTuple):
    """Something drawn from its upper left corner on: elements with places for `translate`, and its size."""

    width: float
    height: float
    inside: str


def write(parts: Iterable[Part], pen: Pen) -> Iterator[str]:
    """Blocks one below the other."""
    yield _picture(_below([WRITERS[type(block)](block, pen) for block in flattened(parts)]))


def of_record(record: Any, asked: Asked, pen: Pen) -> Iterator[str]:
    """A picture of a record; of gradients whose overlays can be opened, a panel for each."""
    positions = _positions(record, asked)
    if not positions:
        return write(blocks(record, asked), pen)
    head = next(iter(flattened(blocks(record, asked._replace(overlays="none")))))
    panels = [_panel(record, asked._replace(only=position), pen) for position in positions]
    left = _overlays(record) - len(panels)
    more = f"{left} more overlays; --overlays all draws them, --only one"
    said = [_text(more)] if left and asked.only is None else []
    return iter((_picture(_below([WRITERS[type(head)](head, pen), _beside(panels), *said])),))


def _overlays(record: Gradients) -> int:
    return len(record.full_overlays)


def _positions(record: Any, asked: Asked) -> list[tuple[int, ...]]:
    """The overlays that have a panel: those of the first sample come first."""
    if not isinstance(record, Gradients) or asked.quiet or asked.overlays in ("none", 0):
        return []
    if record.case.dims > 2 or asked.only is not None or not _overlays(record):
        return [asked.only] if asked.only is not None else []
    most = asked.overlays if isinstance(asked.overlays, int) else MOST if asked.overlays is None else None
    shape = record.full_overlays.shape
    return list(islice(np.ndindex(shape if shape[0] > 1 else shape[1:]), most))


def _panel(record: Any, asked: Asked, pen: Pen) -> Box:
    """What the opened overlay shows, without the header and the results, in a frame."""
    inner = [block for block in flattened(blocks(record, asked)) if not isinstance(block, Arrays | Facts)]
    box = _below([WRITERS[type(block)](block, pen) for block in inner])
    width, height = box.width + GAP, box.height + GAP
    frame = f'<rect x="0.5" y="0.5" width="{width:g}" height="{height:g}" fill="none" stroke="#999"/>'
    return Box(width + 1, height + 1, frame + _moved(box, GAP / 2, GAP / 2))


# -- Drawing -----------------------------------------------------------------------------------------------------------


def _picture(box: Box) -> str:
    width, height = box.width + 2 * GAP, box.height + 2 * GAP
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="12" fill="#111">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{_moved(box, GAP, GAP)}\n</svg>\n'
    )


def escaped(text: str) -> str:
    """A text as it stands in a picture, where no sign of it is markup; what XML cannot hold is a blank."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str, weight: str = "", anchor: str = "") -> Box:
    attributes = (f' font-weight="{weight}"' if weight else "") + (f' text-anchor="{anchor}"' if anchor else "")
    shown = escaped(text)
    inside = f'<text y="13"{attributes} xml:space="preserve">{shown}</text>' if shown else ""
    return Box(len(text) * LETTER, LINE, inside)


def _moved(box: Box, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{box.inside}</g>' if box.inside else ""


def _below(boxes: Sequence[Box], gap: float = GAP / 2) -> Box:
    y, inside = 0.0, []
    for box in boxes:
        inside.append(_moved(box, 0, y))
        y += box.height + gap
    return Box(max((box.width for box in boxes), default=0), max(y - gap, 0), "\n".join(filter(None, inside)))


def _beside(boxes: Sequence[Box], gap: float = GAP) -> Box:
    """Side by side, in a new row where there is no more room."""
    x, y, tallest, widest, inside = 0.0, 0.0, 0.0, 0.0, []
    for box in boxes:
        if x and x + box.width > WIDE:
            x, y, tallest = 0.0, y + tallest + gap, 0.0
        inside.append(_moved(box, x, y))
        x, tallest = x + box.width + gap, max(tallest, box.height)
        widest = max(widest, x - gap)
    return Box(widest, y + tallest, "\n".join(filter(None, inside)))


# -- Blocks ------------------------------------------------------------------------------------------------------------


def _items(block: Heading | Facts, pen: Pen) -> Box:
    return _sentence("   ".join(pen.words(item).strip() for item in block.items), "bold")


def _sentence(text: str, weight: str = "") -> Box:
    """A text in lines that are not too long."""
    most, lines = int(WIDE / LETTER), [""]
    for word in printable(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        lines[-1:] = [longer] if len(longer) <= most or not lines[-1] else [lines[-1], word]
    return _below([_text(line, weight) for line in lines], 0)


def _grid(block: Grid, pen: Pen) -> Box:
    title = _text(pen.words(block.title), "bold")
    return _below([title, *(_plane(plane, block, pen) for plane in planes(block))], 2)


def _plane(plane: Plane, block: Grid, pen: Pen) -> Box:
    texts = [["…" if cell is None else pen.numbers.text(cell[0]) for cell in row] for row in plane.cells]
    wide = max((len(text) for row in texts for text in row), default=1) * LETTER + 8
    first = [(row, column) for row in range(len(texts)) for column in range(len(plane.columns))]
    cells = "".join(_cell(plane.cells[i][j], texts[i][j], j * wide, i * (LINE + 2), wide) for i, j in first)
    label = [_text(plane.label)] if plane.label else []
    drawn = Box(len(plane.columns) * wide + 1, len(texts) * (LINE + 2) + 1, cells + _rules(block, plane, wide))
    return _below([*label, drawn], 0)


def _cell(cell: tuple[Any, str] | None, text: str, x: float, y: float, wide: float) -> str:
    """A number in its frame; what has a mark is bold, in a thick one, and its fill is not all that says so."""
    mark = cell[1] if cell else ""
    number = escaped(text) + "=" * (mark == TIES)
    fill, stroke = FILLS.get(mark, "none"), ' stroke="#111" stroke-width="2"' if mark else ' stroke="#ccc"'
    weight = ' font-weight="bold"' if mark else ""
    return (
        f'<rect x="{x + 0.5:g}" y="{y + 0.5:g}" width="{wide:g}" height="{LINE + 2}" fill="{fill}"{stroke}/>'
        f'<text x="{x + wide - 4:g}" y="{y + 14:g}" text-anchor="end"{weight}>{number}</text>'
    )


def _rules(block: Grid, plane: Plane, wide: float) -> str:
    """Lines where padding begins or windows end."""
    rows, columns = block.rules
    height, width = len(plane.rows) * (LINE + 2), len(plane.columns) * wide
    lines = [(0.0, (i + 1) * (LINE + 2), width, (i + 1) * (LINE + 2)) for i in rows if i + 1 < len(plane.rows)]
    lines += [((j + 1) * wide, 0, (j + 1) * wide, height) for j in columns if j + 1 < len(plane.columns)]
    style = 'stroke="#111" stroke-dasharray="4 2"'
    return "".join(f'<line x1="{a:g}" y1="{b:g}" x2="{c:g}" y2="{d:g}" {style}/>' for a, b, c, d in lines)


def _table(block: Table, pen: Pen) -> Box:
    head = [pen.words(column.heading) for column in block.columns]
    rows = [[joined_entry(entry, pen) for entry in row] for row in shown_rows(block)]
    total = [[joined_entry(entry, pen) for entry in block.total]] if block.total else []
    widths = [max(map(len, column)) * LETTER + GAP for column in zip(head, *rows, *total, strict=True)]
    kinds = [column.kind for column in block.columns]
    lines = [_line(head, widths, kinds, "bold"), *(_line(row, widths, kinds) for row in rows)]
    return _below([*lines, *(_line(row, widths, kinds, "bold") for row in total)], 0)


def _line(texts: Sequence[str], widths: Sequence[float], kinds: Sequence[str], weight: str = "") -> Box:
    x, inside = 0.0, []
    for text, width, kind in zip(texts, widths, kinds, strict=True):
        left = kind == "left"
        inside.append(_moved(_text(text, weight, "" if left else "end"), x if left else x + width - GAP, 0))
        x += width
    return Box(x, LINE, "".join(inside))


def _arrays(block: Arrays, pen: Pen) -> Box:
    named = [(name, np.asarray(values)) for name, values in block.named if values is not None]
    return _beside([_grid(Grid(name, values), pen) for name, values in named])


def _one_of(block: Grid | Remark, pen: Pen) -> Box:
    if isinstance(block, Grid):
        return _grid(block, pen)
    return _below([_text(pen.words(block.title), "bold"), _text(pen.words(block.words))], 0)


WRITERS: dict[type[Block], Callable[[Any, Pen], Box]] = {
    Heading: _items,
    Facts: _items,
    **dict.fromkeys((Prose, Item, Formula, Line), lambda block, pen: _sentence(pen.words(block.words))),
    Verdict: lambda block, pen: _text(block.word, "bold"),
    Identities: lambda block, pen: _below([_sentence(identity_text(one, pen)) for one in block.checked], 0),
    Arrays: _arrays,
    Grid: _grid,
    Beside: lambda block, pen: _beside([_one_of(part, pen) for part in block.blocks]),
    Table: _table,
}
