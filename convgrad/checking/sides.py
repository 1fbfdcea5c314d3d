"""Our gradients of a case and their differences, side by side: what is compared, and how far it may be apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from convgrad.checking.report import DIFFERENCES
from convgrad.claims.differenced import of_differences
from convgrad.claims.findings import Finding, compare
from convgrad.claims.rounding import Bounds
from convgrad.core.arithmetic import Array
from convgrad.differences.finite_differences import Differences
from convgrad.differences.kinks import Kink
from convgrad.passes.subject import Part
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS

NAMES = {operand: array for array, operand in GRADIENTS.items()}


class Sides(NamedTuple):
    """Of one gradient ours, that by differences and what they may be apart; marks of what is asked, and of that is
    undecided or refuted."""

    ours: Any
    found: Any
    allowed: Any
    asked: Array
    undecided: Array
    refuted: Array

    @property
    def compared(self) -> Array:
        return self.asked & ~self.undecided


def both_sides(
    case: Case, ours: Mapping[str, Array], differences: Differences, wanted: Mapping[str, Array], bounds: Bounds
) -> dict[str, Sides]:
    """By operand, in the order in which arrays are told, of which anything is wanted."""
    allowed = {} if case.arithmetic == "exact" else of_differences(bounds, differences.steps.sizes)
    sides = {}
    for name in (name for name in GRADIENTS.values() if name in ours):
        found = differences.gradients[name]
        asked = wanted.get(name, np.ones(found.shape, bool))
        if wanted and not asked.any():
            continue
        apart = allowed.get(name, 0)
        undecided = (differences.undecided[name] | ~np.isfinite(apart)) & asked
        sides[name] = Sides(ours[name], found, apart, asked, undecided, differences.outside[name] & asked)
    return sides


def finding(part: Part, name: str, sides: Sides, kinks: tuple[Kink, ...] = (), **known: Any) -> Finding:
    """What a comparison of both sides of an operand's gradient found."""
    array = NAMES[name]
    return compare(
        part.case, part.place(array), array, DIFFERENCES, sides.ours, sides.found, sides.allowed,
        compared=sides.compared, refuted=sides.refuted, undecided=int(sides.undecided.sum()),
        kinks=kinks if name == "x" else (), **known,
    )  # fmt: skip
