"""What holds whatever the numbers are, in exact arithmetic and with ==: adjoints, derivatives, overlays, checksums."""

from fractions import Fraction
from itertools import product
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convgrad
from convgrad.core import blocks, sliding
from convgrad.core.bilinear import correlate, correlate_gradients, kernel_gradient, spread, spread_gradients
from convgrad.core.unfold import LONG, fold, pad, unfold, unfold_rows, unpad
from convgrad.core.window import AdaptiveAxis, Axis, Window
from tests import definitions
from tests.geometry import (
    CONVOLUTIONS,
    MAX_POOLS,
    MEANS,
    NORMS,
    OPERATIONS,
    PADDING_MODES,
    POOLS,
    Drawn,
    Seeded,
    cases,
    exact_data,
    float_data,
    random_case,
    rationals,
)

AFFINE = (*CONVOLUTIONS, *MEANS)
NAMES = {"dX": "input", "dW": "kernel", "db": "bias"}


def backward(case):
    return convgrad.backward(case, arithmetic="exact")


def output(case):
    return convgrad.forward(case, arithmetic="exact").output


def gradients(case):
    """{name: array} of those that the operation has."""
    found = backward(case)
    return {name: getattr(found, name) for name in NAMES if getattr(found, name) is not None}


def inner(a, b):
    """<a, b>, in the numbers that they are made of."""
    return sum((left * right for left, right in zip(np.ravel(a), np.ravel(b), strict=True)), start=Fraction(0))


def like(array, seed, spread=9):
    """Random whole numbers in the shape of an array."""
    random = np.random.default_rng(seed)
    return rationals(random.integers(-spread, spread + 1, np.shape(array)), 1)


def assert_equal(values, expected, what=""):
    values, expected = np.asarray(values, dtype=object), np.asarray(expected, dtype=object)
    assert values.shape == expected.shape, what
    assert (values == expected).all(), f"{what}\n{values}\nis not\n{expected}"


seeds = st.integers(0, 2**16)


# -- Adjoints ----------------------------------------------------------------------------------------------------------


@st.composite
def windows(draw):
    """A window, evenly spaced or adaptive on every axis, with lengths that it fits."""
    choose, axes, lengths = Drawn(draw), [], []
    adaptive = choose.one_of(False, False, True)
    for _ in range(choose.integer(1, 3)):
        lengths.append(choose.integer(1, 6))
        axes.append(AdaptiveAxis(lengths[-1], choose.integer(1, 6)) if adaptive else evenly_spaced(choose, lengths[-1]))
    return Window(tuple(axes)), tuple(lengths)


def evenly_spaced(choose, length):
    """Padding may be missing, unequal, or more than the window is long."""
    size, dilation = choose.integer(1, 3), choose.integer(1, 3)
    missing = max(dilation * (size - 1) + 1 - length, 0)
    return Axis(size, choose.integer(1, 4), dilation, missing + choose.integer(0, 3), choose.integer(0, 3))


@given(given_window=windows(), seed=seeds)
def test_fold_is_the_adjoint_of_unfold(given_window, seed):
    window, lengths = given_window
    x = like(np.empty((2, 2, *lengths)), seed)
    columns = like(np.empty((2, 2, *window.size, *window.positions(lengths))), seed + 1)
    assert inner(unfold(x, window), columns) == inner(x, fold(columns, window, lengths))


@pytest.mark.parametrize("long", [0, LONG])
@given(given_window=windows(), seed=seeds)
def test_unfolding_rows_is_to_unfold_with_the_channels_first(long, given_window, seed):
    window, lengths = given_window
    assume(all(isinstance(axis, Axis) for axis in window.axes))
    x = like(np.empty((2, 3, 2, *lengths)), seed)
    one_by_one = unfold(x.reshape(6, 2, *lengths), window).reshape(2, 3, 2, *window.size, *window.positions(lengths))
    with mock.patch("convgrad.core.unfold.LONG", long):
        columns = unfold_rows(x.transpose(2, 1, 0, *range(3, x.ndim)), window)
    assert_equal(columns, np.moveaxis(one_by_one, (0, 1, 2), (-1 - len(lengths), -2 - len(lengths), 0)))


