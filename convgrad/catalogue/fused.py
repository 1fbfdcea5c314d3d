"""A convolution with an activation after it, open to alteration: the mistakes of a convolution, and those of f."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from convgrad.catalogue.computation import delta_of
from convgrad.catalogue.convolving import Convolution, of_convolution
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.of_activations import BENT_FORMS, EVERY, Bent, BentForm
from convgrad.core.arithmetic import Array
from convgrad.operations import conv
from convgrad.operations.fused import Activation
from convgrad.subject.case import Case


@dataclass(frozen=True)
class Fused(Convolution):
    """A convolution whose delta is what its activation hands on of the one `upstream`, given z, its input."""

    upstream: Array = field(default_factory=lambda: np.zeros(()))
    z: Array = field(default_factory=lambda: np.zeros(()))
    bent: Bent | None = None
    activation: Activation | None = None
    """What is computed of every output."""

    def bare(self) -> Array:
        value = super().bare()
        return value if self.array != "output" or self.activation is None else self.activation.function(value)


def of_fused(case: Case, array: str, updated: Array | None = None) -> Fused:
    """The right computation of an array of a convolution, bias and activation as one."""
    arguments = {name: value for name, value in case.arguments.items() if name != "activation"}
    right, upstream = case.arguments["activation"], delta_of(case)
    z, plain = conv.forward(*case.arrays, **arguments), of_convolution(case, array, updated)  # type: ignore[arg-type]
    parts = {**vars(plain), "delta": right.handed(upstream, z)}
    return Fused(**parts, upstream=upstream, z=z, bent=Bent.of(right, case.operands["b"], z), activation=right)


def _altered(c: Any, form: BentForm) -> Variants:
    """The computation with each of the altered activations."""
    return {variant: _with(c, form, activation) for variant, activation in form.alter(c.bent).items()}


def _with(c: Fused, form: BentForm, activation: Activation) -> Fused:
    if c.array == "output":
        return c.but(activation=activation)  # type: ignore[no-any-return]
    outside = form.outside and c.array == "db"
    return c.but(delta=c.upstream if outside else activation.handed(c.upstream, c.z))  # type: ignore[no-any-return]


def _form(one: BentForm) -> Form:
    layer = "the activation"
    return Form(one.what.replace("{layer}", layer), one.fix, partial(_altered, form=one), one.needs)


FUSED_FORMS: dict[str, dict[str, Form]] = {
    array: {name: _form(one) for name, one in BENT_FORMS.items() if array in one.arrays} for array in EVERY
}
"""The mistakes of an activation by array."""
