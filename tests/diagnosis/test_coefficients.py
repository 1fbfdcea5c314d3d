"""Parts of a sum that count other than once are found, whichever they are, and nothing is found in random damage."""

from __future__ import annotations

import numpy as np
import pytest

from convgrad.catalogue.tables import right
from convgrad.diagnosis.candidates import as_float, differs
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser, diagnose
from convgrad.diagnosis.weights import solutions
from convgrad.subject.case import make_case
from tests.diagnosis.cases import claimed, claims_of, random_case

SHAPES = {"input": (4, 3, 9, 8), "kernel": (5, 3, 3, 2), "delta": (4, 5, 7, 7)}


def drawn(seed=0, **more):
    random = np.random.default_rng(seed)
    return make_case({**{name: random.standard_normal(shape) for name, shape in SHAPES.items()}, **more})


def weighed(case, array, operand, places, factor):
    """An array with some places of an operand multiplied."""
    computation = right(case, array)
    changed = getattr(computation, operand).copy()
    changed[places] = changed[places] * factor
    return computation.but(**{operand: changed}).value()


def found(case, array, wrong):
    """What is told of an array that somebody else computed."""
    truth = truth_of(case)
    return diagnose(case, truth, claims_of(case, {array: wrong}))


ALL = slice(None)
PLANTED = [
    ("dW", "delta", [1, 2], 0, "samples-missing", "only samples 0 and 3 count"),
    ("dW", "delta", 2, 0, "samples-missing", "sample 2 is missing"),
    ("dX", "delta", (ALL, [1, 3]), 0, "channels-missing", "output channels 1 and 3 are missing"),
    ("dX", "delta", (ALL, ALL, slice(4, 7)), 0, "rows-missing", "rows 4 to 6 of positions are missing"),
    ("dX", "delta", (3, ALL, slice(2, 6)), 0, "rows-missing", "rows 2 to 5 of positions of sample 3 are missing"),
    ("dW", "delta", (ALL, ALL, 2, 1), 2, "counted-twice", "position (2,1) counts twice"),
    ("dW", "x", (ALL, 1), 0, "channels-missing", "input channel 1 is missing"),
    ("dX", "w", (ALL, ALL, 0), 0, "tap-missing", "left out: the first of axis 0"),
    ("db", "delta", (ALL, ALL, ALL, 3), -1, "parts-negated", "column 3 of positions is subtracted"),
    ("output", "x", (ALL, 2), 0.25, "parts-scaled", "input channel 2 has factor 0.25"),
]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("array", "operand", "places", "factor", "name", "what"), PLANTED)
def test_parts_that_count_otherwise_are_said(array, operand, places, factor, name, what, kind):
    case = drawn()
    (first, *_) = found(case, array, weighed(case, array, operand, places, factor).astype(kind))
    assert first.mistake == name
    assert what in first.message
    assert first.details["chance"] < 1e-4


@pytest.mark.parametrize("array", ["dW", "dX"])
def test_parts_are_found_in_digits_too(array):
    case = drawn()
    wrong = weighed(case, array, "delta", (ALL, [0, 4]), 0)
    (first, *_) = found(case, array, wrong.round(3).tolist())
    assert first.mistake == "channels-missing"
    assert first.details["parts"][0] == {"along": "output channel", "weight": 0.0, "at": [[0], [4]]}


def test_the_first_or_last_overlay_alone_is_one_overlay_only():
    case = drawn()
    delta = right(case, "dW").delta
    for at, said in (((3, ALL, 6, 6), "the last of the last sample"), ((ALL, ALL, 0, 0), "the first of every sample")):
        kept = np.zeros_like(delta)
        kept[at] = delta[at]
        (first,) = found(case, "dW", right(case, "dW").but(delta=kept).value())
        assert (first.mistake, said in first.message) == ("one-overlay-only", True)


def test_cells_between_the_strides_that_are_never_written_are_a_phase():
    document = {"input": (2, 2, 8, 8), "kernel": (2, 2, 3, 3), "delta": (2, 2, 3, 3)}
    random = np.random.default_rng(1)
    case = make_case({name: random.integers(1, 9, shape).tolist() for name, shape in document.items()} | {"stride": 2})
    wrong = as_float(truth_of(case)["dX"])
    wrong[:, :, 1::2] = 0
    wrong[:, :, :, 1::2] = 0
    (first,) = found(case, "dX", wrong)
    assert first.mistake == "phase-missing"
    assert "only cells with an even row and an even column count" in first.message


