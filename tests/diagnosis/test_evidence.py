"""A name is earned by the entries that tell it from the truth, by more than chance, and told once."""

from __future__ import annotations

import re

import numpy as np
import pytest

import convgrad
from convgrad.checking.judging import check
from convgrad.diagnosis.chance import Evidence
from convgrad.diagnosis.control import builtin_cases, truth_of
from convgrad.diagnosis.diagnoser import diagnose
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claims_of

POOL = {"op": "max-pool", "window": 2, "input": np.random.default_rng(0).permutation(72).reshape(2, 1, 6, 6).tolist()}


def told(document, **claims):
    case = make_case(document)
    return diagnose(case, truth_of(case), claims_of(case, claims))


# -- Damage ------------------------------------------------------------------------------------------------------------


def test_one_entry_of_many_terms_that_moved_at_random_has_no_name():
    random = np.random.default_rng(3)
    arrays = {"input": (1, 8, 12, 12), "kernel": (64, 8, 3, 3), "delta": (1, 64, 12, 12)}
    document = {name: random.standard_normal(shape).astype(np.float32) for name, shape in arrays.items()}
    case = make_case({**document, "padding": 1})
    truth = truth_of(case)
    for place in random.integers(0, truth["dX"].size, 4):
        wrong = truth["dX"].astype(np.float32)
        wrong.flat[place] += 0.5
        assert [one.mistake for one in diagnose(case, truth, claims_of(case, {"dX": wrong}))] == [None]


def test_a_max_pool_that_routes_delta_at_random_has_no_name():
    for seed in range(20):
        random = np.random.default_rng(seed)
        delta = random.permutation(np.arange(1, 19)).reshape(2, 1, 3, 3)
        wrong = np.zeros((2, 1, 6, 6), int)
        for n, _, i, j in np.ndindex(2, 1, 3, 3):
            wrong[n, 0, 2 * i + random.integers(2), 2 * j + random.integers(2)] = delta[n, 0, i, j]
        found = told({**POOL, "delta": delta.tolist()}, dX=wrong.tolist())
        assert {one.mistake for one in found} == {None}, seed


# -- What is counted ---------------------------------------------------------------------------------------------------


def test_only_entries_that_differ_from_the_truth_are_counted():
    random = np.random.default_rng(1)
    shapes = {"input": (2, 1, 6, 6), "kernel": (1, 1, 2, 2), "delta": (2, 1, 2, 2)}
    document = {name: random.integers(1, 9, shape).tolist() for name, shape in shapes.items()}
    document |= {"stride": 2, "dilation": 3}
    case = make_case(document)
    truth = truth_of(case)["dX"].astype(float)
    wrong = truth.copy()
    wrong[1] = 0
    (found,) = told(document, dX=wrong.tolist())
    tell = int((truth[1] != 0).sum())
    assert found.details["evidence"] == {"tell": tell, "match": tell}
    assert f"in all {tell} entries that tell" in found.message
    assert found.details["chance"] < 0.1


def test_a_number_that_anything_fits_has_no_name_unless_another_array_shows_the_same():
    document = {"dims": 1, "input": [[[1, 2, -3, 5, 4]]], "kernel": [[[2, -1]]], "delta": [[[3, -2, 1, 7]]]}
    alone = check(document, {"db": [7]}).diagnosis
    assert [one.mistake for one in alone] == [None]
    both = check(document, {"dW": [[[35, 28]]], "db": [7]}).diagnosis
    assert [(one.array, one.mistake) for one in both] == [("dW", "one-overlay-only"), ("db", "one-overlay-only")]


def test_a_term_that_explains_an_entry_fits_and_one_of_several_is_not_named():
    document = {"input": [[1, 2, 4], [8, 16, 32], [64, 128, 256]], "kernel": [[1, 3], [9, 27]]}
    document |= {"delta": [[1, 100], [10000, 1000000]]}
    right = truth_of(make_case(document))["dX"][0, 0].astype(int)
    wrong = right.copy()
    wrong[1, 1] -= 900
    (found,) = told(document, dX=wrong.tolist())
    assert (found.mistake, "which fits" in found.message) == ("term-missing", True)
    halves = {"input": [100, 50, 1, 7], "kernel": [1, 1, 1], "delta": [1, 1]}
    (found,) = told(halves, dW=[50, 51, 8])  # 100 missing, or 50 of the wrong sign
    assert found.mistake is None
    assert {"term-missing", "term-sign"} <= set(found.details["alternatives"])


