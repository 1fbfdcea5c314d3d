"""One pass through a chain: outputs forward, the loss, deltas back, every gradient, and the parameters after a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.chain.document import read_chain
from convgrad.chain.ending import Ending
from convgrad.chain.layers import Signal, after, case_of, in_kind, kind_of
from convgrad.chain.model import PARAMETERS, Chain, Layer
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.errors import Problem, RequestError
from convgrad.gradients import Forward, Gradients


@dataclass(frozen=True)
class LayerPass:
    """A layer in one pass: `forward` in the kind its output was computed in, `gradients` in that of its delta."""

    chain: Chain
    layer: Layer
    signal: Signal
    forward: Forward
    gradients: Gradients
    stepped: Mapping[str, Array]

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def op(self) -> str:
        return self.layer.operation.name

    @property
    def case(self) -> Case:
        """The layer as a case, with its delta."""
        return self.gradients.case

    @property
    def output(self) -> Array:
        return self.forward.output

    @property
    def delta(self) -> Array:
        """What arrives at the output."""
        assert self.case.delta is not None
        return self.case.present("y", self.case.delta)

    @property
    def dX(self) -> Array:
        """What is handed on to the layer before, in the shape in which its output came."""
        return self.gradients.dX.reshape(self.signal.values.shape)

    @property
    def dW(self) -> Array | None:
        return self.gradients.dW

    @property
    def db(self) -> Array | None:
        return self.gradients.db

    @property
    def updated(self) -> dict[str, Array]:
        """The parameters after the step; none without parameters or a learning rate."""
        return {name: self.chain.present(array) for name, array in self.stepped.items()}

    @property
    def arithmetic(self) -> dict[str, str]:
        """The kinds of number that the output and the gradients were computed in."""
        return {"output": self.forward.case.arithmetic, "gradients": self.case.arithmetic}

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says of the layer."""
        named = {"dW": self.dW, "db": self.db}
        found = {"name": self.name, "op": self.op, "arithmetic": self.arithmetic, "output": self.output}
        found |= {"delta": self.delta, "dX": self.dX}
        found |= {key: array for key, array in named.items() if array is not None}
        return found | ({"updated": self.updated} if self.stepped else {})


