"""A layer without windows has one overlay a sample: it covers the sample whole, and they add up to the gradients."""

from __future__ import annotations

import numpy as np
import pytest

import convgrad

LAYERS = [
    {"op": "dense", "kernel": [[1, 2, 3, 4, 5, 6], [7, 8, 9, 1, 2, 3]], "bias": [1, 2]},
    {"op": "flatten"}, {"op": "relu"}, {"op": "leaky-relu"},
]  # fmt: skip
X = [[[[1, -2, 3], [4, 5, -6]]], [[[7, 8, -9], [1, 2, 3]]]]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer["op"])
def test_the_overlays_of_a_whole_layer_are_its_samples(layer):
    network = convgrad.network({"input": X, "dims": 2, "layers": [layer], "delta": "ones"})
    gradients = network.layers[0].gradients
    overlays = list(gradients.full_overlays)
    assert [(overlay.sample, overlay.position) for overlay in overlays] == [(0, ()), (1, ())]
    assert all(overlay.cells == ((0, 2), (0, 3)) for overlay in overlays)
    whole = gradients.by_operand
    assert np.stack([overlay.dx for overlay in overlays]).tolist() == whole["x"].tolist()
    for name, part in (("w", "dw"), ("b", "db")):
        if name in whole:
            assert sum(getattr(overlay, part) for overlay in overlays).tolist() == whole[name].tolist()