@pytest.mark.parametrize("count", [1, 3])
@given(given_window=windows(), groups=st.integers(1, 2), channels=st.integers(1, 4), seed=seeds)
def test_gradients_from_the_same_columns_are_those_from_their_own(count, given_window, groups, channels, seed):
    window, lengths = given_window
    assume(all(isinstance(axis, Axis) for axis in window.axes))
    # whole numbers, which floats add without an error in any order; blocks and rows as small as can be
    random = np.random.default_rng(seed)
    shapes = ((2, 2 * groups, *window.positions(lengths)), (2 * groups, channels, *window.size))
    delta, x, w = (random.integers(-9, 10, shape) * 1.0 for shape in ((2, channels * groups, *lengths), *shapes))
    with (
        mock.patch.object(blocks, "BLOCK", 1),
        mock.patch.multiple(sliding, worth=lambda cost: count, ENOUGH=1, MANY=1, HALOS=0),
    ):
        dx, dw = spread_gradients(delta, x, w, window=window, groups=groups)
    assert_equal(dx, correlate(delta, w, window=window, groups=groups))
    assert_equal(dw, kernel_gradient(x, delta, window=window, groups=groups))


@pytest.mark.parametrize("count", [1, 3])
@given(given_window=windows(), groups=st.integers(1, 2), channels=st.integers(1, 4), seed=seeds)
def test_gradients_of_a_convolution_in_one_pass_are_those_one_by_one(count, given_window, groups, channels, seed):
    window, lengths = given_window
    assume(all(isinstance(axis, Axis) for axis in window.axes))
    random = np.random.default_rng(seed)
    shapes = ((3, 2 * groups, *window.positions(lengths)), (2 * groups, channels, *window.size))
    x, delta, w = (random.integers(-9, 10, shape) * 1.0 for shape in ((3, channels * groups, *lengths), *shapes))
    with (
        mock.patch.object(blocks, "BLOCK", 1),
        mock.patch.multiple(sliding, worth=lambda cost: count, ENOUGH=1, MANY=1, HALOS=0),
    ):
        dx, dw = correlate_gradients(delta, x, w, window=window, groups=groups)
    assert_equal(dx, spread(delta, w, window=window, groups=groups, lengths=lengths))
    assert_equal(dw, kernel_gradient(delta, x, window=window, groups=groups))


@pytest.mark.parametrize("scale", [1, 10**20])  # whole numbers that floats hold, and such as they do not
@given(given_window=windows(), seed=seeds)
def test_gradients_in_one_pass_are_exact(scale, given_window, seed):
    window, lengths = given_window
    assume(all(isinstance(axis, Axis) for axis in window.axes))
    shapes = ((2, 2, *lengths), (2, 2, *window.positions(lengths)), (2, 1, *window.size))
    x, delta, w = (
        like(np.empty(shape), seed + number) * Fraction(scale, 3 + number) for number, shape in enumerate(shapes)
    )
    settings = {"window": window, "groups": 2}
    dx, dw = correlate_gradients(delta, x, w, **settings)
    assert all(type(value) is Fraction for array in (dx, dw) for value in array.flat)
    assert inner(x, dx) == inner(w, dw) == inner(correlate(x, w, **settings), delta)
    assert_equal(dx, spread(delta, w, **settings, lengths=lengths))
    dx, dw = spread_gradients(x, delta, w, **settings)
    assert inner(delta, dx) == inner(w, dw) == inner(spread(delta, w, **settings, lengths=lengths), x)


@st.composite
def paddings(draw, mode):
    """A window whose padding has cells to copy, with the lengths of what it pads."""
    choose, axes, lengths = Drawn(draw), [], []
    for _ in range(choose.integer(1, 3)):
        lengths.append(choose.integer(1, 5))
        most = {"reflect": lengths[-1] - 1, "replicate": 9, "circular": lengths[-1]}[mode]
        axes.append(Axis(1, before=choose.integer(0, most), after=choose.integer(0, most)))
    return Window(tuple(axes)), tuple(lengths)


