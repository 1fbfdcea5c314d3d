"""Records -> what a person looks at, as chunks of text."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from convgrad.views.look import ASCII, UNICODE, Look, coloured, encodable
from convgrad.views.numbers import Numbers

VIEWS = {
    "Forward": "forward",
    "Gradients": "backward",
    "Saved": "saved",
    "Explanation": "explain",
    "Report": "check",
    "Installation": "installation",
    "Shown": "network",
}
"""A view for each kind of record: a module with `view(record, look)`, imported when it is needed."""

__all__ = ["encodable", "render"]


def render(
    record: Any, *, width: int | None, digits: int = 6, ascii: bool = False, color: str = "auto",
    overlays: int | str | None = None, only: tuple[int, ...] | None = None, channel: tuple[int, ...] | None = None,
    quiet: bool = False,
) -> Iterator[str]:  # fmt: skip
    """A record as text, in chunks of whole lines, each made when it is asked for.

    `width` is the terminal's, None for a pipe, where no line is too long. `overlays` is "all", "none" or how many;
    `only` opens the one at a position, `channel` chooses a pair of the kernel's first two indices (a pool's channel).
    Raises RequestError, before the first chunk, for an overlay or a channel that there is not.
    """
    symbols = ASCII if ascii else UNICODE
    case = getattr(record, "case", None)
    exact = case is not None and case.arithmetic == "exact" and not case.rounded
    numbers = Numbers(digits, fractions=exact, blank=symbols.dot)
    look = Look(width, numbers, symbols, coloured(color, width is not None), overlays, only, channel, quiet)
    chunks: Iterator[str] = import_module(f"convgrad.views.{VIEWS[type(record).__name__]}").view(record, look)
    return chunks
