"""Claims: gradients that somebody else computed, and how far each of their entries may be off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, rounded


@dataclass(frozen=True)
class Claim:
    """An array that somebody else computed, with what each of its entries may be off by.

    `array` is its name in the document (output, dW, db, dX). `values` are in the full shape, (N,O,*P), (O,C/g,*K),
    (O,) or (N,C,*L), where the claim fits (`fits`), else in the shape that was given; exact where the case is.
    `excuse` is per entry, or one number for all, what the claim's digits or type allow; `scale` is not 0 where that
    grows with the numbers (a type's rounding): the largest magnitude that it was derived for.
    """

    array: str
    values: Array
    excuse: Any
    fits: bool = True
    scale: float = 0
    rule: str = ""

    def allows(self, candidate: Array) -> Array:
        """Entry by entry, whether the claim is this array as far as its digits or its type can tell.

        All False where the shapes differ.
        """
        if candidate.shape != self.values.shape:
            return np.zeros(candidate.shape, bool)
        values, other = _alike(self.values, candidate)
        return within(values, other, self._excuse_for(other))

    def _excuse_for(self, candidate: Array) -> Any:
        """A type's rounding is relative: larger numbers than it was derived for may be off by more."""
        largest = float(abs(candidate).max()) if self.scale and candidate.size else 0
        return self.excuse * (largest / self.scale) if largest > self.scale else self.excuse


def within(values: Array, others: Array, excuse: Any) -> Array:
    """Whether |a - b| <= excuse, entry by entry; a NaN equals a NaN, an infinity itself."""
    with np.errstate(invalid="ignore"):
        close = abs(values - others) <= excuse
    same = (values == others) | ((values != values) & (others != others))
    return np.asarray(close | same, bool)


def _alike(values: Array, candidate: Array) -> tuple[Array, Array]:
    """Both exact, or else both float64."""
    if values.dtype == EXACT and candidate.dtype != EXACT:
        return values.astype(np.float64), candidate
    if values.dtype != EXACT and candidate.dtype == EXACT:
        return values, rounded(candidate)
    return values, candidate