@pytest.mark.parametrize("mode", PADDING_MODES[1:])
@given(data=st.data(), seed=seeds)
def test_unpad_is_the_adjoint_of_pad(mode, data, seed):
    window, lengths = data.draw(paddings(mode))
    x = like(np.empty((2, 2, *lengths)), seed)
    padded = pad(x, window, mode)
    delta = like(padded, seed + 1)
    assert inner(padded, delta) == inner(x, unpad(delta, window, mode, lengths))


# -- Derivatives -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("operation", AFFINE)
@given(data=st.data(), seed=seeds)
def test_the_gradient_of_an_affine_operation_is_its_difference_quotient_at_any_step(operation, data, seed):
    case = data.draw(cases((operation,)))
    # affine in each operand: the difference is the derivative along the direction, with nothing left over
    found = gradients(case)
    for name, key in NAMES.items():
        if key in case:
            direction = like(case[key], seed)
            moved = output({**case, key: case[key] + direction}) - output(case)
            assert inner(moved, case["delta"]) == inner(found[name], direction), name


@pytest.mark.parametrize("operation", [*MAX_POOLS, *NORMS])
@given(data=st.data(), seed=seeds)
def test_away_from_ties_and_zeros_a_max_or_an_l1_pool_has_no_other_derivative(operation, data, seed):
    case = data.draw(cases((operation,)))
    # distinct whole numbers, none of them zero, stay in order and keep their signs under steps below a half
    random = np.random.default_rng(seed)
    x = random.permutation(np.arange(case["input"].size) + 1) * 3 * random.choice([-1, 1])
    case["input"] = rationals(x.reshape(case["input"].shape), 3)
    direction = like(case["input"], seed, spread=4) / 9
    moved = output({**case, "input": case["input"] + direction}) - output(case)
    assert inner(moved, case["delta"]) == inner(gradients(case)["dX"], direction)


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data(), seed=seeds)
def test_gradients_are_linear_in_delta(operation, data, seed):
    case = data.draw(cases((operation,)))
    other = like(case["delta"], seed)
    first, second = gradients(case), gradients({**case, "delta": other})
    for name, both in gradients({**case, "delta": 2 * case["delta"] - other / 3}).items():
        assert_equal(both, 2 * first[name] - second[name] / 3, name)


# -- Overlays ----------------------------------------------------------------------------------------------------------


BY_CELL = ("conv-transpose", "max-unpool")
"""Operations whose overlays are cells of the input, laid on the output."""


def lay(case, overlay, dx):
    """Add to dX (N,C,*L) what an overlay adds to the cells under it; padding's share goes to the copied cell."""
    if case["op"] in BY_CELL:
        dx[(overlay.sample, slice(None), *overlay.position)] += overlay.dx
        return
    for tap in np.ndindex(overlay.dx.shape[1:]):
        cells = cells_at(case, overlay, tap)
        if None not in cells:
            dx[(overlay.sample, slice(None), *cells)] += overlay.dx[(slice(None), *tap)]


def laid(case, overlays):
    """dX (N,C,*L) of some overlays alone."""
    dx = definitions.zeros(definitions.full_shape(case, "input"))
    for overlay in overlays:
        lay(case, overlay, dx)
    return dx


