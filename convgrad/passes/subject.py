"""What was asked, run: outputs forward, the loss, deltas back, every gradient, the step; as it is, or as altered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, rounded, zeros
from convgrad.core.record import Mapped, Record
from convgrad.errors import Problem, RequestError
from convgrad.operations.conv import channel_sums
from convgrad.passes.ending import Ending
from convgrad.passes.gradients import Forward, Gradients
from convgrad.passes.layers import Signal, after, arranged, case_of, fed, fitted, in_kind, kind_of
from convgrad.passes.made import Made
from convgrad.subject.case import Case, arrays_of, as_case, as_document, is_hand_sized
from convgrad.subject.chain import Chain, Layer, chain_of
from convgrad.subject.layout import GRADIENTS, common_layouts
from convgrad.subject.network_document import read_chain
from convgrad.subject.network_layout import letters_in
from convgrad.subject.place import Place
from convgrad.subject.readings import advised
from convgrad.subject.stored import as_came
from convgrad.vocabulary import PARAMETERS

Arrays = MutableMapping[Place, Array]
"""By place (output, delta, dX, dW, db, and after a step kernel, bias), in full shape."""
STEPPED_BY = {"kernel": "dW", "bias": "db"}
"""The parameters, and the gradients that step them."""


class Moved(NamedTuple):
    """A parameter after a step, and the velocity that moved it."""

    parameter: Array
    velocity: Array


@dataclass(frozen=True)
class Part(Mapped):
    """A layer of a network in one pass; a case by itself is the only part, and its name is "".

    `forward` is in the kind its output was computed in, `gradients` in that of its delta; `signal` is what arrives.
    """

    chain: Chain
    layer: Layer
    signal: Signal
    forward: Forward
    gradients: Gradients
    moved: Mapping[str, Moved]

    def __repr__(self) -> str:
        return f"Part({self.name or self.op}: {self.case!r})"

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def number(self) -> int:
        """Its place in the chain, from 0."""
        return self.layer.number

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
        dx = self.gradients.dX
        return dx if self.layer.case is not None else dx.reshape(self.signal.shape)

    @property
    def dW(self) -> Array | None:
        return self.gradients.dW

    @property
    def db(self) -> Array | None:
        return self.gradients.db

    def gradient(self, operand: str) -> Array:
        """Of an operand, in full shape, in the kind that it was computed in."""
        return self.gradients.by_operand[operand]

    @property
    def numbers(self) -> int:
        """How many its output, its delta, its gradients and its stepped parameters are."""
        case = self.case
        shapes = {**case.shapes, "b": case.output_shape[1:2]}
        of_gradients = sum(prod(shapes[operand]) for operand in _gradients_of(self).values())
        return 2 * prod(case.output_shape) + of_gradients + sum(array.size for array in self.stepped.values())

    @property
    def stepped(self) -> dict[str, Array]:
        """The parameters after the step, in the kind that they were computed in."""
        return {name: moved.parameter for name, moved in self.moved.items()}

    @property
    def updated(self) -> dict[str, Array]:
        """The parameters after the step; none without parameters or a learning rate."""
        return self._presented(self.stepped)

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters as they are in this pass, as their user has them."""
        return self._presented(self.layer.parameters)

    def _presented(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        return {name: self.chain.present(array) for name, array in presented(self.case, parameters).items()}

    @property
    def arithmetic(self) -> dict[str, str]:
        """The kinds of number that the output and the gradients were computed in."""
        return {"output": self.forward.case.arithmetic, "gradients": self.case.arithmetic}

    def place(self, array: str) -> Place:
        """One of its arrays."""
        return Place(array, self.name)

    def shown(self, array: str) -> Array | None:
        """One of its arrays as its user gets it; None for one that it has not."""
        if array in PARAMETERS:
            return self.updated.get(array)
        shown: Array | None = getattr(self, array)
        return shown

    def streamed(self, overlays: str | int | None = None) -> dict[str, Any]:
        """What the JSON says of the layer; a layer that slides no window has no overlays."""
        gradients = {name: array for name in ("dW", "db") if (array := self.shown(name)) is not None}
        head = {"name": self.name, "op": self.op, "arithmetic": self.arithmetic, "output": self.output}
        head |= self.forward.asked_indices
        head |= {"delta": self.delta, "dX": self.dX, **gradients}
        updated = {"updated": self.updated} if self.moved else {}
        return head | updated | self._overlays(overlays)

    def _overlays(self, shown: str | int | None) -> dict[str, Any]:
        if shown in (None, "none"):
            return {}
        overlays = self.gradients.overlays if self.layer.windowed else ()
        count = None if shown == "all" else int(shown or 0)
        return {"overlays": [overlay.streamed() for overlay in islice(overlays, count)]}


@dataclass(frozen=True)
class Step(Mapped):
    """The network after `number` steps: its loss, and its parameters by layer."""

    number: int
    after: Subject

    def __repr__(self) -> str:
        return f"Step({self.number}: {self.after!r})"

    @property
    def loss(self) -> Any:
        return self.after.loss

    def streamed(self) -> dict[str, Any]:
        """What the JSON says of the step."""
        head = {"step": self.number, "loss": self.loss, "arithmetic": self.after.arithmetic}
        return head | {"parameters": self.after.parameters}


@dataclass(frozen=True)
class Change:
    """How a pass is altered.

    `taken` are arrays that are taken in place of those computed: an output or a delta by what is made from it, dW and
    db by the step. By the names of parts, `functions` are computed of the input in place of their own, and of delta and
    input `handing` is handed on. Before the parts `outside` a bias is left to come after them; the `ahead` ones compute
    dX with their kernel after its step.
    """

    taken: Mapping[Place, Array] = field(default_factory=dict)
    functions: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)
    handing: Mapping[str, Callable[[Array, Array], Array]] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()
    ahead: frozenset[str] = frozenset()


