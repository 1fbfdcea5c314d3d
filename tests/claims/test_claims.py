"""A claim may be off by what rounding can excuse, and by nothing more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convgrad
from convgrad.checking.judging import check
from convgrad.claims.digits import written
from convgrad.claims.rounding import Bounds
from convgrad.claims.sums import confidence
from convgrad.core.arithmetic import Plain
from convgrad.differences.roundoff import TYPES
from convgrad.errors import RequestError
from convgrad.subject.case import make_case
from tests import definitions, geometry

CASE = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}  # dW 0.3 0.4, db 0.1, dX -0.03 0.01 0.1


def claimed(case=CASE, dtype=None, **claim):
    return check(case, claim, claim_dtype=dtype, nonfinite=True)


def verdict(*texts, **more):
    """Of a claimed dX written like that in a document."""
    return claimed(dX=[Plain(text) for text in texts], **more).verdict


# -- Digits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("texts", "expected"), [
    (("-0.03", "0.01", "0.1"), "agrees"),  # exact
    (("-0.0", "0.0", "0.1"), "agrees"),  # one place: half a unit is 0.05
    (("-0.025", "0.01", "0.1"), "differs"),  # three places: half a unit is 0.0005
    (("-0.0295", "0.01", "0.1"), "differs"),
    (("-0.03", "0.01", "0.15"), "differs"),  # two places, although this one is written with no more than it needs
    (("-0.03", "0.015", "0.1"), "differs"),
    (("-0.03", "0.01", "0.105"), "differs"),
    (("0", "0", "0"), "undecided"),  # whole numbers: half a unit is 0.5, which cannot tell these from nothing
    (("-1", "0", "0"), "differs"),
    (("-3e-2", "1e-2", "1e-1"), "agrees"),
    (("-3e-2", "2e-2", "1e-1"), "differs"),
])  # fmt: skip
def test_digits_say_what_a_claim_may_be_off_by(texts, expected):
    assert verdict(*texts) == expected


def test_half_a_unit_is_inclusive_on_either_side():
    case = {"input": [1, 2], "kernel": [0.125, 0.375], "delta": [1]}  # dX 0.125 0.375
    assert claimed(case, dX=[Plain("0.12"), Plain("0.38")]).verdict == "agrees"
    assert claimed(case, dX=[Plain("0.13"), Plain("0.37")]).verdict == "agrees"
    assert claimed(case, dX=[Plain("0.11"), Plain("0.38")]).verdict == "differs"


def test_a_number_beside_a_far_finer_one_is_known_as_well_as_float64_knows_it():
    # dX is 2, 3 + 2e-30, 3e-30
    case = {"input": [1, 1, 1], "kernel": [1, Plain("1e-30")], "delta": [2, 3], "printed": False}
    assert claimed(case, dX=[2, 3, Plain("3e-30")]).verdict == "agrees"
    assert claimed(case, dX=[2, Plain("3.00000000000001"), Plain("3e-30")]).verdict == "differs"
    assert claimed(case, dX=[2, 3, Plain("4e-30")]).verdict == "differs"


def test_the_last_place_is_that_of_the_whole_array_because_writers_drop_zeros():
    assert written([Plain("0.5"), Plain("0.25"), Plain("3")]).place == 2
    assert written([Plain("1e3"), Plain("20")]).place == 0
    assert written([1, 2]).place == 0
    assert written([0.5, 1e-3]).place == 3


def test_the_shortest_text_of_a_float64_is_right_where_the_float64_is():
    delta = [Plain("-9.021490940757092904"), Plain("-2.757268445774684672")]
    case = {"op": "max-pool", "window": 1, "input": [1, 2], "delta": delta}
    assert claimed(case, dX=[Plain("-9.021490940757094"), Plain("-2.7572684457746846")]).verdict == "agrees"
    assert claimed(case, dX=[Plain("-9.021490940757097"), Plain("-2.7572684457746846")]).verdict == "differs"


def test_fifteen_digits_are_float64_data():
    case = {"input": [1, 2, 3], "kernel": [0.3, 0.7], "delta": [0.1, 0.7]}
    right = claimed(case, dX=[0, 0, 0]).truth["dX"].ravel()
    exact = [format(float(value), ".17g") for value in right]
    assert claimed(case, dX=[Plain(text) for text in exact]).verdict == "agrees"
    assert claimed(case, dX=[Plain(format(float(value), ".15g")) for value in right]).verdict == "agrees"
    # 0.28, a product and a sum of two: a unit of the 14th place is far beyond what float64 loses
    off = [exact[0], format(float(right[1]) + 1e-14, ".17g"), exact[2]]
    assert claimed(case, dX=[Plain(text) for text in off]).verdict == "differs"


def test_a_fraction_is_exact():
    case = {"input": [1, 2], "kernel": ["1/3", 2], "delta": ["1/7"]}
    assert claimed(case, dX=["1/21", "2/7"]).verdict == "agrees"
    assert claimed(case, dX=["1000000/21000001", "2/7"]).verdict == "differs"


def test_numbers_of_python_are_judged_by_their_shortest_text():
    assert claimed(dX=[-0.03, 0.01, 0.1]).verdict == "agrees"
    assert claimed(dX=[-0.03, 0.0151, 0.1]).verdict == "differs"


# -- Types -------------------------------------------------------------------------------------------------------------


def computed(document, dtype):
    """The gradients by plain loops in a type of NumPy's."""
    given = {"input", "kernel", "bias", "delta"} & set(document)
    rounded = {key: np.asarray(document[key], float).astype(dtype) for key in given}
    gradients = definitions.backward({**document, **rounded}, dtype)
    return {name: np.array(values.tolist()).astype(dtype) for name, values in gradients.items()}


