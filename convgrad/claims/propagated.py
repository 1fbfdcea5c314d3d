"""What rounding may excuse in a network: magnitudes carried through every layer, forward and back, to first order.

Each layer adds the roundings of its own sums to those of what arrives (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., 2002, section 3.1); an activation passes an error on by its slope, which is off itself by its
second derivative. Second-order terms are covered by a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import inf, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.sums import EXCUSE
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.roundoff import TYPES, growth
from convgrad.operations.activations import RULES
from convgrad.operations.lp_pool import ALL_LOST, cancellation
from convgrad.operations.operation import known
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case
from convgrad.subject.place import Place
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

COVER = 2
"""For second-order terms, and functions that are not correctly rounded."""
FUNCTION = 8
"""Roundings that an exponential, a logarithm, a power and what is made of them count as."""


class Sizes(NamedTuple):
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
    return known(RULES_OF_SIZE, layer.case.operation, EXCUSE).roundings(layer.case)


def _output_size(case: Case, x: Array, y: Array) -> Array:
    return known(RULES_OF_SIZE, case.operation, EXCUSE).output(case, x, y)


def gradient_sizes(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """How large the gradients of a layer are at most, where delta and x are at most so large."""
    return known(RULES_OF_SIZE, case.operation, EXCUSE).gradients(case, delta, x)


# -- By family ---------------------------------------------------------------------------------------------------------


class RuleOfSize(NamedTuple):
    """How a family carries sizes on.

    `roundings(case)` is how many an entry of its output, or of its dX, goes through at most; `output(case, x, y)` and
    `gradients(case, delta, x)` how large these are, where what arrives is at most so large.
    """

    roundings: Callable[[Case], int]
    output: Callable[[Case, Array, Array], Array]
    gradients: Callable[[Case, Array, Array], dict[str, Array]]


def _products(case: Case) -> int:
    first, second, *sizes = case.shapes["w"]
    return max(first, second) * prod(sizes) + 1


def _cells(case: Case) -> int:
    """Those of a window, of an adaptive one at most all; and the division."""
    return (prod(case.arguments["window"].size) if "window" in case.settings else prod(case.shapes["x"][2:])) + 1


def _of_magnitudes(case: Case, x: Array, y: Array) -> Array:
    """The output of magnitudes alone."""
    size: Array = case.operation.forward(*_magnitudes(case, x), **case.arguments)
    return size


def _magnitudes(case: Case, x: Array) -> list[Array | None]:
    operands = {**{key: None if a is None else abs(a) for key, a in case.operands.items()}, "x": x}
    return [operands[key] for key in case.operation.operands]


def _by_magnitudes(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """The gradients of magnitudes alone."""
    found = case.operation.backward(delta, *_magnitudes(case, x), **case.arguments)
    return {key: abs(array) for key, array in found.items()}


def _by_numbers(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """Where x itself says who is given what."""
    found = case.operation.backward(delta, case.operands["x"], **case.arguments)
    return {key: abs(array) for key, array in found.items()}


def _by_norm(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    if case.arguments.get("signed", False):
        return _by_signed_norm(case, delta, x)
    steep = _steepness(case, x) if case.settings["norm"] != 1 else 1
    return {key: array * steep for key, array in _by_numbers(case, delta, x).items()}


def _by_signed_norm(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """Where powers cancel the slope is off by as many times more; where nothing is left of them it may be any."""
    times = _cancellation(case)
    y = case.operation.forward(_floats(np.asarray(case.operands["x"])), **case.arguments)
    found = case.operation.backward(delta * 2 * times, case.operands["x"], **case.arguments)["x"]
    any_slope = delta * np.where((y == 0) | (times >= ALL_LOST), times, 0)
    ones = case.operation.backward(any_slope, x * 0 + 1, **{**case.arguments, "norm": 1})["x"]
    return {"x": np.nan_to_num(abs(found)) * _steepness(case, x) + ones}


def _size_of_norm(case: Case, x: Array, y: Array) -> Array:
    size, norm = _of_magnitudes(case, x, y), case.settings["norm"]
    return size * _cancellation(case) ** (1 - 1 / norm) if case.arguments.get("signed", False) else size


def _cancellation(case: Case) -> Array:
    arguments = case.arguments
    return cancellation(_floats(np.asarray(case.operands["x"])), window=arguments["window"], norm=arguments["norm"])


def _by_slope(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """The slope is off by its second derivative times what x is off by."""
    rule = known(RULES, case.operation, EXCUSE, by_name=True)
    slope = abs(rule.slope(case.operands["x"], **case.arguments))
    return {"x": delta * (slope + float(rule.bend) * x)}


def _by_shares(case: Case, delta: Array, x: Array) -> dict[str, Array]:
    """Of a softmax."""
    spread = 1 + 4 * x.max(initial=0)
    y = case.operation.forward(case.operands["x"], **case.arguments)
    axes = case.arguments["axes"]
    return {"x": y * (delta + (delta * y).sum(axis=axes, keepdims=True)) * spread}


LINEAR = RuleOfSize(_products, _of_magnitudes, _by_magnitudes)
POOLED = RuleOfSize(_cells, _of_magnitudes, _by_numbers)
RULES_OF_SIZE: dict[str, RuleOfSize] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, PRODUCT), LINEAR),
    **dict.fromkeys((MAXIMUM, MEAN, RESHAPE), POOLED),
    UNPOOLING: LINEAR._replace(roundings=lambda case: 1),
    NORM: POOLED._replace(
        roundings=lambda case: _cells(case) + (FUNCTION if case.settings["norm"] != 1 else 0),
        output=_size_of_norm,
        gradients=_by_norm,
    ),
    BENT: RuleOfSize(lambda case: FUNCTION, lambda case, x, y: x, _by_slope),
    ELEMENTWISE: RuleOfSize(lambda case: FUNCTION, lambda case, x, y: x + np.asarray(abs(y)), _by_slope),
    SOFTMAX: RuleOfSize(
        lambda case: FUNCTION, lambda case, x, y: abs(y) * 2 * x.max(initial=0) + np.asarray(abs(y)), _by_shares
    ),
}


def _steepness(case: Case, x: Array) -> Any:
    """How much more than its own size the slope of a norm, (|x|/y)^(p-1), is off by: p times x's relative error."""
    exact = abs(_floats(np.asarray(case.operands["x"])))
    ratio = np.divide(x, exact, out=np.ones(x.shape), where=exact != 0)
    return 1 + 2 * case.settings["norm"] * ratio.max(initial=1)
