"""Records as Python makes them have the published schemas, down to their first entries."""

from __future__ import annotations

import json

import jsonschema

import convgrad


def assert_valid(record, name):
    jsonschema.Draft202012Validator(convgrad.schema(name)).validate(json.loads(json.dumps(record, default=plain)))


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else list(value)


def test_overlays_have_a_schema():
    case = {"input": [[1, 2, 3], [4, 5, 6]], "kernel": [[1, 2]], "delta": [[1, 2], [3, 4]]}
    overlays = list(convgrad.backward(case).to_dict(overlays="all")["overlays"])
    assert (overlays[0]["sample"], overlays[0]["position"]) == (0, [0, 0])
    for overlay in overlays:
        assert_valid({"type": "overlay", **overlay}, "overlay")


def test_records_have_their_schemas_at_the_least_that_they_can_be():
    case = {"input": [1, 2], "kernel": [3], "delta": [0, 1]}
    checked = convgrad.check(case, {"dX": [0, 3]})
    network = {"input": [1, 2], "layers": [{"op": "relu"}], "delta": "ones"}
    for name, record in {
        "forward": convgrad.forward(case),
        "backward": convgrad.backward(case),
        "explain": convgrad.explain(case, "dX[0]"),
        "check": checked,
        "network-output": convgrad.network(network),
        "network-explain": convgrad.explain(network, "relu1.dX[0]"),
    }.items():
        assert_valid({"type": "result", **record.to_dict()}, name)
