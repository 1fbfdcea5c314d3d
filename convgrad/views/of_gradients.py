"""The backward pass: what every overlay adds, then checks, then dW, db and dX."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from convgrad.operations.operation import known
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Arrays, Identities, Prose, View
from convgrad.views.case_header import header
from convgrad.views.identity_blocks import identities
from convgrad.vocabulary import CONVOLUTION, INDICES, MAXIMUM, MEAN, NORM, TRANSPOSED, UNPOOLING

OVERLAYS = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED), "convgrad.views.convolution_overlays"),
    **dict.fromkeys((MAXIMUM, MEAN, NORM), "convgrad.views.pool_overlays"),
    UNPOOLING: "convgrad.views.unpool_overlays",
}
"""The module that draws a family's overlays, imported when it is needed."""
DRAWING = "how overlays are drawn"


def view(gradients: Gradients, asked: Asked) -> View:
    """The overlays in the form that suits the operation, the checks, the gradients last.

    Raises RequestError for a channel or an overlay that there is not.
    """
    if asked.quiet and asked.only is None and asked.overlays in (None, "none", 0):
        return _sections(gradients, asked, iter(()))
    drawn = gradients.case.operation.family in OVERLAYS
    return _sections(gradients, asked, (_overlays if drawn else _undrawn)(gradients, asked))


def _sections(gradients: Gradients, asked: Asked, overlays: View) -> View:
    """With `quiet` neither header nor checks, but what was asked for."""
    if not asked.quiet:
        yield header(gradients.case)
    yield from overlays
    if not asked.quiet and asked.only is None:
        yield _checksums(gradients)
    yield Arrays((("dW", gradients.dW), ("db", gradients.db), ("dX", gradients.dX), *gradients.asked_indices.items()))


def _overlays(gradients: Gradients, asked: Asked) -> View:
    """The part that differs by operation; what is asked for is checked at once."""
    view: View = import_module(OVERLAYS[gradients.case.operation.family]).overlay_sections(gradients, asked)
    return view


def _undrawn(gradients: Gradients, asked: Asked) -> View:
    """Of a family whose overlays no view draws: what was given, and where the overlays are. Refuses to open one."""
    if asked.only is not None or asked.channel is not None:
        known(OVERLAYS, gradients.case.operation, DRAWING)
    return iter((Arrays(tuple(given(gradients.case)), brief=True), Prose(_elsewhere(gradients.case))))


def _elsewhere(case: Case) -> str:
    return f"{DRAWING} is not known for a {case.operation.family}; --overlays all --format json has them in numbers"


def _checksums(gradients: Gradients) -> Identities | Prose:
    from convgrad.differences.identities import checksums, has_identities

    if not has_identities(gradients.case):
        return Prose(f"no identity is known that the gradients of a {gradients.case.operation.family} obey")
    some = len(gradients.full_overlays)
    return identities(checksums(gradients.case, gradients.by_operand, gradients.y) if some else ())


def given(case: Case) -> Iterator[tuple[str, object]]:
    """The arrays that came in, in the rank they came in."""
    for name in ("x", "w", "b"):
        if (array := case.operands.get(name)) is not None:
            yield name, case.layout.restored(name, array)
    if INDICES in case.settings:
        yield INDICES, case.settings[INDICES]
    if case.delta is not None:
        yield "delta", case.layout.restored("delta", case.delta)
