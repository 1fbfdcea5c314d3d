"""Other inputs that print alike, drawn at random: by how much every array of a network moves with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convgrad.claims.known_roughly import floats
from convgrad.core.arithmetic import Array
from convgrad.passes.subject import Arrays, Subject
from convgrad.subject.chain import Layer
from convgrad.vocabulary import RATES

DRAWS = 32
"""How many are drawn: of fewer an entry may hardly move in any."""
ENDS = ("delta", "target")
"""Inputs that are in the order of axes in which the output goes out."""
COVER = 2
"""For what so many draws are off: the root mean square of 32 is half of what it should be once in a million times."""


def deviations(subject: Subject, halves: Mapping[str, Array]) -> Arrays:
    """The root mean square by which arrays move where each number of an input is off by up to half a unit, by chance.

    `halves` are by an input's name in the document: input, conv1.kernel, target, delta.
    """
    random, right = np.random.default_rng(0), _moved(subject, {})
    squares = {place: np.zeros(array.shape) for place, array in right.items()}
    for _ in range(DRAWS):
        off = {name: half * random.uniform(-1, 1, half.shape) for name, half in halves.items()}
        for place, array in _moved(subject, off).items():
            squares[place] += (array - right[place]) ** 2
    return {place: np.sqrt(total / DRAWS) for place, total in squares.items()}


def _moved(subject: Subject, off: Mapping[str, Array]) -> Arrays:
    """Every array of the same network in float64, each input moved by so much."""

    outside = subject.ending.signal.layout.restored

    def other(name: str, array: Array) -> Array:
        if name not in off:
            return floats(array)
        by = outside("y", off[name]) if name in ENDS and subject.chain.alone is None else off[name]
        made: Array = floats(array) + by.reshape(array.shape)
        return made

    chain = subject.chain
    loss = chain.loss and chain.loss._replace(target=other("target", chain.loss.target))
    given: dict[str, Any] = {name: _float(getattr(chain, name)) for name in RATES}
    given |= {"stored_input": other("input", chain.input), "loss": loss, "arithmetic": "float64"}
    given |= {"stored_delta": None if chain.delta is None else other("delta", chain.delta)}
    layers = tuple(_layer(layer, other) for layer in chain.layers)
    return Subject(chain._replace(layers=layers, **given)).arrays()


def _layer(layer: Layer, other: Callable[[str, Array], Array]) -> Layer:
    parameters = {key: other(f"{layer.name}.{key}", array) for key, array in layer.parameters.items()}
    return layer._replace(parameters=parameters)


def _float(rate: Any) -> float | None:
    return None if rate is None else float(rate)
