"""Which cell wins in each window of a max pool: as output, and as a claim, counted as any library counts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

import convgrad
from convgrad.core.window import Axis, Window
from convgrad.operations import max_pool
from tests import definitions
from tests.geometry import MAX_POOLS, cases

CASE = {"op": "max-pool", "dims": 2, "window": 2, "stride": [1, 2], "padding": [[1, 0], [0, 0]], "delta": None,
        "input": np.random.default_rng(3).permutation(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)}  # fmt: skip
TIED = {**CASE, "input": np.random.default_rng(4).integers(0, 3, (2, 3, 4, 6))}


@given(case=cases(MAX_POOLS))
def test_the_winners_are_those_of_the_definition(case):
    found = convgrad.forward(case, return_indices=True)
    np.testing.assert_array_equal(found.indices, definitions.indices(case))
    assert found.to_dict()["indices"] == found.indices.tolist()
    if found.indices.size:
        assert convgrad.check({**case, "delta": None}, {"indices": found.indices}).verdict == "agrees"


@settings(max_examples=40)
@given(case=cases(MAX_POOLS, batches=(1, 2), ties="first"))
def test_delta_goes_to_the_winners(case):
    gradients, dx = convgrad.backward(case, arithmetic="exact"), np.full(case["input"].shape, Fraction(0), object)
    planes, winners = dx.reshape(-1, np.prod(definitions.lengths(case))), gradients.indices
    deltas = case["delta"].reshape(len(planes), -1)
    for plane, cells, delta in zip(planes, winners.reshape(len(planes), -1), deltas, strict=True):
        for cell, part in zip(cells, delta, strict=True):
            plane[cell] += part
    assert (dx == gradients.dX).all()


def test_a_number_that_is_none_wins_as_it_does_backwards():
    case = {"op": "max-pool", "input": [1.0, np.nan, 3.0, np.nan], "window": 4, "delta": [1]}
    assert convgrad.backward(case, nonfinite=True).indices.tolist() == [3]


def test_only_max_pools_have_winners_and_only_where_they_are_asked_for_are_they_written():
    assert convgrad.forward({"input": [1, 2], "kernel": [1]}).indices is None
    assert "indices" not in convgrad.forward(CASE).to_dict()
    with pytest.raises(convgrad.RequestError, match="conv has no return_indices"):
        convgrad.forward({"input": [1, 2], "kernel": [1]}, return_indices=True)
    with pytest.raises(convgrad.RequestError, match="conv has no indices"):
        convgrad.check({"input": [1, 2], "kernel": [1]}, {"indices": [0, 1]})


def test_a_layer_of_a_network_has_them_and_takes_claims_on_them():
    layers = [{"op": "max-pool", "name": "p", "window": 2, "return_indices": True}, {"op": "flatten", "name": "f"}]
    document = {"input": [[1, 2, 5, 0], [4, 3, 1, 1]], "layers": layers, "delta": "ones"}
    network = convgrad.network(document)
    assert network.to_dict()["layers"][0]["indices"] == [[4, 2]]
    assert convgrad.check(document, {"p": {"indices": [[4, 2]]}}).verdict == "agrees"
    report = convgrad.check(document, {"p": {"indices": [[1, 4]]}})
    assert [(one.layer, one.mistake) for one in report.diagnosis] == [("p", "indices-counted-otherwise")]
    with pytest.raises(convgrad.RequestError, match="flatten has no indices"):
        convgrad.check(document, {"f": {"indices": [0]}})


# -- Claims that count otherwise, written out for each library ---------------------------------------------------------


def planes(case):
    """Samples and channels in the shape that numbers of cells are added to, and the height and width of a plane."""
    samples, channels, height, width = case["input"].shape
    return np.arange(samples).reshape(-1, 1, 1, 1), np.arange(channels).reshape(-1, 1, 1), channels, height, width


def of_matlab(case, flat):
    _, _, _, height, width = planes(case)
    return flat % width * height + flat // width + 1


def of_onnx(case, flat):
    n, c, channels, height, width = planes(case)
    return (n * channels + c) * height * width + flat


def of_onnx_by_columns(case, flat):
    n, c, channels, height, width = planes(case)
    return (n * channels + c) * height * width + flat % width * height + flat // width


def of_tensorflow(case, flat):
    _, c, channels, _, _ = planes(case)
    return flat * channels + c


def of_tensorflow_with_the_batch(case, flat):
    n, c, channels, height, width = planes(case)
    return (n * height * width + flat) * channels + c


def in_the_window(case, flat):
    *_, height, width = planes(case)
    tops, lefts = np.arange(height)[:, None] - 1, 2 * np.arange(width // 2)
    return (flat // width - tops) * 2 + flat % width - lefts


def with_the_padding(case, flat):
    *_, width = planes(case)
    return flat + width


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        (of_matlab, "column by column from 1 in the plane"), (of_onnx, "row by row in the whole batch (ONNX)"),
        (of_onnx_by_columns, "column by column in the whole batch (ONNX)"),
        (of_tensorflow, "row by row in the sample, channels last (TensorFlow)"),
        (of_tensorflow_with_the_batch, "row by row in the whole batch, channels last (TensorFlow)"),
        (in_the_window, "row by row in the window"), (with_the_padding, "row by row in the padded plane"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("case", "rule"), [(CASE, "first"), (TIED, "first"), (TIED, "last")])
def test_winners_that_are_counted_otherwise_are_told_how(counted, told, case, rule):
    claim = counted(case, convgrad.forward({**case, "ties": rule}).indices)
    report = convgrad.check(case, {"indices": claim})
    assert report.verdict == "differs"
    (diagnosis,) = report.diagnosis
    assert diagnosis.mistake == "indices-counted-otherwise"
    assert diagnosis.details["variant"].startswith(f"cells are counted {told}")
    assert diagnosis.details["variant"].endswith("the last of equal ones") == (rule == "last")


def test_another_end_of_ties_is_named_and_another_cell_is_told_as_far_as_it_goes():
    last = convgrad.forward({**TIED, "ties": "last"}).indices
    assert [one.mistake for one in convgrad.check(TIED, {"indices": last}).diagnosis] == ["ties-last"]
    assert convgrad.check({**TIED, "ties": "last"}, {"indices": last}).verdict == "agrees"
    first = convgrad.forward(TIED).indices
    mixed = np.where(np.arange(first.size).reshape(first.shape) % 2, first, last)
    (diagnosis,) = convgrad.check(TIED, {"indices": mixed}).diagnosis
    assert (diagnosis.mistake, "as large as the winner" in diagnosis.message) == (None, True)
    (diagnosis,) = convgrad.check(TIED, {"indices": first + 1000}).diagnosis
    assert (diagnosis.mistake, diagnosis.matches) == (None, 0)
    assert convgrad.check(TIED, {"indices": first[0]}).verdict == "differs"


def test_entries_that_are_not_claimed_are_left_out():
    right = convgrad.forward(CASE).indices.tolist()
    right[0][0][0][0] = None
    report = convgrad.check(CASE, {"indices": right})
    assert (report.verdict, report.findings[0].entries) == ("agrees", np.size(right) - 1)
    assert convgrad.check(CASE, {"indices[0,0]": right[0][1]}).verdict == "differs"


def test_a_bug_in_the_winners_is_seen(monkeypatch):
    right = max_pool.winners
    monkeypatch.setattr(max_pool, "winners", lambda x, window, last: right(x, window, last=not last))
    assert (convgrad.forward(TIED).indices != definitions.indices(TIED)).any()


def test_every_wrong_winner_is_listed_without_a_delta():
    claim = {"indices": convgrad.forward(CASE).indices + 1, "output": convgrad.forward(CASE).output + 1}
    report = convgrad.check(CASE, claim, all_entries=True)
    entries = [list(finding.wrong_entries()) for finding in report.findings]
    assert [len(found) for found in entries] == [finding.entries for finding in report.findings]
    assert all(entry.overlays == ((entry.index[0], entry.index[2:]),) for found in entries for entry in found)
    network = {"input": CASE["input"], "delta": "ones", "layers": [
        {key: value for key, value in CASE.items() if key not in ("input", "delta", "dims")} | {"name": "p"},
    ]}  # fmt: skip
    assert all(list(one.wrong_entries()) for one in convgrad.check(network, {"p": claim}).findings if one.wrong)


def test_indices_are_several_and_ties_of_no_rule_are_told_what_to_do():
    case = {"op": "max-pool", "dims": 1, "window": 3, "input": [2, 2, 2, 1, 5, 0]}
    claims = ([0, 4], [1, 4])
    right, middle = (" ".join(str(convgrad.check({**case, "claim": {"indices": cells}})).split()) for cells in claims)
    assert "the claimed indices agree with the winners in all 2 entries" in right
    assert "the claimed indices differ from the winners in 1 of 2 entries" in middle
    assert "ties are broken by another rule" in middle
    assert "fix: let the first of equal cells win, row by row: `ties: first` or `ties: last` says which" in middle
    last = str(convgrad.check({**case, "ties": "last", "claim": {"indices": [1, 4]}}))
    assert "fix: let the last of equal cells win" in last


@pytest.mark.parametrize("seed", range(20))
def test_a_window_has_a_tie_where_its_largest_cell_comes_twice(seed):
    random = np.random.default_rng(seed)
    x = random.integers(-9, 90, (2, 3, 7)).astype(float)
    x[random.random(x.shape) < 0.1] = np.nan  # a NaN wins alone, the last of several
    window = Window((Axis(3, 2, before=1, after=1),))
    windows = [x[n, c, max(2 * p - 1, 0) : 2 * p + 2].tolist() for n in range(2) for c in range(3) for p in range(4)]
    numbers = [cells for cells in windows if not any(cell != cell for cell in cells)]
    assert max_pool.has_ties(x, window) == any(cells.count(max(cells)) > 1 for cells in numbers)
