"""Examples worked by hand, small enough to follow on paper."""

from fractions import Fraction

import numpy as np
import pytest

import convgrad
from tests import definitions
from tests.geometry import rationals


def exact(text):
    """Rows of decimals or fractions, a row a line part: "1 2 / 3 1/2" is 2x2."""
    rows = [[Fraction(entry) for entry in row.split()] for row in text.split(" / ")]
    return np.array(rows if len(rows) > 1 else rows[0], dtype=object)


def assert_equal(values, text):
    """Every entry is exactly the one written."""
    assert np.asarray(values, dtype=object).tolist() == exact(text).tolist()


def backward(case):
    return convgrad.backward(case, arithmetic="exact")


def overlays(case):
    """Every overlay, its arrays in the rank that the operands came in."""
    return list(backward(case).streamed(overlays="all")["overlays"])


# -- Convolution -------------------------------------------------------------------------------------------------------

FIRST = {"input": [1, 2, 3], "kernel": [Fraction("0.3"), Fraction("0.5")], "delta": [Fraction("-0.1"), Fraction("0.2")]}


def test_three_cells_under_a_kernel_of_two():
    found = backward(FIRST)
    assert_equal(found.output, "1.3 2.1")
    assert_equal(found.dW, "0.3 0.4")
    assert_equal(found.dX, "-0.03 0.01 0.1")
    assert found.db == Fraction("0.1")


