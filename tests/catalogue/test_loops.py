"""Loops with another loop's variable are what the same loops, written out, give; right ones give the right arrays."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from convgrad.catalogue import loops
from convgrad.catalogue.tables import right
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed

SETTINGS = {"stride": [2, 1], "padding": [[1, 0], [0, 1]], "dilation": [1, 2]}
CASES = {
    "a convolution": {"input": (2, 4, 5, 6), "kernel": (2, 2, 2, 3), "groups": 2, **SETTINGS},
    "one of two filters a group": {"input": (2, 4, 5, 6), "kernel": (4, 2, 2, 3), "groups": 2, **SETTINGS},
    "one without groups": {"input": (2, 3, 5, 6), "kernel": (2, 3, 2, 3), **SETTINGS},
    "one that is turned": {"input": (2, 2, 4, 5), "kernel": (3, 2, 2, 2), "mode": "convolution"},
    "a transposed one": {"op": "conv-transpose", "input": (2, 4, 3, 3), "kernel": (4, 1, 2, 3), "groups": 2,
                         "stride": [2, 1], "padding": [[1, 0], [0, 1]]},
    "one in one axis": {"dims": 1, "input": (2, 2, 7), "kernel": (3, 2, 3), "stride": 2, "padding": 1},
    "one in three axes": {"input": (1, 2, 3, 3, 4), "kernel": (2, 2, 2, 2, 2), "bias": (2,)},
}  # fmt: skip


def case_of(document):
    random = np.random.default_rng(5)
    shaped = {name: random.integers(-9, 10, part).tolist() if name in ("input", "kernel", "bias") else part
              for name, part in document.items()}  # fmt: skip
    shape = make_case({**shaped, "delta": "ones"}).output_shape
    return make_case({**shaped, "delta": random.integers(-9, 10, shape).tolist()})


@pytest.mark.parametrize("name", CASES)
def test_loops_with_their_own_variables_give_the_right_arrays(name):
    case = case_of(CASES[name])
    for array, truth in truth_of(case).items():
        if array != "db":
            made, _ = loops._right(right(case, array))
            assert loops._instead(truth, made).tolist() == truth.tolist()


def spoilt_dX(case, cell=None, near=None, kernel=None, to=None):
    """dX of the first cases in plain loops, with another cell or channel, or other indices of delta or the kernel."""
    x, w = case.operands["x"], case.operands["w"]
    result = np.zeros(x.shape, object)
    filters = len(w) // case.settings["groups"]
    channels, taps, positions = (
        range(w.shape[1]),
        list(np.ndindex(*w.shape[2:])),
        list(np.ndindex(*case.delta.shape[2:])),
    )
    for n, o, i, p, t in product(range(len(x)), range(len(w)), channels, positions, taps):
        at = cell(n, o, i, p, t) if cell else (p[0] * 2 + t[0] - 1, p[1] + t[1] * 2)
        inside = 0 <= at[0] < x.shape[2] and 0 <= at[1] < x.shape[3]
        if inside:
            factor = case.delta[near(n, o, i, p, t) if near else (n, o, *p)]
            channel = to(n, o, i, p, t) if to else o // filters * w.shape[1] + i
            result[(n, channel, *at)] += factor * w[kernel(n, o, i, p, t) if kernel else (o, i, *t)]
    return result


SPOILT = {
    "stride-misused": {
        "a cell's tap's row for its position's row": {"cell": lambda n, o, i, p, t: (3 * t[0] - 1, p[1] + 2 * t[1])},
        "a cell's sample for its position's column": {
            "cell": lambda n, o, i, p, t: (2 * p[0] + t[0] - 1, n + 2 * t[1])
        },
        "a cell's sample for its tap's column": {"cell": lambda n, o, i, p, t: (2 * p[0] + t[0] - 1, p[1] + 2 * n)},
        "position's row // stride": {"cell": lambda n, o, i, p, t: (p[0] // 2 + t[0] - 1, p[1] + 2 * t[1])},
        "tap's column subtracted": {"cell": lambda n, o, i, p, t: (2 * p[0] + t[0] - 1, p[1] - 2 * t[1])},
    },
    "wrong-index": {
        "delta: by the output channel, not the position's row": {"near": lambda n, o, i, p, t: (n, o, o, p[1])},
        "delta: by the tap's column, not the position's column": {"near": lambda n, o, i, p, t: (n, o, p[0], t[1])},
        "w: by the input channel, not the output channel": {"kernel": lambda n, o, i, p, t: (i, i, *t)},
    },
}  # fmt: skip


@pytest.mark.parametrize(("mistake", "text"), [(name, text) for name, each in SPOILT.items() for text in each])
def test_another_loop_s_variable_is_named_by_both(mistake, text):
    case = case_of(CASES["a convolution"])
    truth, wrong = truth_of(case)["dX"], spoilt_dX(case, **SPOILT[mistake][text])
    assert (spoilt_dX(case) == truth).all()
    found = Diagnoser(case, "dX", truth).of(claimed("dX", wrong + truth * 0, truth))[0]
    assert found.mistake == mistake
    assert text in found.message


OF_CHANNELS = [
    ("one of two filters a group", "channel tap's row of the group", {"to": lambda n, o, i, p, t: o // 2 * 2 + t[0]}),
    ("one of two filters a group", "channel of group input channel", {"to": lambda n, o, i, p, t: i * 2 + i}),
    ("one of two filters a group", "by the output channel, not the group's", {"to": lambda n, o, i, p, t: o}),
    ("one without groups", "by the output channel, not the input", {"to": lambda n, o, i, p, t: o}),
    ("one without groups", "by the position's row, not the input channel", {"to": lambda n, o, i, p, t: p[0]}),
    ("one without groups", "the input channel for the cell's row, with padding",
     {"cell": lambda n, o, i, p, t: (i - 1, p[1] + t[1] * 2)}),
    ("one of two filters a group", "a cell's group for its tap's row",
     {"cell": lambda n, o, i, p, t: (p[0] * 2 + o // 2 - 1, p[1] + t[1] * 2)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "spoilt"), OF_CHANNELS)
def test_a_channel_or_a_group_of_another_loop_is_named(name, text, spoilt):
    case = case_of(CASES[name])
    truth, wrong = truth_of(case)["dX"], spoilt_dX(case, **spoilt)
    assert (spoilt_dX(case) == truth).all()
    found = Diagnoser(case, "dX", truth).of(claimed("dX", wrong + truth * 0, truth))[0]
    assert found.mistake == ("wrong-index" if "to" in spoilt else "stride-misused")
    assert text in found.message


def test_db_from_delta_by_another_loop_s_variable():
    case = case_of(CASES["a convolution"])
    delta, truth = case.delta, truth_of(case)["db"]
    wrong = sum(delta[n, :, p, 0] * 0 + [delta[n, o, o, q] for o in range(2)]
                for n, p, q in np.ndindex(delta.shape[0], *delta.shape[2:]))  # fmt: skip
    made = loops.indices_by_other_loop(right(case, "db"))["delta: by the output channel, not the position's row"]
    assert made.value().tolist() == wrong.tolist() != truth.tolist()


def test_what_would_lead_past_an_end_is_no_variant():
    case = case_of({"dims": 1, "input": (1, 5, 4), "kernel": (2, 5, 2)})
    assert not any(
        "by the input channel" in text
        for text in loops.indices_by_other_loop(right(case, "dX"))
        if text.startswith("delta")
    )


def test_large_layers_and_copied_padding_have_no_loops_tried():
    large = case_of({"input": (4, 8, 10, 10), "kernel": (8, 8, 3, 3)})
    copied = case_of({"dims": 1, "input": (1, 1, 5), "kernel": (1, 1, 3), "padding": 1, "padding_mode": "reflect"})
    for case in (large, copied):
        assert loops.cells_by_other_loop(right(case, "dX")) == loops.indices_by_other_loop(right(case, "dX")) == {}
