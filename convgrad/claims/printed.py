"""Inputs that were rounded when they were printed: by how much an array may be off because of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.digits import written
from convgrad.claims.drawn import COVER, deviations
from convgrad.claims.known_roughly import Rough, floats
from convgrad.claims.rough import gradients_of, output_of
from convgrad.claims.rough_functions import shares_off
from convgrad.core.arithmetic import Array
from convgrad.core.nested import Numbers, read_numbers
from convgrad.core.printouts import printed_by
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import STEPPED_BY, Part, Subject
from convgrad.subject.layout import GRADIENTS, Layout
from convgrad.subject.place import Place
from convgrad.subject.stored import opened
from convgrad.vocabulary import MAXIMUM, PARAMETERS

ENOUGH = 4
"""Decimals, or significant digits, from which on numbers look printed: people who make up exercises write fewer."""
FEWEST = 3
"""Significant digits that the longest number of an array printed with so many decimals has at least."""
MOST = 12
"""Decimals up to which a binary number may be one that was written with so many."""

HEAD = 64
"""Numbers that are looked at before all are."""
MOST_DRAWN = 100_000
"""Numbers of all arrays together up to which inputs that print alike are drawn."""


class Printed(NamedTuple):
    """What an array may be off by where its inputs were rounded to `places` (a text) when they were printed.

    `enough` digits make that likely; `surely` they were where a program printed all of them. `open` says what hangs on
    digits that were not printed.
    """

    allowed: Array
    places: str
    enough: bool
    open: tuple[str, ...]
    surely: bool = False


@dataclass(frozen=True)
class _Input:
    """Half a unit of the last place of each number of an operand, and how it was written; whole numbers are exact."""

    halves: Array
    said: str = ""
    count: int = 0
    surely: bool = False


class _Read(NamedTuple):
    """An array, as it is kept, by its name in the document, and how it was written there."""

    name: str
    one: _Input
    array: Any


class PrintedInputs:
    """A subject whose inputs were rounded when they were printed, forward and back, worked out when it is asked for.

    `sure` is by how many deviations they are taken to be off. Where it was said that they were rounded, `zeros` were
    as well; else a 0 is meant.
    """

    def __init__(self, subject: Subject, sure: float, *, zeros: bool = False) -> None:
        self.subject, self.sure, self.zeros = subject, sure, zeros
        self.inputs: dict[str, _Input] = {}

    def of(self, place: Place) -> Printed | None:
        """What rounding them may have moved an array by; None where all that it is made of is whole."""
        if not any(read.one.said for read in self._read.values()):
            return None
        rough = self._all[place]
        if not rough.sources:
            return None
        by_digits: dict[str, list[str]] = {}
        for name in self.inputs:
            if name in rough.sources:
                by_digits.setdefault(self.inputs[name].said, []).append(name)
        places = "; ".join(f"{' and '.join(names)} to {said}" for said, names in by_digits.items())
        inputs = [self.inputs[name] for name in rough.sources]
        surely = all(one.surely for one in inputs)
        enough = surely or min(one.count for one in inputs) >= ENOUGH
        return Printed(self._off(place, rough), places, enough, tuple(sorted(rough.open)), surely)

    def _off(self, place: Place, rough: Rough) -> Array:
        """The bound; or so many deviations of inputs that print alike, in a chain where nothing is open."""
        if len(self.subject.parts) < 2 or rough.open or self.subject.numbers > MOST_DRAWN:
            return rough.off
        return np.minimum(rough.off, COVER * self.sure * self._deviations[place].reshape(rough.size.shape))

    @cached_property
    def _deviations(self) -> Mapping[Place, Array]:
        return deviations(self.subject, {name: one.halves for name, one in self.inputs.items()})

    @cached_property
    def _all(self) -> dict[Place, Rough]:
        self._found: dict[Place, Rough] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            self._back(self._forward())
        return self._found

    def _forward(self) -> list[dict[str, Rough]]:
        """The operands of each layer."""
        operands, x = [], self._given["input"]
        if self.subject.parts[0].case.operation.family == MAXIMUM and self._is_meant(x):
            x = Rough(x.size)  # the largest of numbers of few digits is meant to be the largest
        for part in self.subject.parts:
            case = in_kind(part.forward.case, "float64")
            operands.append({"x": x.reshaped(case.shapes["x"]), **self._parameters(part)})
            y = output_of(case, operands[-1], self.sure)
            x = self._found[part.place("output")] = replace(y, size=abs(floats(part.forward.y)))
        return operands

    def _is_meant(self, x: Rough) -> bool:
        """Whether an input has so few digits, and nobody said that it was rounded, that it is what it says."""
        return not self.zeros and any(
            one.count < ENOUGH and not one.surely for one in map(self.inputs.__getitem__, x.sources)
        )

    @cached_property
    def _given(self) -> dict[str, Rough]:
        """The arrays of the document, by their keys in it."""
        return {key: self._rough(*read) for key, read in self._read.items()}

    def _rough(self, name: str, one: _Input, array: Any) -> Rough:
        size = abs(floats(opened(array)))
        if not one.said:
            return Rough(size)
        self.inputs[name] = one
        return Rough(size, 0.0, one.halves, frozenset([name]))

    @cached_property
    def _read(self) -> dict[str, _Read]:
        """How the same were written."""
        chain = self.subject.chain
        read = {
            "input": self._written("x" if chain.alone else "input", chain.document.get("input"), chain.stored_input)
        }
        for part in self.subject.parts:
            read |= {f"{part.name}.{name}": one for name, one in self._read_parameters(part).items()}
        if chain.loss is None:
            return read | {"delta": self._written("delta", chain.document.get("delta"), self._stored_delta())}
        target = self.subject.ending.target
        return read | {"target": self._written("target", chain.document["loss"].get("target"), target)}

    def _stored_delta(self) -> Any:
        """The delta that was given, as it is kept: ones, where a case has none."""
        alone = self.subject.chain.alone
        kept = None if alone is None else alone.stored_delta
        return self.subject.ending.delta if kept is None else kept

    def _parameters(self, part: Part) -> dict[str, Rough]:
        """Kernel and bias of a layer, by operand."""
        names = (name for name in PARAMETERS.values() if f"{part.name}.{name}" in self._given)
        return {name: self._given[f"{part.name}.{name}"] for name in names}

    def _read_parameters(self, part: Part) -> dict[str, _Read]:
        """The same as the document has them."""
        document = self._document(part)
        named = ((key, name) for key, name in PARAMETERS.items() if part.case.operands.get(name) is not None)
        title = f"{part.name}.{{}}" if part.name else "{}"
        return {name: self._written(title.format(key if part.name else name), document.get(key),
                                    part.case.operands[name]) for key, name in named}  # fmt: skip

    def _document(self, part: Part) -> Mapping[str, Any]:
        document = self.subject.chain.document
        if self.subject.chain.alone is not None:
            return document
        layer: Mapping[str, Any] = document["layers"][part.number]
        return layer

    def _back(self, operands: list[dict[str, Rough]]) -> None:
        delta = self._start()
        for part in reversed(self.subject.parts):
            case = in_kind(part.case, "float64")
            delta = self._found[part.place("delta")] = delta.reshaped(case.output_shape)
            made = gradients_of(case, delta, operands[part.number], self.sure)
            for array, name in GRADIENTS.items():
                if name in made:
                    size = abs(floats(part.gradients.by_operand[name]))
                    self._found[part.place(array)] = replace(self._at(part, made[name], delta), size=size)
            self._step(part, operands[part.number])
            delta = self._found[part.place("dX")]

    @staticmethod
    def _at(part: Part, made: Rough, delta: Rough) -> Rough:
        """With the layer's name before what is open there."""
        if not part.name:
            return made
        own = (text if text in delta.open else f"at {part.name} {text}" for text in made.open)
        return replace(made, open=frozenset(own))

    def _start(self) -> Rough:
        """The delta that was given, or what the loss makes of the output and the target."""
        chain, ending = self.subject.chain, self.subject.ending
        if chain.loss is None:
            return self._given["delta"]
        y = self._found[self.subject.parts[-1].place("output")].reshaped(ending.signal.full)
        target = self._given["target"]
        off = y.off
        if chain.loss.loss.classes:
            shares = floats(ending.delta) * ending.divisor + floats(ending.target)
            off = shares_off(shares, y, ending.signal.axes)
        size = abs(floats(ending.delta))
        return Rough(size, (off + target.off) / ending.divisor, 0.0, y.sources | target.sources, y.open)

    def _step(self, part: Part, operands: Mapping[str, Rough]) -> None:
        """w - rate (dw + decay w)."""
        rate, decay = (float(getattr(self.subject.chain, name) or 0) for name in ("learning_rate", "weight_decay"))
        for name in part.stepped:
            w, gradient = operands[PARAMETERS[name]], self._found[part.place(STEPPED_BY[name])]
            off = w.off * (1 + rate * decay) + rate * gradient.off.reshape(w.size.shape)
            sources, opened = w.sources | gradient.sources, w.open | gradient.open
            self._found[part.place(name)] = Rough(w.size, off, 0.0, sources, opened)

    def _written(self, name: str, value: Any, array: Any) -> _Read:
        """An array of the document, by its name there."""
        arranged = partial(self._layout(name).arranged, self._operand(name))
        return _Read(name, _input(value, array.shape, self.zeros, arranged), array)

    def _layout(self, name: str) -> Layout:
        """In which order of axes the document has an array, by its name there."""
        alone, ending = self.subject.chain.alone, self.subject.ending
        if alone is not None or name == "input":
            return self.subject.parts[0].signal.layout if alone is None else alone.layout
        layer, dot, _ = name.rpartition(".")
        return self.subject.layer(layer).case.layout if dot else ending.signal.layout

    def _operand(self, name: str) -> str:
        """What an array of the document is to its layout."""
        name = name.rpartition(".")[2]
        return {"input": "x", "target": "y"}.get(name, name)


