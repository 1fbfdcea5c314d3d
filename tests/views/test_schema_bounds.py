"""What the program refuses as too small its schema refuses, too, and neither refuses the least that makes sense."""

from __future__ import annotations

import jsonschema
import pytest

import convgrad

CONV = {"op": "conv", "input": [1, 2, 3], "kernel": [1, 2], "dims": 1}
TRANSPOSED = {**CONV, "op": "conv-transpose", "stride": 2}
POOL = {"op": "average-pool", "input": [1, 2, 3], "window": 1}
NORM = {**POOL, "op": "lp-pool"}
ADAPTIVE = {"op": "adaptive-max-pool", "input": [1, 2, 3], "output_size": 1}
CHAIN = {"input": [1, 2, 3], "dims": 1, "layers": [{"op": "relu"}], "delta": "ones"}
LEAST = [
    (CONV, "dims", 1), (CONV, "stride", 1), (CONV, "dilation", 1), (CONV, "groups", 1),
    (TRANSPOSED, "output_padding", 0), (POOL, "window", 1), (POOL, "stride", 1), (NORM, "norm", 1),
    (ADAPTIVE, "output_size", 1), (CHAIN, "dims", 0),  # 0: it comes as features
]  # fmt: skip


def is_valid(record, name):
    return jsonschema.Draft202012Validator(convgrad.schema(name)).is_valid(record)


def runs(document):
    try:
        convgrad.network(document) if "layers" in document else convgrad.forward(document)
    except convgrad.RequestError:
        return False
    return True


@pytest.mark.parametrize(("document", "key", "least"), LEAST)
def test_a_setting_has_the_least_value_that_its_schema_says(document, key, least):
    name = "network" if "layers" in document else "case"
    for value in (least, least - 1):
        assert is_valid({**document, key: value}, name) == runs({**document, key: value}) == (value == least)


@pytest.mark.parametrize(("document", "key", "least"), [row for row in LEAST if row[0] not in (CHAIN, POOL)])
def test_a_setting_of_a_layer_has_the_least_value_that_its_schema_says(document, key, least):
    layer = {name: value for name, value in document.items() if name != "input"}
    for value in (least, least - 1):
        network = {**CHAIN, "layers": [{**layer, key: value}]}
        assert is_valid(network, "network") == runs(network) == (value == least)


def test_a_network_has_a_layer_and_so_has_what_comes_out():
    out = {"schema": "convgrad.network/1", "id": None, "arithmetic": "exact", "loss": None}
    layer = {"name": "relu1", "op": "relu", "arithmetic": {"output": "exact", "gradients": "exact"}}
    layer |= {"output": [1], "delta": [1], "dX": [1]}
    assert is_valid({**out, "layers": [layer]}, "network-output")
    assert not is_valid({**out, "layers": []}, "network-output")
    assert not is_valid({**CHAIN, "layers": []}, "network")


def test_one_file_takes_one_array():
    saved = {"file": "dX.npy", "shape": [3], "dtype": "float64"}
    out = {"schema": "convgrad.saved/1", "id": None, "op": "conv", "arithmetic": "exact"}
    out["settings"] = {"dims": 1}
    assert is_valid({**out, "saved": {"dX": saved}}, "saved")
    assert not is_valid({**out, "saved": {"dX": saved, "output": saved}}, "saved")
    assert not is_valid({**out, "saved": {}}, "saved")


@pytest.mark.parametrize(("document", "name"), [(CONV, "case"), (CHAIN, "network")])
def test_a_key_that_there_is_not_is_in_no_schema(document, name):
    assert not is_valid({**document, "kernal": [1]}, name)
    assert not is_valid({**document, "claim": {"dY": [1]}}, name)


def test_a_layer_has_no_key_that_there_is_not():
    assert not is_valid({**CHAIN, "layers": [{"op": "relu", "slop": 1}]}, "network")