# -- Entries that are no numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "mistake"), [(float("nan"), None), (1e-41, "unwritten"), (-2.7e30, "unwritten")])
def test_entries_that_were_never_written_are_told_with_what_the_rest_says(value, mistake):
    random = np.random.default_rng(0)
    document = {"input": random.standard_normal((2, 2, 6, 6)), "kernel": random.standard_normal((2, 2, 3, 3)),
                "delta": random.standard_normal((2, 2, 4, 4))}  # fmt: skip
    wrong = truth_of(make_case(document))["dX"] * 2
    wrong[:, :, -1] = value
    first, second = told(document, dX=wrong)
    assert first.mistake == mistake
    assert "24 entries" in first.message
    assert "in the last row; of the other 120, 120 are wrong" in first.message
    assert second.mistake == "rows-missing" or second.details.get("parts")


# -- Advice ------------------------------------------------------------------------------------------------------------

NETWORK = {
    "input": [[0.7, -0.3, 0.1], [0.9, -0.5, 0.4], [0.2, 0.8, -0.6]], "delta": [1, -2],
    "layers": [{"name": "conv2", "op": "conv", "kernel": [[0.1, -0.3], [-0.5, 0.7]]}, {"name": "bent", "op": "relu"},
               {"name": "out", "op": "dense", "kernel": [[1, 2, 3, 4], [5, 6, 7, 9]], "bias": [0, 1]}],
    "learning_rate": 0.1,
}  # fmt: skip
SMALL = [
    {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]},
    {"op": "average-pool", "window": 2, "dims": 2, "input": [[1, 2], [3, 5]], "delta": [[2]]},
]


@pytest.mark.parametrize("document", [*builtin_cases(), *SMALL], ids=lambda document: str(document.get("id", "small")))
def test_every_command_in_an_advice_runs_on_the_case(document):
    result = convgrad.backward(document).to_dict()
    result["output"] = convgrad.forward(document).to_dict()["output"]
    claims = {name: spoiled(result[name]) for name in ("output", "dW", "db", "dX") if result.get(name) is not None}
    assert_commands_run(document, check(document, claims, arithmetic="float64").diagnosis)


def test_every_command_in_an_advice_runs_on_the_network():
    arrays = {"conv2": ["output", "delta", "dX", "dW", "kernel"], "bent": ["output", "dX"], "out": ["dX", "dW", "db"]}
    layers = {layer["name"]: layer for layer in convgrad.network(NETWORK).to_dict()["layers"]}
    layers = {name: {**layer, **layer.get("updated", {})} for name, layer in layers.items()}
    for name, parts in arrays.items():
        for array in parts:
            report = check(NETWORK, {name: {array: spoiled(layers[name][array])}})
            assert report.verdict == "differs"
            assert_commands_run(NETWORK, report.diagnosis)


def spoiled(values):
    """Numbers that are wrong by irregular amounts."""
    array = np.array(values, float)
    return array + np.random.default_rng(5).uniform(10, 99, array.shape)


def assert_commands_run(document, diagnoses):
    """Each command that an advice names explains an entry of the input as it is."""
    advice = [text for one in diagnoses for text in (one.message, one.fix)]
    entries = [entry for text in advice for entry in re.findall(r"explain '([^']+)'", text)]
    for entry in entries:
        convgrad.explain(document, entry)
    assert all("explain" not in text or re.search(r"explain '[^']+'", text) for text in advice)


def test_chance_stays_a_number_however_many_ways_there_are_to_match_a_part():
    assert 1e300 < Evidence(200_000, 100_000, 0.0).chance(10) < float("inf")


def test_numbers_that_are_nearly_right_are_not_scaled_by_nearly_one():
    """Inputs that were rounded move sums by as much: nobody multiplies by 0.99999998."""
    case = {"input": [[3, 1, 4], [1, 5, 9], [2, 6, 5]], "kernel": [[1, 2], [3, 5]], "delta": [[1, 2], [5, 7]]}
    right = convgrad.backward(case).dX
    for factor, named in ((1 - 2e-8, False), (1 - 2e-5, True)):
        found = check(case, {"dX": np.round(right * factor, 12).tolist()}).diagnosis
        assert any("scaled" in (one.mistake or "") for one in found) == named
