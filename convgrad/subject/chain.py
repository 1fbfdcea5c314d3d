"""What is asked, as a chain of layers with their parameters, the loss or delta, the step; a case is a chain of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from convgrad.core.arithmetic import EXACT, Array, natural, rounded
from convgrad.operations import OPERATIONS, Operation
from convgrad.operations.losses import Loss
from convgrad.subject.case import Case
from convgrad.subject.layout import Order
from convgrad.subject.stored import Stored, opened
from convgrad.vocabulary import PARAMETERS, UNPOOLING

LONGEST = 2048
"""Bits of a numerator or denominator up to which `auto` keeps parameters exact from step to step."""


class Layer(NamedTuple):
    """A layer as the document has it: its number from 0, its settings, and its parameters as they are now.

    `case` is what it is where it stands alone, and so needs no name. `letters` are those of its layout, where it has
    one, and `filters` the order of its kernel's axes as they came; here they are (O,C/g,*K).
    """

    name: str
    number: int
    operation: Operation
    settings: Mapping[str, Any]
    parameters: Mapping[str, Array]
    case: Case | None = None
    letters: tuple[str, ...] = ()
    filters: Order = ()

    @property
    def windowed(self) -> bool:
        """Whether it is an operation of the case document, which slides a window."""
        return self.operation.name in OPERATIONS

    @property
    def slides(self) -> bool:
        """Whether its windows lie evenly on the input, so that what is known of one is known of all."""
        return self.windowed and self.operation.family != UNPOOLING


class LossAt(NamedTuple):
    """A loss with its target, an array as the document has it, and whether samples are summed or averaged."""

    loss: Loss
    target: Array
    reduction: str


class Chain(NamedTuple):
    """A network: what goes in, the layers, `delta` at the output (None: all ones) or the loss, and the step.

    `dims` is the number of spatial axes that the input came with, 0 where it came as features; `batch` whether it has
    a batch axis; `order` the order of axes in which it came, and in which all goes out: here it is (N,C,*L).
    `arithmetic` is what was asked for. `velocity` is, by layer and parameter, what momentum has gathered in `steps`.
    """

    stored_input: Array | Stored
    dims: int
    batch: bool
    layers: tuple[Layer, ...]
    loss: LossAt | None
    stored_delta: Array | Stored | None
    learning_rate: Any
    momentum: Any
    weight_decay: Any
    arithmetic: str
    document: Mapping[str, Any]
    velocity: Mapping[tuple[str, str], Array]
    steps: int = 0
    order: Order = ()

    @property
    def input(self) -> Array:
        """What comes in, to compute with."""
        array = opened(self.stored_input)
        assert array is not None
        return array

    @property
    def delta(self) -> Array | None:
        """The delta of the output that was given, to compute with."""
        return opened(self.stored_delta)

    @property
    def alone(self) -> Case | None:
        """The case that this is, where it is no network."""
        return self.layers[0].case

    @property
    def id(self) -> Any:
        """What the document called it, unchanged."""
        return natural(self.document.get("id"))

    def stepped(self, layers: tuple[Layer, ...], velocity: Mapping[tuple[str, str], Array]) -> Chain:
        """The same network with other parameters; in `auto` no longer exact where their numbers have grown too long."""
        if self.arithmetic == "auto":
            layers = tuple(layer._replace(parameters=_shortened(layer.parameters)) for layer in layers)
        return self._replace(layers=layers, velocity=velocity, steps=self.steps + 1)

    def present(self, values: Any) -> Any:
        """Exact numbers as their user gets them: as they are where that was asked for, else as the nearest float64."""
        return rounded(values) if self.arithmetic == "auto" and values.dtype == EXACT else values


def chain_of(case: Case) -> Chain:
    """A case as the chain of one nameless layer that it is; without a delta it has ones."""
    arrays = {name: case.operands.get(operand) for name, operand in PARAMETERS.items()}
    parameters = {name: array for name, array in arrays.items() if array is not None}
    x: Any = case.stored["x"]
    delta: Any = case.stored_delta
    return Chain(
        case.layout.bare("x", x), case.dims, case.layout.batch,
        (Layer("", 0, case.operation, case.settings, parameters, case),), None,
        None if delta is None else case.layout.bare("y", delta), None, 0, 0,
        "auto" if case.rounded else case.arithmetic, case.document, {},
    )  # fmt: skip


def _shortened(parameters: Mapping[str, Array]) -> dict[str, Array]:
    return {name: rounded(array) if _is_long(array) else array for name, array in parameters.items()}


def _is_long(array: Array) -> bool:
    return array.dtype == EXACT and any(
        value.denominator.bit_length() > LONGEST or value.numerator.bit_length() > LONGEST for value in array.flat
    )
