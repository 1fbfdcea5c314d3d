"""What a gradient by differences and one by formula may be apart."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, ldexp

import numpy as np

from convgrad.claims.piecewise import At, by_pieces, taken
from convgrad.claims.rounding import Bounds
from convgrad.claims.sums import EXCUSE, Sums
from convgrad.core.arithmetic import FLOAT64, Array
from convgrad.differences.probe import BILINEAR, HEADROOM, products, slope_roundings
from convgrad.differences.roundoff import SURE, TYPES
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


def of_differences(bounds: Bounds, steps: Array) -> dict[str, Array]:
    """By operand, what a gradient by differences and one by formula may be apart, in float64 or as the case is.

    `steps` are those of x, as it is scaled for differencing.

    An output's difference goes through as many roundings as an output, each of its own product and of 2^-20 of what
    else was added (HEADROOM); its pairing with delta through those of the gradient; and so does the formula's. Where
    sums may leave the range of either, anything is possible: inf.
    """
    case, unit = bounds.case, TYPES["float64"].unit
    own = np.finfo(np.float32 if case.arithmetic == "float32" else FLOAT64)
    more = known(_ROUNDINGS, case.operation, EXCUSE)(case)
    noise = _noise(bounds)
    allowed = {}
    for name, sums in bounds.gradients.items():
        lost = _vanished(bounds, name, float(own.smallest_subnormal), steps)

        def one(at: At, sums: Sums = sums, noise: Array = noise[name], lost: Array = lost) -> Array:
            some = sums.at(at)
            rounding = some.bound(unit, more) + some.sized(noise[at]).bound(unit, more)
            rounding += some.bound(float(own.eps) / 2) + taken(lost, at)
            return np.where(some.magnitude * SURE <= float(own.max), rounding, inf)

        allowed[name] = by_pieces(one, sums.magnitude.shape)
    return allowed


_ROUNDINGS: dict[str, Callable[[Case], int]] = {
    # a maximum moves by the step itself: only the product with delta and the division by the step are rounded
    MAXIMUM: lambda case: 3,
    NORM: lambda case: 2 * slope_roundings(case) + 16,
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, MEAN), lambda case: products(case) + 4),
}
"""Those of a difference of outputs, by family."""


def _vanished(bounds: Bounds, name: str, least: float, steps: Array) -> Array:
    """What roundings lose at the lower end of the range, where they are no longer relative: half of the least number.

    In the formula a product or, of a norm, a slope that delta multiplies; in the differences entries of arrays that are
    scaled to 1, their products, and changes that are then divided by a step.
    """
    largest = {key: _exponent(array) for key, array in bounds.floats.items()}
    delta, other = largest["delta"], largest.get({"x": "w", "w": "x"}.get(name, ""), 0)
    formula = ldexp(least, max(delta, 0)) if bounds.case.operation.family == NORM else least
    shrunk = -np.frexp(np.where(steps == 0, 1, abs(steps)))[1].clip(max=0) if name == "x" else 0
    lost: Array = (bounds.gradients[name].roundings + 8) * (formula + np.ldexp(1.0, delta + other + shrunk - 1074))
    return lost


def _exponent(array: Array) -> int:
    """The power of two next above every magnitude."""
    sizes = abs(array[np.isfinite(array)])
    return int(np.frexp(sizes.max(initial=0))[1])


def _noise(bounds: Bounds) -> dict[str, Array]:
    """What a difference of outputs carries of the terms that cancel in it, paired with delta."""
    if bounds.case.operation.family not in BILINEAR:
        return {name: sums.magnitude / HEADROOM for name, sums in bounds.gradients.items()}
    case = bounds.case
    largest = {name: np.full(array.shape, abs(array).max(initial=0)) for name, array in bounds.floats.items()}
    largest["delta"] = abs(bounds.floats["delta"])
    names = ("delta", *case.operation.operands)
    spread = case.operation.backward(*(largest.get(name) for name in names), **case.arguments)
    return {name: array / HEADROOM for name, array in spread.items()}
