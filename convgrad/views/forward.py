"""The forward pass: what was given, and the output."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.gradients import Forward
from convgrad.views.arrays import listed
from convgrad.views.backward import GIVEN, given, rounding, sections
from convgrad.views.header import header
from convgrad.views.look import Look


def view(forward: Forward, look: Look) -> Iterator[str]:
    """What was given, then the output, last."""
    yield from sections(_parts(forward, look))


def _parts(forward: Forward, look: Look) -> Iterator[Iterator[str] | str]:
    if not look.quiet:
        yield header(forward.case, look)
        yield listed(((name, array) for name, array in given(forward.case) if name != "delta"), look, GIVEN)
    yield listed((("output", forward.output),), look)
    if not look.quiet:
        yield rounding(look)
