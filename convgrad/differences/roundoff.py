"""Kinds of binary number, and how much the rounding errors of a sum may grow to be.

Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.1.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import FLOAT64, Array

SURE = 1 + 2.0**-30
"""What makes up for the bounds themselves being computed in float64."""


class Type(NamedTuple):
    """A kind of binary number: bits of its significand, its least normal number, and what it is accumulated in.

    Low-precision kernels usually round inputs and results to their type and accumulate in float32: both count. TF32
    rounds the inputs of a product only; its results are float32.
    """

    bits: int
    least: float
    accumulated: int
    result: int

    @property
    def unit(self) -> float:
        """u: half the distance from 1 to the next number."""
        return 2.0**-self.bits

    @property
    def smallest(self) -> float:
        """The smallest number of what it is accumulated in, of which a rounding may take half."""
        if self.accumulated == self.bits:
            return self.least * 2.0 ** (1 - self.bits)
        return float(np.finfo(FLOAT64 if self.accumulated == 53 else np.float32).smallest_subnormal)

    def nearest(self, values: Array) -> Array:
        """The numbers of this many bits next to float64 values."""
        if self.bits == 53:
            return values
        if self.bits == 24 and _within_float32(values):
            return values.astype(np.float32).astype(FLOAT64)
        fraction, exponent = np.frexp(values)
        result: Array = np.ldexp(np.rint(np.ldexp(fraction, self.bits)), exponent - self.bits)
        return result


TYPES = {
    "float64": Type(53, 2.0**-1022, 53, 53),
    "float32": Type(24, 2.0**-126, 24, 24),
    "tf32": Type(11, 2.0**-126, 24, 24),
    "float16": Type(11, 2.0**-14, 24, 11),
    "bfloat16": Type(8, 2.0**-126, 24, 8),
}


def _within_float32(values: Array) -> bool:
    """Whether all are 0, or numbers of float32's own range: beyond it that has fewer bits, or none."""
    sizes = abs(values)
    return bool(sizes.size) and bool(sizes.max() < 2.0**127) and not ((sizes < 2.0**-126) & (sizes > 0)).any()


def growth(count: Any, unit: float) -> Any:
    """g_n = n u/(1 - n u); without bound where n u reaches 1."""
    product = np.asarray(count, FLOAT64) * unit
    return np.where(product < 1, product / np.where(product < 1, 1 - product, 1), inf)
