"""Arrays known to so many digits, carried through every layer: by how much each entry may be off because of it.

What is rounded when it is printed is off by half a unit of its last place at most, each number by itself: a sum of
products of such numbers by the smaller of the worst case and so many deviations, sqrt(sum of squares)/sqrt(3) each.
What arrives from another layer has no such independence, and counts in full. Where a sign, or which cell is the
largest, hangs on digits that were not printed, the whole delta does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np

from convgrad.claims.known_roughly import EXCUSE, Rough, Roughs, made_from
from convgrad.claims.rough_functions import (
    gradients_of_bent,
    gradients_of_smooth,
    gradients_of_softmax,
    output_of_bent,
    output_of_smooth,
    output_of_softmax,
)
from convgrad.claims.rough_pools import (
    gradients_of_maximum,
    gradients_of_mean,
    gradients_of_norm,
    output_of_largest,
    output_of_mean,
    output_of_norm,
)
from convgrad.core.arithmetic import Array
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.vocabulary import (
    BENT,
    CONVOLUTION,
    ELEMENTWISE,
    MAXIMUM,
    MEAN,
    NORM,
    PRODUCT,
    RESHAPE,
    SOFTMAX,
    TRANSPOSED,
    UNPOOLING,
)


class RuleOfDigits(NamedTuple):
    """How a family carries what is known roughly: its output of operands, and its gradients of delta and operands.

    The last argument is by how many deviations numbers rounded each by itself are taken to be off.
    """

    output: Callable[[Case, Roughs, float], Rough]
    gradients: Callable[[Case, Rough, Roughs, float], dict[str, Rough]]


def output_of(case: Case, operands: Roughs, sure: float) -> Rough:
    """y of operands known roughly."""
    return known(RULES_OF_DIGITS, case.operation, EXCUSE).output(case, operands, sure)


def gradients_of(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The gradients, by operand, of a delta and operands known roughly."""
    return known(RULES_OF_DIGITS, case.operation, EXCUSE).gradients(case, delta, operands, sure)


# -- Sums of products --------------------------------------------------------------------------------------------------

Sizes = dict[str, Array]


def _summed(compute: Callable[[Sizes], Array], operands: Roughs, sure: float) -> Rough:
    """A sum of products of one number of each operand."""
    sizes = {name: part.size for name, part in operands.items()}
    size = compute(sizes)
    off = compute({name: part.size + part.carried for name, part in operands.items()}) - size
    wide = {name: part.size + part.off for name, part in operands.items()}
    worst = squares = np.zeros(size.shape)
    for name, part in operands.items():
        if np.any(part.own):
            own = np.broadcast_to(part.own, part.size.shape)
            worst = worst + compute(wide | {name: own})
            squares = squares + compute({key: array**2 for key, array in (wide | {name: own}).items()})
    return made_from(operands, size, off + np.minimum(worst, sure / sqrt(3) * np.sqrt(squares)))


def _output_of_products(case: Case, operands: Roughs, sure: float) -> Rough:
    """y = w x + b: the bias is added, not multiplied."""

    def products(sizes: Sizes) -> Array:
        arrays = [sizes.get(name) for name in case.operation.operands]
        y: Array = case.operation.forward(*arrays, **case.arguments)
        return y

    y = _summed(products, {name: part for name, part in operands.items() if name != "b"}, sure)
    if "b" not in operands:
        return y
    b = operands["b"]
    along = (1, -1, *(1,) * (y.size.ndim - 2))
    return made_from(operands, y.size + b.size.reshape(along), y.carried + b.off.reshape(along))


def _gradients_of_products(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """dw of delta and x, dx of delta and w, db of delta."""
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    everything = {"delta": delta, **operands}
    sizes = {name: part.size for name, part in everything.items()}

    def gradient(name: str) -> Callable[[Sizes], Array]:
        def computed(parts: Sizes) -> Array:
            arrays = sizes | parts
            names = ("delta", *case.operation.operands)
            made = case.operation.backward(*(arrays.get(key) for key in names), **case.arguments)
            array: Array = made[name]
            return array

        return computed

    wanted = [name for name in made_of if name in operands or (name == "b" and "b" in case.operation.operands)]
    return {name: _summed(gradient(name), {key: everything[key] for key in made_of[name]}, sure) for name in wanted}


def _output_of_moved(case: Case, operands: Roughs, sure: float) -> Rough:
    size, off = (case.operation.forward(part, **case.arguments) for part in (operands["x"].size, operands["x"].off))
    return made_from(operands, size, off)


def _gradients_of_moved(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    x = operands["x"].size
    size, off = (case.operation.backward(part, x, **case.arguments)["x"] for part in (delta.size, delta.off))
    return {"x": made_from({"delta": delta}, size, off)}


RULES_OF_DIGITS: dict[str, RuleOfDigits] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, PRODUCT), RuleOfDigits(_output_of_products, _gradients_of_products)),
    MAXIMUM: RuleOfDigits(output_of_largest, gradients_of_maximum),
    MEAN: RuleOfDigits(output_of_mean, gradients_of_mean),
    NORM: RuleOfDigits(output_of_norm, gradients_of_norm),
    BENT: RuleOfDigits(output_of_bent, gradients_of_bent),
    ELEMENTWISE: RuleOfDigits(output_of_smooth, gradients_of_smooth),
    SOFTMAX: RuleOfDigits(output_of_softmax, gradients_of_softmax),
    **dict.fromkeys((RESHAPE, UNPOOLING), RuleOfDigits(_output_of_moved, _gradients_of_moved)),
}
"""By family."""
