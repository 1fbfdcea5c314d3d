"""The forward pass: what was given, and the output."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.gradients import Forward
from convgrad.views.arrays import listed
from convgrad.views.backward import GIVEN, Parts, given, rounding, sections
from convgrad.views.header import header
from convgrad.views.look import Look


def view(forward: Forward, look: Look) -> Iterator[str]:
    """What was given, then the output, last. Raises RequestError for a channel that there is not."""
    shown = _pooled(forward, look) if "w" not in forward.case.operation.operands else _given(forward, look)
    return sections(_parts(forward, look, shown))


def _parts(forward: Forward, look: Look, shown: Iterator[str]) -> Parts:
    if not look.quiet:
        yield header(forward.case, look)
        yield shown
    yield listed((("output", forward.output),), look)
    if not look.quiet:
        yield rounding(look)


def _given(forward: Forward, look: Look) -> Iterator[str]:
    return listed(((name, array) for name, array in given(forward.case) if name != "delta"), look, GIVEN)


def _pooled(forward: Forward, look: Look) -> Iterator[str]:
    """x with the windows' borders and the winners: one channel of the first sample."""
    from convgrad.views.pair import chosen_channel
    from convgrad.views.pool_grids import input_grid
    from convgrad.views.pools import breadcrumb

    case = forward.case
    channel = chosen_channel(case, look)
    if not case.shapes["x"][0]:
        return iter(())
    grid = input_grid(case, forward.y, channel, look)  # any delta will do: it is only asked who wins
    return iter([breadcrumb(case, channel, 0, look), look.text(grid.lines)])
