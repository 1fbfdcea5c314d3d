"""A record of every kind that has a view, by its kind."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import yaml

import convgrad
from convgrad.checking.installation import Installation, Verified
from convgrad.checking.report import Reports
from convgrad.passes.batches import Saved
from convgrad.passes.shown import Shown
from convgrad.subject.case import as_case
from convgrad.suites.record import Table
from convgrad.suites.selection import Wanted, trials
from tests.views.cases import SQUARE, TIES

SAMPLES = Path(__file__).parents[2] / "samples"
NETWORK = yaml.safe_load((SAMPLES / "network-pool-dense.yaml").read_text())
CLASSIFIED = {
    "input": [[1, 2], [0, 1]],
    "layers": [{"name": "out", "op": "dense", "kernel": [[1, 2, 3, 4], [0, 1, 0, 1], [1, 1, 1, 1]]}, {"op": "softmax"}],
    "loss": {"op": "cross-entropy", "target": 1},
}


def claimed(case, name):
    """A case with a claim that has the wrong sign."""
    return {**case, "claim": {name: np.negative(getattr(convgrad.backward(case), name)).tolist()}}


def claimed_network():
    layer = convgrad.network(NETWORK).layers[0]
    return {**NETWORK, "claim": {layer.name: {"dX": np.negative(layer.dX).astype(float).tolist()}}}


@cache
def grade_of_sample():
    """Of a kernel with a mistake: some cases agree, some differ, some are not run."""
    ids = ["conv2d/core-1", "conv2d/plain-1", "conv2d/pointwise-stride-2"]
    return convgrad.grade(f"{SAMPLES / 'kernel.py'}:backward", case=ids, shrink=False)


RECORDS = {
    "Forward": lambda: [convgrad.forward(SQUARE), convgrad.forward(TIES)],
    "Gradients": lambda: [convgrad.backward(SQUARE), convgrad.backward(TIES)],
    "Saved": lambda: [Saved(as_case(SQUARE), "dX", "x.npy", (5, 5), "float64", dW=convgrad.backward(SQUARE).dW)],
    "Explanation": lambda: [convgrad.explain(SQUARE, "dX[1,1]"), convgrad.explain(TIES, "y[1,1]")],
    "LossExplanation": lambda: [convgrad.explain(CLASSIFIED, "loss")],
    "Report": lambda: [convgrad.check(claimed(SQUARE, "dW"), all_entries=True), convgrad.check(TIES)],
    "Reports": lambda: [Reports(tuple(convgrad.check({**claimed(SQUARE, "dW"), "id": name}) for name in ("a", "b")))],
    "Installation": lambda: [Installation((Verified(convgrad.check(SQUARE), ()),))],
    "Listing": lambda: [convgrad.mistakes(op="max-pool"), convgrad.mistakes("stride-ignored")],
    "Shown": lambda: [Shown(convgrad.network(NETWORK), steps=1)],
    "Grade": lambda: [grade_of_sample()],
    "Table": lambda: [Table(tuple(trials(Wanted(dims=(1,)))), "float64")],
    "LayerExplanation": lambda: [convgrad.explain(NETWORK, f"{convgrad.network(NETWORK).layers[0].name}.dX[2,2]")],
    "NetworkReport": lambda: [convgrad.check(claimed_network(), all_entries=True)],
}
TWO = ("Forward", "Gradients", "Explanation", "Report", "Listing")
COUNTS = dict.fromkeys(RECORDS, 1) | dict.fromkeys(TWO, 2)
"""How many records there are of each kind, so that tests are collected before one is made."""
