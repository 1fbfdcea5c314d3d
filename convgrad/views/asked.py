"""What is asked of a view: which part of a record it is to show."""

from __future__ import annotations

from typing import NamedTuple

MOST, LONG = 30, (12, 2)
"""Overlays that a document shows, and of more how many first and last."""


class Asked(NamedTuple):
    """Overlays ("all", "none" or how many), the one at a position alone, a channel or a pair of them, results alone.

    `terms` is how many terms of an entry, or "all", with those in the padding; `document` says that what is written is
    read without a terminal beside it, where sums are formulas as well; `quiz` that the entries of a page are hidden
    until they are typed.
    """

    overlays: int | str | None = None
    only: tuple[int, ...] | None = None
    channel: tuple[int, ...] | None = None
    quiet: bool = False
    terms: int | str | None = None
    document: bool = False
    quiz: bool = False

    def ends(self, count: int, most: int, ends: tuple[int, int]) -> tuple[int, int] | None:
        """How many rows, of so many, are shown first and last, unless all are: asked for, or no more than `most`."""
        if isinstance(self.overlays, int):
            return min(self.overlays, count), 0
        most, ends = (MOST, LONG) if self.document else (most, ends)
        return None if self.overlays == "all" or count <= most else ends
