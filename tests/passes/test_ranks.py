"""A network that begins with a dense layer takes its input's rank as the kernel says, in whatever rank it comes."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import convgrad


def run(x, features):
    layers = [{"op": "dense", "kernel": np.ones((3, features)).tolist()}]
    return convgrad.network({"input": x.tolist(), "layers": layers, "delta": "ones"}).layers[0]


@pytest.mark.parametrize(
    ("shape", "features", "output"),
    [
        ((4,), 4, (3,)),
        ((2, 4), 8, (3,)),
        ((2, 4), 4, (2, 3)),
        ((2, 2, 4), 16, (3,)),
        ((2, 2, 4), 8, (2, 3)),
        ((2, 3, 2, 2), 12, (2, 3)),
        ((2, 1, 2, 2, 2), 8, (2, 3)),
    ],
)
def test_a_dense_layer_takes_whole_samples(shape, features, output):
    x = np.arange(prod(shape)).reshape(shape)
    layer = run(x, features)
    assert layer.output.shape == output
    assert layer.output.ravel().tolist() == np.repeat(x.reshape(-1, features).sum(axis=1), 3).tolist()
    assert layer.dX.shape == shape
    assert layer.dX.ravel().tolist() == [3] * prod(shape)
