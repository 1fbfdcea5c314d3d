"""convgrad computes what the definitions in plain loops compute, exactly, over random geometry."""

from fractions import Fraction
from random import Random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convgrad
from convgrad.core import bilinear, blocks, sliding, threads
from convgrad.core.window import AdaptiveAxis, Axis, Window
from convgrad.operations.geometry import lonely_positions
from tests import definitions
from tests.agreement import assert_matches_definition
from tests.geometry import CONVOLUTIONS, OPERATIONS, cases


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_every_operation_is_its_definition(operation, data):
    assert_matches_definition(data.draw(cases((operation,))))


@pytest.mark.slow
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@given(data=st.data())
def test_a_convolution_computed_in_many_small_blocks_is_the_same(operation, data):
    # cases as small as these would be one block of everyday size: bytes, positions, those added up in one go, and rows
    least = {"ENOUGH": 1, "MANY": 1}
    with (
        mock.patch.object(blocks, "BLOCK", 1),
        mock.patch.multiple(bilinear, **least),
        mock.patch.multiple(sliding, **least, HALOS=0),
    ):
        assert_matches_definition(data.draw(cases((operation,))))


@pytest.mark.slow
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@given(data=st.data())
def test_a_convolution_shared_out_among_threads_is_the_same(operation, data):
    three = {"worth": lambda cost: 3, "ENOUGH": 1}
    with (
        mock.patch.multiple(bilinear, **three),
        mock.patch.multiple(sliding, **three),
        mock.patch.object(threads, "UNHELD", 0),
    ):
        assert_matches_definition(data.draw(cases((operation,))))


@settings(max_examples=30)
@given(case=cases(operations=("conv",), padding_mode="zeros", groups=1))
def test_a_plain_convolution_is_its_definition_without_naming_a_default(case):
    defaults = {
        "groups": 1,
        "padding_mode": "zeros",
        "mode": "cross-correlation",
        "stride": 1,
        "dilation": 1,
        "padding": 0,
    }
    brief = {key: value for key, value in case.items() if key not in defaults or value != defaults[key]}
    assert_matches_definition({"op": "conv", **brief})


@settings(max_examples=50)
@given(case=cases(operations=("conv-transpose",)))
def test_an_output_size_is_the_output_padding_that_gives_it(case):
    more = case.pop("output_padding")
    assert_matches_definition({**case, "output_size": definitions.output_lengths({**case, "output_padding": more})})


@pytest.mark.parametrize(("wanted", "why"), [(3, "from 4 to 5"), (6, "from 4 to 5")])
def test_an_output_size_beyond_what_output_padding_gives_is_refused_with_those_that_it_does(wanted, why):
    case = {"op": "conv-transpose", "input": [1, 2, 3], "kernel": [1, 1], "stride": 2, "padding": 1}
    with pytest.raises(convgrad.RequestError, match=why):
        convgrad.forward(case, output_size=wanted)
    with pytest.raises(convgrad.RequestError, match="give one of them"):
        convgrad.forward(case, output_size=5, output_padding=1)


@given(axis=st.tuples(*[st.integers(1, 9)] * 4), word=st.sampled_from(["same", "same-lower"]))
def test_ceil_mode_changes_nothing_where_padding_is_same(axis, word):
    length, window, stride, dilation = axis
    case = {"op": "average-pool", "dims": 1, "input": list(range(length)), "window": window, "stride": stride}
    case |= {"dilation": dilation, "padding": word}
    outputs = [convgrad.forward(case, ceil_mode=ceil_mode).output.tolist() for ceil_mode in (False, True)]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == -(-length // stride)


def test_ceil_mode_does_not_reach_into_what_padding_crops_at_the_end():
    case = {"op": "max-pool", "input": [1, 2, 3, 4, 5], "window": 2, "ceil_mode": True}
    assert convgrad.forward(case, padding=[[-1, 0]]).output.tolist() == [3, 5]
    with pytest.raises(convgrad.RequestError, match="crops it"):
        convgrad.forward(case, padding=[[0, -1]])


def average(**settings):
    return {"op": "average-pool", "dims": 1, "input": [Fraction(1)], "window": 1, "stride": 2, "padding": 2, **settings}


def test_a_window_in_the_padding_alone_has_no_maximum_and_the_message_names_its_position():
    case = {**average(), "op": "max-pool", "window": 2, "stride": 2}
    with pytest.raises(convgrad.RequestError, match=r"\[0\]"):
        convgrad.forward(case)


def test_a_window_in_the_padding_alone_has_no_mean_unless_the_padding_counts():
    with pytest.raises(convgrad.RequestError, match=r"\[0\]"):
        convgrad.forward(average(count_include_pad=False))
    assert convgrad.forward(average(count_include_pad=True)).output.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "axis", [Axis(2, 3, 2, 4, 5), Axis(3, before=-2), Axis(1, 5, before=7, after=9), AdaptiveAxis(7, 3)]
)
def test_edges_are_the_cells_of_every_position(axis):
    first, last = axis.edges(7)
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [axis.cells(p) for p in range(axis.positions(7))]


@pytest.mark.parametrize("seed", range(40))
def test_lonely_positions_are_those_whose_cells_are_all_padding(seed):
    random = Random(seed)
    size, stride, dilation, length = (random.randint(1, 4) for _ in range(4))
    axis = Axis(size, stride, dilation, random.randint(0, 9), random.randint(0, 9))
    met = [any(0 <= cell < length for cell in axis.under(p)) for p in range(axis.positions(length))]
    expected = [(met.index(False),)] if False in met else []
    assert list(lonely_positions(Window((axis,)), (length,))) == expected
