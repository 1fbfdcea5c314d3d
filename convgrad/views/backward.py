"""The backward pass: what every overlay adds, then checks, then dW, db and dX."""

from __future__ import annotations

from collections.abc import Iterator

from convgrad.case import Case
from convgrad.gradients import Gradients
from convgrad.views.arrays import listed
from convgrad.views.header import header
from convgrad.views.look import Look

GIVEN = 10
"""Cells of an axis up to which what was given is shown whole."""


def view(gradients: Gradients, look: Look) -> Iterator[str]:
    """The overlays in the form that suits the operation and the width, the checks, the gradients last."""
    opened = list(_opening(gradients, look))
    yield from sections(_parts(gradients, look, iter(opened)))


def sections(parts: Iterator[Iterator[str] | str]) -> Iterator[str]:
    """Parts with an empty line between them; empty ones leave none."""
    started = False
    for part in parts:
        for number, chunk in enumerate([part] if isinstance(part, str) else part):
            if chunk:
                yield "\n" + chunk if started and not number else chunk
                started = True


def _opening(gradients: Gradients, look: Look) -> Iterator[str]:
    return iter(())


def _parts(gradients: Gradients, look: Look, opened: Iterator[str]) -> Iterator[Iterator[str] | str]:
    from convgrad.views.ledger import ledger
    from convgrad.views.pair import chosen_pair

    case = gradients.case
    if not look.quiet:
        yield header(case, look)
        yield listed(given(case), look, GIVEN)
        if "w" in case.operation.operands:
            yield ledger(gradients, chosen_pair(case, look), look) or ""
    yield listed((("dW", gradients.dW), ("db", gradients.db), ("dX", gradients.dX)), look)
    if not look.quiet:
        yield rounding(look)


def given(case: Case) -> Iterator[tuple[str, object]]:
    """The arrays that came in, in the rank they came in."""
    for name, shown in (("x", "x"), ("w", "w"), ("b", "b")):
        if (array := case.operands.get(name)) is not None:
            yield shown, case.layout.restored(name, array)
    if case.delta is not None:
        yield "delta", case.layout.restored("delta", case.delta)


def rounding(look: Look) -> str:
    """What to do where numbers were rounded; to be made last."""
    if not look.numbers.rounded:
        return ""
    return f"rounded to {look.numbers.digits} digits; --digits 17 or --format json shows all\n"
