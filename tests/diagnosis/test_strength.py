"""What a case could reveal, what it is blind to and why, and what would open its eyes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from convgrad.catalogue.tables import catalogue
from convgrad.diagnosis.control import builtin_cases, truth_of
from convgrad.diagnosis.strength import planted, strength
from convgrad.subject.case import make_case


def seen(document):
    case = make_case(document)
    return strength(case, truth_of(case))


def why(document):
    return {blind.id: blind.why for blind in seen(document).blind_to}


DOCUMENT = {"input": [[1, 2, 4], [3, 5, 9], [7, 6, 8]], "kernel": [[1, 2], [3, 5]], "delta": [[1, 3], [4, 9]]}


def test_a_plain_case_is_blind_to_what_it_has_not():
    found = why(DOCUMENT)
    assert found["stride-ignored"] == "stride is 1"
    assert found["dilation-ignored"] == "dilation is 1"
    assert found["batch-averaged"] == found["sample-missing"] == "one sample"
    assert found["padding-ignored"] == "no padding"
    assert found["groups-mixed"] == "one group"
    assert found["bias-missing"] == "no bias"
    assert found["channel-missing"] == "one output channel"
    assert not {"kernel-rotated", "delta-rotated", "overwritten", "overlay-missing", "negated"} & set(found)


def test_symmetric_numbers_hide_a_turn():
    found = why({**DOCUMENT, "kernel": [[1, 2], [2, 1]], "delta": [[1, 3], [3, 1]]})
    assert found["delta-rotated"] == "delta is symmetric"
    assert why({**DOCUMENT, "delta": "ones"})["delta-rotated"] == "delta is constant in every channel"
    assert "kernel-rotated" not in found  # it shows in dW still
    found = why({**DOCUMENT, "input": [[1, 2, 1], [2, 5, 2], [1, 2, 1]], "kernel": [[1, 2], [2, 1]], "delta": "ones"})
    assert found["kernel-rotated"] == "dW is symmetric"
    assert found["delta-forgotten"] == "delta is all ones"


def spots(**change):
    return [spot.why for spot in seen({**DOCUMENT, **change}).spots]


def test_what_hides_some_ways_of_many_mistakes_is_told_in_words():
    square, fours = "height and width are equal everywhere", "all lengths are multiples of 4"
    constant, symmetric = "delta is constant in every channel", "the kernel is symmetric"
    assert spots() == [square]
    assert spots(kernel=[[1, 2, 3]], delta=[[1], [3], [4]]) == []
    assert spots(kernel=[[1, 2], [2, 1]], delta="ones") == [constant, symmetric, square]
    padded = {"input": np.arange(16).reshape(4, 4).tolist(), "padding": [[0, 1], [0, 1]]}
    assert spots(**padded, delta=np.arange(16).reshape(4, 4).tolist()) == [square, fours]
    per_channel = {"input": [[[1, 2, 3]]], "dims": 1, "kernel": [[[1, 2]], [[3, 5]]], "delta": [[[4, 4], [7, 7]]]}
    assert spots(**per_channel) == [constant]
    pool = {"op": "max-pool", "window": 2, "input": [[1, 2], [3, 4]], "delta": [[1]]}
    assert [spot.why for spot in seen(pool).spots] == [square]


def test_windows_that_do_not_overlap_hide_overwriting():
    found = why({"op": "max-pool", "input": [[1, 2], [3, 4]], "window": 2, "delta": [[1]]})
    assert found["overwritten"] == "windows do not overlap"
    assert found["ties-last"] == "no ties"
    assert found["stride-ignored"] == "one position"


def test_the_count_is_of_the_mistakes_on_the_operation_and_adds_up():
    for document in builtin_cases():
        case = make_case(document)
        found = seen(document)
        assert found.of == len(catalogue(case)) - 1  # misrounding shows in the claim's digits, not in the case
        assert found.catches == found.of - len(found.blind_to)
        told = {"blind_to": [blind.id for blind in found.blind_to], "spots": [spot.why for spot in found.spots]}
        assert found.to_dict() == {"catches": found.catches, "of": found.of, **told}


def test_a_mistake_is_caught_where_any_array_would_come_out_different():
    for document in builtin_cases():
        case = make_case(document)
        truth = truth_of(case)
        shown = {name for _, name, _, wrong in planted(case, truth)}
        assert shown == {mistake.id for mistake in catalogue(case)} - {"misrounded"} - set(why(document))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("stride-ignored", {"stride": 2, "delta": [[7]]}),
        ("padding-ignored", {"padding": 1, "delta": np.arange(1, 17).reshape(4, 4).tolist()}),
        ("bias-missing", {"bias": [3]}),
        ("dilation-ignored", {"dilation": 2, "delta": [[7]]}),
    ],
)
def test_what_is_advised_opens_its_eyes(name, change):
    assert name in why(DOCUMENT)
    assert name not in why({**DOCUMENT, **change}) or name == "stride-ignored"


def test_without_delta_all_is_hidden_but_what_the_output_shows():
    found = seen({**DOCUMENT, "delta": [[0, 0], [0, 0]]})
    assert {"negated", "kernel-rotated"} & {blind.id for blind in found.blind_to} == set()
    assert "overwritten" in {blind.id for blind in found.blind_to}


LARGE = {
    "a convolution": {"kernel": (4, 4, 3, 2), "padding": 1},
    "one in groups, strided": {"kernel": (4, 2, 3, 3), "groups": 2, "stride": 2, "mode": "convolution"},
    "a transposed one": {"op": "conv-transpose", "kernel": (4, 2, 3, 3), "stride": 2},
    "a max pool": {"op": "max-pool", "window": 2, "stride": 1},
    "an average pool": {"op": "average-pool", "window": 3, "padding": 1, "stride": 2},
    "an adaptive pool": {"op": "adaptive-average-pool", "output_size": 5, "dims": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("delta", ["ones", "numbers"])
def test_the_first_samples_of_a_large_batch_tell_what_all_do(name, delta, monkeypatch):
    random = np.random.default_rng(len(name))
    document = {"input": random.integers(-3, 4, (6, 4, 31, 30)).astype(float), **LARGE[name], "delta": "ones"}
    if "kernel" in document:
        document["kernel"] = random.integers(-2, 3, document["kernel"]).astype(float)
    if delta == "numbers":
        document["delta"] = random.integers(-3, 4, make_case(document).output_shape).astype(float)
    looked_at = []
    quick = seen(document)
    monkeypatch.setattr(sys.modules["convgrad.diagnosis.strength"], "_few_samples", lambda *_: looked_at.append("all"))
    assert quick == seen(document)
    assert looked_at


def test_what_only_a_later_sample_shows_is_seen():
    x = np.random.default_rng(0).permutation(6 * 4 * 31 * 30).reshape(6, 4, 31, 30).astype(float)
    blind = {part.id for part in seen({"op": "max-pool", "window": 2, "input": x, "delta": "ones"}).blind_to}
    x[-1] = 7
    with_ties = {part.id for part in seen({"op": "max-pool", "window": 2, "input": x, "delta": "ones"}).blind_to}
    assert blind - with_ties == {mistake for mistake in blind if mistake.startswith("ties-")} != set()
