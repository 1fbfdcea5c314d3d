"""What rounding may excuse in a network: magnitudes carried through every layer, forward and back, to first order.

Each layer adds the roundings of its own sums to those of what arrives (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., 2002, section 3.1); an activation passes an error on by its slope, which is off itself by its
second derivative. Second-order terms are covered by a factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, prod, sqrt
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.roundoff import TYPES, growth
from convgrad.operations.activations import RULES
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case
from convgrad.subject.place import Place

COVER = 2
"""For second-order terms, and functions that are not correctly rounded."""
FUNCTION = 8
"""Roundings that an exponential, a logarithm, a power and what is made of them count as."""
BEND = {"sigmoid": 0.1, "tanh": 0.8, "softplus": 0.25}
"""No second derivative is larger: by so much of what x is off is the slope off."""


@dataclass(frozen=True)
class Sizes:
    """Of an array in full shape: per entry the sum of magnitudes, and the roundings on the way to it."""

    magnitude: Array
    roundings: int

    def bound(self, dtype: str, *, accumulated: int = 0, sure: float = inf) -> Array:
        """What an evaluation in a type, inputs rounded to it, may be off by: at worst, or `sure` so many deviations."""
        kind = TYPES[dtype]
        unit = 2.0 ** -(accumulated or kind.accumulated)
        grown: Any = growth(self._likely(self.roundings, sure), unit)
        grown += growth(self._likely(2 + self._layers(), sure), kind.unit)
        return np.asarray(COVER * grown * self.magnitude, FLOAT64)

    @staticmethod
    def _likely(count: int, sure: float) -> float:
        """So many roundings that do not all lean one way come to some root of their number (Higham and Mary, 2019)."""
        return min(float(count), sure * sqrt(count))

    def _layers(self) -> int:
        """Roundings to a narrow type: of the inputs and results of each layer on the way, fewer than all."""
        return min(self.roundings, 64)


class Propagated:
    """The sizes of every array of a pass, worked out when they are asked for."""

    def __init__(self, network: Subject) -> None:
        self.network = network

    def bound(self, place: Place, dtype: str = "float64", *, accumulated: int = 0, sure: float = inf) -> Array:
        """What an array, computed in a type, may be off by."""
        return self.sizes[place].bound(dtype, accumulated=accumulated, sure=sure)

    @cached_property
    def sizes(self) -> dict[Place, Sizes]:
        """The sizes by place."""
        self._found: dict[Place, Sizes] = {}
        self._forward()
        self._back()
        return self._found

    def _forward(self) -> None:
        x, count = _floats(self.network.chain.input), 0
        self.arriving: list[tuple[Array, int]] = []
        x = abs(x)
        for layer in self.network.parts:
            case = in_kind(layer.forward.case, "float64")
            x = x.reshape(case.shapes["x"])
            self.arriving.append((x, count))
            y = _floats(layer.forward.y)
            x, count = _output_size(case, x, y), count + _terms(layer)
            self._found[layer.place("output")] = Sizes(x, count)

    def _back(self) -> None:
        delta, count = self._start()
        for layer, (x, before) in reversed(list(zip(self.network.parts, self.arriving, strict=True))):
            case = in_kind(layer.case, "float64")
            delta = delta.reshape(case.output_shape)
            self._found[layer.place("delta")] = Sizes(delta, count)
            found = gradient_sizes(case, delta, x)
            entries = delta.size
            self._found[layer.place("dX")] = Sizes(found["x"], count + before + _terms(layer))
            for name, array in (("w", "dW"), ("b", "db")):
                if name in found:
                    self._found[layer.place(array)] = Sizes(found[name], count + before + entries)
            delta, count = found["x"], count + before + _terms(layer)
        self._stepped()

    def _start(self) -> tuple[Array, int]:
        ending, count = self.network.ending, _last(self._found).roundings
        if self.network.chain.loss is None:
            return abs(_floats(ending.delta)), 0
        size = _last(self._found).magnitude.reshape(ending.signal.full)
        target = abs(_floats(ending.target))
        if not self.network.chain.loss.loss.rational:
            size = 1 + 2 * size.max(initial=0) + np.zeros(size.shape)
        return (size + target) / ending.divisor, count + FUNCTION

    def _stepped(self) -> None:
        """w - rate v: what w has, and what the velocity has."""
        rates = [float(getattr(self.network.chain, name) or 0) for name in ("learning_rate", "weight_decay")]
        for layer in self.network.parts:
            for name, array in (("kernel", "dW"), ("bias", "db")):
                if name not in layer.stepped:
                    continue
                w, gradient = abs(_floats(layer.layer.parameters[name])), self._found[layer.place(array)]
                old = self.network.chain.velocity.get((layer.name, name))
                moved = gradient.magnitude.reshape(w.shape) + rates[1] * w + (0 if old is None else abs(_floats(old)))
                self._found[layer.place(name)] = Sizes(w + rates[0] * moved, gradient.roundings + 4)


def _last(sizes: dict[Place, Sizes]) -> Sizes:
    return list(sizes.values())[-1]


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64)


def _terms(layer: Part) -> int:
    """How many roundings an entry of the layer's output, or of its dX, goes through at most."""
    case = layer.case
    if case.operation.name in RULES or case.operation.name == "softmax":
        return FUNCTION
    if "w" in case.shapes:
        first, second, *sizes = case.shapes["w"]
        return max(first, second) * prod(sizes) + 1
    taps = prod(case.arguments["window"].size) if "window" in case.settings else prod(case.shapes["x"][2:])
    return taps + 1 + (FUNCTION if case.settings.get("norm", 1) != 1 else 0)


def _output_size(case: Case, x: Array, y: Array) -> Array:
    name, operands = case.operation.name, {key: None if a is None else abs(a) for key, a in case.operands.items()}
    if name in ("relu", "leaky-relu"):
        return x
    if name in RULES or name == "softmax":
        passed: Array = x if name in RULES else abs(y) * 2 * x.max(initial=0)
        return passed + np.asarray(abs(y))
    operands["x"] = x
    size: Array = case.operation.forward(*(operands[key] for key in case.operation.operands), **case.arguments)
    return size


def gradient_sizes(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """How large the gradients of a layer are at most, where delta and x are at most so large."""
    name = case.operation.name
    if name in RULES:
        slope = abs(RULES[name].slope(case.operands["x"], **case.arguments))
        return {"x": delta * (slope + BEND.get(name, 0) * x)}
    if name == "softmax":
        spread = 1 + 4 * x.max(initial=0)
        y = case.operation.forward(case.operands["x"], **case.arguments)
        axes = case.arguments["axes"]
        return {"x": y * (delta + (delta * y).sum(axis=axes, keepdims=True)) * spread}
    operands = {key: None if a is None else abs(a) for key, a in case.operands.items()}
    operands["x"] = x if "w" in case.operands else case.operands["x"]
    found = case.operation.backward(delta, *(operands[key] for key in case.operation.operands), **case.arguments)
    steep = _steepness(case, x) if case.settings.get("norm", 1) != 1 else 1
    return {key: abs(array) * steep for key, array in found.items()}


def _steepness(case: Case, x: Array) -> Any:
    """How much more than its own size the slope of a norm, (|x|/y)^(p-1), is off by: p times x's relative error."""
    exact = abs(_floats(np.asarray(case.operands["x"])))
    ratio = np.divide(x, exact, out=np.ones(x.shape), where=exact != 0)
    return 1 + 2 * case.settings["norm"] * ratio.max(initial=1)