def test_rows_of_the_result_that_are_never_written_are_missing():
    case = drawn()
    wrong = truth_of(case)["dX"].copy()
    wrong[:, :, 4:6] = 0
    (first,) = found(case, "dX", wrong)
    assert (first.mistake, "rows 4 and 5 of cells are missing" in first.message) == ("rows-missing", True)


def test_two_parts_that_are_one_on_this_data_are_told_as_alternatives():
    random = np.random.default_rng(0)
    arrays = {"input": (2, 4, 6, 6), "kernel": (6, 2, 3, 3), "delta": (2, 6, 4, 4)}
    case = make_case({name: random.standard_normal(shape) for name, shape in arrays.items()} | {"groups": 2})
    (first,) = found(case, "dW", weighed(case, "dW", "delta", (ALL, slice(3, 6)), 0))
    assert "only output channels 0 to 2 count" in first.message
    assert "it may as well be that only input channels 0 and 1 count" in first.message
    assert first.details["alternatives"] == ["channels-missing"]


# -- Something added ---------------------------------------------------------------------------------------------------


def test_weight_decay_inside_the_gradient_is_added_on_top_with_its_factor():
    case = drawn()
    wrong = truth_of(case)["dW"] + 0.01 * case.operands["w"]
    (first,) = found(case, "dW", wrong)
    assert (first.mistake, first.details["added"], first.details["factor"]) == ("added-array", "w", 0.01)


def test_what_a_buffer_held_is_added_on_top():
    case = drawn()
    truth = truth_of(case)["dX"]
    (first,) = found(case, "dX", truth + case.operands["x"])
    assert (first.mistake, first.details["added"]) == ("added-array", "x")
    (first,) = found(case, "dX", truth.cumsum(axis=0))
    assert (first.mistake, first.details["variant"]) == ("not-set-back", "along axis 0")


# -- Random geometries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_weights_planted_in_random_geometries_are_found_or_explained_by_something_equal(first):
    told = [name for seed in range(first, first + 40) for name in planted(seed)]
    assert len(told) > 5
    assert sum(name is not None for name in told) >= 0.8 * len(told)


def planted(seed):
    """What is said of arrays of a random case in which some parts are missing or doubled."""
    case, random = random_case(seed), np.random.default_rng(seed)
    for array, truth in (truth_of(case) if case else {}).items():
        operand = "delta" if array != "output" else "x"
        values = getattr(right(case, array), operand)
        axis = int(random.integers(values.ndim))
        if truth.size < 16 or values.shape[axis] < 3 or (array == "output" and case.operation.name[:4] != "conv"):
            continue
        places = (ALL,) * axis + (random.permutation(values.shape[axis])[:1].tolist(),)
        wrong = weighed(case, array, operand, places, int(random.choice([0, 2])))
        if differs(truth, wrong):
            yield Diagnoser(case, array, truth, advise=False).of(claimed(array, wrong, truth))[0].mistake


@pytest.mark.parametrize("array", ["dW", "dX", "db", "output"])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_random_damage_has_no_name(array, kind):
    for seed in range(4):
        case, random = drawn(seed), np.random.default_rng(seed)
        truth = truth_of(case)[array]
        spoiled = random.random(truth.shape) < (0.1 if seed % 2 else 1.0)
        spoiled.flat[0] = True
        wrong = (truth + spoiled * random.standard_normal(truth.shape)).astype(kind)
        assert {one.mistake for one in found(case, array, wrong)} <= {None}, seed


def test_of_parts_along_two_axes_a_run_begins_with_the_first_or_ends_with_the_last():
    """Along one axis any run may count twice; four rows of two channels in the middle are no pattern."""
    design = np.random.default_rng(0).integers(-9, 10, (4, 9)).astype(float)
    for parts, in_both in ((slice(3, 7), False), (slice(0, 4), True), (slice(4, 9), True), (slice(5, 6), True)):
        gains = np.zeros(9)
        gains[parts] = 1
        error, excuse = design @ gains, np.full(4, 1e-9)
        found = [
            any((one.gains == gains).all() for one in solutions(design, error, excuse, 2, in_a_row=in_a_row))
            for in_a_row in (True, False)
        ]
        assert found == [True, in_both]
