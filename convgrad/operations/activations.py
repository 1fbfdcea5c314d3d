"""Activations: each a function and its slope, entry by entry; and softmax, where every entry weighs on every other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.leaves import exact_value
from convgrad.operations.operation import Operation, Shape
from convgrad.operations.terms import Factor, Index, Term
from convgrad.operations.whole import one_position, whole_overlay

Function = Callable[..., Array]


class Rule(NamedTuple):
    """y = function(x), dy/dx = slope(x), with no second derivative larger than `bend`; `rational` ones stay exact."""

    function: Function
    slope: Function
    bend: Fraction
    rational: bool = False


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    result: Array = np.where(_low(x), zeros((), x.dtype), x)
    return result


def _one(like: Array) -> Array:
    """1 in the kind of an array's numbers: added to a number alone, 1 widens it in older releases of NumPy."""
    return np.asarray(zeros((), like.dtype) + 1, like.dtype)


def _step(x: Array) -> Array:
    """0 at exactly 0, as in PyTorch."""
    return np.where(_low(x), zeros((), x.dtype), _one(x))


def leaky_relu(x: Array, *, slope: Any) -> Array:
    """x where it is positive, else slope x."""
    result: Array = np.where(_low(x), x * slope, x)
    return result


def _leaky_step(x: Array, *, slope: Any) -> Array:
    return np.where(_low(x), np.asarray(slope, x.dtype), _one(x))


def _low(x: Array) -> Array:
    """Whether x <= 0; of complex numbers the real part decides, as complex steps ask for."""
    low: Array = (x if x.dtype == EXACT else x.real) <= 0
    return low


def sigmoid(x: Array) -> Array:
    """1/(1 + e^-x), of e^-|x| only, which cannot overflow."""
    e = _decay(x)
    result: Array = np.where(x.real >= 0, 1, e) / (1 + e)
    return result


def _sigmoid_slope(x: Array) -> Array:
    """e/(1+e)^2: y(1-y) would be 0 where y rounds to 1."""
    e = _decay(x)
    slope: Array = e / ((1 + e) * (1 + e))
    return slope


def _tanh_slope(x: Array) -> Array:
    return 4 * _sigmoid_slope(2 * x)


def softplus(x: Array) -> Array:
    """log(1 + e^x), without overflow. (PyTorch's is x itself above 20, which is off by up to 2e-9.)"""
    return np.where(x.real >= 0, x, zeros((), x.dtype)) + np.log1p(_decay(x))  # at 0 as in _decay: a complex step


def _decay(x: Array) -> Array:
    """e^-|x|; |x| is x or -x by the sign of the real part."""
    return np.exp(np.where(x.real >= 0, -x, x))


def softmax(x: Array, *, axes: tuple[int, ...]) -> Array:
    """e^x over its sum along the axes of the classes."""
    e = np.exp(x - x.real.max(axis=axes, keepdims=True, initial=-np.inf))
    result: Array = e / e.sum(axis=axes, keepdims=True)
    return result


def _softmax_backward(delta: Array, x: Array, *, axes: tuple[int, ...]) -> dict[str, Array]:
    """dx_i = y_i (delta_i - sum_j delta_j y_j): (N,*L) -> (N,*L)."""
    y = softmax(x, axes=axes)
    return {"x": y * (delta - (delta * y).sum(axis=axes, keepdims=True))}


def _softmax_terms(name: str, index: Index, delta: Array, x: Array, *, axes: tuple[int, ...]) -> Iterator[Term]:
    """dx_i is the sum over the classes j of delta_j dy_j/dx_i, with dy_j/dx_i = y_j ([i = j] - y_i)."""
    y = softmax(x, axes=axes)
    if name == "y":
        yield _own("x", x, index, y[index], "softmax")
        return
    for other in _classes(index, x.shape, axes):
        slope = y[other] * ((other == index) - y[index])
        factors = (Factor("delta", other, delta[other]), Factor("slope", None, slope))
        yield Term(index[0], other[1:], None, factors, delta[other] * slope)


def _classes(index: Index, shape: Shape, axes: tuple[int, ...]) -> Iterator[Index]:
    """The entries that share a sum with one."""
    for place in np.ndindex(*(shape[axis] for axis in axes)):
        other = list(index)
        for axis, i in zip(axes, place, strict=True):
            other[axis] = i
        yield tuple(other)


def _own(name: str, array: Array, index: Index, value: Any, note: str = "") -> Term:
    return Term(index[0], index[1:], None, (Factor(name, index, array[index]),), value, note)


RULES: dict[str, Rule] = {
    "relu": Rule(relu, _step, Fraction(0), rational=True),
    "leaky-relu": Rule(leaky_relu, _leaky_step, Fraction(0), rational=True),
    "sigmoid": Rule(sigmoid, _sigmoid_slope, Fraction(1, 10)),
    "tanh": Rule(np.tanh, _tanh_slope, Fraction(4, 5)),
    "softplus": Rule(softplus, sigmoid, Fraction(1, 4)),
}


def _same_shape(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    return shapes["x"]


def _elementwise(name: str, rule: Rule) -> Operation:
    def backward(delta: Array, x: Array, **arguments: Any) -> dict[str, Array]:
        """dx = delta times the slope at x: (N,*L) -> (N,*L)."""
        return {"x": delta * rule.slope(x, **arguments)}

    def terms(operand: str, index: Index, delta: Array, x: Array, **arguments: Any) -> Iterator[Term]:
        if operand == "y":
            yield _own("x", x, index, rule.function(x, **arguments)[index], name)
            return
        slope = rule.slope(x, **arguments)[index]
        factors = (Factor("delta", index, delta[index]), Factor("slope", None, slope))
        yield Term(index[0], index[1:], None, factors, delta[index] * slope)

    return Operation(
        name=name,
        prepare=lambda shapes, settings: {key: exact_value(settings[key]) for key in ("slope",) if key in settings},
        output_shape=_same_shape,
        forward=rule.function,
        backward=backward,
        overlay=whole_overlay(backward),
        positions=one_position,
        terms=terms,
        rational=lambda settings: rule.rational,
    )


SOFTMAX = Operation(
    name="softmax",
    prepare=lambda shapes, settings: {"axes": settings["axes"]},
    output_shape=_same_shape,
    forward=softmax,
    backward=_softmax_backward,
    overlay=whole_overlay(_softmax_backward),
    positions=one_position,
    terms=_softmax_terms,
    rational=lambda settings: False,
)
OPERATIONS = (*(_elementwise(name, rule) for name, rule in RULES.items()), SOFTMAX)