SUMS = tuple(name for name in geometry.SLIDING if name != "lp-pool")


@given(geometry.float_cases(SUMS), st.sampled_from([np.float32, np.float64]))
def test_what_plain_loops_compute_in_a_type_is_excused_as_that_type(document, dtype):
    assert check(document, computed(document, dtype)).verdict == "agrees"


@pytest.mark.slow
@given(geometry.cases(operations=SUMS, batches=(1, 2)), st.sampled_from([np.float32, np.float64]))
def test_so_it_is_where_the_numbers_are_decimal_and_had_to_be_rounded_first(document, dtype):
    assert check(document, computed(document, dtype)).verdict == "agrees"


@given(geometry.float_cases(("lp-pool",)), st.sampled_from([1, 1.5, 2, 3]))
def test_a_norm_in_float32_is_excused_as_float32(document, norm):
    document = {**document, "norm": norm}
    claim = convgrad.backward(document, arithmetic="float32").dX
    assert claim.dtype == np.float32
    assert check(document, {"dX": claim}).verdict == "agrees"


@given(geometry.cases(batches=(1, 2)), st.sampled_from(sorted(TYPES)))
def test_a_claim_equal_to_the_gradient_is_always_right(document, dtype):
    right = {name: values.tolist() for name, values in definitions.backward(document).items()}
    assert check(document, right, claim_dtype=dtype).verdict == "agrees"


@pytest.mark.slow
@given(geometry.float_cases(), st.sampled_from(sorted(TYPES)), st.integers(0, 2**20))
def test_what_is_likely_agrees_and_what_is_beyond_the_worst_case_differs(document, dtype, pick):
    report = check(document)
    case, right = report.truth_case, report.truth["dX"]
    sure, worst = confidence(right.size), Bounds(case).excused("dX", dtype, right)
    allowed = Bounds(case).excused("dX", dtype, right, sure=sure)
    assert (allowed <= worst).all()
    at = pick % right.size

    def off_by(error):
        values = right.astype(float)
        values.flat[at] += error
        values, sums = values.reshape(np.shape(document["input"])), "float64" if dtype == "float64" else "float32"
        # an FFT in so narrow a type may be off by more, in a single entry too
        return check(document, {"dX": values}, claim_dtype=dtype, accumulate=sums, algorithm="direct")

    # what float64 itself adds in writing this claim down, and in the truth where that is not exact
    if allowed.flat[at] > 2.0**-44 * abs(float(right.flat[at])):
        assert off_by(0.99 * allowed.flat[at]).verdict in ("agrees", "undecided")
        beyond = off_by(1.01 * worst.flat[at] + 2.0**-44 * abs(float(right.flat[at])))
        assert [f.wrong for f in beyond.findings if f.against == "claim"] == [1]


def test_whole_numbers_in_float32_are_exact_in_any_order_so_that_nothing_is_excused():
    random = np.random.default_rng(0)
    shapes = {"input": (2, 3, 8, 8), "kernel": (4, 3, 3, 3), "delta": (2, 4, 6, 6)}
    document = {"op": "conv", "dims": 2} | {key: random.integers(-9, 9, shape) for key, shape in shapes.items()}
    right = {name: np.array(values.tolist(), np.float32) for name, values in definitions.backward(document).items()}
    assert check(document, right).verdict == "agrees"
    right["dW"][1, 2, 0, 0] = np.nextafter(right["dW"][1, 2, 0, 0], np.float32(np.inf))
    assert {f.array: f.wrong for f in check(document, right).findings if f.against == "claim"} == {
        "dX": 0, "dW": 1, "db": 0,
    }  # fmt: skip


def test_the_type_that_is_said_and_the_digits_add_up():
    case = {**CASE, "kernel": [0.3, 0.51]}  # dX -0.03 0.009 0.102
    assert claimed(case, dX=[Plain("-0.03"), Plain("0.01"), Plain("0.1")]).verdict == "agrees"
    assert claimed(case, "float32", dX=[Plain("-0.03000"), Plain("0.01000"), Plain("0.10000")]).verdict == "differs"
    assert claimed(case, "bfloat16", dX=[Plain("-0.03"), Plain("0.00897"), Plain("0.102")]).verdict == "agrees"


