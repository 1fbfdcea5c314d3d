"""Max unpooling: every number goes to the cell that won it, all others are 0; its gradient gathers delta from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, zeros
from convgrad.errors import Problem, RequestError
from convgrad.operations.cells import placed
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Operation, Overlay, Shape, at_position
from convgrad.operations.terms import Factor, Term


def forward(x: Array, *, indices: Array, lengths: Shape) -> Array:
    """y[n,c,indices[n,c,p]] = x[n,c,p]: (N,C,*P) -> (N,C,*L)."""
    y = zeros((*x.shape[:2], prod(lengths)), x.dtype)
    np.put_along_axis(y, _by_plane(indices), _by_plane(x), 2)
    return y.reshape(*x.shape[:2], *lengths)


def backward(delta: Array, x: Array, *, indices: Array, lengths: Shape) -> dict[str, Array]:
    """dx[n,c,p] = delta[n,c,indices[n,c,p]]: (N,C,*L) -> (N,C,*P); <x,dx> = <y,delta>."""
    return {"x": np.take_along_axis(_by_plane(delta), _by_plane(indices), 2).reshape(x.shape)}


def _by_plane(array: Array) -> Array:
    return array.reshape(*array.shape[:2], prod(array.shape[2:]))


def overlay(
    delta: Array, x: Array, *, sample: int, position: tuple[int, ...], indices: Array, lengths: Shape
) -> Overlay:
    """One position: per channel the cell that x goes to, and the delta that it takes from there."""
    numbers = at_position(indices, sample, position)
    taken = _by_plane(delta)[sample, np.arange(len(numbers)), numbers]
    cells = [[tuple(int(i) for i in np.unravel_index(number, lengths))] for number in numbers.tolist()]
    whole = tuple((0, length) for length in lengths)
    return Overlay(sample, position, whole, taken, taken, x=at_position(x, sample, position), winners=cells)


def terms(
    name: str, index: tuple[int, ...], delta: Array, x: Array, *, indices: Array, lengths: Shape
) -> Iterator[Term]:
    """Of dx the delta that it is; of y the number that was put there, if any was."""
    n, c, *at = index
    if name == "x":
        cell = (n, c, *(int(i) for i in np.unravel_index(indices[index], lengths)))
        yield Term(n, tuple(at), None, (Factor("delta", cell, delta[cell]),), delta[cell])
        return
    for position in map(tuple, np.argwhere(indices[n, c] == np.ravel_multi_index(at, lengths)).tolist()):
        value = x[(n, c, *position)]
        yield Term(n, position, None, (Factor("x", (n, c, *position), value),), value)


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    shape, indices, lengths = shapes["x"], settings["indices"], tuple(settings["output_size"])
    counted_in, empty = settings["counted_in"], indices.size == prod(shape) == 0
    if indices.size != prod(shape) or (indices.shape != shape[len(shape) - indices.ndim :] and not empty):
        message = f"indices have shape {shape_text(indices.shape)}, but the input has {shape_text(shape)}"
        raise RequestError(Problem(message, "give a cell for each number of the input", ("indices",)))
    missing = len(shape) - indices.ndim
    try:
        cells = placed(indices.reshape(shape), lengths, settings["counted"], counted_in and tuple(counted_in))
    except RequestError as error:
        raise RequestError(_of_own(problem, missing) for problem in error.problems) from None
    _refuse_twice(cells)
    return {"indices": cells, "lengths": lengths}


def _of_own(problem: Problem, missing: int) -> Problem:
    """The same of an array without the first axes, of which there is one."""
    key, *index = problem.path
    return problem._replace(path=(key, *index[missing:]))


def _refuse_twice(indices: Array) -> None:
    """Which of two numbers a cell would hold nobody says, and so no gradient is right."""
    numbers = np.sort(_by_plane(indices), axis=2)
    for n, c, at in np.argwhere(numbers[:, :, 1:] == numbers[:, :, :-1])[:1].tolist():
        message = f"cell {numbers[n, c, at]} is named twice in sample {n}, channel {c}, and it can hold one number only"
        raise RequestError(Problem(message, "let windows not overlap, or name every cell once", ("indices",)))


OPERATION = Operation(
    name="max-unpool",
    prepare=prepare,
    output_shape=lambda shapes, arguments: (*shapes["x"][:2], *arguments["lengths"]),
    forward=forward,
    backward=backward,
    overlay=overlay,
    positions=lambda shapes, arguments: shapes["x"][2:],
    terms=terms,
)
