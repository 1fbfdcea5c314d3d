"""An entry is the sum of the terms that explain it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given

import convgrad
from convgrad.passes.subject import subject_of
from tests import geometry


@pytest.mark.parametrize("norm", [1, 2, 3])
def test_the_terms_of_a_norm_are_magnitudes(norm):
    case = {"op": "lp-pool", "norm": norm, "input": [1, -2, 3], "window": 2, "stride": 1, "padding": 1}
    explained = convgrad.explain(case, "y[1]")
    assert [term.value for term in explained.terms] == [1, 2]
    assert [term.factors[0].value for term in explained.terms] == [1, -2]
    assert explained.value == pytest.approx(sum(float(term.value) ** norm for term in explained.terms) ** (1 / norm))


def test_an_output_is_explained_without_a_delta():
    explained = convgrad.explain({"input": [1, 2, 3], "kernel": [4, 5]}, "y[1]")
    assert [term.value for term in explained.terms] == [8, 15]
    for op, values in (("average-pool", [1, 1.5]), ("max-pool", [None, 3]), ("lp-pool", [2, 3])):
        pooled = convgrad.explain({"op": op, "input": [1, 2, 3], "window": 2, "stride": 1}, "y[1]")
        assert [term.value for term in pooled.terms] == values
    with pytest.raises(convgrad.RequestError, match="delta"):
        convgrad.explain({"input": [1, 2, 3], "kernel": [4, 5]}, "dX[1]")


def test_an_entry_of_a_large_array_is_explained_in_little_memory():
    subject = subject_of(convgrad.backward({"input": np.ones((600, 700)), "kernel": np.ones((2, 2)), "delta": "ones"}))
    assert subject.parts[0].gradients.by_operand["x"].nbytes > 3_000_000
    convgrad.explain(subject, "dX[0,0]")  # modules are loaded, and what is computed once is there
    tracemalloc.start()
    explained = convgrad.explain(subject, "dX[300,400]")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert explained.value == 4
    assert peak < 300_000


@pytest.mark.parametrize("op", ["conv", "conv-transpose"])
@pytest.mark.parametrize("mode", ["convolution", "cross-correlation"])
def test_several_channels_of_several_groups_are_explained(op, mode):
    random = np.random.default_rng(0)
    shape = (4, 3, 2) if op == "conv" else (6, 2, 2)
    case = {"op": op, "dims": 1, "groups": 2, "mode": mode, "stride": 2, "padding": 1}
    case |= {"input": random.integers(-9, 9, (2, 6, 5)), "kernel": random.integers(-9, 9, shape)}
    case["delta"] = random.integers(-9, 9, convgrad.forward(case).output.shape)
    assert_entries_are_their_terms(case)


@pytest.mark.slow
@given(geometry.cases(operations=[name for name in geometry.OPERATIONS if name != "lp-pool"], batches=(1, 2)))
def test_every_entry_is_the_sum_of_its_terms(document):
    assert_entries_are_their_terms(document)


def assert_entries_are_their_terms(document):
    made = convgrad.backward(document, arithmetic="exact")
    sums = ("dX", "dW", "db", *(["output"] if "max" not in document["op"] else []))  # a maximum is no sum
    for name in sums:
        array = getattr(made, name)
        for index in [] if array is None else list(np.ndindex(np.shape(array)))[:: max(1, np.size(array) // 5)]:
            asked = f"{name if name != 'output' else 'y'}[{','.join(map(str, index))}]".replace("[]", "")
            explained = convgrad.explain(document, asked, arithmetic="exact")
            assert sum(term.value for term in explained.terms if term.value is not None) == np.asarray(array)[index]


def test_an_overlay_of_a_padded_maximum_has_nothing_in_its_padding():
    case = {"op": "max-pool", "input": [[1, 0.5], [0.25, 3]], "window": 2, "padding": 1, "stride": 2, "delta": "ones"}
    for arithmetic in ("auto", "exact", "float64"):
        first, *_ = convgrad.backward(case, arithmetic=arithmetic).overlays
        assert first.to_dict()["window"] == [[None, None], [None, 1]]
