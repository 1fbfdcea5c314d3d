"""The forward pass: what was given, and the output."""

from __future__ import annotations

from convgrad.passes.gradients import Forward
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Arrays, Part, Section, View
from convgrad.views.case_header import header
from convgrad.views.of_gradients import given
from convgrad.vocabulary import MAXIMUM, MEAN, NORM

POOLS = (MAXIMUM, MEAN, NORM)
"""The families whose windows are drawn on the input."""


def view(forward: Forward, asked: Asked) -> View:
    """What was given, then the output, last. Raises RequestError for a channel that there is not."""
    is_pool = forward.case.operation.family in POOLS
    return _sections(forward, asked, _pooled(forward, asked) if is_pool else _given(forward))


def _sections(forward: Forward, asked: Asked, shown: Part) -> View:
    if not asked.quiet:
        yield header(forward.case)
        yield shown
    yield Arrays((("output", forward.output), *forward.asked_indices.items()))


def _given(forward: Forward) -> Arrays:
    return Arrays(tuple((name, array) for name, array in given(forward.case) if name != "delta"), brief=True)


def _pooled(forward: Forward, asked: Asked) -> Section:
    """x with the windows' borders and the winners: one channel of the first sample."""
    from convgrad.views.pair import chosen_channel
    from convgrad.views.pool_grids import input_grid
    from convgrad.views.pool_overlays import breadcrumb

    case = forward.case
    channel = chosen_channel(case, asked.channel)
    if not case.shapes["x"][0]:
        return Section(())
    grid = input_grid(case, forward.y, channel)  # any delta will do: it is only asked who wins
    return Section((*breadcrumb(case, channel, 0), grid))