def cells_at(case, overlay, tap):
    """The cell of the input that lies under a tap, or is copied to it; None for zero padding, per axis."""
    dilation, mode = definitions.per_axis(case, "dilation", 1), case.get("padding_mode", "zeros")
    return [
        definitions.copied(first + t * d, length, mode)
        for (first, _), t, d, length in zip(overlay.cells, tap, dilation, definitions.lengths(case), strict=True)
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_overlays_add_up_to_the_gradients(operation, data):
    case = data.draw(cases((operation,)))
    found, overlays = backward(case), list(backward(case).full_overlays)
    assert_equal(laid(case, overlays), np.reshape(found.dX, definitions.full_shape(case, "input")))
    if case["op"] in CONVOLUTIONS:
        kernel = definitions.full_shape(case, "kernel")
        dw = sum((np.reshape(o.dw, kernel) for o in overlays), start=definitions.zeros(kernel))
        assert_equal(dw, np.reshape(found.dW, kernel))
    if case["op"] == "conv":
        db = sum((o.db for o in overlays), start=definitions.zeros(definitions.out_channels(case)))
        assert_equal(db, np.reshape(found.db, -1))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_there_is_one_overlay_for_every_sample_and_position_in_order(operation, data):
    case = data.draw(cases((operation,)))
    overlays = backward(case).full_overlays
    over = definitions.lengths(case) if case["op"] in BY_CELL else definitions.output_lengths(case)
    places = list(product(range(definitions.full_shape(case, "input")[0]), np.ndindex(*over)))
    assert [(o.sample, tuple(o.position)) for o in overlays] == places
    assert len(overlays) == len(places)


@pytest.mark.parametrize("operation", ["conv", *POOLS])
@given(data=st.data())
def test_an_overlays_window_is_what_lies_under_it(operation, data):
    case = data.draw(cases((operation,)))
    x = definitions.lifted_input(case)
    for overlay in backward(case).full_overlays:
        for tap in np.ndindex(overlay.window.shape[1:]):
            cells, values = cells_at(case, overlay, tap), overlay.window[(slice(None), *tap)]
            if None not in cells:
                assert_equal(values, x[(overlay.sample, slice(None), *cells)])
            else:
                assert not any(values), "padding is zero, or in a max pool nothing at all"


@given(case=cases(operations=MAX_POOLS))
def test_the_winners_of_an_overlay_are_the_cells_that_take_its_delta(case):
    for overlay in backward({**case, "delta": np.ones_like(case["delta"])}).full_overlays:
        dx = laid(case, [overlay])[overlay.sample]
        for channel, winners in enumerate(overlay.winners):
            assert sorted(map(tuple, winners)) == [cell for cell in np.ndindex(dx.shape[1:]) if dx[(channel, *cell)]]


@given(case=cases(operations=MEANS))
def test_the_divisor_of_an_overlay_is_that_of_the_mean(case):
    for overlay in backward(case).full_overlays:
        held = definitions.pool_cells(case, overlay.position)
        assert overlay.divisor == definitions.divisor(case, overlay.position, held)


# -- Checksums ---------------------------------------------------------------------------------------------------------


def per(axis, a, b):
    """<a, b> of every entry along one axis apart."""
    return [inner(left, right) for left, right in zip(np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0), strict=True)]


def full(case, name, values):
    return np.reshape(values, definitions.full_shape(case, name))


@pytest.mark.parametrize("operation", CONVOLUTIONS)
@given(data=st.data())
def test_the_checksums_of_a_convolution(operation, data):
    case = data.draw(cases((operation,)))
    found, delta = backward(case), definitions.lifted_delta(case)
    bias = definitions.lifted_bias(case).reshape(-1, *(1,) * case["dims"])
    x, w, y = definitions.lifted_input(case), definitions.lifted_kernel(case), found.output.reshape(delta.shape) - bias
    dx, dw = full(case, "input", found.dX), full(case, "kernel", found.dW)
    assert inner(x, dx) == inner(w, dw) == inner(y, delta)
    assert per(0, x, dx) == per(0, y, delta)
    if case["op"] == "conv":  # a transposed convolution's kernel has its output channels within groups
        assert per(0, w, dw) == per(1, y, delta)
    assert np.reshape(found.db, -1).tolist() == per(1, np.ones_like(delta), delta)


