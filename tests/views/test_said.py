"""What views say in words: of samples, ties, sums that are no numbers, and what else there is to see."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml

import convgrad
from convgrad.passes.shown import Shown
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


@pytest.mark.parametrize(("called", "first"), [("first", "id first"), (2, "id 2"), ("a\x1b[31m", "id a [31m")])
def test_an_id_is_shown_like_a_name(called, first):
    case = {**TIED, "id": called, "name": "a name"}
    assert shown(convgrad.backward(case), 80).splitlines()[:2] == [first, "a name"]
    network = {**sample("network-classifier.yaml"), "id": called, "name": None}
    assert shown(Shown(convgrad.network(network))).startswith(f"{first}\nnetwork of")


def test_without_an_id_there_is_no_line_of_it():
    assert shown(convgrad.backward({**TIED, "id": None}), 80).startswith("max-pool")


# -- A check -----------------------------------------------------------------------------------------------------------

CLAIMED = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}


def checked(claim, **asked):
    return convgrad.check({**CLAIMED, "claim": claim}, **asked)


def test_one_entry_is_spoken_of_as_one():
    text = shown(checked({"db": 0.3}))
    assert "our db agrees with finite differences in its only entry\n" in text
    assert "the claimed db differs from the gradient in its only entry: claimed 0.3, correct 0.1" in text
    assert "db[]" not in text + shown(checked({"db": 0.3}, all_entries=True))
    tie = shown(convgrad.check({**TIED, "window": 1, "stride": 1, "padding": 0, "input": [1], "delta": [1]}))
    assert "all 1" not in tie


def test_shapes_are_written_as_elsewhere():
    assert "the claimed dW has shape (1,), but it must have (2,)" in shown(checked({"dW": [1]}))
    assert "the claimed dW is a number, but it must have shape (2,)" in shown(checked({"dW": 1}))
    assert "the claimed db has shape (2,), but it must be a number" in shown(checked({"db": [1, 2]}))


def test_checksums_beside_a_claim_are_said_to_be_ours():
    assert "\nour own gradients:\n  <x,dX> = <w,dW> = <y-b,delta> = 0.29   holds\n" in shown(checked({"db": 0.3}))
    assert "our own" not in shown(convgrad.check(CLAIMED))


def test_numbers_that_differ_are_shown_to_differ():
    claim = {"output": [1.3000001, 2.1]}
    assert "claimed 1.3000001, correct 1.3," in shown(convgrad.check({**CLAIMED, "claim": claim}))


def test_all_entries_names_every_blind_spot_and_keeps_to_the_width():
    claim = {"dX": [7, 8.125, 1234567]}
    report = checked(claim, all_entries=True)
    text = shown(report)
    assert all(f"{blind.id} (" in text for blind in report.strength.blind_to)
    assert "more" not in text
    narrow = shown(report, 30)
    assert all(len(line) <= 30 or len(line.split()) == 1 for line in narrow.splitlines())
    assert all(number in narrow for number in ("dX[1]", "8.125", "1234567"))


def test_digits_that_are_too_few_are_said_to_be(monkeypatch):
    report = checked({"db": 0.1})
    monkeypatch.setattr(type(report.findings[0]), "vague", True, raising=False)
    assert "more digits, another type" in shown(report)


@pytest.mark.slow
def test_the_installation_names_its_cases_and_says_why_some_are_undecided(installation):
    lines = shown(installation).splitlines()
    names = [line[:37].strip() for line in lines[2 : 2 + len(installation.cases)]]
    assert len(set(names)) == len(names)
    assert any(line.startswith("undecided is meant to be") for line in lines)


# -- What a wrong array comes from -------------------------------------------------------------------------------------

SYMMETRIC = {
    "input": [[3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3]], "kernel": [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    "delta": [[1, 2], [2, 1]],
}  # fmt: skip
STEPPED = {
    "input": [3.1, 1.7, 4.3, 1.9, 5.3], "delta": [0.777], "learning_rate": 0.0123,
    "layers": [{"name": "out", "op": "dense", "kernel": [[0.11, 0.23, 0.37, 0.41, 0.53]]}],
}  # fmt: skip


def test_a_mistake_that_gives_the_same_is_named_beside_the_first_and_told_in_full_where_all_is_asked_for():
    dW = convgrad.backward(SYMMETRIC).dW.astype(float).T.tolist()
    report, every = (convgrad.check(SYMMETRIC, {"dW": dW}, all_entries=all_of) for all_of in (False, True))
    told = report.diagnosis
    assert [one.mistake for one in told][:2] == ["axes-swapped", "transposed-layout"]
    assert "transposed-layout" in told[0].details["alternatives"]
    assert (shown(report).count("fix:"), shown(every).count("fix:")) == (1, len(told))
    assert told[0].message in " ".join(shown(report).split())


def test_of_many_examples_three_are_shown_with_one_fix_and_all_where_all_is_asked_for():
    network = convgrad.network(STEPPED)
    (stepped,) = network.layers[0].updated["kernel"]
    claim = {"out": {"kernel": [[round(float(value) + 0.00001, 5) for value in stepped]]}}
    report, every = (convgrad.check({**STEPPED, "claim": claim}, all_entries=all_of) for all_of in (False, True))
    assert [one.mistake for one in report.diagnosis] == ["misrounded"] * 5
    assert (shown(report).count("misrounded"), shown(report).count("fix:")) == (3, 1)
    assert "and 2 more of the kind; --all shows all" in shown(report)
    assert (shown(every).count("misrounded"), shown(every).count("fix:"), "--all" in shown(every)) == (5, 1, False)
