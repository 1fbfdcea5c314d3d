"""Claims by layer: what somebody else computed of a network, and what each entry of it may be off by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.case import did_you_mean
from convgrad.chain import LayerPass, Network
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.reading import Numbers, read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.network_checking.variants import Arrays
from convgrad.operations.operation import Shape
from convgrad.verify.claims import Claim, squeezed, unknown_type
from convgrad.verify.digits import written
from convgrad.verify.network_bounds import NetworkBounds
from convgrad.verify.rounding import TYPES

OWN = {"output": "output", "delta": "output", "dX": "dX", "dW": "dW", "db": "db", "kernel": "dW", "bias": "db"}
"""The arrays that a layer's claim may hold, and which array of a case each is shaped as."""


@dataclass(frozen=True)
class LayerClaim:
    """A claim on one array of a layer."""

    layer: LayerPass
    array: str
    claim: Claim
    expected: Shape

    @property
    def key(self) -> tuple[int, str]:
        return self.layer.layer.place, self.array

    @property
    def name(self) -> str:
        """As people write it: conv2.dX."""
        return f"{self.layer.name}.{self.array}"


def read_layer_claims(
    network: Network, claims: Any, truth: Arrays, *, dtype: str | None = None
) -> dict[tuple[int, str], LayerClaim]:
    """Claims by layer and array; RequestError for layers and arrays that there are not, and what is no array."""
    problems = unknown_type(dtype) + _unknown(network, claims, truth)
    if problems:
        raise RequestError(problems)
    bounds, found = NetworkBounds(network), {}
    for name, arrays in claims.items():
        layer = network.layer(name)
        for array, value in arrays.items():
            try:
                numbers = read_numbers(value)
            except RequestError as error:
                problems += [problem.under("claim", name, array) for problem in error.problems]
                continue
            key = (layer.layer.place, array)
            found[key] = _claim(layer, array, numbers, truth[key], bounds, dtype)
    if problems:
        raise RequestError(problems)
    return found


def _unknown(network: Network, claims: Any, truth: Arrays) -> list[Problem]:
    """Claims that are on nothing."""
    if not isinstance(claims, Mapping):
        return [Problem("expected a mapping by layer, as in conv2: {dW: …}", path=("claim",))]
    names, problems = [layer.name for layer in network.layers], []
    if claims and set(claims) <= set(OWN) - set(names):
        needed = f"give what network wrote, or a mapping by layer, as in {names[0]}: {{dW: …}}"
        return [Problem("these are claims of a single case, but this is a network", needed, ("claim",))]
    for name, arrays in claims.items():
        if name not in names:
            hint = did_you_mean(str(name), names)
            problems.append(
                Problem(f"unknown key '{name}'{hint}", f"the layers are {', '.join(names)}", ("claim", str(name)))
            )
        elif not isinstance(arrays, Mapping):
            problems.append(Problem(f"expected a mapping with any of {', '.join(OWN)}", path=("claim", name)))
        else:
            layer = network.layer(name)
            absent = (array for array in arrays if (layer.layer.place, array) not in truth)
            problems += [_absent(layer, str(array)).under("claim", name) for array in absent]
    return problems


def _absent(layer: LayerPass, array: str) -> Problem:
    if array not in OWN:
        return Problem(f"unknown key '{array}'" + did_you_mean(array, OWN), "", (array,))
    if array in ("kernel", "bias") and array in layer.layer.parameters:
        return Problem("the network makes no step: it has no learning_rate", "add it to the document", (array,))
    return Problem(f"{layer.name} has no {array}", "", (array,))


def _claim(
    layer: LayerPass, array: str, numbers: Numbers, truth: Array, bounds: NetworkBounds, dtype: str | None
) -> LayerClaim:
    expected = _expected(layer, array)
    fits = numbers.shape == expected or (array in ("db", "bias") and truth.size == 1 and numbers.shape in ((), (1,)))
    values = numbers.as_array(EXACT if truth.dtype == EXACT else FLOAT64)
    as_many = squeezed(numbers.shape) == squeezed(expected)
    values = values.reshape(truth.shape) if as_many else values
    key = (layer.layer.place, array)
    own = np.zeros(truth.shape) if truth.dtype == EXACT else bounds.bound(*key).reshape(truth.shape)
    allowed, excuse, rule = _allowed(numbers, truth, own, bounds, key, dtype)
    claim = Claim(OWN[array], values, excuse, fits, allowed=allowed if as_many else 0, rule=rule, shape=numbers.shape)
    return LayerClaim(layer, array, claim, expected)


def _expected(layer: LayerPass, array: str) -> Shape:
    if array in ("kernel", "bias"):
        return tuple(layer.layer.parameters[array].shape)
    return tuple(np.shape(getattr(layer, array)))


def _allowed(
    numbers: Numbers, truth: Array, own: Array, bounds: NetworkBounds, key: tuple[int, str], dtype: str | None
) -> tuple[Any, Any, str]:
    """What each entry may be off by; what a candidate for its mistake may be off by; and by which rule."""
    text = written(numbers.values) if isinstance(numbers.values, list) else None
    if dtype is None and text is not None and not text.is_binary:
        half = min(filter(None, text.half_units()), default=0)
        if truth.dtype == EXACT:
            return half, half, f"half a unit of decimal place {text.place}"
        loose = float(half) * (1 + 2.0**-50) + own + 2.0**-52 * abs(truth)
        return loose, float(np.max(loose, initial=0)), f"half a unit of decimal place {text.place}"
    kind = dtype or (numbers.values.dtype.name if isinstance(numbers.values, np.ndarray) else "float64")
    kind = kind if kind in TYPES else "float64"
    values = rounded(truth) if truth.dtype == EXACT else truth
    loose = own + bounds.bound(*key, kind).reshape(truth.shape) + TYPES[kind].unit * abs(values)
    return loose, float(np.max(loose, initial=0)), f"{kind} rounding"
