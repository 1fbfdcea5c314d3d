"""Results as Python shows them: printed as the command prints them, and in notebooks."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from convgrad.passes.shown import Shown
from convgrad.views import blocks, encodable, numbers_of, render, written
from convgrad.views.html import html
from convgrad.views.text_words import Pen


def as_text(record: Any) -> str:
    """The table of the command, as wide as the terminal, where there is one."""
    terminal = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    width = shutil.get_terminal_size().columns if terminal else None
    ascii = not encodable(getattr(sys.stdout, "encoding", None) or "utf-8")
    return "".join(render(_shown(record), width=width, ascii=ascii, color="never")).rstrip("\n")


def as_html(record: Any) -> str:
    """The same as static tables, for a notebook."""
    shown = _shown(record)
    return html(blocks(shown), Pen.plain(numbers_of(shown)))


def as_passage(record: Any) -> str:
    """The same as a passage of LaTeX, for a notebook that becomes a document."""
    from convgrad.views.as_latex import INSIDE, passage

    shown = _shown(record)
    return INSIDE + "".join(passage(blocks(shown), Pen.plain(numbers_of(shown))))


def as_document(record: Any, form: str) -> str:
    """A document of a format that is written from blocks."""
    return "".join(written(_shown(record), form))


def _shown(record: Any) -> Any:
    """What has a view: of a network all its layers."""
    return Shown(record) if type(record).__name__ == "Subject" else record
