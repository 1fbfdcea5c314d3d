"""Records -> blocks of numbers, names and structure -> what a person looks at, as chunks of text.

A view (`of_gradients`, `of_report`, …) takes a record and what is asked of it, and yields blocks (`block_kinds`).
`text` is one writer of blocks: all that depends on width, colour, encoding or digits is decided there, and in `text_…`,
`look` and `numbers`. A writer of another format is a function of blocks, and needs neither these nor the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from convgrad.views.asked import Asked
from convgrad.views.block_kinds import View
from convgrad.views.look import ASCII, UNICODE, Look, coloured, encodable
from convgrad.views.numbers import Numbers
from convgrad.views.text import text

VIEWS = {
    "Forward": "of_forward",
    "Gradients": "of_gradients",
    "Saved": "of_saved",
    "Explanation": "of_explanation",
    "LossExplanation": "of_loss",
    "Report": "of_report",
    "Reports": "of_reports",
    "Installation": "of_installation",
    "Listing": "of_mistakes",
    "Shown": "of_network",
    "Grade": "of_grade",
    "Table": "of_suite",
}
"""A view for each kind of record: a module with `view(record, asked)`, imported when it is needed."""

__all__ = ["Asked", "blocks", "encodable", "numbers_of", "render", "written"]


def blocks(record: Any, asked: Asked = Asked()) -> View:  # noqa: B008 - it is frozen
    """A record as blocks, in sections, each made when it is asked for; any format is written from these.

    Raises RequestError, before the first block, for an overlay or a channel that there is not.
    """
    view: View = import_module(f"convgrad.views.{VIEWS[type(record).__name__]}").view(record, asked)
    return view


def numbers_of(record: Any, digits: int = 6, blank: str = UNICODE.dot) -> Numbers:
    """How the numbers of a record are written: fractions where exact ones were asked for."""
    case = getattr(record, "case", None)
    exact = case is not None and case.arithmetic == "exact" and not case.rounded
    return Numbers(digits, fractions=exact, blank=blank)


WRITTEN = {"markdown": "as_markdown", "latex": "as_latex", "csv": "as_csv", "svg": "as_svg", "html": "as_page"}
"""A writer for each format of a document: a module with `write(parts, pen)`, imported when it is needed."""


def written(record: Any, form: str, asked: Asked = Asked(), digits: int = 6) -> Iterator[str]:  # noqa: B008
    """A record as a document of a format, in chunks.

    Raises RequestError, before the first chunk, for an overlay or a channel that there is not.
    """
    from convgrad.views.text_words import Pen

    module, pen = import_module(f"convgrad.views.{WRITTEN[form]}"), Pen.plain(numbers_of(record, digits))
    whole = getattr(module, "of_record", None)
    text: Iterator[str] = (
        whole(record, asked, pen) if whole else module.write(blocks(record, asked._replace(document=True)), pen)
    )
    return text


def render(
    record: Any, *, width: int | None, digits: int = 6, ascii: bool = False, color: str = "auto",
    overlays: int | str | None = None, only: tuple[int, ...] | None = None, channel: tuple[int, ...] | None = None,
    quiet: bool = False, terms: int | str | None = None,
) -> Iterator[str]:  # fmt: skip
    """A record as text, in chunks of whole lines, each made when it is asked for.

    `width` is the terminal's, None for a pipe, where no line is too long. `overlays` is "all", "none" or how many;
    `only` opens the one at a position, `channel` chooses a pair of the kernel's first two indices (a pool's channel).
    `terms` is how many terms of an entry to show, or "all".
    Raises RequestError, before the first chunk, for an overlay or a channel that there is not.
    """
    symbols = ASCII if ascii else UNICODE
    numbers = numbers_of(record, digits, symbols.dot)
    look = Look(width, numbers, symbols, coloured(color, width is not None))
    return text(blocks(record, Asked(overlays, only, channel, quiet, terms)), look, results_only=quiet)
