"""The check of networks: claims by layer judged twice, a network's own mistakes, verdicts and refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest

import convgrad
from convgrad.checking.judging import as_subject
from convgrad.checking.ours import estimate
from convgrad.documents import json_text, read, source
from convgrad.views import render
from tests.passes.samples import document

LAYERS = [
    {"name": "conv1", "op": "conv", "kernel": [[0.5, -0.25], [1, 0.75]], "bias": 0.5},
    {"name": "act", "op": "sigmoid"},
    {"name": "conv2", "op": "conv", "kernel": [[1, 0.5], [-0.5, 2]]},
    {"name": "out", "op": "dense", "kernel": [[1, -1, 2, 0.5], [0.25, 1, -0.5, 1]], "bias": [0, 1]},
]
IMAGE = [[1, 0, 2, 1], [0, 3, 1, -1], [2, -1, 0, 1], [1, 2, -2, 0]]


def network(**more):
    given = {"input": IMAGE, "layers": LAYERS, "loss": {"op": "mse", "target": [1, 0]}, "learning_rate": 0.1}
    return convgrad.network(given | more)


def claimed(arrays, digits=4):
    """A claim as somebody would type it: to so many decimals."""
    text = {layer: {name: np.round(np.asarray(array, float), digits).tolist() for name, array in named.items()}
            for layer, named in arrays.items()}  # fmt: skip
    return next(iter(read(source(json_text(text))))).value


def mistakes(report):
    return [(part.layer, part.array, part.mistake) for part in report.diagnosis]


def with_altered(place, alter):
    """The deltas of all layers, where the layer at a place hands on something else."""
    made = network()
    delta, found = made.ending.delta, {}
    for layer in reversed(made.layers):
        case = layer.case
        delta = delta.reshape(case.output_shape)
        gradients = case.operation.backward(delta, *case.arrays, **case.arguments)
        found[layer.name] = gradients | {"delta": delta}
        delta = alter(layer, delta) if layer.number == place else gradients["x"]
    return found


def test_a_claim_that_is_right_agrees_in_every_array():
    made = network()
    arrays = {layer.name: {"output": layer.output, "delta": layer.delta, "dX": layer.dX} for layer in made.layers}
    for layer in made.layers:
        if layer.dW is not None:
            arrays[layer.name] |= {"dW": layer.dW, "kernel": layer.updated["kernel"]}
    report = convgrad.check(made, claimed(arrays))
    assert report.verdict == "agrees"
    assert len([one for one in report.findings if one.against == "claim"]) == 4 * 3 + 3 * 2
    assert report.code == 0


def test_a_network_is_a_claim_of_a_network_and_of_no_case():
    made = network()
    assert convgrad.check(made, made).verdict == "agrees"
    with pytest.raises(convgrad.RequestError, match="claims by layer, as of a network, but this is a single case"):
        convgrad.check({"input": [1, 2], "kernel": [1], "delta": "ones"}, made)


def test_a_missing_slope_is_named_in_the_activation_and_in_what_is_below_it():
    wrong = with_altered(1, lambda layer, delta: delta)
    report = convgrad.check(
        network(), claimed({"conv1": {"dW": wrong["conv1"]["w"][0, 0], "db": wrong["conv1"]["b"][0]}})
    )
    told = [("conv1", name, "activation-derivative-missing") for name in ("dW", "db")]
    assert mistakes(report) == [*told, ("conv1", "db", "bias-after-activation")]  # which gives the same db
    assert report.diagnosis[0].details["layer"] == "act"
    direct = convgrad.check(network(), claimed({"act": {"dX": network().layers[1].delta}}))
    assert mistakes(direct) == [("act", "dX", "activation-derivative-missing")]


@pytest.mark.parametrize(("place", "name"), [(2, "conv2"), (3, "out")])
def test_a_delta_from_the_stepped_kernel_is_named(place, name):
    def stepped(layer, delta):
        w = np.asarray(layer.stepped["kernel"], float).reshape(layer.case.shapes["w"])
        x, _, *rest = layer.case.arrays
        return layer.case.operation.backward(delta, x, w, *rest, **layer.case.arguments)["x"]

    wrong = with_altered(place, stepped)
    below = "act" if name == "conv2" else "conv2"
    dx = wrong[below]["delta"].reshape(network().layer(name).dX.shape)  # dX of a layer is delta of the one below
    claim = claimed({"conv1": {"dW": wrong["conv1"]["w"][0, 0]}, name: {"dX": dx}})
    report = convgrad.check(network(), claim)
    found = {(part.layer, part.array): part.mistake for part in report.diagnosis}
    assert found == {("conv1", "dW"): "carried-forward", (name, "dX"): "updated-kernel"}
    alone = convgrad.check(network(), claimed({"conv1": {"dW": wrong["conv1"]["w"][0, 0]}}))
    assert mistakes(alone) == [("conv1", "dW", "updated-kernel")]
    assert alone.diagnosis[0].details["layer"] == name


def test_an_error_above_is_not_held_against_the_layer_below():
    made = network()
    doubled = 2 * made.layers[2].dX
    wrong = claimed(
        {"conv2": {"dX": doubled}, "conv1": {"dW": 2 * made.layers[0].dW}, "act": {"dX": 2 * made.layers[1].dX}}
    )
    report = convgrad.check(made, wrong)
    found = {(part.layer, part.array): (part.mistake, part.given) for part in report.diagnosis}
    assert found[("conv2", "dX")][0] == "scaled"
    assert found[("act", "dX")] == ("carried-forward", "conv2.dX")
    assert found[("conv1", "dW")] == ("carried-forward", "act.dX")


def test_a_dense_layer_s_gradients_are_diagnosed_too():
    made = network()
    report = convgrad.check(made, claimed({"out": {"dW": -made.layers[3].dW}}))
    assert mistakes(report) == [("out", "dW", "negated")]


@pytest.mark.parametrize(("step", "mistake"), [(-1, "negated"), (0, "not-stepped"), (10, "rate-missing")])
def test_a_wrong_step_is_named(step, mistake):
    layer = network().layers[2]
    kernel = np.array(LAYERS[2]["kernel"]) - step * 0.1 * layer.dW
    assert mistakes(convgrad.check(network(), claimed({"conv2": {"kernel": kernel}}))) == [("conv2", "kernel", mistake)]


def test_without_claims_the_verdict_is_that_of_the_differences():
    assert convgrad.check(network()).verdict == "agrees"
    tied = {"input": [1, 2], "layers": [{"op": "conv", "kernel": [2, -1]}, {"op": "relu"}], "delta": [1]}
    report = convgrad.check(tied)
    assert (report.verdict, report.code) == ("undecided", 3)


def test_the_sample_with_a_claim_differs():
    assert convgrad.check(document("published-claim")).code == 1


def test_a_case_is_checked_as_before():
    report = convgrad.check({"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}, {"dW": [0.3, 0.4]})
    assert report.verdict == "agrees"


BAD = {
    "a layer that there is not": ({"conv3": {"dW": 1}}, ("claim", "conv3"), "did you mean `conv"),
    "an array that there is not": ({"conv1": {"dw": 1}}, ("claim", "conv1", "dw"), "did you mean `dW`"),
    "an array that a layer has not": ({"act": {"dW": 1}}, ("claim", "act", "dW"), "act has no dW"),
    "what is no number": ({"conv1": {"dW": ["x"]}}, ("claim", "conv1", "dW", 0), "'x'"),
    "what is no mapping": ({"conv1": 1}, ("claim", "conv1"), "mapping"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_claim_on_nothing_is_refused_at_its_place(name):
    claim, path, words = BAD[name]
    with pytest.raises(convgrad.RequestError, match=words) as caught:
        convgrad.check(network(), claim)
    assert caught.value.problems[0].path == path


def test_a_claim_on_a_step_that_is_not_made_is_refused():
    with pytest.raises(convgrad.RequestError, match="no learning_rate"):
        convgrad.check(network(learning_rate=None), {"conv2": {"kernel": [[1, 2], [3, 4]]}})


def test_a_claim_of_another_shape_differs():
    report = convgrad.check(network(), {"conv2": {"dW": [1, 2, 3]}})
    assert report.verdict == "differs"


def test_binary_claims_are_judged_by_their_type():
    made = network()
    claim = {"conv1": {"dW": made.layers[0].dW.astype(np.float32)}}
    assert convgrad.check(made, claim).verdict == "agrees"
    claim["conv1"]["dW"] = claim["conv1"]["dW"] * np.float32(1.01)
    assert convgrad.check(made, claim).verdict == "differs"


@pytest.mark.parametrize("allowed", [False, True])
def test_a_claim_that_is_not_finite_needs_no_leave_and_may_have_it(allowed):
    document = {"input": IMAGE, "layers": LAYERS, "delta": [1, 0]}
    report = convgrad.check(document, {"conv1": {"dW": [[float("nan"), 1], [1, 1]]}}, nonfinite=allowed)
    assert report.verdict == "differs"
    if allowed:
        claim = {"out": {"db": [float("inf"), 0]}}
        report = convgrad.check({**document, "delta": [float("inf"), 0]}, claim, nonfinite=True)
        assert report.findings[-1].verdict == "agrees"


@pytest.mark.parametrize("claim", [{}, {"conv1": {}}, {"conv1": {}, "out": {}}])
def test_an_empty_claim_of_a_network_is_refused_and_does_not_agree(claim):
    document = {"input": IMAGE, "layers": LAYERS, "delta": [1, 0]}
    for call in (lambda: convgrad.check(document, claim), lambda: convgrad.check({**document, "claim": claim})):
        with pytest.raises(convgrad.RequestError, match="the claim is empty") as refused:
            call()
        assert refused.value.problems[0].path == ("claim",)
    assert convgrad.check({**document, "claim": None}).verdict == "agrees"


@pytest.mark.parametrize(("axes", "mistake"), [((1, 4, 4), "axis-kept"), ((16,), "flattened")])
def test_a_layer_s_claim_of_the_right_numbers_in_another_shape_is_named(axes, mistake):
    made = network()
    report = convgrad.check(made, {"conv1": {"dX": np.reshape(made.layers[0].dX, axes)}})
    assert report.verdict == "differs"
    assert [part.mistake for part in report.diagnosis] == [mistake]


def test_a_layer_s_fix_advises_what_can_be_asked_for():
    made = network()
    noise = np.array([[3, -1.5], [0.25, 7]])
    report = convgrad.check(made, {"conv2": {"dW": noise}})
    (advised,) = re.findall(r"explain '?([^'\s]+\[[^'\s]*\])", " ".join(part.fix for part in report.diagnosis))
    assert advised.startswith("conv2.dW[")
    assert convgrad.explain(made, advised).entry == advised


def test_a_sample_of_a_network_s_entries_is_reported():
    report = convgrad.check(network(), sample=5, seed=3)
    assert report.to_dict()["sample"] == {"entries": 5, "of": 36, "seed": 3}
    assert sum(one.entries for one in report.findings) == 5
    assert "5 of 36 entries were differenced, chosen by seed 3" in "".join(render(report, width=None))


@pytest.mark.parametrize("sample", [None, 5, 1000])
@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
@pytest.mark.parametrize("of_network", [False, True])
def test_as_many_passes_are_announced_as_are_made(of_network, arithmetic, sample):
    case = {"input": IMAGE, "kernel": LAYERS[0]["kernel"], "delta": "ones"}
    made = network(arithmetic=arithmetic) if of_network else as_subject(case, arithmetic=arithmetic)
    passes, _ = estimate(made, sample, seed=1)
    assert passes == convgrad.check(made, sample=sample, seed=1).evaluations


def test_progress_is_told_of_a_network_s_differences():
    told = []
    report = convgrad.check(network(), progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (report.evaluations, report.evaluations)
