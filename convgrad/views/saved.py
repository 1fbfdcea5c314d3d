"""What is left to show where the largest array went to a file: dW and db, and where it is."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.batches import Saved
from convgrad.views.arrays import listed, shape_text
from convgrad.views.backward import Parts, rounding, sections
from convgrad.views.header import header, printable
from convgrad.views.look import Look, prose


def view(saved: Saved, look: Look) -> Iterator[str]:
    """What was computed, dW and db where there are any, then the file with its shape and type."""
    return sections(_parts(saved, look))


def _parts(saved: Saved, look: Look) -> Parts:
    if not look.quiet:
        yield header(saved.case, look)
    yield listed((("dW", saved.dW), ("db", saved.db)), look)
    yield prose(f"{saved.name} {shape_text(saved.shape)} {saved.dtype} is in {printable(saved.file)}", look)
    if not look.quiet:
        yield rounding(look)