def _input(value: Any, shape: tuple[int, ...], zeros: bool, arranged: Callable[[Numbers], Numbers]) -> _Input:
    none = _Input(np.broadcast_to(0.0, shape))
    if value is None or isinstance(value, str):
        return none
    numbers = arranged(read_numbers(value, nonfinite=True)).values
    if isinstance(numbers, np.ndarray):
        if not (place := _place(numbers)):
            return none
        halves = np.where((numbers == 0) & (not zeros), 0, 0.5 * 10.0**-place).reshape(shape)
        return _Input(halves, f"{place} decimals", place, bool(printed_by(value)))
    text = written(numbers)
    if all(number is None or number == number.to_integral_value() for number in text.decimals):
        return none
    rounded = [number is not None and (bool(number) or (zeros and not text.by_digits)) for number in text.decimals]
    halves = np.array([float(half) if one else 0.0 for one, half in zip(rounded, text.half_units(), strict=True)])
    count = text.digits if text.by_digits or text.digits < FEWEST else text.place
    unit = "significant digits" if text.by_digits else "decimal" if count == 1 else "decimals"
    return _Input(halves.reshape(shape), f"{count} {unit}", count, bool(printed_by(value)))


def _place(values: Array) -> int:
    """How many decimals binary numbers were written with; 0 for whole ones, and where it was no such text."""
    if values.dtype.kind != "f":
        return 0
    head = values.ravel()[:HEAD]
    places = (place for place in range(MOST + 1) if (np.round(head, place) == head).all())
    return next((place for place in places if (np.round(values, place) == values).all()), 0)
