"""A network's loss entry by entry: the output, its probability, the target, its share, and the first delta."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.core.record import Record
from convgrad.errors import Point, Problem, RequestError
from convgrad.operations.activations import SOFTMAX, softmax
from convgrad.passes.ending import Ending
from convgrad.passes.subject import Part, Subject


class Share(NamedTuple):
    """An entry's part of the loss; `probability` is softmax(y), or None for a loss that has none."""

    place: tuple[int, ...]
    y: Any
    probability: Any
    target: Any
    value: Any
    delta: Any


@dataclass(frozen=True)
class LossExplanation(Record):
    """A network's loss as the sum of its entries' shares, over `divisor`."""

    subject: Subject

    @property
    def ending(self) -> Ending:
        return self.subject.ending

    @property
    def name(self) -> str:
        assert self.ending.chain.loss is not None
        return self.ending.chain.loss.loss.name

    @property
    def is_entropy(self) -> bool:
        """Whether the loss is one of probabilities."""
        assert self.ending.chain.loss is not None
        return self.ending.chain.loss.loss.classes

    @property
    def value(self) -> Any:
        return self.ending.loss

    @property
    def last(self) -> Part:
        return self.subject.parts[-1]

    @property
    def squashed_twice(self) -> bool:
        """Whether a softmax stands before a loss that takes logits."""
        return self.is_entropy and self.last.layer.operation is SOFTMAX

    @property
    def sums_to_one(self) -> bool:
        """Whether every target is a probability, so that delta is p - t."""
        return bool((self.ending.target.sum(axis=self.ending.signal.axes) == 1).all())

    def shares(self) -> Iterator[Share]:
        """In row-major order; before they are divided they add up to `divisor` times the loss."""
        y, target, delta = self.ending.y, self.ending.target, self.ending.delta
        p = softmax(y, axes=self.ending.signal.axes) if self.is_entropy else None
        values = self._values(y, target)
        for index in np.ndindex(y.shape):
            own = self.ending.signal.layout.index("y", index, len(self.ending.signal.shape))
            yield Share(own, y[index], None if p is None else p[index], target[index], values[index], delta[index])

    def _values(self, y: Array, target: Array) -> Array:
        """-t log softmax(y), by way of log sum e^(y - max); or half a square."""
        if not self.is_entropy:
            squares: Array = (target - y) * (target - y) / 2
            return squares
        axes = self.ending.signal.axes
        shifted = y - y.real.max(axis=axes, keepdims=True, initial=-np.inf)
        logs = shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True))
        values: Array = np.where(target != 0, -target * logs, zeros((), y.dtype))
        return values

    def streamed(self) -> dict[str, Any]:
        """What the JSON says: terms whose factors are the output, the probability, the target and the delta."""
        head = {"schema": "convgrad.explain/1", "id": self.subject.chain.id, "layer": self.last.name, "op": self.name}
        terms = map(self._term, self.shares())
        return {
            **head,
            "arithmetic": self.subject.arithmetic,
            "entry": "loss",
            "value": self.value,
            "terms": list(terms),
        }

    def _term(self, share: Share) -> dict[str, Any]:
        named = (("y", share.y), ("softmax", share.probability), ("target", share.target), ("delta", share.delta))
        factors = [{"name": n, "index": share.place, "value": v} for n, v in named if v is not None]
        return {"sample": None, "position": None, "tap": None, "factors": factors,
                "value": share.value / self.ending.divisor}  # fmt: skip


def explain_loss(subject: Subject) -> LossExplanation:
    """The loss of a network. Raises RequestError where there is none."""
    if subject.ending.loss is None:
        message = "there is no loss: the deltas start from one that was given"
        raise RequestError(Problem(message, "a network document names one under loss", place=Point("loss")))
    return LossExplanation(subject)
