"""Settings per axis: one number, a list of one for all axes, or one each; what has another length is refused."""

import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError

IMAGE = [[1, 5, 2], [3, 4, 0], [7, 1, 6]]
POOL = {"op": "max-pool", "dims": 2, "input": IMAGE, "window": 2, "stride": 1, "delta": "ones"}
CONV = {"input": IMAGE, "kernel": [[1, 2], [3, 4]], "delta": "ones"}
TRANSPOSED = {"op": "conv-transpose", "input": IMAGE, "kernel": [[1, 2], [3, 4]], "stride": 2, "delta": "ones"}
ADAPTIVE = {"op": "adaptive-average-pool", "dims": 2, "input": IMAGE, "delta": "ones"}
PER_AXIS = [
    (CONV, "padding", 1), (CONV, "stride", 1), (CONV, "dilation", 2), (POOL, "window", 2), (POOL, "stride", 1),
    (POOL, "padding", 1), (ADAPTIVE, "output_size", 2), (TRANSPOSED, "output_padding", 1), (TRANSPOSED, "padding", 1),
]  # fmt: skip
NAMED = [f"{case.get('op', 'conv')} {key}" for case, key, _ in PER_AXIS]


def settings_of(case):
    return convgrad.backward(case).streamed()["settings"]


@pytest.mark.parametrize(("case", "key", "value"), PER_AXIS, ids=NAMED)
@pytest.mark.parametrize("wrap", [lambda n: [n], lambda n: (n,), lambda n: np.array([n]), lambda n: [n, n], np.array])
def test_a_list_of_one_is_for_all_axes_as_one_number_is(case, key, value, wrap):
    assert settings_of({**case, key: wrap(value)}) == settings_of({**case, key: value})


@pytest.mark.parametrize(("case", "key", "value"), PER_AXIS, ids=NAMED)
@pytest.mark.parametrize("count", [0, 3])
def test_a_list_of_another_length_is_refused_with_what_would_do(case, key, value, count):
    with pytest.raises(RequestError, match=rf"{key}: expected one entry for all axes or one per axis \(2\), found"):
        convgrad.backward({**case, key: [value] * count})


def test_a_pair_of_before_and_after_is_for_all_axes_too():
    assert settings_of({**CONV, "padding": [[1, 0]]})["padding"] == ((1, 0), (1, 0))


@pytest.mark.parametrize(("shape", "dims"), [((4,), 1), ((3, 4), 1), ((2, 3, 4), 1), ((1, 1, 4, 4), 2)])
def test_a_list_of_one_says_one_axis_where_the_input_can_have_one(shape, dims):
    case = {"op": "max-pool", "input": np.ones(shape, int), "window": [2], "delta": "ones"}
    assert settings_of(case)["dims"] == dims


def test_a_longer_list_says_how_many_axes_there_are_before_a_list_of_one():
    case = {"op": "max-pool", "input": np.ones((2, 4, 4), int), "window": [2], "stride": [1, 2], "delta": "ones"}
    assert settings_of(case)["dims"] == 2


@pytest.mark.parametrize("layer", [{"op": "max-pool", "window": [2]}, {"kernel": [[1]], "padding": [1]}])
def test_so_it_is_in_a_network(layer):
    made = convgrad.network({"input": np.ones((1, 1, 4, 4), int), "layers": [layer], "delta": "ones"})
    assert made.layers[0].case.dims == 2


@pytest.mark.parametrize("dims", [15, 100_000_000])
def test_more_axes_than_arrays_have_are_refused(dims):
    with pytest.raises(RequestError, match="dims: must be at most 14"):
        convgrad.forward({"input": [1], "kernel": [1], "dims": dims})


def test_four_axes_are_checked_as_fewer_are():
    report = convgrad.check({"dims": 4, "input": [[[[1]]]], "kernel": [[[[2]]]], "delta": "ones"})
    assert report.streamed()["verdict"] == "agrees"
    assert report.strength.of


@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (1, 3)])
def test_output_padding_must_be_below_the_stride_or_the_dilation(stride, dilation):
    case = {"op": "conv-transpose", "input": [1, 2], "kernel": [1, 2], "stride": stride, "dilation": dilation}
    most = max(stride, dilation)
    assert convgrad.forward({**case, "output_padding": most - 1}).output.shape == (stride + dilation + most,)
    with pytest.raises(RequestError, match=f"output_padding {most} on axis 0 must be below"):
        convgrad.forward({**case, "output_padding": most})


@pytest.mark.parametrize(("document", "said"), [
    ({"input": [1, 2], "kernel": [1, 2], "padding": 10**6}, "the padded input would have shape"),
    ({"op": "max-pool", "input": [1, 2], "window": 100_000, "padding": 99_999}, "the window would have shape"),
    ({"op": "lp-pool", "input": [1, 2], "window": 4096, "stride": 1, "padding": 10_000}, "hold 6.52e.07 cells"),
    ({"op": "conv-transpose", "input": [1, 2], "kernel": [1, 2], "stride": 10**6}, "output would have shape"),
    ({"op": "conv-transpose", "input": [1, 2], "kernel": [1, 2], "stride": 10**6, "padding": 500_000}, "uncropped"),
    ({"op": "adaptive-max-pool", "input": [1, 2], "output_size": 10**6}, "the output would have shape"),
])  # fmt: skip
def test_settings_that_make_far_more_numbers_than_are_given_are_refused(document, said):
    with pytest.raises(RequestError, match=said):
        convgrad.forward(document)


def test_as_many_as_an_input_of_that_size_may_have_are_not():
    case = {"op": "conv-transpose", "input": np.ones(10_000), "kernel": [1.0, 2.0], "stride": 50}
    assert convgrad.forward(case).output.shape == (499_952,)
    large = {"op": "average-pool", "input": np.ones((700, 700)), "dims": 2, "window": 31, "stride": 1}
    assert convgrad.forward(large).output.shape == (670, 670)


def test_many_adaptive_windows_are_explained_by_ranges():
    case = {"op": "adaptive-max-pool", "input": [1, 2], "output_size": 20_000, "delta": "ones"}
    explained = convgrad.explain(case, "dX[1]")
    assert (explained.value, len(explained.terms)) == (10_000, 10_000)