NONE = Change()


@dataclass(frozen=True)
class Subject(Record):
    """What was asked, run: `.parts` in order, each with its arrays; `.loss`; `.steps(n)`; `.arrays(change)`.

    A network's parts are its layers; a case is a network of one part without a name.
    """

    chain: Chain
    known: Gradients | None = None
    """The gradients of a case, where they have been made."""

    def __repr__(self) -> str:
        if self.chain.alone is not None:
            return f"Subject({self.chain.alone!r})"
        count = len(self.chain.layers)
        loss = "" if self.chain.loss is None else f", loss={self.loss:.6g}"
        return f"Network({count} layer{'s' * (count != 1)}{loss})"

    @cached_property
    def _signals(self) -> list[tuple[Signal, Forward]]:
        """Per layer what arrives, and its output."""
        signal = Signal(self._arriving, self.chain.dims, self.chain.batch, "the input", self.chain.order)
        outputs: list[tuple[Signal, Forward]] = []
        before: dict[str, Forward] = {}
        for layer in self.chain.layers:
            forward = self.known or Forward(case_of(fed(layer, before), signal, self.chain.arithmetic))
            outputs.append((signal, forward))
            before[layer.name] = forward
            y = forward.y if self.chain.alone is None else _outlined(forward.case)
            signal = after(forward.case, y, layer, signal)
        return [*outputs, (signal, outputs[-1][1])]

    @property
    def _arriving(self) -> Array:
        """The input; of a case, which has its own, an array like it."""
        case = self.chain.alone
        return self.chain.input if case is None else _like(case, self.chain.stored_input.shape)

    @property
    def is_forward(self) -> bool:
        """Whether it is a case without a delta, whose gradients are of no interest."""
        return self.chain.alone is not None and self.chain.alone.stored_delta is None

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
        """The case that this is; of a network the last layer's: what its numbers are, those of the output are."""
        return self.chain.alone or self._signals[-1][1].case

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts in order, run backwards from the last."""
        own = self.chain.alone is not None and not self.is_forward
        delta, parts = None if own else self.ending.delta, []
        for layer, (signal, forward) in reversed(list(zip(self.chain.layers, self._signals, strict=False))):
            case = forward.case if delta is None else _with_delta(forward.case, delta)
            gradients = self.known or Gradients(case)
            steps = {name: gradients.by_operand[PARAMETERS[name]] for name in self._steppable(layer)}
            moved = _moved(self.chain, layer, steps)
            parts.append(Part(self.chain, layer, signal, forward, gradients, moved))
            delta = gradients.by_operand["x"] if layer.number else delta
        return tuple(reversed(parts))

    def _steppable(self, layer: Layer) -> Iterable[str]:
        """The parameters of a layer that a step moves."""
        return () if self.chain.learning_rate is None else layer.parameters

    @property
    def layers(self) -> tuple[Part, ...]:
        """The parts of a network."""
        return self.parts

    def layer(self, name: str) -> Part:
        """The part of a name. Raises RequestError for one that there is not."""
        for part in self.parts:
            if part.name == name:
                return part
        names = ", ".join(part.name for part in self.parts)
        raise RequestError(Problem(f"there is no layer '{name}'", f"there are {names}"))

    @property
    def arithmetic(self) -> str:
        """exact where everything is; else the kind that it ends in."""
        kinds = {kind for part in self.parts for kind in part.arithmetic.values()} - {"exact"}
        kinds |= {kind_of(self.ending.delta)} - {"exact"}
        return min(kinds, default="exact")

    @property
    def parameters(self) -> dict[str, dict[str, Array]]:
        """The parameters as they are in this pass, by layer."""
        pairs = [(layer, forward.case) for layer, (_, forward) in zip(self.chain.layers, self._signals, strict=False)]
        named = ((layer.name, presented(case, layer.parameters)) for layer, case in pairs if layer.parameters)
        return {name: {key: self.chain.present(array) for key, array in arrays.items()} for name, arrays in named}

    def stepped(self) -> Subject:
        """The network after one step, on the same data. Raises RequestError without a learning rate."""
        self.require_rate()
        layers = tuple(
            part.layer._replace(parameters=part.stepped) if part.moved else part.layer for part in self.parts
        )
        velocity = {
            (part.name, name): moved.velocity for part in self.parts for name, moved in part.moved.items()
        } if self.chain.momentum else {}  # fmt: skip
        return Subject(self.chain.stepped(layers, velocity))

    def require_rate(self) -> None:
        """Raises RequestError where there is nothing to step by."""
        if self.chain.learning_rate is None:
            raise RequestError(Problem("a step needs `learning_rate`, which is missing", "add it to the document"))

    def steps(self, count: int) -> Iterator[Step]:
        """The network after each of so many steps, one by one."""
        network = self
        for number in range(1, count + 1):
            network = network.stepped()
            yield Step(number, network)

    def streamed(
        self, steps: int | None = None, layer: str | None = None, overlays: str | int | None = None
    ) -> dict[str, Any]:
        """What the JSON says; of steps there is an iterator, so that they stream.

        `layer` shows only that one, and of it overlays, "all", "none" or how many.
        """
        shown = [part.streamed() for part in self.parts] if layer is None else [self.layer(layer).streamed(overlays)]
        head = {"schema": "convgrad.network/1", "id": self.chain.id, "arithmetic": self.arithmetic, "loss": self.loss}
        if "layout" in self.chain.document:
            head["layout"] = letters_in(self.chain.document["layout"])
        record: dict[str, Any] = {**head, "layers": shown}
        if steps is not None:
            record["steps"] = (step.streamed() for step in self.steps(steps))
        return record

    # -- As it is, or as altered ---------------------------------------------------------------------------------------

    def arrays(self, change: Change = NONE) -> Arrays:
        """Every array of the pass under an alteration; without one, as it is."""
        if change is not NONE:
            return _altered(self, change)
        return self._own_arrays

    @cached_property
    def _own_arrays(self) -> Arrays:
        own = Made()
        for part in self.parts:
            own.later(part.place("output"), partial(getattr, part.forward, "y"))
            own.later(part.place("delta"), partial(self._delta_at, part))
            for name, key in _gradients_of(part).items():
                own.later(part.place(name), partial(part.gradient, key))
            for name in part.parameters if part.moved else ():
                own.later(part.place(name), partial(_own_step, own, part, name))
        return own

    @cached_property
    def numbers(self) -> int:
        """How many there are in all arrays."""
        return sum(part.numbers for part in self.parts)

    def _delta_at(self, part: Part) -> Array:
        assert part.case.delta is not None
        return _alike(part.case.delta, part.case)

    def judged(self) -> Subject:
        """The same in the kind of number that claims are judged in: exact where it is hand-sized, at least float64."""
        if self.chain.alone is not None:
            case = _judged_case(self.chain.alone)
            return self if case is self.chain.alone else Subject(chain_of(case))
        if self.arithmetic == "exact" or self.chain.steps:
            return self
        return self._exactly() or (self if self.chain.arithmetic != "float32" else self._read("float64"))

    def _exactly(self) -> Subject | None:
        """The same, exact as far as its layers are rational; None where it is large, or not finite."""
        if not all(is_hand_sized(part.forward.case) for part in self.parts if part.layer.windowed):
            return None
        try:
            return self._read("auto", binary_is_exact=True, nonfinite=False)
        except RequestError:
            return None

    def _read(self, arithmetic: str, *, nonfinite: bool = True, binary_is_exact: bool = False) -> Subject:
        document = {**self.chain.document, "arithmetic": arithmetic}
        return Subject(arranged(read_chain(document, nonfinite=nonfinite, binary_is_exact=binary_is_exact)))


def presented(case: Case, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters of a layer with their axes in the order in which its user has them."""
    return {name: case.layout.restored("w", array) if name == "kernel" else array for name, array in parameters.items()}


