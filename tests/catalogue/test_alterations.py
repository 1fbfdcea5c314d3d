"""Mistakes that need more axes, or another shape, than the cases of the catalogue have, by plain formulas."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convgrad.catalogue.changes import changed
from convgrad.catalogue.tables import forms, right
from convgrad.diagnosis.candidates import Bare
from convgrad.diagnosis.control import truth_of
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.subject.case import make_case
from tests.catalogue import formulas
from tests.diagnosis.cases import claimed


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).tolist()


def altered(case, array, name):
    """What a mistake makes of an array, by variant."""
    variants = forms(case.operation.name, array)[name].alter(right(case, array))
    return {variant: Bare().value(computation) for variant, computation in variants.items()}


VOLUME = {
    "input": numbers(1, 2, 3, 4, 4), "kernel": numbers(2, 2, 2, 2, 3, seed=1), "delta": numbers(1, 2, 2, 3, 2, seed=2),
}  # fmt: skip


def test_a_kernel_is_mirrored_along_any_of_three_axes():
    case = make_case(VOLUME)
    truth = truth_of(case)["dW"]
    for axis, (variant, wrong) in enumerate(altered(case, "dW", "kernel-mirrored").items()):
        assert variant == f"axis {axis}"
        assert (wrong == np.flip(truth, axis + 2)).all()


@pytest.mark.parametrize(("lengths", "padding"), [((5, 4), [[1, 1], [1, 0]]), ((5, 2), [[1, 1], [1, 1]])])
def test_a_dX_that_ends_where_windows_of_stride_1_do_ignored_the_stride(lengths, padding):
    plain = {"input": numbers(2, 1, *lengths), "kernel": numbers(2, 1, 2, 2, seed=1), "stride": 2, "padding": padding}
    shape = make_case({**plain, "delta": "ones"}).output_shape
    case = make_case({**plain, "delta": numbers(*shape, seed=2)})
    own = [count + 1 - before - after for count, (before, after) in zip(shape[2:], padding, strict=True)]
    wrong = formulas.input_gradient(case.delta, case.operands["w"], own, (1, 1), (1, 1), (1, 1), 1)
    assert altered(case, "dX", "stride-ignored")["own shape"].tolist() == wrong.tolist()
    found = Diagnoser(case, "dX", truth_of(case)["dX"]).of(claimed("dX", wrong, wrong))
    assert found[0].mistake == "stride-ignored"


def test_errors_under_windows_that_reach_into_the_padding_are_seen():
    document = {"input": numbers(2, 1, 9, 9), "kernel": numbers(1, 1, 3, 3, seed=1), "stride": 1, "padding": 1}
    case = make_case({**document, "delta": numbers(2, 1, 9, 9, seed=2)})
    truth = truth_of(case)["dX"]
    wrong = truth.copy()
    for index, error in (((0, 0, 1, 4), 1001), ((1, 0, 4, 1), 1013), ((1, 0, 7, 3), 2029), ((0, 0, 8, 8), 1777)):
        wrong[index] += Fraction(error, 7)
    (found,) = Diagnoser(case, "dX", truth).of(claimed("dX", wrong, truth))
    assert found.mistake is None
    assert "under windows that reach into the padding" in found.message


def test_samples_that_were_added_up_keep_their_axis():
    case = make_case({"input": numbers(2, 2, 4), "kernel": numbers(2, 2, 2, seed=1), "delta": numbers(2, 2, 3, seed=2)})
    truth = truth_of(case)["dX"]
    wrong = altered(case, "dX", "batch-summed")
    assert wrong["added"].tolist() == truth.sum(axis=0, keepdims=True).tolist()
    assert wrong["averaged"].tolist() == (truth.sum(axis=0, keepdims=True) / 2).tolist()


def test_an_output_transposed_at_stride_1_has_its_own_length_down_to_one():
    case = make_case({"op": "conv-transpose", "input": [2, 3], "kernel": [5], "stride": 2, "padding": [[1, 0]],
                      "delta": "ones"})  # fmt: skip
    assert truth_of(case)["output"].ravel().tolist() == [0, 15]
    assert altered(case, "output", "stride-ignored")["own shape"].ravel().tolist() == [15]


def test_changed_cases_have_numbers_of_all_kinds_but_0():
    case = make_case({"input": numbers(2, 2, 5), "kernel": numbers(2, 2, 2, seed=1), "delta": numbers(2, 2, 4, seed=2)})
    other = dict(changed(case))["use other numbers"]
    for array in (*other.operands.values(), other.delta):
        assert array is None or ((array != 0).all() and len(set(array.ravel().tolist())) > 4)


@pytest.mark.parametrize("counted", [True, False])
def test_the_mean_that_mistakes_alter_counts_the_padding_at_either_end(counted):
    settings = {"window": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": counted}
    case = make_case({"op": "average-pool", "input": [6, 12, 18, 30], "delta": [6, 12, 30], **settings})
    for array, truth in truth_of(case).items():
        assert Bare().value(right(case, array)).tolist() == truth.tolist()
