"""One entry of a network, as in conv2.dW[0,1], as the sum of its terms; each delta in it as the sum that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.case import Case
from convgrad.chain.passes import LayerPass, Network, network
from convgrad.errors import Place, Problem, RequestError
from convgrad.gradients import Gradients
from convgrad.operations.operation import Shape
from convgrad.terms import Explanation, bracketed, explain_entry, parse_entry, require_entry
from convgrad.terms import explain as explain_case

ENTRY = re.compile(r"\s*(?P<layer>[^.\[\]]+)\.(?P<entry>.*)", re.DOTALL)
DELTA = re.compile(r"\s*delta\s*(?:\[([\d\s,]*)\])?\s*")
MOST = 24
"""Deltas of an entry that are followed up."""


@dataclass(frozen=True)
class LayerExplanation:
    """An entry of a layer, and where its deltas come from: the layer above, entry by entry."""

    network: Network
    layer: LayerPass
    explanation: Explanation
    entry: str
    """The entry as people write it: of `layer`, or the delta below, which is an entry of its dX."""

    @property
    def case(self) -> Case:
        return self.explanation.case

    @property
    def value(self) -> Any:
        return self.explanation.value

    @cached_property
    def senders(self) -> tuple[tuple[tuple[int, ...], LayerExplanation], ...]:
        """Each delta among the terms that is not 0, by its index, as an entry of the layer above."""
        if self.explanation.name == "y" or above(self.network, self.layer) is None:
            return ()
        deltas = {
            factor.index: factor.value
            for term in self.explanation.terms
            for factor in term.factors
            if factor.name == "delta" and factor.index is not None
        }
        sent = [index for index, value in deltas.items() if value]
        return tuple((index, delta_at(self.network, self.layer, index)) for index in sent[:MOST])

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        made = self.explanation.to_dict() | {"id": self.network.chain.id, "entry": self.entry}
        head = {"schema": made.pop("schema"), "id": made.pop("id"), "layer": self.layer.name}
        return {**head, **made} | ({"deltas": list(map(self._sender, self.senders))} if self.senders else {})

    def _sender(self, sender: tuple[tuple[int, ...], LayerExplanation]) -> dict[str, Any]:
        made = sender[1].explanation.to_dict()
        source = f"{sender[1].layer.name}.{sender[1].explanation.entry}"
        return {"entry": sender[1].entry, "from": source, "value": made["value"], "terms": made["terms"]}


def above(network: Network, layer: LayerPass) -> LayerPass | None:
    """The layer that hands a layer its delta; flattening, which only moves numbers, is passed over."""
    for later in network.layers[layer.layer.place + 1 :]:
        if later.op != "flatten":
            return later
    return None


def delta_at(network: Network, layer: LayerPass, index: tuple[int, ...]) -> LayerExplanation:
    """delta[index] of a layer as an entry of dX of the layer above. Raises RequestError for one that there is not."""
    shape: Shape = layer.delta.shape
    require_entry(f"{layer.name}.delta", index, shape)
    source = above(network, layer)
    if source is None:
        raise RequestError(
            Problem(f"{layer.name}.delta is where the deltas start", "it comes from the loss, or was given")
        )
    # the same number of entries in the same order, whatever the shapes
    flat = int(np.ravel_multi_index(index, shape)) if shape else 0
    inner = source.case.layout.input
    there = tuple(int(i) for i in np.unravel_index(flat, inner)) if inner else ()
    asked = f"{layer.name}.delta{bracketed(index)}"
    return LayerExplanation(network, source, explain_entry(source.gradients, "dX", there), asked)


def explain_layer(network: Network, entry: str) -> LayerExplanation:
    """An entry of a layer: NAME.dW[0,1], NAME.db[0], NAME.dX[1,1], NAME.y[0,0] or NAME.delta[0].

    Raises RequestError for an entry that there is not.
    """
    try:
        return _explained(network, entry)
    except RequestError as error:
        raise error.at(Place(entry)) from None


def _explained(network: Network, entry: str) -> LayerExplanation:
    match = ENTRY.fullmatch(entry)
    if not match:
        names = ", ".join(layer.name for layer in network.chain.layers)
        raise RequestError(Problem(f"expected an entry of a layer, such as {network.chain.layers[0].name}.dX[0,0], "
                                   f"found '{entry}'", f"the layers are {names}"))  # fmt: skip
    layer = network.layer(match["layer"].strip())
    if delta := DELTA.fullmatch(match["entry"]):
        return delta_at(network, layer, tuple(int(part) for part in re.findall(r"\d+", delta[1] or "")))
    name, index = parse_entry(match["entry"])
    gradients = Gradients(layer.forward.case) if name == "output" else layer.gradients
    found = explain_entry(gradients, name, index, layer.name)
    return LayerExplanation(network, layer, found, f"{layer.name}.{found.entry}")


def is_network(document: Any) -> bool:
    """Whether a mapping is a network document, by its layers."""
    return isinstance(document, Mapping) and "layers" in document


def explain(case: Mapping[str, Any] | Case | Network, entry: str, **keywords: Any) -> Explanation | LayerExplanation:
    """An entry of dW, db, dX or y, as in "dW[0,1]", as the sum of its terms; of a network as in "conv2.dW[0,1]".

    Raises RequestError for an entry that there is not.
    """
    if isinstance(case, Network):
        return explain_layer(case, entry)
    if not isinstance(case, Case) and is_network(case):
        return explain_layer(network(case, **keywords), entry)
    return explain_case(case, entry, **keywords)


def pooled_sums(network: Network, layer: LayerPass) -> Iterator[LayerExplanation]:
    """Of a pool, delta by delta, the sum of the layer above that it is: who sends how much."""
    for index in np.ndindex(layer.delta.shape):
        yield delta_at(network, layer, index)
