"""What each array of a case is a sum of, by family: magnitudes, terms and squares of what is added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from math import ceil
from typing import Protocol

import numpy as np

from convgrad.claims.sums import Sums
from convgrad.core.arithmetic import EXACT, FLOAT64, Array
from convgrad.core.unfold import ALL
from convgrad.differences.probe import products, slope_roundings
from convgrad.operations import max_pool
from convgrad.operations.lp_pool import cancellation
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


class Given(Protocol):
    """A case with its operands, delta among them: as they are, and in float64."""

    case: Case

    @property
    def operands(self) -> Mapping[str, Array]:
        """By name."""

    @property
    def floats(self) -> Mapping[str, Array]:
        """By operand."""


def _of_convolution(given: Given, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """dW: delta x; dX: delta w; db: delta, added up without a product."""
    case, names = given.case, ("delta", *given.case.operation.operands)
    squared = {name: array**2 for name, array in sizes.items()}
    squares = case.operation.backward(*(squared.get(name) for name in names), **case.arguments)
    magnitudes = lru_cache(1)(partial(case.operation.backward, *map(sizes.get, names), **case.arguments))
    terms = _counted(case, sizes)
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    return {
        name: Sums(
            partial(_from, magnitudes, name),
            np.maximum(terms[name] - (name == "b"), 0),
            (made_of[name],),
            squares[name],
        )
        for name in squares
    }


def _from(made: Callable[[], dict[str, Array]], name: str) -> Array:
    return made()[name]


def _counted(case: Case, sizes: Mapping[str, Array]) -> dict[str, Array]:
    """How many terms that are not 0 each entry has; where no operand has zeros, of one sample and channel, times all.

    (O,C/g,*K), (O,), (N,C,*L), with axes of length 1 where all along one have as many.
    """
    names, groups = ("delta", *case.operation.operands), case.arguments["groups"]
    if not all(array.all() for array in sizes.values()):
        present = {name: (array != 0).astype(FLOAT64) for name, array in sizes.items()}
        return case.operation.backward(*(present.get(name) for name in names), **case.arguments)
    ones = {name: np.ones((1, *(1, *array.shape[2:])[: array.ndim - 1])) for name, array in sizes.items()}
    one = case.operation.backward(*(ones.get(name) for name in names), **{**case.arguments, "groups": 1})
    samples, outputs = len(sizes["delta"]), sizes["delta"].shape[1] // groups
    return {name: array * (outputs if name == "x" else samples) for name, array in one.items()}


def _of_maximum(given: Given, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Sums of whole deltas; of shares, each by a reciprocal and a product, where a tie is split."""
    arguments, order = given.case.arguments, ranks(given.operands["x"])
    split = arguments["ties"] == "split"
    deltas = [sizes["delta"], sizes["delta"] ** 2, (sizes["delta"] != 0).astype(FLOAT64)]
    magnitude, squares, terms = max_pool.gradients(deltas, order, **arguments)
    if split:
        terms = max_pool.gradients(deltas[2:], order, **{**arguments, "ties": "all"})[0]
    return {"x": Sums(magnitude, np.maximum(terms + (1 if split else -1), 0), (("delta",),), squares)}


def ranks(x: Array) -> Array:
    """Numbers in the same order, ties kept, as float64: an exact array may lose ties or gain them by rounding."""
    if x.dtype != EXACT:
        return x
    return np.unique(x.ravel(), return_inverse=True)[1].reshape(x.shape).astype(FLOAT64)