@dataclass(frozen=True)
class Step:
    """The network after `number` steps: its loss, and its parameters by layer."""

    number: int
    after: Network

    @property
    def loss(self) -> Any:
        return self.after.loss

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says of the step."""
        head = {"step": self.number, "loss": self.loss, "arithmetic": self.after.arithmetic}
        return head | {"parameters": self.after.parameters}


@dataclass(frozen=True)
class Network:
    """A chain's pass: `.loss`, `.layers` with their outputs, deltas, gradients and stepped parameters, `.steps(n)`."""

    chain: Chain

    @cached_property
    def _signals(self) -> list[tuple[Signal, Forward]]:
        """Per layer what arrives, and its output."""
        signal = Signal(self.chain.input, self.chain.dims, self.chain.batch, "the input")
        found: list[tuple[Signal, Forward]] = []
        for layer in self.chain.layers:
            forward = Forward(case_of(layer, signal, self.chain.arithmetic))
            found.append((signal, forward))
            signal = after(forward.case, forward.y, layer, signal)
        return [*found, (signal, found[-1][1])]

    @cached_property
    def ending(self) -> Ending:
        """The output and what the loss makes of it. Raises RequestError where target or delta do not fit it."""
        return Ending(self.chain, self._signals[-1][0])

    @property
    def loss(self) -> Any:
        """The loss; None where `delta` was given in its place."""
        return self.ending.loss

    @property
    def output(self) -> Array:
        return self._signals[-1][1].output

    @property
    def case(self) -> Case:
        """The last layer as a case: what its numbers are, those of the output are."""
        return self._signals[-1][1].case

    @cached_property
    def layers(self) -> tuple[LayerPass, ...]:
        """The layers in order, run backwards from the last."""
        delta, found = self.ending.delta, []
        for layer, (signal, forward) in reversed(list(zip(self.chain.layers, self._signals, strict=False))):
            gradients = Gradients(_with_delta(forward.case, delta))
            stepped = _stepped(self.chain, layer, gradients) if self.chain.learning_rate is not None else {}
            parameters = {name: array for name, (array, _) in stepped.items()}
            found.append(LayerPass(self.chain, layer, signal, forward, gradients, parameters))
            delta = gradients.by_operand["x"]
        return tuple(reversed(found))

    def layer(self, name: str) -> LayerPass:
        """The layer of a name. Raises RequestError for one that there is not."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise RequestError(Problem(f"there is no layer '{name}'", f"there are {names}"))

    @property
    def arithmetic(self) -> str:
        """exact where everything is; else the kind that it ends in."""
        kinds = {kind for layer in self.layers for kind in layer.arithmetic.values()} - {"exact"}
        kinds |= {kind_of(self.ending.delta)} - {"exact"}
        return min(kinds, default="exact")

    @property
    def parameters(self) -> dict[str, dict[str, Array]]:
        """The parameters as they are in this pass, by layer."""
        named = ((layer.name, layer.parameters) for layer in self.chain.layers if layer.parameters)
        return {name: {key: self.chain.present(array) for key, array in arrays.items()} for name, arrays in named}

    def stepped(self) -> Network:
        """The network after one step, on the same data. Raises RequestError without a learning rate."""
        if self.chain.learning_rate is None:
            raise RequestError(Problem("a step needs `learning_rate`, which is missing", "add it to the document"))
        layers = tuple(
            replace(pass_.layer, parameters=pass_.stepped) if pass_.stepped else pass_.layer for pass_ in self.layers
        )
        velocity = {
            (pass_.layer.place, name): moved
            for pass_ in self.layers
            for name, (_, moved) in _stepped(self.chain, pass_.layer, pass_.gradients).items()
        } if self.chain.momentum else {}  # fmt: skip
        return Network(self.chain.stepped(layers, velocity))

    def steps(self, count: int) -> Iterator[Step]:
        """The network after each of so many steps, one by one."""
        network = self
        for number in range(1, count + 1):
            network = network.stepped()
            yield Step(number, network)

    def to_dict(self, steps: int | None = None, layer: str | None = None) -> dict[str, Any]:
        """What the JSON says; of steps there is an iterator, so that they stream; `layer` shows only that one."""
        shown = self.layers if layer is None else (self.layer(layer),)
        head = {"schema": "convgrad.network/1", "id": self.chain.id, "arithmetic": self.arithmetic, "loss": self.loss}
        made = {**head, "layers": [part.to_dict() for part in shown]}
        if steps is not None:
            made["steps"] = (step.to_dict() for step in self.steps(steps))
        return made


def _with_delta(case: Case, delta: Array) -> Case:
    """The case with its delta, both in the kind of the one that is not exact."""
    kind = "exact" if case.arithmetic == "exact" and delta.dtype == EXACT else (
        kind_of(delta) if delta.dtype != EXACT else case.arithmetic)  # fmt: skip
    case = in_kind(case, kind)
    if delta.dtype == EXACT and kind != "exact":
        delta = rounded(delta).astype(np.dtype(kind))
    return replace(case, delta=delta.reshape(case.output_shape))


def _stepped(chain: Chain, layer: Layer, gradients: Gradients) -> dict[str, tuple[Array, Array]]:
    """Each parameter after the step, and the velocity that moved it.

    As in PyTorch's SGD: g = dW + decay w, v = momentum v + g (v = g at first), w - rate v.
    """
    found = {}
    for name, array in layer.parameters.items():
        gradient = gradients.by_operand[PARAMETERS[name]].reshape(array.shape)
        pushed = _plus(gradient, array, chain.weight_decay)
        old = chain.velocity.get((layer.place, name))
        moved = pushed if old is None else _plus(pushed, old, chain.momentum)
        found[name] = (_plus(array, moved, -chain.learning_rate), moved)
    return found


def _plus(a: Array, b: Array, factor: Any) -> Array:
    """a + factor b, exact where both are."""
    if a.dtype != EXACT or b.dtype != EXACT:
        a, b = (rounded(part) if part.dtype == EXACT else part for part in (a, b))
        factor = float(factor)
    return np.asarray(a + factor * b)  # of exact arrays without axes the sum is a number


def network(document: Mapping[str, Any], **keywords: Any) -> Network:
    """A network run forward and back: a mapping as in a network document; keywords win over it.

    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    options = {name: keywords.pop(name) for name in ("arithmetic", "nonfinite") if name in keywords}
    made = Network(read_chain({**document, **keywords} if keywords else document, **options))
    _ = made.ending.delta  # what does not fit is refused here
    return made
