"""What views say in words: of samples, ties, sums that are no numbers, and what else there is to see."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml

import convgrad
from convgrad.views import render

SAMPLES = Path(__file__).parents[2] / "samples"
BATCH = {"dims": 1, "input": [[[1, 2, 3]], [[4, 5, 6]]], "kernel": [[[1, 2]]], "delta": [[[1, 2]], [[3, 4]]]}
TIED = {"op": "max-pool", "dims": 1, "window": 3, "input": [5, 5, 5], "delta": [2]}


def shown(record, width=None, **asked):
    return "".join(render(record, width=width, color="never", **asked))


def sample(name):
    return yaml.safe_load((SAMPLES / name).read_text())


@pytest.mark.parametrize("entry", ["dW[0,0,0]", "db[0]"])
def test_where_terms_come_from_several_samples_these_are_named(entry):
    text = shown(convgrad.explain(BATCH, entry))
    assert re.search(r"sample +overlay", text)
    assert re.findall(r"^ +([01])  \[([01])\]", text, re.M) == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]


def test_of_one_sample_nothing_is_said():
    assert "sample" not in shown(convgrad.explain(BATCH, "dX[1,0,1]"))


@pytest.mark.parametrize(
    ("ties", "entry", "note"),
    [
        ("all", "dX[1]", "ties with 2 others, takes all of it"),
        ("all", "y[0]", "ties with 2 others"),
        ("split", "dX[1]", "shares a tie of 3"),
        ("first", "dX[0]", "wins"),
        ("first", "dX[1]", "ties, but does not win"),
        ("last", "dX[1]", "ties, but does not win"),
        ("last", "dX[2]", "wins"),
    ],
)
def test_a_tie_is_told_from_a_defeat(ties, entry, note):
    assert re.search(f" {note}$", shown(convgrad.explain({**TIED, "ties": ties}, entry)), re.M)


def test_what_is_less_does_not_win():
    text = shown(convgrad.explain({**TIED, "input": [5, 4, 5]}, "dX[1]"))
    assert "does not win" in text
    assert "ties" not in text.split("delta")[1]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_sum_that_is_no_number_is_not_compared(value):
    case = {"input": [1, value, 3], "kernel": [1, 2], "delta": [1, 2]}
    text = shown(convgrad.backward(case, nonfinite=True, arithmetic="float64"))
    name = "NaN" if math.isnan(value) else "inf"
    assert f"<x,dX> and <y-b,delta> are {name}: nothing to compare" in text
    assert "does not hold" not in text


def test_the_last_pair_points_back_to_the_first():
    case = convgrad.backward(sample("strides.yaml"))
    assert "--channel 1,1 shows the last" in shown(case)
    assert "--channel 0,0 shows the first" in shown(case, channel=(1, 1))


def test_rounding_is_said_once_and_no_column_is_empty():
    made = sample("network-classifier.yaml")
    assert shown(convgrad.explain(made, "pool.dX[0,0,2]")).count("rounded to") == 1
    head = shown(convgrad.explain(made, "relu2.dX[0,0,1]")).splitlines()[4]
    assert head.split() == ["entry", "delta", "slope", "delta", "×", "slope"]