def _of_mean(given: Given, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Each delta over the divisor: a division, or a reciprocal and a product."""
    case = given.case
    magnitude = abs(case.operation.backward(sizes["delta"], sizes["x"], **case.arguments)["x"])
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, sizes["x"], **{**case.arguments, "divisor": 1})["x"]
    squares = abs(case.operation.backward(sizes["delta"] ** 2, sizes["x"], **case.arguments)["x"])
    return {"x": Sums(magnitude, terms + 1, (("delta",),), squares)}


def _of_norm(given: Given, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """Each delta times (|x|/y)^(p-1), where y is a root of a sum of powers."""
    case, norm = given.case, given.case.settings["norm"]
    if case.arguments.get("signed", False):
        return _of_signed_norm(given, sizes)
    magnitude = case.operation.backward(sizes["delta"], sizes["x"], **case.arguments)["x"]
    present = (sizes["delta"] != 0).astype(FLOAT64)
    terms = case.operation.backward(present, sizes["x"] + 1, **{**case.arguments, "norm": 1})["x"]
    if norm == 1:
        return {"x": Sums(magnitude, np.maximum(terms - 1, 0), (("delta",),), magnitude**2)}
    term = ("delta", *("x",) * ceil(2 * (norm - 1)))
    return {"x": Sums(magnitude, terms + slope_roundings(case), (term,), magnitude**2)}


def _of_signed_norm(given: Given, sizes: Mapping[str, Array]) -> dict[str, Sums]:
    """The same, where powers cancel in y: its slope is off by as many times more; of a sum by nothing, but at 0."""
    case, norm, x = given.case, given.case.settings["norm"], given.floats["x"]
    times = cancellation(x, window=case.arguments["window"], norm=norm)
    weighed = sizes["delta"] * (1 if norm == 1 else 2 * times)
    magnitude = np.nan_to_num(case.operation.backward(weighed, x, **case.arguments)["x"])
    terms = case.operation.backward((sizes["delta"] != 0).astype(FLOAT64), x * 0 + 1, **case.arguments)["x"]
    term, more = ("delta", *("x",) * ceil(2 * norm)), slope_roundings(case)
    condition = _over_cells(case, np.where(sizes["delta"] == 0, 0, times))
    return {"x": Sums(magnitude, terms + more, (term,), magnitude**2, condition)}


def _over_cells(case: Case, windows: Array) -> Array:
    """The largest number of the windows over each cell: (N,C,*P) -> (N,C,*L)."""
    largest = np.zeros(case.shapes["x"])
    for _, positions, cells in case.arguments["window"].taps(largest.shape[2:]):
        at = (*ALL, *cells)
        largest[at] = np.maximum(largest[at], windows[(*ALL, *positions)])
    return largest


GRADIENTS_OF = {
    CONVOLUTION: _of_convolution, TRANSPOSED: _of_convolution, MAXIMUM: _of_maximum, MEAN: _of_mean, NORM: _of_norm,
}  # fmt: skip
"""By family."""


def _biased_products(given: Given, sizes: Mapping[str, Array]) -> Sums:
    """y of a convolution: products, and a bias."""
    case, biased = given.case, "b" in sizes
    arrays = (sizes.get(name) for name in case.operation.operands)
    squares = case.operation.forward(*(None if a is None else a**2 for a in arrays), **case.arguments)
    terms = (("x", "w"), *[("b",)] * biased)
    count = np.full((1,) * squares.ndim, products(case) + int(biased))
    return Sums(partial(_forward, case, sizes), count, terms, squares)


def _largest(given: Given, sizes: Mapping[str, Array]) -> Sums:
    """y of a maximum: one cell."""
    best = abs(given.case.operation.forward(given.floats["x"], **given.case.arguments))
    return Sums(best, np.zeros((1,) * best.ndim), (("x",),), best**2)


def _of_forward(given: Given, sizes: Mapping[str, Array], more: int, terms: tuple[tuple[str, ...], ...]) -> Sums:
    """y from magnitudes; what is done to the sum of products takes so many roundings more."""
    case, magnitude = given.case, _forward(given.case, sizes)
    count = np.full((1,) * magnitude.ndim, products(case) + more)
    return Sums(magnitude, count, terms, magnitude**2)


def _forward(case: Case, sizes: Mapping[str, Array]) -> Array:
    magnitude: Array = abs(case.operation.forward(*map(sizes.get, case.operation.operands), **case.arguments))
    return magnitude


def _roots(given: Given, sizes: Mapping[str, Array]) -> Sums:
    """y of a norm; of signed powers that cancel off by as many times more."""
    sums, case = _of_forward(given, sizes, 6, (("x",),)), given.case
    norm = case.settings["norm"]
    if norm == 1 or not case.arguments.get("signed", False):
        return sums
    times = cancellation(given.floats["x"], window=case.arguments["window"], norm=norm)
    terms = (("x",) * ceil(norm),)
    return Sums(sums.magnitude * times ** (1 - 1 / norm), sums.roundings, terms, sums.squares, times)


OUTPUTS_OF: dict[str, Callable[[Given, Mapping[str, Array]], Sums]] = {
    CONVOLUTION: _biased_products, TRANSPOSED: _biased_products, MAXIMUM: _largest,
    MEAN: lambda given, sizes: _of_forward(given, sizes, 1, (("x",),)),
    NORM: _roots,
}  # fmt: skip
