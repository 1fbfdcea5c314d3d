"""A convolution, its bias and an activation as one: y = f(z), z = conv(x, w) + b.

No case document asks for it: it is what many libraries compute in one kernel, and what such a kernel is graded as.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from convgrad.core.arithmetic import EXACT, Array, nearest
from convgrad.operations import conv
from convgrad.operations.activations import OPERATIONS
from convgrad.operations.operation import Operation, Overlay, Shape
from convgrad.operations.terms import Factor, Index, Term
from convgrad.vocabulary import NETWORK

FUNCTIONS = {operation.name: operation for operation in OPERATIONS}


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of every number by its name, y = function(z), and what it hands on: dz = handed(delta, z)."""

    name: str
    function: Callable[[Array], Array]
    handed: Callable[[Array, Array], Array]
    arguments: Mapping[str, Any]


def activation_of(operation: Operation, arguments: Mapping[str, Any]) -> Activation:
    """An activation with its arguments, of numbers of any kind."""

    def function(z: Array) -> Array:
        return operation.forward(z, **_like(arguments, z))

    def handed(delta: Array, z: Array) -> Array:
        return operation.backward(delta, z, **_like(arguments, z))["x"]

    return Activation(operation.name, function, handed, arguments)


def _like(arguments: Mapping[str, Any], z: Array) -> dict[str, Any]:
    """A slope in the kind of the numbers that it is multiplied by."""
    return {
        name: nearest(value) if isinstance(value, Fraction) and z.dtype != EXACT else value
        for name, value in arguments.items()
    }


def forward(x: Array, w: Array, b: Array | None = None, *, activation: Activation, **arguments: Any) -> Array:
    """(N,C,*L), (O,C/g,*K), (O,) -> (N,O,*P)."""
    return activation.function(conv.forward(x, w, b, **arguments))


def backward(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, activation: Activation, **arguments: Any
) -> dict[str, Array]:
    """(N,O,*P) -> dx (N,C,*L), dw (O,C/g,*K), db (O,): those of the convolution for the delta that f hands on."""
    return conv.backward(_handed(delta, x, w, b, activation, arguments), x, w, b, **arguments)


def _handed(
    delta: Array, x: Array, w: Array, b: Array | None, activation: Activation, arguments: Mapping[str, Any]
) -> Array:
    return activation.handed(delta, conv.forward(x, w, b, **arguments))


def overlay(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, sample: int, position: tuple[int, ...],
    activation: Activation, **arguments: Any,
) -> Overlay:  # fmt: skip
    """What one window adds, given the delta that f hands on."""
    within = _handed(delta, x, w, b, activation, arguments)
    return conv.overlay(within, x, w, b, sample=sample, position=position, **arguments)


def terms(
    name: str, index: Index, delta: Array, x: Array, w: Array, b: Array | None = None, *, activation: Activation,
    **arguments: Any,
) -> Iterator[Term]:  # fmt: skip
    """The terms of one entry of x (dx), w (dw) or b (db); an entry of y is f of its z, and no sum."""
    if name != "y":
        yield from conv.terms(name, index, _handed(delta, x, w, b, activation, arguments), x, w, b, **arguments)
        return
    z = conv.forward(x, w, b, **arguments)
    yield Term(index[0], index[1:], None, (Factor("z", index, z[index]),), activation.function(z)[index],
               activation.name)  # fmt: skip


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the convolution, and the activation with its own."""
    function = FUNCTIONS[settings["activation"]]
    own = function.prepare(shapes, {name: settings[name] for name in function.defaults})
    return {**conv.prepare(shapes, settings), "activation": activation_of(function, own)}


OPERATION = Operation(
    name=NETWORK,
    prepare=prepare,
    output_shape=conv.output_shape,
    forward=forward,
    backward=backward,
    overlay=overlay,
    positions=conv.OPERATION.positions,
    terms=terms,
)