def test_the_bound_of_a_type_is_that_of_the_formula():
    # db: three deltas that float32 cannot hold, so 3 - 1 additions and one rounding of each:
    # ((1 + u)(1 + g_2) - 1) sum |delta|, g_n = n u/(1 - n u)
    case = make_case({"input": [1, 2, 3], "kernel": [1], "delta": [0.1, 0.2, 0.3]})
    u = 2.0**-24
    expected = ((1 + u) * (1 + 2 * u / (1 - 2 * u)) - 1) * 0.6
    assert Bounds(case).excused("db", "float32", np.array([0.6])) == pytest.approx(expected, rel=1e-8)


# -- What is no right claim --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, Plain(".nan"), "Infinity"])
def test_what_is_not_finite_is_wrong_and_no_crash(bad):
    report = claimed(dX=[-0.03, bad, 0.1])
    finding = report.findings[-1]
    assert (report.verdict, finding.wrong, finding.worst.index) == ("differs", 1, (1,))
    assert report.to_dict()["findings"][-1]["worst"]["correct"] == 0.01


def test_a_nan_is_right_where_the_gradient_has_one():
    document = {"input": np.array([1.0, np.nan, 3.0]), "kernel": [1, 2], "delta": [1, 1]}
    agreed = check(document, {"dW": np.array([np.nan, np.nan])}, nonfinite=True)
    assert (agreed.verdict, agreed.findings[-1].worst) == ("agrees", None)
    assert check(document, {"dW": np.array([np.nan, 0])}, nonfinite=True).verdict == "differs"


@pytest.mark.parametrize(("claim", "where"), [
    ({"dw": [1]}, "claim.dw"),
    ({"dX": [1, "x", 3]}, "claim.dX[1]"),
    ({"dX": [[1], [2, 3]]}, "claim.dX[1]"),
    ([1, 2], "claim"),
])  # fmt: skip
def test_what_is_no_claim_is_refused_with_its_place(claim, where):
    with pytest.raises(RequestError) as caught:
        check(CASE, claim)
    assert str(caught.value).startswith(where)


def test_a_pool_has_no_kernel_to_claim_for():
    with pytest.raises(RequestError, match="max-pool has no dW"):
        check({"op": "max-pool", "input": [[1, 2], [3, 4]], "window": 2, "delta": [[1]]}, {"dW": [1]})


def test_an_unknown_type_is_refused():
    with pytest.raises(RequestError, match="float31"):
        check(CASE, {"dX": [0, 0, 0]}, claim_dtype="float31")


# -- Shapes ------------------------------------------------------------------------------------------------------------


def test_a_batch_axis_that_was_kept_is_diagnosed_although_the_numbers_are_right():
    report = claimed(dX=[[-0.03, 0.01, 0.1]])
    assert (report.verdict, report.findings[-1].wrong) == ("differs", 0)
    assert report.findings[-1].streamed()["shapes"] == {"claimed": (1, 3), "correct": (3,)}
    assert [one.mistake for one in report.diagnosis] == ["axis-kept"]


def test_one_bias_may_be_a_number_or_a_list_of_one():
    assert claimed(db=[0.1]).verdict == claimed(db=0.1).verdict == "agrees"


def test_padding_that_was_not_cut_off_is_diagnosed():
    small = [[1, 2], [3, 4]]
    case = {"input": small, "kernel": small, "padding": 1, "delta": np.arange(1, 10).reshape(3, 3)}
    padded = check({**case, "input": np.pad(small, 1), "padding": 0}).truth["dX"].reshape(4, 4).tolist()
    report = check(case, {"dX": padded})
    assert (report.verdict, report.findings[-1].wrong, report.findings[-1].entries) == ("differs", 4, 4)
    assert "padding" in report.diagnosis[0].mistake


def test_another_layout_is_diagnosed():
    random = np.random.default_rng(1)
    x, w = random.integers(-4, 5, (2, 3, 4, 5)), random.integers(-4, 5, (2, 3, 2, 2))
    case = {"input": x, "kernel": w, "delta": "ones"}
    right = check(case).truth["dX"].astype(float)
    report = check(case, {"dX": right.transpose(0, 2, 3, 1)})
    assert (report.verdict, report.diagnosis[0].mistake) == ("differs", "transposed-layout")


# -- Every wrong entry -------------------------------------------------------------------------------------------------


def test_every_wrong_entry_comes_with_the_overlays_that_make_it():
    report = check(CASE, {"dX": [1, 0.01, 1]}, all_entries=True)
    entries = list(report.streamed()["findings"][-1]["all"])
    assert [entry["index"] for entry in entries] == [(0,), (2,)]
    assert entries[1] == {"index": (2,), "claimed": 1.0, "correct": 0.1, "error": 0.9, "allowed": 0.005,
                          "overlays": [{"sample": 0, "position": (1,)}]}  # fmt: skip
