"""The terms of one entry of a computation, right or altered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation, product_of
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.fused import Fused
from convgrad.catalogue.pooling import Pool, given_to_taps
from convgrad.core.arithmetic import Array
from convgrad.operations.conv import bias_term
from convgrad.operations.terms import Bilinear, Factor, Index, Term, of_bias, over_cell


def terms_of(c: Computation, index: Index, shape: tuple[int, ...]) -> list[Term]:
    """The terms whose sum, times the computation's factor, is the entry at an index of its value, of that shape.

    None where the entry is no sum: one that was overwritten, that an activation made, or that came in from outside.
    """
    source = source_of(c, index, shape)
    if source is None or c.overwrite or c.samples or (isinstance(c, Fused) and c.array == "output"):
        return []
    found = _of_convolution(c, source) if isinstance(c, Convolution) else _of_pool(c, source)
    return [term for term in found if term.value is not None]


def source_of(c: Computation, index: Index, shape: tuple[int, ...]) -> Index | None:
    """Where the entry at an index stood before the entries were moved."""
    if not c.arrange:
        return index
    before = c.bare().shape
    numbers: Array = np.arange(1, product_of(before) + 1).reshape(before)
    for move in c.arrange:
        numbers = move(numbers)
    number = int(numbers.reshape(shape)[index]) if numbers.size == product_of(shape) else 0
    return tuple(int(i) for i in np.unravel_index(number - 1, before)) if number in range(1, numbers.size + 1) else None


def _of_convolution(c: Convolution, index: Index) -> Iterator[Term]:
    if c.array == "db":
        return of_bias(c.delta, index[0])
    names = ("x", "delta") if c.transposed else ("delta", "x")
    window = c.window(c.far.shape[2:], (0,) * c.dims)
    mode = "convolution" if c.turned else "cross-correlation"
    relation = Bilinear(c.near, c.far, c.w, *names, window, c.groups, mode, c.padding_mode)
    return _entry_terms(c, relation, index)


def _entry_terms(c: Convolution, relation: Bilinear, index: Index) -> Iterator[Term]:
    if c.array == "dW":
        yield from relation.of_kernel(index)
    elif (c.array == "dX") == c.transposed:
        yield from relation.of_near(index)
    else:
        yield from relation.of_far(index)
    if c.array == "output":
        yield from bias_term(c.b, index[1])


def _of_pool(c: Any, index: Index) -> Iterator[Term]:
    if c.array == "output" or not isinstance(c, Pool) or c.zero_padding:
        return
    window, (n, channel, *at) = c.window(), index
    given = given_to_taps(c, window)
    for position, tap, _ in over_cell(window, c.lengths, "zeros", at):
        value, delta = given[(n, channel, *tap, *position)], (n, channel, *position)
        if value != 0:
            yield Term(n, position, tap, (Factor("delta", delta, c.delta[delta]),), value)
