"""Each condition is met by a case that has what it asks for, and not by one that differs from it in little else."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.catalogue.conditions import CONDITIONS, blindness
from convgrad.catalogue.tables import FIRST, PRACTISED
from convgrad.subject.case import make_case

CONV = {"input": [1, 2, 4, 7, 5], "kernel": [1, 3], "delta": "ones"}
PLANE = {"input": [[1, 2, 4], [3, 5, 9], [7, 6, 8]], "kernel": [[1, 2], [3, 5]], "delta": "ones"}
MAX = {"op": "max-pool", "input": [1, 2, 4, 7, 5, 3], "window": 2, "delta": "ones"}
MEAN = {**MAX, "op": "average-pool"}
NORM = {**MAX, "op": "lp-pool"}
UNPOOL = {
    "op": "max-unpool",
    "dims": 1,
    "input": [[1, 2], [4, 3]],
    "indices": [[2, 0], [0, 2]],
    "output_size": 3,
    "delta": "ones",
}
UNEVEN = {"op": "adaptive-average-pool", "input": [1, 2, 4, 7, 5], "output_size": 2, "delta": "ones"}


def channels(x, w, **more):
    """A convolution with arrays of these shapes."""
    return {"input": np.ones(x), "kernel": np.ones(w), "delta": "ones", **more}


MET = {
    "axes": (PLANE, CONV),
    "taps": (CONV, {**CONV, "kernel": [3]}),
    "larger window": (MAX, {**MAX, "window": 1}),
    "stride": ({**PLANE, "stride": [1, 2]}, PLANE),
    "dilation": ({**PLANE, "dilation": [1, 2]}, PLANE),
    "stride other than dilation": ({**CONV, "stride": 2}, {**CONV, "stride": 2, "dilation": 2}),
    "strides that differ": ({**PLANE, "stride": [1, 2]}, {**PLANE, "stride": 2}),
    "padding": ({**CONV, "padding": [[0, 1]]}, {**CONV, "padding": [[-1, 0]]}),
    "padding or cropping": ({**CONV, "padding": [[-1, 0]]}, CONV),
    "copied padding": ({**CONV, "padding": 1, "padding_mode": "reflect"}, {**CONV, "padding": 1}),
    "groups": (channels((2, 5), (2, 1, 2), groups=2), channels((2, 5), (2, 2, 2))),
    "kernel channels": (channels((1, 5), (2, 1, 2)), channels((2, 5), (2, 1, 2), groups=2)),
    "square kernel channels": (channels((4, 5), (4, 2, 2), groups=2), channels((2, 5), (3, 2, 2))),
    "channels": (channels((1, 5), (2, 1, 2)), CONV),
    "output channels": (channels((2, 5), (4, 1, 2), groups=2), channels((2, 5), (2, 1, 2), groups=2)),
    "input channels": (channels((4, 5), (2, 2, 2), groups=2), channels((2, 5), (4, 1, 2), groups=2)),
    "samples": (channels((2, 1, 5), (1, 1, 2)), channels((1, 2, 5), (1, 2, 2))),
    "bias": ({**CONV, "bias": 2}, {**CONV, "bias": 0}),
    "positions": (CONV, {**CONV, "input": [1, 2]}),
    "overlap": ({**CONV, "stride": 1}, {**CONV, "stride": 2}),
    "remainder": ({**CONV, "stride": 2}, {**CONV, "input": [1, 2, 4, 7], "stride": 2}),
    "unreached cells": ({**CONV, "stride": 2}, {**CONV, "input": [1, 2, 4, 7], "stride": 2, "padding": [[0, 1]]}),
    "spare taps": ({**CONV, "stride": 2}, {**CONV, "stride": 2, "dilation": 2}),
    "cut windows": ({**MEAN, "padding": 1, "count_include_pad": False}, MEAN),
    "uneven windows": (UNEVEN, {**UNEVEN, "input": [1, 2, 4, 7]}),
    "ties": ({**MAX, "input": [1, 1, 4, 7, 5, 3]}, {**MAX, "input": [1, 2, 2, 7, 5, 3]}),
    "negative window": ({**MAX, "input": [1, 2, 4, -7]}, {**MAX, "input": [1, 2, 4, 0]}),
    "negative numbers": ({**NORM, "input": [1, 2, 4, -7]}, {**NORM, "input": [1, 2, 4, 0]}),
    "norm above 1": ({**NORM, "norm": 3}, {**NORM, "norm": 1}),
    "asymmetric kernel": (CONV, {**CONV, "kernel": [3, 3]}),
    "uneven padding": ({**CONV, "padding": [[1, 0]]}, {**CONV, "padding": 1}),
    "delta that varies": (
        {**CONV, "delta": [1, 1, 1, 2]},
        channels((2, 3), (2, 2, 2), delta=[[1, 1], [2, 2]]),
    ),
    "lengths that differ": ({**PLANE, "kernel": [[1, 2]]}, PLANE),
    "lengths not in fours": (CONV, {**CONV, "input": [1, 2, 4, 7], "padding": [[0, 1]]}),
    "asymmetric delta": ({**CONV, "delta": [1, 2, 2, 3]}, {**CONV, "delta": [1, 2, 2, 1]}),
    "fractions": ({**CONV, "kernel": [1, 0.5]}, CONV),
    "other cells": (UNPOOL, {**UNPOOL, "indices": [[0, 1], [0, 1]]}),
    "cells out of order": (UNPOOL, {**UNPOOL, "indices": [[0, 2], [1, 2]]}),
    "planes that differ": (UNPOOL, {**UNPOOL, "indices": [[2, 0], [2, 0]]}),
    "room": (UNPOOL, {**UNPOOL, "indices": [[1, 0], [0, 1]], "output_size": 2}),
    "delta other than ones": ({**CONV, "delta": [1, 1, 1, 2]}, CONV),
}


@pytest.mark.parametrize("name", ["remainder", "spare taps"])
def test_padding_at_the_end_counts_where_a_remainder_is_sought(name):
    padded = {**CONV, "stride": 2, "padding": [[0, 1]]}
    assert CONDITIONS[name].met(make_case({**padded, "input": [1, 2, 4, 7]}))
    assert not CONDITIONS[name].met(make_case(padded))


def test_every_condition_is_tried_but_the_one_that_numbers_decide():
    assert set(MET) == set(CONDITIONS) - {"asymmetric dW"}


@pytest.mark.parametrize("name", MET)
def test_a_condition_is_met_by_what_has_it_and_not_by_what_has_not(name):
    having, lacking = map(make_case, MET[name])
    assert CONDITIONS[name].met(having)
    assert not CONDITIONS[name].met(lacking)


@pytest.mark.parametrize("name", MET)
def test_why_a_case_is_blind_is_said_of_what_it_lacks(name):
    lacking = make_case(MET[name][1])
    why, advice = blindness(lacking, (name,))
    assert advice.startswith("use ") or advice == "give a bias"
    assert not why.startswith(("use ", "give "))
    assert blindness(make_case(MET[name][0]), (name,)) == ("these numbers hide it", "use other numbers")


def test_what_happened_is_said_as_a_fact_and_what_to_do_as_an_order():
    tables = [table for kinds in (FIRST, PRACTISED) for kind in kinds.values() for table in kind.values()]
    every = [form for table in tables for form in table.values()]
    facts, orders = {form.what.split()[0] for form in every}, {form.fix.split()[0] for form in every}
    assert {"the", "it", "one", "windows"} <= facts
    assert {"add", "let", "give", "leave"} <= orders
    assert facts & orders <= {"positions"}