def subject_of(case: Case | Gradients) -> Subject:
    """A case, or its gradients, as a network of one part."""
    return Subject(chain_of(case.case), case) if isinstance(case, Gradients) else Subject(chain_of(case))


def network(document: Any = None, input: Any = None, delta: Any = None, **keywords: Any) -> Subject:
    """A network run forward and back: a mapping as in a network document; keywords win over it, or make it alone.

    In its place there may be a chain of layers of another library, such as a Sequential of PyTorch.

    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    keywords |= arrays_of(input, delta)
    options: dict[str, Any] = {name: keywords.pop(name) for name in ("arithmetic", "nonfinite") if name in keywords}
    if "allow_nonfinite" in keywords:  # as the option is called
        options["nonfinite"] = keywords.pop("allow_nonfinite")
    document = as_document(document, keywords)
    try:
        subject = Subject(arranged(read_chain(document, **options)))
        _ = subject.ending.delta  # what does not fit is refused here
    except RequestError as error:
        raise _with_layout(error, document, options) from None
    return subject


def _with_layout(error: RequestError, document: Any, options: dict[str, Any]) -> RequestError:
    """The error about layers that do not fit what they get, with the layout in which all would."""
    of_shapes = error.problems[0].path[:1] == ("layers",) and " gets " in error.problems[0].message
    if not of_shapes or not isinstance(document, Mapping) or "layout" in document:
        return error
    with_kernel = any(isinstance(layer, Mapping) and "kernel" in layer for layer in document["layers"])
    for letters in common_layouts(2, with_kernel) + common_layouts(1, with_kernel) + common_layouts(3, with_kernel):
        try:
            fitted(read_chain({**document, "layout": letters.split(",")}, **options))
        except RequestError:
            continue
        return advised(error, letters)
    return error


def _with_delta(case: Case, delta: Array) -> Case:
    """The case with its delta, both in the kind of the one that is not exact."""
    kind = "exact" if case.arithmetic == "exact" and delta.dtype == EXACT else (
        kind_of(delta) if delta.dtype != EXACT else case.arithmetic)  # fmt: skip
    case = in_kind(case, kind)
    if delta.dtype == EXACT and kind != "exact":
        delta = rounded(delta).astype(np.dtype(kind))
    return replace(case, delta=delta.reshape(case.output_shape))


def _judged_case(case: Case) -> Case:
    """A case in the kind of number that claims are judged in."""
    if case.arithmetic == "exact":
        return case
    stored = [as_came(array) for array in (*case.stored.values(), case.stored_delta) if array is not None]
    finite = all(np.isfinite(array).all() for array in stored)
    needs_delta = case.stored_delta is not None
    if finite and is_hand_sized(case):  # to be shown in the user's kind of number
        return replace(as_case(case, needs_delta=needs_delta, arithmetic="exact"), rounded=True)
    if case.arithmetic != "float32":
        return case
    return as_case(case, needs_delta=needs_delta, arithmetic="float64", nonfinite=not finite)


# -- The step ----------------------------------------------------------------------------------------------------------


def _moved(chain: Chain, layer: Layer, gradients: Mapping[str, Array]) -> dict[str, Moved]:
    """Each parameter after the step, given what steps it.

    As in PyTorch's SGD: g = dW + decay w, v = momentum v + g (v = g at first), w - rate v.
    """
    moved = {}
    for name, gradient in gradients.items():
        array = layer.parameters[name]
        pushed = _plus(gradient.reshape(array.shape), array, chain.weight_decay)
        old = chain.velocity.get((layer.name, name))
        velocity = pushed if old is None else _plus(pushed, old, chain.momentum)
        moved[name] = Moved(_plus(array, velocity, -chain.learning_rate), velocity)
    return moved


def _plus(a: Array, b: Array, factor: Any) -> Array:
    """a + factor b, exact where both are."""
    if a.dtype != EXACT or b.dtype != EXACT:
        a, b = (rounded(part) if part.dtype == EXACT else part for part in (a, b))
        factor = float(factor)
    return np.asarray(a + factor * b)  # of exact arrays without axes the sum is a number


# -- Alterations -------------------------------------------------------------------------------------------------------


def _altered(subject: Subject, change: Change) -> Arrays:
    arrays: dict[Place, Array] = {}
    arriving = dict(_outputs(subject, change, arrays))
    _deltas(subject, change, arriving, arrays)
    for part in subject.parts:
        steps = {name: _steps_by(change, arrays, part, name) for name in part.moved}
        moved = _moved(subject.chain, part.layer, steps)
        arrays |= {part.place(name): _shaped(one.parameter, arrays, part, name) for name, one in moved.items()}
    return arrays


def _outputs(subject: Subject, change: Change, arrays: dict[Place, Array]) -> Iterator[tuple[str, Array]]:
    """The outputs, each from the one before; by part what arrives at it, where that is not as it is."""
    x: Array | None = None
    for part in subject.parts:
        case, y = part.forward.case, part.forward.y
        if x is not None:
            x = _alike(x.reshape(case.shapes["x"]), case)
            yield part.name, x
            y = case.operation.forward(*_arranged(case, x=x), **case.arguments)
        if (function := change.functions.get(part.name)) is not None:
            x = case.operands["x"] if x is None else x
            y = function(_present(x))
        arrays[part.place("output")] = y
        taken = change.taken.get(part.place("output"))
        x = taken if taken is not None else y if x is not None else None


def _deltas(subject: Subject, change: Change, arriving: Mapping[str, Array], arrays: dict[Place, Array]) -> None:
    delta, after = subject.ending.delta, None
    for part in reversed(subject.parts):
        case = part.case
        delta = _alike(delta.reshape(case.output_shape), case)
        arrays[part.place("delta")] = delta
        delta = change.taken.get(part.place("delta"), delta)
        if part.name in arriving:
            case = replace(case, operands={**case.operands, "x": _alike(arriving[part.name], case)})
        gradients = case.operation.backward(delta, *case.arrays, **case.arguments)
        if after is not None:  # the bias comes only then
            gradients |= {"b": channel_sums(after.reshape(case.output_shape))}
        arrays |= {part.place(name): gradients[key] for name, key in GRADIENTS.items() if key in gradients}
        after = delta if part.name in change.outside else None
        delta = _handed(part, case, delta, gradients["x"], change)
        arrays[part.place("dX")] = delta


def _handed(part: Part, case: Case, delta: Array, dx: Array, change: Change) -> Array:
    if (handing := change.handing.get(part.name)) is not None:
        return handing(delta.reshape(dx.shape), _present(case.operands["x"]))
    if part.name in change.ahead:
        handed: Array = case.operation.backward(delta, *_arranged(case, w=stepped_kernel(part)), **case.arguments)["x"]
        return handed
    return dx


def _present(array: Array | None) -> Array:
    assert array is not None
    return array


def stepped_kernel(part: Part) -> Array | None:
    """The kernel after the step in full shape, in the kind of the gradients; None where there is none."""
    if "kernel" not in part.moved:
        return None
    return _alike(part.stepped["kernel"].reshape(part.case.shapes["w"]), part.case)


def _steps_by(change: Change, arrays: Arrays, part: Part, name: str) -> Array:
    place = part.place(STEPPED_BY[name])
    return change.taken.get(place, arrays[place])


def _shaped(parameter: Array, arrays: Arrays, part: Part, name: str) -> Array:
    """A stepped parameter in the full shape of what stepped it."""
    return parameter.reshape(arrays[part.place(STEPPED_BY[name])].shape)


def _outlined(case: Case) -> Array:
    """An array like the output, of which only shape and kind count: what nobody asks for is not worked out."""
    return _like(case, case.output_shape)


def _like(case: Case, shape: tuple[int, ...]) -> Array:
    x = case.stored["x"]
    assert x is not None
    return np.broadcast_to(zeros((), x.dtype), shape)


def _own_step(arrays: Arrays, part: Part, name: str) -> Array:
    return _shaped(part.stepped[name], arrays, part, name)


def _gradients_of(part: Part) -> dict[str, str]:
    return {name: key for name, key in GRADIENTS.items() if key in part.case.operation.operands}


def _arranged(case: Case, **operands: Array | None) -> tuple[Array | None, ...]:
    """The operands in the operation's order, some of them replaced."""
    return tuple({**case.operands, **operands}[name] for name in case.operation.operands)


def _alike(array: Array, case: Case) -> Array:
    """An array in the kind of a case's."""
    if array.dtype == EXACT and case.arithmetic != "exact":
        return rounded(array).astype(np.dtype(case.arithmetic))
    return array
