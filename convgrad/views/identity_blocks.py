"""The identities that gradients obey, as a block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from convgrad.views.block_kinds import Identities, Identity

if TYPE_CHECKING:
    from convgrad.differences.identities import Checksum

NAMED = 4
"""Samples or filters that are named where an identity fails in them."""


def identities(checksums: Iterable[Checksum], level: int = 0) -> Identities:
    """Both sides of each identity, and where it fails."""
    return Identities(tuple(map(_identity, checksums)), level)


def _identity(check: Checksum) -> Identity:
    left, _, right = check.equation.partition(" = ")
    return Identity((left, right), (check.left, check.right), check.holds, _where(check))


def _where(check: Checksum) -> str:
    """In which samples or filters an identity fails."""
    fails = [str(failure.index) for failure in check.fails]
    more = f" and {len(fails) - NAMED} more" if len(fails) > NAMED else ""
    return f" ({check.fails[0].part} {', '.join(fails[:NAMED])}{more})" if fails else ""
