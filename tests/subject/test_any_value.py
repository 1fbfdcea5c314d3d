"""Whatever a key holds, there is a result or a RequestError in words, and never another exception."""

import pytest

import convgrad
from convgrad.vocabulary import LAYER_SETTINGS, keys_of_case, keys_of_network
from tests.any_value import VALUES

CASES = (
    {"op": "conv", "input": [1, 2, 3], "kernel": [[[1, 2]], [[0, 1]]], "bias": [1, 2], "delta": [[1, 2], [3, 4]]},
    {"op": "max-pool", "input": [1, 2, 3, 4], "window": 2, "delta": "ones"},
    {"op": "adaptive-average-pool", "input": [[1, 2], [3, 4]], "output_size": 1, "delta": "ones"},
)
LAYERS = (
    {"op": "conv", "name": "c", "kernel": [[1, 2], [0, 1]], "bias": [1]},
    {"op": "leaky-relu", "slope": 0.5},
    {"op": "dense", "name": "d", "kernel": [[1, 0, 2, 1]], "bias": 1},
)
NETWORK = {
    "input": [[1.0, 2, 3], [3, 4, 5], [1, 0, 1]], "layers": list(LAYERS), "loss": {"op": "mse", "target": [1]},
    "learning_rate": 0.1,
}  # fmt: skip
CALLS = {
    "forward": convgrad.forward,
    "check": convgrad.check,
    "explain": lambda document: convgrad.explain(document, "dX[0]"),
}


def assert_answered(function, document):
    """A result that can be written, or a refusal without a word of Python."""
    said = ""
    try:
        function(document).to_dict()
    except convgrad.RequestError as error:
        said = str(error)
    assert not [word for word in ("object at 0x", "<class", "np.", "array(") if word in said]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["op"])
def test_every_key_of_a_case_takes_or_refuses_any_value(case, value):
    for key in keys_of_case():
        for function in CALLS.values() if key in case else [convgrad.check]:
            assert_answered(function, {**case, key: value})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_key_of_a_network_takes_or_refuses_any_value(value):
    for key in keys_of_network():
        assert_answered(convgrad.check, {**NETWORK, key: value})
    for key in ("op", "target", "reduction"):
        assert_answered(convgrad.network, {**NETWORK, "loss": {**NETWORK["loss"], key: value}})
    for key in ("c", "d", "nobody"):
        assert_answered(convgrad.check, {**NETWORK, "claim": {key: value}})
    for key in ("dW", "db", "dX", "output", "kernel", "bias"):
        assert_answered(convgrad.check, {**NETWORK, "claim": {"c": {key: value}}})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("place", range(len(LAYERS)))
def test_every_key_of_a_layer_takes_or_refuses_any_value(place, value):
    for key in (*keys_of_case(), *LAYER_SETTINGS):
        layers = [{**layer, key: value} if number == place else layer for number, layer in enumerate(LAYERS)]
        assert_answered(convgrad.network, {**NETWORK, "layers": layers})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("claim_dtype", [None, "float32"])
def test_every_claim_is_judged_or_refused(claim_dtype, value):
    for case in CASES:
        for array in ("output", "dW", "db", "dX"):
            assert_answered(convgrad.check, {**case, "claim": {array: value}, "claim_dtype": claim_dtype})
