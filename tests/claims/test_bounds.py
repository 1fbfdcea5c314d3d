"""A bound counts at least the roundings on the way of a term: its product, the additions after it, and a division."""

from __future__ import annotations

import pytest

import convgrad
from convgrad.claims.propagated import Propagated

LAYERS = [
    ({"op": "conv", "kernel": [[1, 2], [3, 4]], "bias": [1]}, 4 + 1),
    ({"op": "average-pool", "window": 2}, 3 + 1),
    ({"op": "adaptive-average-pool", "output_size": 1}, 15 + 1),
    ({"op": "lp-pool", "window": 2, "norm": 3}, 3 + 1),
    ({"op": "sigmoid"}, 3),
]


@pytest.mark.parametrize(("layer", "least"), LAYERS, ids=lambda part: part["op"] if isinstance(part, dict) else "")
def test_an_output_has_as_many_roundings_as_its_definition(layer, least):
    x = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 8, 7, 6], [5, 4, 3, 2]]
    network = convgrad.network({"input": x, "layers": [layer], "delta": "ones"}, arithmetic="float64")
    assert Propagated(network).sizes[network.parts[0].place("output")].roundings >= least
