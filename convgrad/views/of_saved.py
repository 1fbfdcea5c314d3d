"""What is left to show where the largest array went to a file: dW and db, and where it is."""

from __future__ import annotations

from convgrad.passes.batches import Saved
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Arrays, Prose, View, printable, shape_text
from convgrad.views.case_header import header


def view(saved: Saved, asked: Asked) -> View:
    """What was computed, dW and db where there are any, then the file with its shape and type."""
    if not asked.quiet:
        yield header(saved.case)
    yield Arrays((("dW", saved.dW), ("db", saved.db)))
    yield Prose(f"{saved.name} {shape_text(saved.shape)} {saved.dtype} is in {printable(saved.file)}")
