"""A record becomes a result: what machines read, and what people look at, each made when it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.cli.formats import Result, format_of, is_of_arrays
from convgrad.cli.options import refuse
from convgrad.cli.typed import Overlays, Running, Terms, Writing


@dataclass(frozen=True)
class Results:
    """How the records of a run become results."""

    writing: Writing
    overlays: Overlays
    terms: Terms
    document: str | None = None

    def of(self, record: Any, code: int = 0) -> Result:
        """The result that a record is."""
        document = lambda form: self._document(record, form)  # noqa: E731
        return Result(lambda: self._dict(record), lambda: self._text(record), code, document)

    def _document(self, record: Any, form: str) -> Iterator[str]:
        from convgrad.views import Asked, written

        overlays, only, channel, quiz = self.overlays
        asked = Asked(overlays, only, channel, self.writing.quiet, self.terms.terms, quiz=quiz)
        return written(record, form, asked, self.writing.digits)

    def _dict(self, record: Any) -> Mapping[str, Any]:
        overlays = self.overlays.overlays
        as_dict: Mapping[str, Any] = record.streamed(*([] if overlays is None else [overlays]))
        return as_dict

    def _text(self, record: Any) -> Iterator[str]:
        from convgrad.views import render

        overlays, only, channel, _ = self.overlays
        yield from render(
            record, width=self._width, digits=self.writing.digits, ascii=self._is_ascii, color=self._color,
            overlays=overlays, only=only, channel=channel, quiet=self.writing.quiet, terms=self.terms.terms,
        )  # fmt: skip

        if self.document and sys.stdout.isatty() and not (self.writing.quiet or self.writing.output):
            from convgrad.cli.advice import advise

            advise(record, self.document)

    @cached_property
    def _width(self) -> int | None:
        """The terminal's width; none where nobody's terminal limits it."""
        if self.writing.output or not (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()):
            return None
        import shutil

        return shutil.get_terminal_size().columns

    @cached_property
    def _is_ascii(self) -> bool:
        """Whether the symbols of tables are not wanted, or cannot be encoded where they go."""
        try:
            "Σ×─│·→∂".encode("utf-8" if self.writing.output else sys.stdout.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return True
        return self.writing.ascii

    @cached_property
    def _color(self) -> str:
        """Whether tables have colours: always or never."""
        if self.writing.color != "auto":
            return self.writing.color
        if os.environ.get("NO_COLOR"):
            return "never"
        if os.environ.get("FORCE_COLOR"):
            return "always"
        shown = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not self.writing.output
        return "always" if shown else "never"


def begun(
    running: Running, overlays: Overlays | None = None, terms: Terms | None = None, *, document: str | None = None
) -> Results:
    """How the records of a run become results; it begins here: with how many threads, and no warnings of numbers."""
    writing = running.writing
    if is_of_arrays(writing):  # which takes an array, or is refused later on; the format is of what is left
        writing = writing._replace(output=None)
    form = format_of(writing)  # what is wrong with it is said before the work
    if overlays is not None and overlays.quiz and form.name != "html":
        refuse("--quiz", "entries are hidden in a page alone", "write one: --output FILE.html")
    np.seterr(all="ignore")  # an infinity in the result says it; NumPy's warning names a line of ours
    if running.threads is not None:
        from convgrad.core import threads

        threads.limit(running.threads)
    return Results(running.writing, overlays or Overlays(), terms or Terms(), document)
