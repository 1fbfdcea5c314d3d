"""A network's arrays as they are, as they follow from what was claimed, and with a mistake on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.chain import LayerPass, Network
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.layout import GRADIENTS
from convgrad.operations import LAYERS

Arrays = dict[tuple[int, str], Array]
"""By layer, from 0, and the name of a claim: output, delta, dX, dW, db, kernel, bias; in full shape."""
SLOPELESS = ("dense", "flatten")


@dataclass(frozen=True)
class Variant:
    """How a pass is altered.

    `outputs` and `deltas` take the place of those of their layers, `gradients` that of dW and db in the step; the
    layers `skipped` hand delta on without their slope, the `stepped` ones compute dX with their stepped kernel.
    """

    outputs: Mapping[int, Array] = field(default_factory=dict)
    deltas: Mapping[int, Array] = field(default_factory=dict)
    gradients: Mapping[tuple[int, str], Array] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()
    stepped: frozenset[int] = frozenset()


def arrays(network: Network, variant: Variant | None = None) -> Arrays:
    """Every array of the pass under an alteration; without one, as it is."""
    variant = variant or Variant()
    found: Arrays = {}
    inputs = dict(_forward(network, variant, found))
    _backward(network, variant, inputs, found)
    _step(network, variant, found)
    return found


def _forward(network: Network, variant: Variant, found: Arrays) -> Iterator[tuple[int, Array]]:
    """The outputs, each from the one below; what arrives at each layer that is not as it is."""
    x: Array | None = None
    for layer in network.layers:
        place, case = layer.layer.place, layer.forward.case
        y = layer.forward.y
        if x is not None:
            x = _alike(x.reshape(case.shapes["x"]), case)
            yield place, x
            operands = {**case.operands, "x": x}
            y = case.operation.forward(*(operands[name] for name in case.operation.operands), **case.arguments)
        found[place, "output"] = y
        claimed = variant.outputs.get(place)
        x = claimed if claimed is not None else y if x is not None else None


def _backward(network: Network, variant: Variant, inputs: Mapping[int, Array], found: Arrays) -> None:
    delta = network.ending.delta
    for layer in reversed(network.layers):
        place, case = layer.layer.place, layer.case
        delta = _alike(delta.reshape(case.output_shape), case)
        found[place, "delta"] = delta
        delta = variant.deltas.get(place, delta)
        if place in inputs:
            case = replace(case, operands={**case.operands, "x": _alike(inputs[place], case)})
        gradients = case.operation.backward(delta, *case.arrays, **case.arguments)
        found |= {(place, name): gradients[key] for name, key in GRADIENTS.items() if key in gradients}
        delta = _handed(layer, case, delta, gradients["x"], variant)
        found[place, "dX"] = delta


def _handed(layer: LayerPass, case: Case, delta: Array, dx: Array, variant: Variant) -> Array:
    place = layer.layer.place
    if place in variant.skipped:
        return delta.reshape(dx.shape)
    if place in variant.stepped:
        operands = {**case.operands, "w": stepped_kernel(layer)}
        arranged = (operands[name] for name in case.operation.operands)
        found: Array = case.operation.backward(delta, *arranged, **case.arguments)["x"]
        return found
    return dx


def stepped_kernel(layer: LayerPass) -> Array | None:
    """The kernel after the step in full shape, in the kind of the gradients; None where there is none."""
    if "kernel" not in layer.stepped:
        return None
    return _alike(layer.stepped["kernel"].reshape(layer.case.shapes["w"]), layer.case)


def _alike(array: Array, case: Case) -> Array:
    """An array in the kind of a case's."""
    if array.dtype == EXACT and case.arithmetic != "exact":
        return rounded(array).astype(np.dtype(case.arithmetic))
    return array


def _step(network: Network, variant: Variant, found: Arrays) -> None:
    """w - rate (g + decay w), with what momentum has gathered; g is dW, or what was claimed of it."""
    chain = network.chain
    if chain.learning_rate is None:
        return
    for layer in network.layers:
        for name in layer.stepped:
            key = (layer.layer.place, STEPPED_BY[name])
            w, g = layer.layer.parameters[name], variant.gradients.get(key, found[key])
            if EXACT in (w.dtype, g.dtype) and w.dtype != g.dtype:
                w, g = (rounded(part) if part.dtype == EXACT else part for part in (w, g))
            old = chain.velocity.get((layer.layer.place, name), 0)
            rate, momentum, decay = (
                _in_kind(value, w) for value in (chain.learning_rate, chain.momentum, chain.weight_decay)
            )
            moved = g.reshape(w.shape) + decay * w + momentum * old
            # of exact arrays without axes the difference is a number
            found[layer.layer.place, name] = np.reshape(w - rate * moved, found[key].shape)


def _in_kind(value: Any, array: Array) -> Any:
    return value if array.dtype == EXACT else float(value)


STEPPED_BY = {"kernel": "dW", "bias": "db"}
"""The parameters, and the gradients that step them."""


def mistakes(network: Network) -> Iterator[tuple[str, str, Variant]]:
    """The mistakes that only a network can have: their id, the layer concerned ("" for all), and what they alter."""
    bent = [layer for layer in network.layers if layer.op in LAYERS and layer.op not in SLOPELESS]
    yield from (("activation-derivative-missing", layer.name, Variant(skipped=_set([layer]))) for layer in bent)
    if len(bent) > 1:
        yield "activation-derivative-missing", "", Variant(skipped=_set(bent))
    moved = [layer for layer in network.layers if "kernel" in layer.stepped]
    yield from (("updated-kernel", layer.name, Variant(stepped=_set([layer]))) for layer in moved)
    if len(moved) > 1:
        yield "updated-kernel", "", Variant(stepped=_set(moved))


def _set(layers: Iterable[LayerPass]) -> frozenset[int]:
    return frozenset(layer.layer.place for layer in layers)
