"""The backward pass: what every overlay adds, then checks, then dW, db and dX."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Arrays, Identities, View
from convgrad.views.case_header import header
from convgrad.views.identity_blocks import identities


def view(gradients: Gradients, asked: Asked) -> View:
    """The overlays in the form that suits the operation, the checks, the gradients last.

    Raises RequestError for a channel or an overlay that there is not.
    """
    return _sections(gradients, asked, iter(()) if asked.quiet else _overlays(gradients, asked))


def _sections(gradients: Gradients, asked: Asked, overlays: View) -> View:
    if not asked.quiet:
        yield header(gradients.case)
        yield from overlays
        yield _checksums(gradients)
    yield Arrays((("dW", gradients.dW), ("db", gradients.db), ("dX", gradients.dX)))


def _overlays(gradients: Gradients, asked: Asked) -> View:
    """The part that differs by operation; what is asked for is checked at once."""
    if "w" in gradients.case.operation.operands:
        from convgrad.views.convolution_overlays import overlay_sections
    else:
        from convgrad.views.pool_overlays import overlay_sections
    return overlay_sections(gradients, asked)


def _checksums(gradients: Gradients) -> Identities:
    from convgrad.differences.identities import checksums

    some = len(gradients.full_overlays)
    return identities(checksums(gradients.case, gradients.by_operand, gradients.y) if some else ())


def given(case: Case) -> Iterator[tuple[str, object]]:
    """The arrays that came in, in the rank they came in."""
    for name in ("x", "w", "b"):
        if (array := case.operands.get(name)) is not None:
            yield name, case.layout.restored(name, array)
    if case.delta is not None:
        yield "delta", case.layout.restored("delta", case.delta)
