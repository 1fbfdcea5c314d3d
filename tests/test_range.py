"""Numbers at either end of float64's range, in cases and claims: judged right, or undecided, never an error."""

import numpy as np
import pytest

import convgrad
from convgrad.core.arithmetic import Plain
from convgrad.errors import RequestError

CONV = {"input": [1, 3, 2], "kernel": [1, 2], "delta": "ones"}
CASES = (
    CONV, {"op": "conv-transpose", "input": [1, 3], "kernel": [1, 2], "delta": "ones"},
    *({"op": op, "input": [1, 3, 2], "window": 2, "stride": 1, "delta": "ones"} for op in ("max-pool", "average-pool")),
    *({"op": "lp-pool", "norm": p, "input": [1, 3, 2], "window": 2, "stride": 1, "delta": [1, 1]} for p in (1, 2, 999)),
    {"op": "adaptive-max-pool", "input": [1, 3, 2], "output_size": 2, "delta": "ones"},
    {"op": "adaptive-average-pool", "input": [1, 3, 2], "output_size": 2, "delta": "ones"},
)  # fmt: skip
RANGES = {
    "wide": (1e160, 1e-160), "tiny": (1, 1e-320), "least": (5e-324, -5e-324), "large": (1e308, -1e308),
    "whole": (2**53, 2**53 + 1), "both ends": (1.7976931348623157e308, 5e-324),
}  # fmt: skip


def with_range(case, ends, keys):
    """The case with numbers of a range in place of its first two of some arrays."""
    delta = convgrad.forward(case).output.tolist()
    case = {**case, "delta": [1.0] * len(delta)}
    return {**case, **{key: [*ends, *case[key][2:]] for key in keys if key in case}}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("arithmetic", ["auto", "exact", "float64"])
@pytest.mark.parametrize("ends", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.get('op', 'conv')} {case.get('norm', '')}")
def test_our_gradients_do_not_differ_from_their_differences_in_any_range(case, ends, arithmetic):
    if arithmetic == "exact" and case.get("norm", 1) != 1:
        return
    for keys in (("input",), ("kernel",), ("delta",), ("input", "delta"), ("input", "kernel", "delta")):
        report = convgrad.check(with_range(case, ends, keys), arithmetic=arithmetic)
        assert report.to_dict()["verdict"] != "differs"


@pytest.mark.parametrize(("values", "codes"), [((1e160, 1e-160), {0}), ((1, 1e-320), {0, 3})])
def test_a_wide_input_is_checked_as_any_other(values, codes):
    assert convgrad.check({"input": list(values), "kernel": [1], "delta": "ones"}).code in codes


@pytest.mark.slow
@pytest.mark.parametrize("value", [1e308, 5e-324, 1e-320, 1e160])
@pytest.mark.parametrize("claim_dtype", [None, "float64", "float32", "float16"])
def test_a_claim_of_any_size_is_judged(value, claim_dtype):
    for array in ("dW", "dX", "output"):
        for case in (CONV, {**CONV, "input": [1e300, 1e-300, 1]}):
            claim = np.full(np.shape(getattr(convgrad.backward(case), array)), value).tolist()
            assert convgrad.check(case, {array: claim}, claim_dtype=claim_dtype).code in (1, 3)


def test_what_float64_rounds_to_its_least_number_is_no_wrong_claim():
    case = {"op": "max-pool", "input": [0, 5e-324, -1], "window": 2, "stride": 1, "delta": "ones"}
    assert convgrad.check(case, convgrad.backward(case, arithmetic="float64")).code == 0  # to its last bit
    assert convgrad.check(case, {"output": [5e-324, 1e-323]}).code == 1


def test_what_vanishes_below_float32_cannot_be_told_in_float32_and_is_wrong_in_float64():
    case = {"input": [1e-30], "kernel": [1e-30], "delta": [1e-30]}
    claim = {"dW": np.zeros(1), "dX": np.zeros(1)}
    assert convgrad.check(case, claim, claim_dtype="float32").code == 3
    assert convgrad.check(case, claim, claim_dtype="float64").code == 1


