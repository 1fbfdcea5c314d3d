"""Settings that a document cannot mean are refused exactly from where they begin."""

from __future__ import annotations

import pytest

from convgrad.errors import RequestError
from convgrad.operations.geometry import ENOUGH
from convgrad.subject.case import make_case


def padded(after):
    return make_case({"input": [1], "kernel": [1], "padding": [[0, after]]}, needs_delta=False)


def test_padding_up_to_a_bound_is_made_and_one_number_more_is_refused():
    assert padded(ENOUGH - 1).output_shape == (1, 1, ENOUGH)
    with pytest.raises(RequestError, match="the padded input would have shape"):
        padded(ENOUGH)


def test_an_axis_is_not_both_cropped_and_padded_with_copies():
    case = {"input": [1, 2, 3, 4], "kernel": [1], "padding": [[-1, 1]]}
    assert make_case(case, needs_delta=False).output_shape == (1, 1, 4)
    with pytest.raises(RequestError, match="crops one end"):
        make_case({**case, "padding_mode": "circular"}, needs_delta=False)


@pytest.mark.parametrize(("mode", "most"), [("reflect", 2), ("circular", 3)])
def test_padding_copies_no_more_cells_than_there_are(mode, most):
    case = {"input": [1, 2, 3], "kernel": [1], "padding_mode": mode}
    for pair in ([most, 0], [0, most]):
        assert make_case({**case, "padding": [pair]}, needs_delta=False).output_shape == (1, 1, 3 + most)
    for pair in ([most + 1, 0], [0, most + 1]):
        with pytest.raises(RequestError, match=f"by {most} at most, for an input length of 3"):
            make_case({**case, "padding": [pair]}, needs_delta=False)