@given(case=cases(operations=POOLS).filter(lambda case: case.get("ties") != "all"))
def test_the_checksum_of_a_pool(case):
    found, x = backward(case), definitions.lifted_input(case)
    y, delta = found.output.reshape(definitions.output_shape(case)), definitions.lifted_delta(case)
    assert per(0, x, full(case, "input", found.dX)) == per(0, y, delta)
    assert per(1, x, full(case, "input", found.dX)) == per(1, y, delta)


@given(case=cases(operations=MAX_POOLS).filter(lambda case: case.get("ties") != "all"))
def test_a_max_pool_hands_on_all_of_delta_and_no_more(case):
    dx, delta = full(case, "input", backward(case).dX), definitions.lifted_delta(case)
    for sample, channel in np.ndindex(dx.shape[:2]):
        assert sum(dx[sample, channel].flat) == sum(delta[sample, channel].flat)


# -- Kinds of number, arguments, empty batches -------------------------------------------------------------------------


def results(found):
    return {name: getattr(found, name) for name in ("output", "dX", "dW", "db") if getattr(found, name) is not None}


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_results_keep_the_kind_of_number_that_was_asked_for(operation, arithmetic, dims):
    case = random_case(Seeded(np.random.default_rng(dims)), operation, dims, float_data)
    found = convgrad.backward(case, arithmetic=arithmetic)
    assert {name: np.asarray(values).dtype.name for name, values in results(found).items()} == dict.fromkeys(
        results(found), arithmetic
    )
    for overlay in found.full_overlays:
        for name in ("window", "delta", "dw", "db", "dx"):
            values = getattr(overlay, name)
            assert values is None or values.dtype in (arithmetic, object), name  # a max pool's padding has no number


@given(case=cases())
def test_auto_is_the_nearest_float_to_the_exact_result(case):
    exact, auto = results(backward(case)), convgrad.backward(case)
    assume(auto.to_dict()["arithmetic"] == "exact")  # hand-sized
    for name, values in results(auto).items():
        assert np.asarray(values).dtype == np.float64
        assert np.ravel(values).tolist() == [float(value) for value in np.ravel(exact[name])], name


@pytest.mark.parametrize(("data", "arithmetic"), [(exact_data, "exact"), (float_data, "float64")])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_arguments_are_never_written_into(operation, data, arithmetic):
    random = np.random.default_rng(OPERATIONS.index(operation))
    for dims in (1, 2, 3) * 5:
        case = random_case(Seeded(random), operation, dims, data)
        arrays = {key: value for key, value in case.items() if isinstance(value, np.ndarray)}
        copies, keys = {key: value.copy() for key, value in arrays.items()}, set(case)
        for array in arrays.values():
            array.setflags(write=False)
        found = convgrad.backward(case, arithmetic=arithmetic)
        assert all(overlay is not None for overlay in found.full_overlays)
        assert set(results(found)) >= {"output", "dX"}
        assert set(case) == keys
        for key, array in arrays.items():
            assert_equal(array, copies[key], key)


@given(case=cases(batches=(0, 0)).filter(lambda case: case["input"].size == 0))
def test_an_empty_batch_has_zeros_for_its_kernel_and_bias_and_no_overlays(case):
    found = backward(case)
    assert found.output.shape == case["delta"].shape
    assert found.dX.shape == case["input"].shape
    assert len(list(found.full_overlays)) == 0
    if case["op"] in CONVOLUTIONS:
        assert_equal(found.dW, definitions.zeros(case["kernel"].shape))
        assert_equal(found.db, definitions.zeros(definitions.bias_shape(case)))


def test_a_binary_array_is_taken_at_its_exact_values():
    case = {"input": np.array([0.1, 0.2]), "kernel": np.array([3.0]), "delta": np.array([1.0, 1.0])}
    assert backward(case).dW.tolist() == [Fraction(0.1) + Fraction(0.2)]


def test_asking_for_the_output_does_not_ask_for_a_delta():
    case = {"input": [1, 2, 3], "kernel": [1, 1]}
    assert convgrad.forward(case).output.tolist() == [3, 5]
    with pytest.raises(convgrad.RequestError, match="delta"):
        convgrad.backward(case)
