"""A table that is laid out already, through rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convgrad.views.look import STYLES, Look
from convgrad.views.text_columns import Room, joined
from convgrad.views.text_words import Text

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table


def rich_text(
    rooms: Sequence[Room], rows: Sequence[Sequence[Text]], total: Sequence[Text] | None, width: int, look: Look
) -> str:
    """A rich table on a console of just the width that was planned, so that it cuts nothing."""
    table, console = _table(rooms, rows, total, look), _console(width + 1, look)
    with console.capture() as capture:
        console.print(table, no_wrap=True, overflow="ignore", crop=False)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _table(
    rooms: Sequence[Room], rows: Sequence[Sequence[Text]], total: Sequence[Text] | None, look: Look
) -> Table:  # fmt: skip
    from rich.table import Table
    from rich.text import Text as RichText

    table = Table(box=_box(look), show_edge=False, show_footer=bool(total), padding=(0, 0, 0, 1), header_style="bold",
                  footer_style="bold")  # fmt: skip
    for room, foot in zip(rooms, total or [""] * len(rooms), strict=True):
        footer = RichText(joined(room.laid(foot)))
        table.add_column(RichText(room.heading()), footer, width=room.width, no_wrap=True)
    for row in rows:
        laid = (room.laid(entry) for room, entry in zip(rooms, row, strict=True))
        table.add_row(*(RichText.assemble(*((text, STYLES.get(style, "")) for text, style in line)) for line in laid))
    return table


def _console(width: int, look: Look) -> Console:
    from rich.console import Console

    return Console(width=width, force_terminal=look.color, no_color=not look.color,
                   color_system="standard" if look.color else None, force_jupyter=False, legacy_windows=False,
                   markup=False, emoji=False, highlight=False, _environ={})  # fmt: skip


def _box(look: Look) -> Box:
    """No borders, a rule below the headings and one above the total."""
    from rich.box import Box

    rule = look.symbols.rule
    empty, ruled = "    \n", f" {rule}{rule} \n"
    return Box(empty * 2 + ruled + empty * 2 + ruled + empty * 2, ascii=look.symbols.rule == "-")
