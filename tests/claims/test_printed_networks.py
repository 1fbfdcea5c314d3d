"""A network's gradients agree with what was computed from inputs before these were printed, layer by layer."""

import numpy as np
import pytest

import convgrad
from tests.claims.other_means import leaf_by_leaf

PRINT = leaf_by_leaf("{:.4f}".format)
ARRAYS = ("output", "delta", "dX", "dW", "db")


def chain(middle, seed, *, loss="mse", steps=True):
    """A convolution, some layers, a dense one and a loss, in full precision."""
    draw = np.random.default_rng(seed)
    flat = {"op": "dense", "name": "out"}
    document = {
        "input": draw.standard_normal((2, 2, 6, 6)),
        "layers": [
            {"op": "conv", "name": "first", "kernel": draw.standard_normal((3, 2, 3, 3)) / 3,
             "bias": draw.standard_normal(3), "padding": 1},
            *middle, flat,
        ],
        **({"learning_rate": 0.125} if steps else {}),
    }  # fmt: skip
    document["layers"][-1]["kernel"] = draw.standard_normal((3, size_before(document))) / 4
    document["loss"] = {"op": loss, "target": target(loss, draw)}
    return document


def size_before(document):
    head = {**document, "layers": document["layers"][:-1], "delta": "ones"}
    return int(np.prod(convgrad.network(head).output.shape[1:]))


def target(loss, draw):
    return draw.dirichlet(np.ones(3), 2) if loss == "cross-entropy" else draw.standard_normal((2, 3))


def printed(document, write):
    """The same with every array of the document written down."""
    if isinstance(document, dict):
        return {key: printed(value, write) for key, value in document.items()}
    if isinstance(document, list):
        return [printed(part, write) for part in document]
    return write(document) if isinstance(document, np.ndarray) else document


def claims(document, write):
    network = convgrad.network(document)
    return {
        part.name: {name: write(array) for name in (*ARRAYS, "kernel") if (array := part.shown(name)) is not None}
        for part in network.parts
    }


MIDDLES = {
    "relu": [{"op": "relu"}],
    "leaky": [{"op": "leaky-relu", "slope": 0.25}, {"op": "max-pool", "window": 2}],
    "tanh": [{"op": "tanh"}, {"op": "average-pool", "window": 2, "stride": 1}],
    "sigmoid": [{"op": "sigmoid"}, {"op": "conv-transpose", "name": "back", "kernel": np.full((3, 2, 2, 2), 0.375)}],
    "softplus": [{"op": "softplus"}, {"op": "lp-pool", "window": 2, "norm": 2}],
    "softmax": [{"op": "lp-pool", "window": 2, "norm": 1}, {"op": "softmax"}],
    "overlapping": [{"op": "max-pool", "window": 3, "stride": 1}, {"op": "lp-pool", "window": 2, "norm": 3}],
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("name", MIDDLES)
def test_a_network_of_inputs_that_were_then_printed_agrees_and_says_so(name, loss):
    for seed in range(3):
        document = chain(MIDDLES[name], seed, loss=loss)
        report = convgrad.check(printed(document, PRINT), claims(document, PRINT), sample=1)
        assert report.verdict == "agrees", (seed, [str(one.place) for one in report.findings if one.wrong])
        assert any("printed inputs" in one.by for one in report.findings)


def slip(claim, layer, array, factor):
    """The same claims with one entry moved by a part of the array's largest."""
    wrong = {key: dict(arrays) for key, arrays in claim.items()}
    values = np.array(wrong[layer][array], float)
    values.flat[values.size // 2] += factor * abs(values).max()
    wrong[layer][array] = PRINT(values)
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("name", MIDDLES)
def test_one_entry_off_by_a_twentieth_of_the_largest_differs_all_the_same(name):
    document = chain(MIDDLES[name], 0)
    right = claims(document, PRINT)
    for layer, array in (("first", "dW"), ("first", "dX"), ("out", "dW"), ("out", "dX"), ("first", "kernel")):
        report = convgrad.check(printed(document, PRINT), slip(right, layer, array, 0.05), sample=1)
        assert {str(one.place) for one in report.findings if one.wrong} == {f"{layer}.{array}"}


@pytest.mark.slow
def test_inputs_of_two_decimals_are_meant_so_unless_the_document_says_that_they_were_printed():
    document = chain(MIDDLES["tanh"], 0)
    two = printed(document, leaf_by_leaf("{:.2f}".format))
    claim = claims(document, PRINT)
    report = convgrad.check(two, claim, sample=1)
    assert report.verdict == "differs"
    assert any("say so with `printed: true`" in text for one in report.findings for text in one.told)
    verdicts = {one.verdict for one in convgrad.check({**two, "printed": True}, claim, sample=1).findings}
    assert verdicts == {"agrees", "undecided"}  # the smallest arrays are known too roughly


def test_only_what_an_array_is_made_of_counts_as_its_inputs():
    """The last layer's dX hangs on its kernel and the loss, its output on all below; whole inputs move nothing."""
    document = {"input": [1, 2, 3, 4], "layers": [{"op": "dense", "name": "a", "kernel": [[1, 2, 3, 4], [0, 1, 0, 1]]},
                {"op": "dense", "name": "b", "kernel": PRINT(np.array([[0.1235, 0.2469]]))}], "delta": [2]}  # fmt: skip
    report = convgrad.check(document, {"b": {"dX": [0.24692, 0.49384]}, "a": {"output": [30.00001, 6]}}, sample=1)
    by = {str(one.place): (one.verdict, one.by) for one in report.findings if one.against == "claim"}
    assert by == {"b.dX": ("agrees", "digits, printed inputs"), "a.output": ("differs", "digits")}


@pytest.mark.parametrize(("layer", "said"), [
    ({"op": "relu", "name": "bend"}, "at bend the sign of 1 of 8 numbers"),
    ({"op": "max-pool", "name": "top", "window": 2}, "at top which cell is the largest under 1 of 2 windows"),
])  # fmt: skip
def test_what_hangs_on_digits_that_were_not_printed_is_said(layer, said):
    """0.12343 - 0.1234 is printed as nothing; of 1.00004 and 1.00003 either may be the larger."""
    full = np.array([[1.00003, 1.00004, 5, 3], [0.12343, -2, 1, 1]])
    cut = PRINT(full)
    scale = {"op": "conv", "name": "scale", "kernel": [[1]]}
    shift = {"op": "conv", "name": "shift", "kernel": [[1]], "bias": -0.1234}
    first = shift if layer["op"] == "relu" else scale
    document = {"layers": [first, layer], "delta": "ones"}
    claim = {"scale" if first is scale else "shift": {"dX": convgrad.network({**document, "input": full}).parts[0].dX}}
    report = convgrad.check({**document, "input": cut}, claim, sample=1)
    told = [text for one in report.findings for text in one.told]
    assert (report.verdict, any(said in text for text in told)) == ("agrees", True)


@pytest.mark.parametrize("x", [[0.5, 1.5, 1.0, 2.5], [0.5, 1.5, 1.5, 1.5]])
def test_the_largest_of_numbers_with_few_digits_is_meant_to_be_so(x):
    """delta was printed with four decimals, x was made up; two windows lie over one cell."""
    delta = np.array([0.12344, 0.23454, 0.34564])
    case = {"op": "max-pool", "dims": 1, "window": 2, "stride": 1, "input": x}
    claim = {"dX": PRINT(convgrad.backward({**case, "delta": delta}).dX)}
    report = convgrad.check({**case, "delta": PRINT(delta)}, claim)
    assert report.verdict == "agrees"
