"""The backward pass: what every overlay adds, then checks, then dW, db and dX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import TYPE_CHECKING

from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case
from convgrad.views.arrays import listed
from convgrad.views.header import header
from convgrad.views.look import Look, prose

if TYPE_CHECKING:
    from convgrad.differences.identities import Checksum

GIVEN = 10
"""Cells of an axis up to which what was given is shown whole."""
NAMED = 4
"""Samples or filters that are named where an identity fails in them."""
Parts = Iterator[Iterator[str] | str]


def view(gradients: Gradients, look: Look) -> Iterator[str]:
    """The overlays in the form that suits the operation and the width, the checks, the gradients last.

    Raises RequestError for a channel or an overlay that there is not.
    """
    overlays = [] if look.quiet else _overlays(gradients, look)
    return sections(_parts(gradients, look, iter(overlays)))


def _parts(gradients: Gradients, look: Look, overlays: Parts) -> Parts:
    if not look.quiet:
        yield header(gradients.case, look)
        yield from overlays
        yield _checksums(gradients, look)
    yield listed((("dW", gradients.dW), ("db", gradients.db), ("dX", gradients.dX)), look)
    if not look.quiet:
        yield rounding(look)


def _overlays(gradients: Gradients, look: Look) -> Parts:
    """The part that differs by operation; what is asked for is checked at once."""
    if "w" in gradients.case.operation.operands:
        from convgrad.views.convolution import parts
    else:
        from convgrad.views.pools import parts
    return parts(gradients, look)


def _checksums(gradients: Gradients, look: Look) -> str:
    from convgrad.differences.identities import checksums

    if not len(gradients.full_overlays):
        return ""
    return checksum_lines(checksums(gradients.case, gradients.by_operand, gradients.y), look)


def checksum_lines(checksums: Iterable[Checksum], look: Look, indent: str = "") -> str:
    """The identities that gradients obey; those that hold with the same right side in one line."""
    chains: dict[str, list[str]] = {}
    for check in checksums:
        left, right = look.numbers.text(check.left), look.numbers.text(check.right)
        name, _, end = check.equation.partition(" = ")
        if left == right and isinstance(check.left, float) and not isfinite(check.left):
            chains[f"{name} and {end} are {left}: nothing to compare"] = []
        elif check.holds:
            chains.setdefault(f"{end} = {right}   holds", []).append(name)
        else:
            chains[f"{name} = {left}, but {end} = {right}: does not hold{_where(check)}"] = []
    return "".join(prose(indent + " = ".join([*names, end]), look, f"{indent}    ") for end, names in chains.items())


def _where(check: Checksum) -> str:
    """In which samples or filters an identity fails."""
    fails = [str(failure.index) for failure in check.fails]
    more = f" and {len(fails) - NAMED} more" if len(fails) > NAMED else ""
    return f" ({check.fails[0].part} {', '.join(fails[:NAMED])}{more})" if fails else ""


def sections(parts: Parts) -> Iterator[str]:
    """Parts with an empty line between them; empty ones leave none."""
    started = False
    for part in parts:
        first = True
        for chunk in [part] if isinstance(part, str) else part:
            if chunk:
                yield "\n" + chunk if started and first else chunk
                started, first = True, False


def given(case: Case) -> Iterator[tuple[str, object]]:
    """The arrays that came in, in the rank they came in."""
    for name in ("x", "w", "b"):
        if (array := case.operands.get(name)) is not None:
            yield name, case.layout.restored(name, array)
    if case.delta is not None:
        yield "delta", case.layout.restored("delta", case.delta)


def rounding(look: Look) -> Iterator[str]:
    """What to do where numbers were rounded; looks when all the rest has been made."""
    if look.numbers.rounded:
        yield prose(f"rounded to {look.numbers.digits} digits; --digits 17 or --format json shows all", look)
