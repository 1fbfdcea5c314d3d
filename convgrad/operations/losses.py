"""Losses: a number for the output of a network, and its derivative there, which is the first delta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.operations.activations import softmax


class Loss(NamedTuple):
    """E = value(y, target, axes), summed over samples, and delta = dE/dy; `axes` are those of the classes."""

    name: str
    value: Callable[..., Any]
    delta: Callable[..., Array]
    rational: bool
    classes: bool
    """Whether the target may be class numbers."""


def _squares(y: Array, target: Array, *, axes: tuple[int, ...]) -> Any:
    """Half the squared error: E = 1/2 sum (t - y)^2."""
    return (zeros((), y.dtype) + ((target - y) * (target - y)).sum()) / 2


def _difference(y: Array, target: Array, *, axes: tuple[int, ...]) -> Array:
    """dE/dy = y - t: the half cancels the 2."""
    return y - target


def _cross_entropy(y: Array, target: Array, *, axes: tuple[int, ...]) -> Any:
    """E = -sum t log softmax(y), by way of log sum e^(y - max), which cannot overflow."""
    shifted = y - y.real.max(axis=axes, keepdims=True, initial=-np.inf)
    logs = shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True))
    # where t is 0 a class has no part in the loss, also where its logarithm is -infinity
    return zeros((), y.dtype) - np.where(target != 0, target * logs, zeros((), y.dtype)).sum()


def _softmax_difference(y: Array, target: Array, *, axes: tuple[int, ...]) -> Array:
    """dE/dy = softmax(y) sum(t) - t, the sum being 1 for probabilities."""
    difference: Array = softmax(y, axes=axes) * target.sum(axis=axes, keepdims=True) - target
    return difference


LOSSES = {
    "mse": Loss("mse", _squares, _difference, rational=True, classes=False),
    "cross-entropy": Loss("cross-entropy", _cross_entropy, _softmax_difference, rational=False, classes=True),
}
