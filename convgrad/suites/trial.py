"""A trial: a case to be computed by somebody else, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from convgrad.suites.exactness import fits, representable
from convgrad.suites.facts import Fact, facts
from convgrad.suites.sketch import Sketch
from convgrad.vocabulary import INDICES, MEAN, NORM, OPERANDS

OTHER_NUMBERS = 1 << 31
"""What a seed differs by where the same shapes are to hold other numbers."""


@dataclass(frozen=True)
class Trial:
    """A case by its id; `lattice` is what all results are multiples of, where every sum is exact in the type."""

    id: str
    case: Case
    dtype: str
    lattice: Fraction | None
    sketch: Sketch | None = None
    seed: int = 0

    @cached_property
    def expected(self) -> dict[str, Array]:
        """The right arrays in full shape, by dW, db, dX and output."""
        return Gradients(self.case).by_array

    @property
    def operands(self) -> dict[str, Array]:
        """delta, the operands and indices by their names in documents, in full shape; a bias there is not is zeros."""
        case = self.case
        assert case.delta is not None
        arrays = {"delta": case.delta}
        for name, operand in OPERANDS.items():
            if operand in case.operation.operands:
                array = case.operands[operand]
                arrays[name] = np.zeros(case.output_shape[1]) if array is None else array
        if INDICES in case.arguments:
            arrays[INDICES] = case.arguments[INDICES]
        return arrays

    @cached_property
    def facts(self) -> dict[str, Fact]:
        return facts(self.case)

    @property
    def is_exact(self) -> bool:
        """Whether a right result equals ours to the bit, in whatever order it was summed."""
        return self.lattice is not None

    @property
    def poison(self) -> float:
        """A number that no result holds, and that added to a result is seen: half a step of the lattice."""
        return float((self.lattice or Fraction(1)) / 2)

    @property
    def numbers(self) -> int:
        """How many numbers input, kernel, bias and delta have together."""
        arrays = (*self.case.arrays, self.case.delta)
        return sum(array.size for array in arrays if array is not None)

    def again(self) -> Trial:
        """The same shapes with other numbers."""
        if self.sketch is not None:
            return of_sketch(self.sketch, self.dtype, self.seed + OTHER_NUMBERS)
        assert self.case.delta is not None
        delta = self.case.layout.restored("y", -self.case.delta)
        return of_document({**self.case.document, "delta": delta}, self.id, self.dtype)


def of_sketch(sketch: Sketch, dtype: str, seed: int = 0) -> Trial:
    """A sketch with its numbers, in a type."""
    case = sketch.case(dtype, seed)
    exact = not sketch.is_real and sketch.is_exact(case, dtype, sketch.level[0] if sketch.level else None)
    return Trial(sketch.id, case, dtype, sketch.lattice if exact else None, sketch, seed)


def of_document(document: Mapping[str, Any], id: str, dtype: str) -> Trial:
    """Somebody's case; its numbers are rounded to the type first."""
    case = make_case({key: value for key, value in document.items() if key != "claim"}, arithmetic="float64")
    exact = case.operation.family != NORM and _is_whole(case) and fits(case, dtype) and _results_are_whole(case)
    return Trial(id, case, dtype, Fraction(1) if exact else None)


def _is_whole(case: Case) -> bool:
    return all(bool((array % 1 == 0).all()) for array in (*case.arrays, case.delta) if array is not None)


def _results_are_whole(case: Case) -> bool:
    """Whether nothing is divided, as a mean or a share of delta is, or all of it comes out even."""
    divides = case.operation.family == MEAN or case.settings.get("ties") == "split"
    return not divides or all(bool((array % 1 == 0).all()) for array in Gradients(case).by_array.values())


def is_held(trial: Trial) -> bool:
    """Whether the type holds the operands as they are, and their sums where these are to be exact."""
    wanted = trial.sketch is None or trial.sketch.is_real or trial.is_exact
    return wanted and representable(trial.case, trial.dtype) and bool(np.isfinite(trial.poison))
