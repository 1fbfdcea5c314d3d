"""null in an adaptive pool's output_size stands for the input's own length."""

import json

import jsonschema
import numpy as np
import pytest

import convgrad
from tests.program import convgrad as run

X = np.arange(30.0).reshape(5, 6)


@pytest.mark.parametrize("op", ["adaptive-max-pool", "adaptive-average-pool"])
@pytest.mark.parametrize(("size", "kept"), [([None, 4], [5, 4]), ([2, None], [2, 6]), ([None, None], [5, 6])])
def test_a_null_is_the_length_of_the_input(op, size, kept):
    found, expected = (convgrad.backward(op=op, input=X, output_size=one, delta="ones") for one in (size, kept))
    np.testing.assert_array_equal(found.dX, expected.dX)
    assert found.case.settings["output_size"] == tuple(kept)


def test_a_list_of_one_null_keeps_every_axis():
    assert convgrad.forward(op="adaptive-max-pool", dims=2, input=X, output_size=[None]).output.shape == X.shape


def test_each_layer_of_a_network_keeps_what_arrives():
    layers = [{"op": "max-pool", "window": [2, 1]}, {"op": "adaptive-average-pool", "output_size": [None, 3]}]
    found = convgrad.network({"input": X, "layers": layers, "delta": "ones"})
    assert found.output.shape == (2, 3)


def test_it_is_null_on_the_command_line_and_in_the_schema(tmp_path):
    document = {"op": "adaptive-max-pool", "input": X.tolist(), "output_size": [None, 2]}
    jsonschema.validate(document, json.loads(run("schema", "case").stdout))
    (tmp_path / "case.json").write_text(json.dumps(document))
    done = run("forward", str(tmp_path / "case.json"), "--output-size", "2,null", "--format", "json")
    assert json.loads(done.stdout)["settings"]["output_size"] == [2, 6]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"op": "adaptive-max-pool", "input": X, "output_size": [0, None]}, "output_size[0]: must be at least 1"),
        ({"op": "max-unpool", "input": [1], "dims": 1, "indices": [0], "output_size": [None]}, "[0]: null keeps"),
        ({"op": "conv-transpose", "input": X, "kernel": X, "output_size": [None, 7]}, "in adaptive pools alone"),
        ({"op": "max-pool", "input": X, "window": [None, 2]}, "window[0]: expected a whole number"),
    ],
)  # fmt: skip
def test_elsewhere_it_is_refused_in_words(document, words):
    with pytest.raises(convgrad.RequestError) as refused:
        convgrad.forward(document)
    assert words in str(refused.value)
