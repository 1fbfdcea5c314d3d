"""A result of convgrad is a claim; what only looks like one is refused in words."""

from __future__ import annotations

import pytest

import convgrad
from convgrad.errors import RequestError

NETWORK = {"input": [1, 2], "layers": [{"op": "relu"}, {"op": "tanh"}], "delta": "ones"}


def test_a_network_that_names_only_some_of_its_layers_claims_nothing_of_any():
    result = convgrad.network(NETWORK).to_dict()
    assert convgrad.check(NETWORK, result).verdict == "agrees"
    nameless = {key: value for key, value in result["layers"][1].items() if key != "name"}
    with pytest.raises(RequestError):
        convgrad.check(NETWORK, {**result, "layers": [result["layers"][0], nameless]})
