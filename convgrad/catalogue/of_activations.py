"""Mistakes in an activation after a layer with a bias: in its slope, in where that is taken, in its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, recast, zeros
from convgrad.operations.fused import FUNCTIONS, Activation, activation_of
from convgrad.vocabulary import BENT

SLOPES = (Fraction(0), Fraction(1, 100), Fraction(1, 10), Fraction(1, 5), Fraction(1, 4), Fraction(3, 10))
"""Slopes below 0 that a leaky ReLU is given in place of its own; the first is that of ReLU itself."""


@dataclass(frozen=True, eq=False)
class Bent:
    """An activation, with the bias (O,) that was added before it; None where there was none."""

    right: Activation
    bias: Array | None

    @classmethod
    def of(cls, right: Activation, bias: Array | None, z: Array) -> Bent:
        """An activation of z (N,O,…); a bias that does not fit z is none."""
        fits = bias is not None and z.ndim > 1 and bias.size in (1, z.shape[1])
        return cls(right, bias if fits else None)

    def slope(self, z: Array) -> Array:
        """dy/dz."""
        return self.right.handed(_ones(z), z)

    def handing(self, handed: Callable[[Array, Array], Array]) -> Activation:
        """The same that hands on something else."""
        return replace(self.right, handed=handed)

    def before(self, z: Array) -> Array:
        """z without the bias."""
        return z - self.added(z)

    def added(self, z: Array) -> Array:
        """The bias (O,1,…), in the kind of z."""
        assert self.bias is not None
        return recast(self.bias, z.dtype).reshape(-1, *(1,) * (z.ndim - 2))


class BentForm(NamedTuple):
    """A mistake in words, `{layer}` being where; on which arrays it shows, and how it alters an activation.

    `outside` says that the bias comes after it, so that its gradient is the sum of delta as it arrives.
    """

    what: str
    fix: str
    arrays: tuple[str, ...]
    alter: Callable[[Bent], Mapping[str, Activation]]
    needs: tuple[str, ...] = ()
    outside: bool = False


def _ones(z: Array) -> Array:
    return np.asarray(zeros(z.shape, z.dtype) + 1)


def _like(z: Array, value: Fraction) -> Any:
    return value if z.dtype == EXACT else float(value)


def _only(altered: Activation | None) -> dict[str, Activation]:
    return {} if altered is None else {"": altered}


# -- The slope ---------------------------------------------------------------------------------------------------------


def without_slope(bent: Bent) -> dict[str, Activation]:
    return _only(bent.handing(lambda delta, z: delta))


def at_output(bent: Bent) -> dict[str, Activation]:
    right = bent.right
    return _only(bent.handing(lambda delta, z: right.handed(delta, right.function(z))))


def by_output(bent: Bent) -> dict[str, Activation]:
    """The formula by which dy/dz follows from y, given z."""
    formula = BY_OUTPUT.get(bent.right.name)
    return {} if formula is None else _only(bent.handing(lambda delta, z: delta * formula(z)))


BY_OUTPUT: Mapping[str, Callable[[Array], Array]] = {
    "sigmoid": lambda y: np.asarray(y * (1 - y)),
    "tanh": lambda y: np.asarray(1 - y * y),
    "softplus": lambda y: np.asarray(1 - np.exp(-y)),
}


def before_bias(bent: Bent) -> dict[str, Activation]:
    if bent.bias is None:
        return {}
    return _only(bent.handing(lambda delta, z: bent.right.handed(delta, bent.before(z))))


def at_zero(bent: Bent) -> dict[str, Activation]:
    """A slope of 1 where z is exactly 0, or the mean of those on either side."""
    if not _is_bent(bent):
        return {}

    def steep(delta: Array, z: Array) -> Array:
        return np.where(z == 0, delta, bent.right.handed(delta, z))

    def mean(delta: Array, z: Array) -> Array:
        right = bent.right.handed(delta, z)
        return np.where(z == 0, (delta + right) / 2, right)

    return {"1": bent.handing(steep), "the mean": bent.handing(mean)}


def other_side(bent: Bent) -> dict[str, Activation]:
    """The slopes of the two sides exchanged; at 0 either of them."""
    if not _is_bent(bent):
        return {}

    def exchanged(delta: Array, z: Array) -> Array:
        return np.asarray(delta * (bent.slope(_ones(z)) + bent.slope(-_ones(z)) - bent.slope(z)))

    return {"": bent.handing(lambda delta, z: bent.right.handed(delta, -z)), "at 0 too": bent.handing(exchanged)}


def of_delta(bent: Bent) -> dict[str, Activation]:
    right = bent.right
    return {
        "in place of the slope": bent.handing(lambda delta, z: right.function(delta)),
        "beside the slope": bent.handing(lambda delta, z: right.handed(right.function(delta), z)),
    }


def _is_bent(bent: Bent) -> bool:
    """Whether it has a slope on either side of 0, and none at it."""
    return FUNCTIONS[bent.right.name].family == BENT


# -- The function ------------------------------------------------------------------------------------------------------


def left_out(bent: Bent) -> dict[str, Activation]:
    return _only(replace(bent.right, function=lambda z: z))


def applied_twice(bent: Bent) -> dict[str, Activation]:
    right = bent.right

    def handed(delta: Array, z: Array) -> Array:
        return right.handed(right.handed(delta, right.function(z)), z)

    both = replace(right, function=lambda z: right.function(right.function(z)), handed=handed)
    return {"": both, "of the same numbers": bent.handing(lambda delta, z: right.handed(right.handed(delta, z), z))}


def bias_after(bent: Bent) -> dict[str, Activation]:
    if bent.bias is None:
        return {}

    def function(z: Array) -> Array:
        return np.asarray(bent.right.function(bent.before(z)) + bent.added(z))

    return _only(replace(before_bias(bent)[""], function=function))


def other_slopes(bent: Bent) -> dict[str, Activation]:
    own = bent.right.arguments.get("slope")
    if own is None:
        return {}
    others = [slope for slope in SLOPES if slope != own]
    return {str(slope): activation_of(FUNCTIONS[bent.right.name], {"slope": slope}) for slope in others}


GRADIENTS = ("dW", "db", "dX")
EVERY = ("output", *GRADIENTS)
BENT_FORMS: dict[str, BentForm] = {
    "activation-derivative-missing": BentForm(
        "delta is handed on through {layer} without the slope of the activation",
        "multiply delta by dy/dx at the activation's input, entry by entry",
        GRADIENTS, without_slope,
    ),
    "slope-at-output": BentForm(
        "the slope of {layer} is taken at its output",
        "take the slope at the activation's input, or use the formula that gives it by the output, such as y (1 - y)",
        GRADIENTS, at_output,
    ),
    "slope-by-output": BentForm(
        "the formula of the slope of {layer} by its output, such as y (1 - y), is given its input",
        "put the output into that formula, or take the slope at the input by its own formula",
        GRADIENTS, by_output,
    ),
    "slope-at-zero": BentForm(
        "the slope of {layer} at exactly 0 is not the one below 0: {variant}",
        "let the slope at 0 be the one below 0, as PyTorch and TensorFlow have it: test z > 0, not z >= 0",
        GRADIENTS, at_zero,
    ),
    "slope-before-bias": BentForm(
        "the slope of {layer} is taken before the bias is added",
        "take it at the activation's input, which is the sum with the bias",
        GRADIENTS, before_bias, ("bias",),
    ),
    "bias-after-activation": BentForm(
        "the bias is added after {layer}",
        "add the bias first: y = f(z), z = conv(x, w) + b",
        EVERY, bias_after, ("bias",), outside=True,
    ),
    "slope-other-side": BentForm(
        "delta passes {layer} where it must not: the slopes on the two sides of 0 are exchanged",
        "keep delta where the activation's input is above 0",
        GRADIENTS, other_side,
    ),
    "activation-of-delta": BentForm(
        "{layer} is applied to delta: {variant}",
        "multiply delta by dy/dx at the activation's input, whatever the sign of delta",
        GRADIENTS, of_delta,
    ),
    "activation-missing": BentForm(
        "{layer} is left out", "apply the activation to every output, after the bias", ("output",), left_out,
    ),
    "activation-twice": BentForm(
        "{layer} is applied twice", "apply the activation once, and its slope once", EVERY, applied_twice,
    ),
    "another-slope": BentForm(
        "{layer} has another slope below 0: {variant}",
        "use the slope that was asked for, forward and backward", EVERY, other_slopes,
    ),
}  # fmt: skip
"""By id, specific before general."""