@pytest.mark.parametrize(("value", "said"), [(1e39, "1e+39 is beyond"), (1e-50, "1e-50 is below")])
def test_what_float32_does_not_hold_is_refused_where_it_stands(value, said):
    with pytest.raises(RequestError) as error:
        convgrad.forward({"input": [1, value], "kernel": [1]}, arithmetic="float32")
    assert str(error.value).startswith(f"input[1]: {said} what a 32-bit float can hold")


def test_a_norm_of_the_largest_numbers_has_its_slopes():
    case = {"op": "lp-pool", "input": [1.7e308, 1.7e308], "window": 2, "delta": [1.0]}
    with np.errstate(over="ignore"):
        assert np.allclose(convgrad.backward(case).dX, [0.5**0.5] * 2)


def test_a_sum_that_passes_2_to_the_53_only_by_its_count_is_exact():
    count, number = 2**12, 2**21 + 1
    case = {"input": [number] * count, "kernel": [*[number] * (count - 1), number - 1], "delta": [1]}
    # each product is below 2^43, but their sum is odd and beyond 2^53
    assert convgrad.forward(case, arithmetic="exact").output.tolist() == [count * number**2 - number]


@pytest.mark.parametrize("document", [{"kernel": [1]}, {"layers": [{"op": "relu"}]}])
def test_what_is_not_finite_has_no_exact_gradient_in_a_case_or_a_network(document):
    function = convgrad.network if "layers" in document else convgrad.forward
    with pytest.raises(RequestError, match="NaN and infinities are not rational"):
        function({"input": [float("nan")], "delta": "ones", **document}, arithmetic="exact", nonfinite=True)


# -- Claims ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("claim", "claimed"), [(4, ()), ([4], (1,)), ([[4, 4]], (1, 2)), ([2, 2, 2], (3,))])
@pytest.mark.parametrize("arithmetic", ["auto", "float64"])
@pytest.mark.parametrize("claim_dtype", [None, "float32"])
def test_a_claim_of_another_shape_differs_and_says_both(claim, claimed, arithmetic, claim_dtype):
    case = {"input": [[1, 2]], "kernel": [[[1]], [[1]]], "delta": "ones"}
    report = convgrad.check(case, {"db": claim}, claim_dtype=claim_dtype, arithmetic=arithmetic)
    assert report.code == 1
    assert report.streamed()["findings"][-1]["shapes"] == {"claimed": claimed, "correct": (2,)}


def test_an_empty_claim_of_a_network_is_refused_as_one_of_a_case_is():
    with pytest.raises(RequestError, match="the claim is empty"):
        convgrad.check({"input": [1], "layers": [{"op": "relu"}], "delta": [1]}, {})


def test_a_bias_that_is_one_number_takes_a_step():
    layers = [{"name": "c", "kernel": [1, 2], "bias": 1}]
    made = convgrad.network({"input": [1, 2], "layers": layers, "delta": [2], "learning_rate": 0.5})
    assert made.to_dict()["layers"][0]["updated"]["bias"] == 0
    assert convgrad.check(made, {"c": {"bias": 0}}).code == 0


@pytest.mark.parametrize(("text", "right"), [("0.333333333333333", True), ("0.33333333333333", True),
                                             ("0.333333333333334", False), ("0.33333333333334", False)])  # fmt: skip
def test_fourteen_digits_are_a_number_rounded_to_them_and_fifteen_are_a_float64(text, right):
    case = {"input": ["1/3"], "kernel": [1], "delta": [1]}
    case["input"] = [Plain("1/3")]
    report = convgrad.check(case, {"dW": [Plain(text)]})
    assert (report.code == 0) == right
    rule = report.findings[-1].rule
    assert rule == ("float64 rounding" if len(text) == 17 else "half a unit of decimal place 14")


@pytest.mark.parametrize(("claim", "named"), [([3, 4], True), ([3.1, 4.1], False), ([3.00000001, 4], False)])
def test_a_decimal_point_in_another_place_is_scaled_and_what_is_beside_it_is_not(claim, named):
    case = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}  # dW 0.3 0.4
    (found,) = convgrad.check(case, {"dW": claim}).diagnosis
    assert (found.mistake == "scaled" and found.details["factor"] == 10) == named
