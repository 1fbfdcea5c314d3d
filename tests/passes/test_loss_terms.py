"""A loss explained to its last number: probabilities, shares that add up, and the delta that starts from them."""

from __future__ import annotations

import math

import jsonschema
import numpy as np
import pytest

import convgrad
from tests.program import convgrad as program

LOGITS = [[1.5, -2.0, 0.25], [0.0, 3.0, -1.0]]
IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def network(target, op="cross-entropy", reduction="sum", layers=()):
    dense = {"name": "out", "op": "dense", "kernel": IDENTITY}
    loss = {"op": op, "target": target, "reduction": reduction}
    return {
        "input": [[[value] for value in row] for row in LOGITS],
        "dims": 1,
        "layers": [dense, *layers],
        "loss": loss,
    }


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("target", [[2, 1], [[0.2, 0.3, 0.5], [0, 1, 0]], [[1, 1, 0], [0, 2, 0.5]]])
def test_shares_and_deltas_of_cross_entropy_are_those_of_its_definition(target, reduction):
    explanation = convgrad.explain(network(target, reduction=reduction), "loss")
    hot = np.eye(3)[target] if np.ndim(target) == 1 else np.array(target, float)
    divisor = 2 if reduction == "mean" else 1
    shares = {share.place: share for share in explanation.shares()}
    for sample, row in enumerate(LOGITS):
        powers = [math.exp(value) for value in row]
        for i, power in enumerate(powers):
            share, p, t = shares[sample, i], power / sum(powers), hot[sample, i]
            assert share.probability == pytest.approx(p, rel=1e-14)  # some roundings of 1.1e-16 each
            assert share.value == pytest.approx(-t * math.log(p), rel=1e-13, abs=0)
            assert share.delta == pytest.approx((p * hot[sample].sum() - t) / divisor, rel=1e-13, abs=1e-16)
    assert sum(share.value for share in shares.values()) / divisor == pytest.approx(explanation.value, rel=1e-14)


def test_squares_are_exact():
    explanation = convgrad.explain(network([[1, 0, 0], [0, 1, 0]], op="mse"), "loss")
    assert [share.value * 8 for share in explanation.shares()] == [1, 16, 0.25, 0, 16, 4]
    assert sum(share.value for share in explanation.shares()) == explanation.value


def test_a_softmax_before_cross_entropy_is_remarked():
    said = "a softmax, and cross-entropy takes logits"
    assert said in str(convgrad.explain(network([0, 1], layers=[{"op": "softmax"}]), "loss"))
    assert said not in str(convgrad.explain(network([0, 1]), "loss"))


def test_an_output_of_softmax_is_shown_with_all_that_its_sum_is_over():
    text = str(convgrad.explain(network([0, 1], layers=[{"op": "softmax"}]), "softmax2.y[1,2]"))
    rows = [line.split() for line in text.splitlines() if line.startswith(" x[")]
    assert [row[0] for row in rows] == ["x[1,0]", "x[1,1]", "x[1,2]"]
    assert [row[4:] for row in rows] == [[], [], ["y[1,2]"]]
    assert sum(float(row[3]) for row in rows) == pytest.approx(1, abs=1.5e-5)  # each is rounded to 6 digits


def test_what_explain_loss_says_to_programs_is_as_its_schema_has_it():
    explained = convgrad.explain(network([0, 1]), "loss").to_dict()
    jsonschema.validate(explained, convgrad.schema("network-explain"))
    assert sum(term["value"] for term in explained["terms"]) == pytest.approx(explained["value"], rel=1e-14)


def test_there_is_a_loss_only_where_a_network_names_one(tmp_path):
    path = tmp_path / "network.json"
    path.write_text('{"input": [1, 2], "layers": [{"op": "relu"}], "delta": "ones"}')
    run = program("explain", "loss", str(path))
    assert (run.returncode, "there is no loss" in run.stderr) == (2, True)