def test_the_same_in_decimals_comes_back_in_the_decimals_that_one_expects():
    found = convgrad.backward({"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]})
    assert found.dW.tolist() == [0.3, 0.4]
    assert found.db.tolist() == 0.1
    assert found.dX.tolist() == [-0.03, 0.01, 0.1]


def test_the_first_example_overlay_by_overlay():
    first, second = overlays(FIRST)
    assert_equal(first["dW"], "-0.1 -0.2")
    assert_equal(first["dX"], "-0.03 -0.05")
    assert_equal(second["window"], "2 3")
    assert_equal(second["dW"], "0.4 0.6")
    assert_equal(second["dX"], "0.06 0.1")
    assert [overlay["delta"] for overlay in (first, second)] == [Fraction("-0.1"), Fraction("0.2")]


@pytest.mark.parametrize(
    ("mode", "dx"),
    [
        ("zeros", "111 111 111 111 111"),
        ("reflect", "111 122 212 221 111"),
        ("replicate", "123 111 111 111 321"),
        ("circular", "221 211 111 112 122"),
    ],
)
def test_a_padded_cells_gradient_goes_back_to_the_cell_that_it_copies(mode, dx):
    case = {"input": [1, 2, 3, 4, 5], "kernel": [1, 10, 100], "padding": 2, "padding_mode": mode, "delta": "ones"}
    assert_equal(backward(case).dX, dx)


FIVE = {
    "input": exact("1 0 2 1 3 / 0 1 1 2 0 / 2 1 0 1 1 / 1 3 1 0 2 / 0 1 2 1 1"),
    "kernel": exact("0.5 -1 / 0.25 0.75"),
    "delta": exact("0.1 -0.2 0 0.3 / 0 0.1 -0.1 0.2 / 0.2 0 0.1 -0.3 / -0.1 0.4 0 0.1"),
}


def test_five_by_five_cells_under_a_kernel_of_two_by_two():
    found = backward(FIVE)
    assert_equal(found.dW, "2 0.7 / 1.5 0.8")
    assert found.db == Fraction("0.8")
    # four overlays cover x[1,1]: 0.1 x 0.75 - 0.2 x 0.25 + 0 x -1 + 0.1 x 0.5
    assert found.dX[1, 1] == Fraction("0.075")


def test_the_sixth_overlay_of_sixteen():
    sixth = overlays(FIVE)[5]
    assert len(overlays(FIVE)) == 16
    assert (sixth["position"], sixth["cells"]) == ((1, 1), ((1, 3), (1, 3)))
    assert_equal(sixth["window"], "1 1 / 1 0")
    assert_equal(sixth["dW"], "0.1 0.1 / 0.1 0")
    assert_equal(sixth["dX"], "0.05 -0.1 / 0.025 0.075")
    assert_equal(sum(overlay["dW"] for overlay in overlays(FIVE)[:6]), "0.5 0.6 / 0.5 -0.1")


# -- Two layers of true convolution: a published example, whose mistakes are known -------------------------------------

X = exact("0.7 -0.3 -0.7 0.5 / 0.9 -0.5 -0.2 0.9 / -0.1 0.8 -0.3 -0.5 / 0 0.2 -0.1 0.6")
W1, W2 = exact("0.1 -0.3 / -0.5 0.7"), exact("-0.5 0.1 / 0.3 0.9")
A1 = exact("0.32 0.27 -0.59 / 0.99 -0.52 -0.55 / -0.45 0.64 0.13")
DELTA = exact("-0.07 0.15 / -0.09 0.02")
DELTA1 = exact("-0.063 0.114 0.045 / -0.088 0.041 -0.069 / -0.009 0.047 -0.01")


def layer(x, w, delta="ones", mode="convolution"):
    return {"input": x, "kernel": w, "delta": delta, "mode": mode}


def assert_to_two_digits(values, text):
    """Each entry is within half a unit of the last of its two decimals, which is what two decimals can say."""
    error = abs(np.asarray(values, dtype=object) - exact(text))
    assert (error <= Fraction("0.005")).all(), values.astype(float)


def test_the_published_forward_pass_is_a_true_convolution():
    first, second = (
        convgrad.forward(layer(X, W1), arithmetic="exact"),
        convgrad.forward(layer(A1, W2), arithmetic="exact"),
    )
    assert first.output.tolist() == A1.tolist()
    assert_equal(second.output, "0.728 0.289 / 0.37 -0.634")
    assert_to_two_digits(second.output, "0.73 0.29 / 0.37 -0.63")


def test_the_second_layers_gradients():
    # the centre has one term an overlay: -0.07 x -0.5 + 0.15 x 0.1 - 0.09 x 0.3 + 0.02 x 0.9 = 0.041
    found = backward(layer(A1, W2, DELTA))
    assert_equal(found.dW, "-0.1011 -0.094 / -0.0716 -0.0814")
    assert found.dX.tolist() == DELTA1.tolist()


def test_the_first_layers_gradients():
    # the last entry of dW meets x[0:3, 0:3], row by row:
    # -0.0441 - 0.0342 - 0.0315, - 0.0792 - 0.0205 + 0.0138, + 0.0009 + 0.0376 + 0.003
    assert_equal(backward(layer(X, W1, DELTA1)).dW, "-0.0115 -0.05 / -0.081 -0.1542")


def test_the_published_gradient_of_the_second_kernel_is_that_of_delta_turned_round():
    assert_to_two_digits(backward(layer(A1, W2, DELTA[::-1, ::-1])).dW, "0.13 -0.05 / 0.02 0.17")


def test_the_published_delta_of_the_first_layer_is_that_of_a_cross_correlation_but_for_two_entries():
    found = backward(layer(A1, W2, DELTA, mode="cross-correlation")).dX
    assert_equal(found, "0.035 -0.082 0.015 / 0.024 -0.037 0.137 / -0.027 -0.075 0.018")
    found[1, 1], found[2, 2] = Fraction("-0.13"), Fraction("0.01")  # published so: a wrong sign, a wrong rounding
    assert_to_two_digits(found, "0.04 -0.08 0.02 / 0.02 -0.13 0.14 / -0.03 -0.08 0.01")


def test_the_published_gradient_of_the_first_kernel_is_that_of_the_published_delta_turned_round():
    published = exact("0.04 -0.08 0.02 / 0.02 -0.13 0.14 / -0.03 -0.08 0.01")
    assert_to_two_digits(backward(layer(X, W1, published[::-1, ::-1])).dW, "0.16 -0.09 / 0.03 0.16")


# -- Transposed convolution --------------------------------------------------------------------------------------------


def test_a_transposed_convolution_stamps_the_kernel_at_every_stride():
    case = {"op": "conv-transpose", "input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "delta": [1, 2, 3, 4, 5]}
    found = backward(case)
    assert_equal(found.output, "1 10 102 20 200")
    assert_equal(found.dW, "7 10 13")  # 1 x (1 2 3) + 2 x (3 4 5)
    assert_equal(found.dX, "321 543")
    assert found.db == 15


def test_output_padding_uncovers_what_the_padding_had_cropped_before_it_adds_bare_bias():
    case = {"op": "conv-transpose", "input": [1, 2], "kernel": [1, 10, 100], "stride": 2, "bias": [7]}
    cropped = {**case, "padding": [[0, 1]]}
    assert_equal(convgrad.forward(cropped, arithmetic="exact").output, "8 17 109 27")
    assert_equal(convgrad.forward({**cropped, "output_padding": 1}, arithmetic="exact").output, "8 17 109 27 207")
    assert_equal(convgrad.forward({**case, "output_padding": 1}, arithmetic="exact").output, "8 17 109 27 207 7")


# -- Pools -------------------------------------------------------------------------------------------------------------

TIED = {
    "op": "max-pool",
    "input": exact("1 3 2 4 / 5 6 1 2 / 4 2 3 3 / 0 1 2 3"),
    "window": 2,
    "delta": exact("0.1 -0.2 / 0.3 0.4"),
}


@pytest.mark.parametrize(
    ("ties", "last_window"),
    [
        ("first", "0.4 0 / 0 0"),
        ("last", "0 0 / 0 0.4"),
        ("split", "2/15 2/15 / 0 2/15"),
        ("all", "0.4 0.4 / 0 0.4"),
    ],
)
def test_a_tie_between_three_cells_goes_as_the_rule_says(ties, last_window):
    found = backward({**TIED, "ties": ties})
    assert_equal(found.output, "6 4 / 4 3")
    assert_equal(found.dX[:2], "0 0 0 -0.2 / 0 0.1 0 0")
    assert_equal(found.dX[2:, :2], "0.3 0 / 0 0")
    assert_equal(found.dX[2:, 2:], last_window)


@pytest.mark.parametrize("operation", [{"op": "max-pool", "window": 4}, {"op": "adaptive-max-pool", "output_size": 1}])
@pytest.mark.parametrize("ties", ["first", "last", "split", "all"])
def test_the_last_of_what_is_not_a_number_takes_delta_under_every_tie_rule(operation, ties):
    nan = float("nan")
    case = {**operation, "dims": 1, "ties": ties, "input": [nan, 9.0, nan, 1.0], "delta": [5.0]}
    found = convgrad.backward(case, arithmetic="float64", nonfinite=True)
    assert np.isnan(found.output).tolist() == [True]
    assert found.dX.tolist() == [0, 0, 5, 0]


@pytest.mark.parametrize(("ties", "dx"), [("first", [4, 0]), ("last", [0, 4]), ("split", [2, 2]), ("all", [4, 4])])
def test_minus_zero_ties_with_zero(ties, dx):
    for zeros in ([-0.0, 0.0], [0.0, -0.0]):
        case = {"op": "max-pool", "dims": 1, "window": 2, "ties": ties, "input": zeros, "delta": [4.0]}
        assert convgrad.backward(case, arithmetic="float64").dX.tolist() == dx


def test_every_overlay_of_a_max_pool_names_the_cell_that_won():
    assert [overlay["winner"] for overlay in overlays(TIED)] == [(1, 1), (0, 3), (2, 0), (2, 2)]


def test_the_last_corner_of_a_six_by_six_average_is_divided_by_four():
    case = {
        "op": "average-pool",
        "dims": 2,
        "input": np.arange(36).reshape(6, 6),
        "window": 3,
        "stride": 2,
        "padding": 1,
    }
    included = convgrad.forward({**case, "ceil_mode": True, "count_include_pad": True}, arithmetic="exact").output
    # the window [5,8) x [5,8) is cut at 7, one cell of padding past the input: x[5,5]/4
    assert included[-1, -1] == Fraction(35, 4)
    excluded = convgrad.forward({**case, "ceil_mode": True, "count_include_pad": False}, arithmetic="exact").output
    assert excluded[-1, -1] == 35


def test_five_cells_divide_among_three_windows_that_overlap():
    case = {"op": "adaptive-average-pool", "dims": 1, "input": [1, 2, 3, 4, 5], "output_size": 3, "delta": [6, 12, 18]}
    found = backward(case)
    assert_equal(found.output, "3/2 3 9/2")  # [0,2) [1,4) [3,5)
    assert_equal(found.dX, "3 7 4 13 9")
    assert [overlay["cells"] for overlay in overlays(case)] == [((0, 2),), ((1, 4),), ((3, 5),)]


def test_an_average_of_thirds_stays_a_third():
    thirds = rationals(np.ones((3, 3), dtype=int), 3)
    found = backward({"op": "average-pool", "input": thirds, "window": 3, "delta": [[Fraction(1, 7)]]})
    assert_equal(found.output.reshape(1), "1/3")
    assert set(found.dX.flat) == {Fraction(1, 63)}


@pytest.mark.parametrize(("op", "y"), [("max-pool", "2"), ("average-pool", "3/2"), ("lp-pool", "3")])
def test_in_ceil_mode_the_only_window_may_be_longer_than_the_input(op, y):
    case = {"op": op, "dims": 1, "input": [1, 2], "window": 3, "stride": 2, "ceil_mode": True}
    case |= {"norm": 1} if op == "lp-pool" else {}
    assert_equal(convgrad.forward(case, arithmetic="exact").output, y)  # ceil((2 - 3)/2) + 1 = 1 window, cut to 2 cells


def test_global_pooling_is_an_output_of_one_cell():
    case = {"op": "adaptive-max-pool", "dims": 1, "input": [3, 1, 3], "output_size": 1, "delta": [5], "ties": "split"}
    found = backward(case)
    assert_equal(found.output, "3")
    assert_equal(found.dX, "5/2 0 5/2")


def test_an_lp_pool_takes_the_size_of_every_number():
    case = {"op": "lp-pool", "dims": 1, "input": [1, -2, 3, -4], "window": 4, "norm": 1, "delta": [2]}
    found = backward(case)
    assert_equal(found.output, "10")
    assert_equal(found.dX, "2 -2 2 -2")


def test_a_euclidean_pool_of_three_and_four_is_five():
    case = {"op": "lp-pool", "dims": 1, "input": [3.0, -4.0, 0.0, 0.0], "window": 2, "norm": 2, "delta": [10.0, 1.0]}
    found = convgrad.backward(case, arithmetic="float64")
    # 9, 16, 25 and their roots are exact; one power and one quotient round, each by less than a unit in the last place
    assert found.output.tolist() == pytest.approx([5, 0], rel=2**-51)
    assert found.dX.tolist() == pytest.approx([6, -8, 0, 0], rel=2**-50)


# -- Geometry ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "extent", "stride", "same", "lower"),
    [(5, 2, 1, (0, 1), (1, 0)), (5, 3, 2, (1, 1), (1, 1)), (6, 3, 2, (0, 1), (1, 0)), (7, 1, 3, (0, 0), (0, 0))],
)
def test_same_puts_the_odd_cell_after_and_same_lower_before(length, extent, stride, same, lower):
    case = {"input": [1] * length, "kernel": [1] * extent, "stride": stride, "delta": "ones"}
    for name, sides in (("same", same), ("same-lower", lower)):
        resolved = convgrad.backward({**case, "padding": name}).streamed()["settings"]["padding"]
        assert [tuple(pair) for pair in resolved] == [sides]
        assert definitions.named_padding(name, length, extent, stride) == sides


def test_cells_that_no_window_reaches_have_no_gradient():
    case = {"input": [1, 2, 3, 4, 5, 6], "kernel": [1, 1], "stride": 3, "delta": "ones"}
    assert_equal(backward(case).dX, "1 1 0 1 1 0")


def test_a_tap_that_only_ever_meets_zero_padding_has_no_gradient():
    case = {"input": [5], "kernel": [1, 1, 1], "padding": 1, "delta": "ones"}
    assert_equal(backward(case).dW, "0 5 0")
