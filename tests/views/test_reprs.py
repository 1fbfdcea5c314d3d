"""What an interactive session shows of a result is one line that is read at a glance."""

from __future__ import annotations

import numpy as np

import convgrad
from convgrad.subject.case import as_case

LEDGER = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}


def test_results_are_shown_in_one_line():
    assert repr(convgrad.backward(LEDGER)) == "Gradients(conv, dW=[0.3, 0.4], db=0.1, dX=[-0.03, 0.01, 0.1])"
    assert repr(convgrad.forward(LEDGER)) == "Forward(conv, output=[1.3, 2.1])"
    assert repr(as_case(LEDGER)) == "Case(conv, x (1, 1, 3), w (1, 1, 2))"
    assert repr(convgrad.explain(LEDGER, "dX[1]")) == "Explanation(dX[1] = 0.01, 2 terms)"


def test_fractions_are_shown_as_such():
    thirds = convgrad.backward({**LEDGER, "delta": "ones"}, arithmetic="exact")
    assert repr(thirds) == "Gradients(conv, dW=[3, 5], db=2, dX=[3/10, 4/5, 1/2])"


def test_large_arrays_are_shortened_and_long_computations_not_begun():
    row = convgrad.backward({"input": list(range(100)), "kernel": [1, -1], "delta": "ones"})
    assert repr(row) == "Gradients(conv, dW=[4851, 4950], db=99, dX=[1, 0, ..., 0, -1])"
    plane = convgrad.backward({"input": np.zeros((9, 9)), "kernel": np.ones((2, 2)), "delta": "ones"})
    assert "dX=array of shape (9, 9))" in repr(plane)
    large = convgrad.backward({"input": np.zeros((200, 200)), "kernel": np.ones((3, 3)), "delta": "ones"})
    assert repr(large) == "Gradients(conv)"
    assert large.dX is not None
    assert "dX=array of shape (200, 200)" in repr(large)


def test_a_report_is_shown_by_its_verdict_what_is_wrong_and_why():
    assert repr(convgrad.check(LEDGER)) == "Report(agrees)"
    right = convgrad.backward(LEDGER)
    claim = {"dX": np.negative(right.dX).tolist(), "db": 0.1}
    report = repr(convgrad.check({**LEDGER, "claim": claim}))
    assert report.startswith("Report(differs: dX 3 of 3 wrong; ")
    assert "\n" not in report
