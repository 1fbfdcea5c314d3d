"""A convolution and the activation after it as one case, and as the network of two layers that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from convgrad.operations import NETWORK
from convgrad.subject.case import Case, make_case
from convgrad.vocabulary import FUSED_SETTINGS, LAYER_SETTINGS, LAYERS, PARAMETERS

CONVOLUTION, ACTIVATION, SLOPE = "conv", "activation", "slope"
"""The layer of the convolution is called so; the other bears the name of its activation."""
OF_ACTIVATION = (ACTIVATION, SLOPE)


def made(document: Mapping[str, Any], **options: Any) -> Case:
    """A case of any operation that is graded, of a mapping as of a case document; of a network `op` says so."""
    if document["op"] != NETWORK.name:
        return make_case(document, **options)
    plain = {name: value for name, value in document.items() if name not in OF_ACTIVATION}
    activation = document.get(ACTIVATION, FUSED_SETTINGS[ACTIVATION].default)
    return fused(make_case({**plain, "op": CONVOLUTION}, **options), activation, document.get(SLOPE))


def fused(case: Case, activation: str, slope: Any = None) -> Case:
    """A convolution, whose delta is that at the activation's output, with the activation after it."""
    settings = {**case.settings, ACTIVATION: activation}
    if SLOPE in LAYERS[activation].settings:
        settings[SLOPE] = LAYER_SETTINGS[SLOPE].default if slope is None else slope
    arguments = NETWORK.prepare(case.shapes, settings)
    return replace(case, operation=NETWORK, settings=settings, arguments=arguments)


def as_network(settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The network document of such a case, by its settings and its arrays by name."""
    first = {name: value for name, value in settings.items() if name not in OF_ACTIVATION and value is not None}
    parameters = {name: arrays[name] for name in PARAMETERS if name in arrays}
    second = {"name": settings[ACTIVATION], "op": settings[ACTIVATION]}
    second |= {SLOPE: settings[SLOPE]} if SLOPE in settings else {}
    layers = [{"name": CONVOLUTION, "op": CONVOLUTION, **first, **parameters}, second]
    return {"input": arrays["input"], "layers": layers, "delta": arrays["delta"]}


def layer_of(settings: Mapping[str, Any], array: str) -> str:
    """The layer whose array is that of the whole: the output is the last one's, the gradients are the first one's."""
    return str(settings[ACTIVATION]) if array == "output" else CONVOLUTION
