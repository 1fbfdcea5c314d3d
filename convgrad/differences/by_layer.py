"""Gradients of a network layer by layer: each layer's own forward pass differenced, given the delta that arrives at it.

That the layers hang together is looked at along one direction of every kernel, bias and the input: the loss has the
derivative there, by one complex step through the whole network, that the gradients say. An entry then costs what it
reaches in its layer, whatever comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.finite_differences import finite_differences
from convgrad.differences.kinks import STEPS
from convgrad.differences.replayed import TINY, Operand, Replay, operands_of
from convgrad.differences.run import Progress, gradient_shapes
from convgrad.operations.operation import known
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import Case, make_case
from convgrad.vocabulary import BENT, ELEMENTWISE, PRODUCT, RESHAPE, SOFTMAX


class LayerDifferences(NamedTuple):
    """Gradients of a part by operand; `case` is the operation with windows that it is told as, None where it is none.

    `steps` are those of x, as it is scaled for differencing; the marks are as of any differences.
    """

    gradients: Mapping[str, Array]
    undecided: Mapping[str, Array]
    outside: Mapping[str, Array]
    evaluations: int
    case: Case | None = None
    steps: Array | None = None


def layer_shapes(network: Subject) -> dict[Operand, tuple[int, ...]]:
    """The shapes of what is differenced: every kernel, every bias, and what arrives at every layer."""
    return {(part.number, name): shape for part in network.parts for name, shape in gradient_shapes(part.case).items()}


def differences_of(part: Part, wanted: Mapping[str, Array], progress: Progress | None = None) -> LayerDifferences:
    """Those of one layer, of the entries wanted: all of an operand that is not named."""
    if part.layer.windowed:
        return _of_windows(part.case, wanted, progress)
    return known(_BY_FAMILY, part.case.operation, STEPS)(part.case, wanted, progress)


def as_convolution(case: Case) -> Case:
    """A dense layer as the convolution that it is, of one position and one tap; its forward pass is its own."""
    x = case.operands["x"]
    assert x is not None
    assert case.delta is not None
    arrays = {"input": x.reshape(len(x), -1, 1), "kernel": _column(case.operands["w"]), "delta": _column(case.delta)}
    if case.operands["b"] is not None:
        arrays["bias"] = case.operands["b"]
    made = make_case({"dims": 1, **arrays}, arithmetic=case.arithmetic, nonfinite=True)

    def forward(x: Array, w: Array, b: Array | None = None, **arguments: Any) -> Array:
        return case.operation.forward(x[..., 0], w[..., 0], b)[..., None]

    return replace(made, operation=made.operation._replace(forward=forward))


def _column(array: Array | None) -> Array:
    assert array is not None
    return array[..., None]


def _of_dense(case: Case, wanted: Mapping[str, Array], progress: Progress | None) -> LayerDifferences:
    made = as_convolution(case)
    shapes = gradient_shapes(made)
    marks = {name: array.reshape(shapes[name]) for name, array in wanted.items()}
    return _of_windows(made, marks, progress)


def _of_windows(case: Case, wanted: Mapping[str, Array], progress: Progress | None) -> LayerDifferences:
    found = finite_differences(case, wanted, progress)
    marks = found.undecided, found.outside
    return LayerDifferences(found.gradients, *marks, found.evaluations, case, found.steps.sizes)


def _of_entries(case: Case, wanted: Mapping[str, Array], progress: Progress | None) -> LayerDifferences:
    """Each output is of one entry, in the same order: one complex step of all is enough."""
    x, delta = _own(case)
    slopes = _imaginary(case, x, np.ones(x.shape, bool)).reshape(x.shape)
    undecided = (x == 0) if case.operation.family == BENT else np.zeros(x.shape, bool)
    return _alone(slopes * delta.reshape(x.shape), undecided & (delta.reshape(x.shape) != 0), 1)


def _of_classes(case: Case, wanted: Mapping[str, Array], progress: Progress | None) -> LayerDifferences:
    """Each output is of all classes of its own place: a complex step for each class."""
    (x, delta), axes = _own(case), case.arguments["axes"]
    found, numbers = np.zeros(x.shape), np.zeros([x.shape[axis] for axis in axes], bool)
    for place in np.ndindex(numbers.shape):
        at: Any = [slice(None)] * x.ndim
        for axis, number in zip(axes, place, strict=True):
            at[axis] = slice(number, number + 1)
        marks = np.zeros(x.shape, bool)
        marks[tuple(at)] = True
        found[tuple(at)] = (_imaginary(case, x, marks) * delta).sum(axis=axes, keepdims=True)
    return _alone(found, np.zeros(x.shape, bool), numbers.size)


_BY_FAMILY: dict[str, Callable[[Case, Mapping[str, Array], Progress | None], LayerDifferences]] = {
    PRODUCT: _of_dense, SOFTMAX: _of_classes, **dict.fromkeys((ELEMENTWISE, BENT, RESHAPE), _of_entries),
}  # fmt: skip


def _own(case: Case) -> tuple[Array, Array]:
    """x and delta of a layer in float64."""
    case = in_kind(case, "float64")
    x, delta = case.operands["x"], case.delta
    assert x is not None
    assert delta is not None
    return x.astype(FLOAT64), rounded(delta) if delta.dtype == EXACT else delta.astype(FLOAT64)


def _imaginary(case: Case, x: Array, moved: Array) -> Array:
    """What a complex step of some entries makes of the output, for each step of one."""
    arguments = in_kind(case, "float64").arguments
    with np.errstate(all="ignore"):  # what overflows is not finite, and differs
        y = case.operation.forward(x + 1j * TINY * moved, **arguments)
    found: Array = y.imag / TINY
    return found


def _alone(found: Array, undecided: Array, evaluations: int) -> LayerDifferences:
    return LayerDifferences({"x": found}, {"x": undecided}, {"x": np.zeros(found.shape, bool)}, evaluations)


def handed_on(network: Subject, number: int) -> Array:
    """Which cells of a layer's input move with anything before it: not behind an activation that is flat there."""
    x = network.parts[number].case.operands["x"]
    assert x is not None
    moving = np.ones(x.shape, bool)
    for part in reversed(network.parts[:number]):
        if part.case.operation.family not in (ELEMENTWISE, BENT, RESHAPE):
            break
        before, _ = _own(part.case)
        moving &= (_imaginary(part.case, before, np.ones(before.shape, bool)) != 0).reshape(x.shape)
    return moving


# -- The whole network -------------------------------------------------------------------------------------------------


class Slope(NamedTuple):
    """The derivative of the loss along a direction of an operand; None at a kink."""

    direction: Array
    found: float | None


def slopes(network: Subject, progress: Progress | None = None) -> dict[Operand, Slope]:
    """Along a seeded direction of every kernel, every bias and the input, by a complex step each."""
    replay, random, places = Replay(network, exact=False), np.random.default_rng(0), list(operands_of(network))
    found = {}
    for number, place in enumerate(places, start=1):
        value = replay.operand(place)
        direction: Array = np.where(random.integers(0, 2, value.shape) == 1, 1.0, -1.0)
        found[place] = Slope(direction, replay.slope(place, value, direction))
        if progress:
            progress(number, len(places))
    return found
