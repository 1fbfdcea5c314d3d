"""Cells are numbered as each library counts them, and found again; a number that is none of its plane is refused."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import convgrad
from convgrad.errors import RequestError
from convgrad.operations.cells import in_planes, numbered, placed
from convgrad.vocabulary import COUNTED
from tests.program import convgrad as run

SHAPES = [((2, 3), (4,)), ((2, 3), (3, 4)), ((1, 2), (2, 3, 2)), ((3, 1), (2, 2))]


def by_loops(counted: str, planes: tuple[int, int], lengths: tuple[int, ...]) -> Any:
    """The number of every cell, by counting them one by one: (N,C,*L)."""
    axes = [range(n) for n in (*planes, *lengths)]
    dims = len(lengths)
    order = {
        "plane": (*range(2, 2 + dims),),
        "batch": (0, 1, *range(2, 2 + dims)),
        "batch-columns": (0, 1, *range(1 + dims, 1, -1)),
        "channels-last": (*range(2, 2 + dims), 1),
        "batch-channels-last": (0, *range(2, 2 + dims), 1),
    }[counted]
    seen = sorted({tuple(index[axis] for axis in order) for index in product(*axes)})
    numbers = {key: number for number, key in enumerate(seen)}
    made = np.zeros((*planes, *lengths), int)
    for index in product(*axes):
        made[index] = numbers[tuple(index[axis] for axis in order)]
    return made


@pytest.mark.parametrize("counted", COUNTED)
@pytest.mark.parametrize(("planes", "lengths"), SHAPES)
def test_each_way_to_count_is_that_of_counting_one_by_one(planes: Any, lengths: Any, counted: str) -> None:
    cells = np.broadcast_to(np.arange(np.prod(lengths)).reshape(lengths), (*planes, *lengths))
    numbers = numbered(cells, lengths, counted)
    np.testing.assert_array_equal(numbers, by_loops(counted, planes, lengths))
    np.testing.assert_array_equal(in_planes(numbers, lengths, counted), cells)


@pytest.mark.parametrize("counted", COUNTED)
def test_a_number_of_another_plane_is_no_cell_of_its_own(counted: str) -> None:
    every = by_loops(counted, (2, 3), (2, 2))
    for n, c in np.ndindex(2, 3):
        for number in range(every.max() + 2):
            given = every.reshape(2, 3, -1)[:, :, :1].copy()
            given[n, c] = number
            if number in every[n, c]:
                assert placed(given, (2, 2), counted, None)[n, c, 0] == every[n, c].ravel().tolist().index(number)
            else:
                with pytest.raises(RequestError) as refused:
                    placed(given, (2, 2), counted, None)
                assert refused.value.problems[0].path == ("indices", n, c, 0)


def test_cells_may_be_counted_in_smaller_planes() -> None:
    assert placed(np.array([[[5, 15]]]), (5, 6), "plane", (4, 4)).tolist() == [[[7, 21]]]
    with pytest.raises(RequestError, match=r"cell 15 of a plane of \(4, 4\) is none of one of \(3, 6\)"):
        placed(np.array([[[5, 15]]]), (3, 6), "plane", (4, 4))


@pytest.mark.parametrize("counted", COUNTED)
def test_winners_are_given_judged_and_taken_back_in_the_same_way(counted: str) -> None:
    x = np.random.default_rng(5).permutation(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    pool = {"op": "max-pool", "input": x, "window": 2, "return_indices": True, "counted": counted}
    forward = convgrad.forward(pool)
    every = by_loops(counted, (2, 3), (4, 6))
    for at in np.ndindex(forward.output.shape):
        n, c = at[:2]
        (place,) = np.argwhere(x[n, c] == forward.output[at])
        assert forward.indices[at] == every[(n, c, *place)]
    assert convgrad.check(pool, {"indices": forward.indices.tolist()}).verdict == "agrees"
    for other in COUNTED:
        claim = convgrad.forward(pool | {"counted": other}).indices
        report = convgrad.check(pool, {"indices": claim.tolist()})
        assert report.verdict == ("agrees" if other == counted else "differs")
        assert [d.mistake for d in report.diagnosis] == [] if other == counted else ["indices-counted-otherwise"]
    back = convgrad.forward({"op": "max-unpool", "input": forward.output, "indices": forward.indices,
                             "counted": counted, "output_size": [4, 6]})  # fmt: skip
    winners = np.isin(x, forward.output)
    np.testing.assert_array_equal(back.output, np.where(winners, x, 0))


@pytest.mark.parametrize("counted", ["plane", "batch"])
def test_cells_go_by_the_layout_of_the_numbers(counted: str) -> None:
    x = np.random.default_rng(6).permutation(2 * 3 * 4 * 6).reshape(2, 4, 6, 3)
    pool = {"op": "max-pool", "input": x, "window": 2, "layout": "NHWC", "counted": counted}
    forward = convgrad.forward(pool)
    unpool = {"op": "max-unpool", "layout": "NHWC", "input": forward.output, "indices": forward.indices,
              "counted": counted, "output_size": [4, 6], "delta": x}  # fmt: skip
    gradients = convgrad.backward(unpool)
    np.testing.assert_array_equal(gradients.output, np.where(np.isin(x, forward.output), x, 0))
    np.testing.assert_array_equal(gradients.dX, forward.output)
    assert convgrad.check(unpool).verdict == "agrees"


def test_the_command_line_says_where_a_cell_is_none() -> None:
    words = ["--op", "max-unpool", "--input", "[[[[5]],[[9]]]]", "--counted", "batch", "--output-size", "2"]
    assert "0  9" in run("forward", *words, "--indices", "[[[[1]],[[7]]]]", "--quiet").stdout
    done = run("forward", *words, "--indices", "[[[[1]],[[3]]]]")
    assert done.returncode == 2
    assert "--indices:1:11: cell 3 is none of its plane: counted by batch sample 0, channel 1 has cells" in done.stderr
