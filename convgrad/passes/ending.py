"""Where the deltas start: the loss of the last layer's output and its derivative there, or the delta that was given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, nearest, rounded, zeros
from convgrad.errors import Problem, RequestError
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape
from convgrad.passes.layers import Signal
from convgrad.subject.chain import Chain, LossAt


@dataclass(frozen=True)
class Ending:
    """The output of a network, with its loss or its delta."""

    chain: Chain
    signal: Signal

    @cached_property
    def y(self) -> Array:
        """The output with a batch axis, in the kind that the loss is computed in."""
        y = self.signal.values.reshape(self.signal.full)
        loss = self.chain.loss
        if y.dtype != EXACT or loss is None or (loss.loss.rational and loss.target.dtype == EXACT):
            return y
        if self.chain.arithmetic == "exact":
            raise RequestError(Problem(f"{loss.loss.name} is not rational, so there is no exact loss",
                                       "use arithmetic auto, or float64", ("loss", "op")))  # fmt: skip
        return rounded(y)

    @cached_property
    def target(self) -> Array:
        """The target in the shape of y: class numbers as a one at their class. Raises RequestError for a misfit."""
        assert self.chain.loss is not None
        values = self._values(self.chain.loss)
        return rounded(values).astype(self.y.dtype) if values.dtype == EXACT != self.y.dtype else values

    def _values(self, loss: LossAt) -> Array:
        given, shape = loss.target, self.signal.shape
        if given.shape == shape:
            return self.signal.layout.inward("y", given).reshape(self.signal.full)
        classes = _without(self.signal.full, self.signal.axes)
        single = classes[1:] if not self.signal.batch else classes
        if loss.loss.classes and given.shape in (single, classes):
            return self._one_hot(given.reshape(classes), prod(self.signal.full[axis] for axis in self.signal.axes))
        numbers = f", or {shape_text(single)} class numbers" if loss.loss.classes else ""
        advice = f"a target has the output's shape{numbers}"
        raise RequestError(Problem(self._misfit("the target", given.shape), advice, ("loss", "target")))

    def _one_hot(self, classes: Array, count: int) -> Array:
        """Class numbers as probabilities: 1 at the class, else 0."""
        for index, value in np.ndenumerate(classes):
            if value != int(value) or not 0 <= value < count:
                path = ("loss", "target", *(index if self.signal.batch else index[1:]))
                raise RequestError(Problem(f"expected a class number from 0 to {count - 1}, found {value}",
                                           f"the output has {count} classes", path))  # fmt: skip
        hot = np.arange(count) == classes.astype(int)[..., None]
        shape = [self.signal.full[axis] for axis in self.signal.axes]
        last = hot.reshape(*classes.shape, *shape)
        moved = np.moveaxis(last, range(classes.ndim, last.ndim), self.signal.axes)
        return np.where(moved, 1, zeros((), self.y.dtype))

    @cached_property
    def loss(self) -> Any:
        """The loss as its user gets it; None where delta was given."""
        if self.chain.loss is None:
            return None
        value = self.value
        return nearest(value) if self.chain.arithmetic == "auto" and self.y.dtype == EXACT else value

    @property
    def value(self) -> Any:
        """The loss in the kind it was computed in."""
        assert self.chain.loss is not None
        total = self.chain.loss.loss.value(self.y, self.target, axes=self.signal.axes)
        total = total / self.divisor
        return total if self.y.dtype == EXACT else self.y.dtype.type(total).item()

    @cached_property
    def delta(self) -> Array:
        """dE/dy, or what was given in its place, with a batch axis."""
        if self.chain.loss is None:
            return self._given()
        difference: Array = self.chain.loss.loss.delta(self.y, self.target, axes=self.signal.axes) / self.divisor
        return difference

    @property
    def divisor(self) -> int:
        """What the loss is divided by: 1, or the samples."""
        assert self.chain.loss is not None
        samples = self.signal.full[0]
        if self.chain.loss.reduction == "sum":
            return 1
        if samples == 0:
            message = "there is no mean over an empty batch"
            raise RequestError(Problem(message, "use reduction sum", ("loss", "reduction")))
        return samples

    def _given(self) -> Array:
        given, shape = self.chain.delta, self.signal.shape
        if given is None:
            return zeros(self.signal.full, self.y.dtype) + 1
        if given.shape != shape:
            advice = "delta must have the output's shape"
            raise RequestError(Problem(self._misfit("delta", given.shape), advice, ("delta",)))
        return self.signal.layout.inward("y", given).reshape(self.signal.full)

    def _misfit(self, what: str, shape: Shape) -> str:
        own = shape_text(self.signal.shape)
        return f"{what} has shape {shape_text(shape)}, but the output of {self.signal.source} has {own}"


def _without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(length for axis, length in enumerate(shape) if axis not in axes)
