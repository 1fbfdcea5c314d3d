"""Arrays known to so many digits, carried through every layer: by how much each entry may be off because of it.

What is rounded when it is printed is off by half a unit of its last place at most, each number by itself: a sum of
products of such numbers by the smaller of the worst case and so many deviations, sqrt(sum of squares)/sqrt(3) each.
What arrives from another layer has no such independence, and counts in full. Where a sign, or which cell is the
largest, hangs on digits that were not printed, the whole delta does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.unfold import ALL, add_at
from convgrad.operations.activations import RULES, Rule
from convgrad.operations.lp_pool import slope
from convgrad.operations.operation import known
from convgrad.subject.case import Case
from convgrad.vocabulary import (
    BENT,
    CONVOLUTION,
    ELEMENTWISE,
    MAXIMUM,
    MEAN,
    NORM,
    PRODUCT,
    RESHAPE,
    SOFTMAX,
    TRANSPOSED,
    UNPOOLING,
)


@dataclass(frozen=True)
class Rough:
    """Magnitudes, and what each may be off by: `own` where its digits were cut, `carried` from what it is made of.

    `sources` are the inputs that it is so because of, `open` what digits that were not printed decide on the way.
    """

    size: Array
    carried: Any = 0.0
    own: Any = 0.0
    sources: frozenset[str] = frozenset()
    open: frozenset[str] = field(default_factory=frozenset)

    @property
    def off(self) -> Array:
        """What an entry may be off by, in all."""
        return np.broadcast_to(np.asarray(self.carried + self.own, FLOAT64), self.size.shape)

    def reshaped(self, shape: tuple[int, ...]) -> Rough:
        """The same numbers in another shape."""
        carried, own = (np.broadcast_to(part, self.size.shape).reshape(shape) for part in (self.carried, self.own))
        return Rough(self.size.reshape(shape), carried, own, self.sources, self.open)


Roughs = Mapping[str, Rough]
"""By operand; one that there is not is left out."""


class RuleOfDigits(NamedTuple):
    """How a family carries what is known roughly: its output of operands, and its gradients of delta and operands.

    The last argument is by how many deviations numbers rounded each by itself are taken to be off.
    """

    output: Callable[[Case, Roughs, float], Rough]
    gradients: Callable[[Case, Rough, Roughs, float], dict[str, Rough]]


def output_of(case: Case, operands: Roughs, sure: float) -> Rough:
    """y of operands known roughly."""
    return known(RULES_OF_DIGITS, case.operation, EXCUSE).output(case, operands, sure)


def gradients_of(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The gradients, by operand, of a delta and operands known roughly."""
    return known(RULES_OF_DIGITS, case.operation, EXCUSE).gradients(case, delta, operands, sure)


UNKNOWN = 1e100
"""What may be anything, and still be multiplied."""
EXCUSE = "what inputs rounded when they were printed may excuse"


def _from(made_of: Roughs, size: Array, off: Any, opened: frozenset[str] = frozenset()) -> Rough:
    """What is made of others: off because of all that they are off by."""
    sources = frozenset().union(*(part.sources for part in made_of.values()))
    return Rough(size, off, 0.0, sources, opened.union(*(part.open for part in made_of.values())))


def floats(array: Any) -> Array:
    """Numbers in float64."""
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


# -- Sums of products --------------------------------------------------------------------------------------------------

Sizes = dict[str, Array]


def _summed(compute: Callable[[Sizes], Array], operands: Roughs, sure: float) -> Rough:
    """A sum of products of one number of each operand."""
    sizes = {name: part.size for name, part in operands.items()}
    size = compute(sizes)
    off = compute({name: part.size + part.carried for name, part in operands.items()}) - size
    wide = {name: part.size + part.off for name, part in operands.items()}
    worst = squares = np.zeros(size.shape)
    for name, part in operands.items():
        if np.any(part.own):
            own = np.broadcast_to(part.own, part.size.shape)
            worst = worst + compute(wide | {name: own})
            squares = squares + compute({key: array**2 for key, array in (wide | {name: own}).items()})
    return _from(operands, size, off + np.minimum(worst, sure / sqrt(3) * np.sqrt(squares)))


def _output_of_products(case: Case, operands: Roughs, sure: float) -> Rough:
    """y = w x + b: the bias is added, not multiplied."""

    def products(sizes: Sizes) -> Array:
        arrays = [sizes.get(name) for name in case.operation.operands]
        y: Array = case.operation.forward(*arrays, **case.arguments)
        return y

    y = _summed(products, {name: part for name, part in operands.items() if name != "b"}, sure)
    if "b" not in operands:
        return y
    b = operands["b"]
    along = (1, -1, *(1,) * (y.size.ndim - 2))
    return _from(operands, y.size + b.size.reshape(along), y.carried + b.off.reshape(along))


def _gradients_of_products(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """dw of delta and x, dx of delta and w, db of delta."""
    made_of = {"w": ("delta", "x"), "x": ("delta", "w"), "b": ("delta",)}
    everything = {"delta": delta, **operands}
    sizes = {name: part.size for name, part in everything.items()}

    def gradient(name: str) -> Callable[[Sizes], Array]:
        def computed(parts: Sizes) -> Array:
            arrays = sizes | parts
            names = ("delta", *case.operation.operands)
            made = case.operation.backward(*(arrays.get(key) for key in names), **case.arguments)
            array: Array = made[name]
            return array

        return computed

    wanted = [name for name in made_of if name in operands or (name == "b" and "b" in case.operation.operands)]
    return {name: _summed(gradient(name), {key: everything[key] for key in made_of[name]}, sure) for name in wanted}


# -- Pools -------------------------------------------------------------------------------------------------------------


def _output_of_mean(case: Case, operands: Roughs, sure: float) -> Rough:
    x = operands["x"]
    size, off = (abs(case.operation.forward(part, **case.arguments)) for part in (x.size, x.off))
    return _from(operands, size, off)


def _gradients_of_mean(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Each cell's share does not hang on what it is."""
    size, off = (abs(case.operation.backward(part, operands["x"].size, **case.arguments)["x"])
                 for part in (delta.size, delta.off))  # fmt: skip
    return {"x": _from({"delta": delta}, size, off)}


def _output_of_largest(case: Case, operands: Roughs, sure: float) -> Rough:
    """A maximum, or a norm, moves by no more than that of what its cells do."""
    size = abs(floats(case.operation.forward(case.operands["x"], **case.arguments)))
    return _from(operands, size, case.operation.forward(operands["x"].off, **case.arguments))


def _gradients_of_maximum(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The winner's delta; where another cell may be the winner, each of them may have all of it, or nothing."""
    x, window, off = floats(case.operands["x"]), case.arguments["window"], operands["x"].off
    size, moved = (abs(case.operation.backward(part, x, **case.arguments)["x"]) for part in (delta.size, delta.off))
    low, high = x - off, x + off
    least = case.operation.forward(low, **case.arguments)
    count, widest, taps = np.zeros(least.shape, int), np.zeros(least.shape), list(window.taps(x.shape[2:]))
    for _, positions, cells in taps:
        at = (*ALL, *positions)
        may = high[(*ALL, *cells)] >= least[at]
        count[at] += may
        widest[at] = np.maximum(widest[at], off[(*ALL, *cells)] * may)
    unsure = (count > 1) & (widest > 0)
    for _, positions, cells in taps:
        at = (*ALL, *positions)
        may = (high[(*ALL, *cells)] >= least[at]) & unsure[at]
        add_at(moved, cells, np.where(may, (delta.size + delta.off)[at], 0.0))
    opened = _opened(unsure, "which cell is the largest under {} of {} windows")
    return {"x": _from({"delta": delta, **(operands if opened else {})}, size, moved, opened)}


def _output_of_norm(case: Case, operands: Roughs, sure: float) -> Rough:
    """Signed powers that cancel move a root by more: between what it is of the least and the largest x."""
    y = floats(case.operation.forward(case.operands["x"], **case.arguments))
    if case.settings["norm"] == 1 or not case.arguments.get("signed", False):
        return _output_of_largest(case, operands, sure)
    x, off = floats(case.operands["x"]), operands["x"].off
    low, high = (case.operation.forward(x + sign * off, **case.arguments) for sign in (-1, 1))
    return _from(operands, np.nan_to_num(y), np.maximum(high - y, np.nan_to_num(y - low, nan=UNKNOWN)))


def _signed_slopes(y: Array, wide: Array, x: Array, off: Array, p: float) -> tuple[Array, Array]:
    """Of a cell of a signed norm (x/y)^(p-1), and how far from another: of a sum 0 or 1 where that may be 0."""
    middle, reaches = slope(abs(x), y, p, True), (y <= wide) & (wide > 0)
    if p == 1:
        return middle, np.where(reaches, 1.0, 0.0)
    most = np.where(reaches, UNKNOWN, slope(abs(x) + off, np.maximum(y - wide, 0), p, True))
    least = slope(np.maximum(abs(x) - off, 0), y + wide, p, True)
    return np.nan_to_num(middle), np.nan_to_num(np.maximum(most - middle, middle - least))


def _gradients_of_signed_norm(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Of each cell the slope, between what it is for the least and the largest x and y."""
    x, window, p = floats(case.operands["x"]), case.arguments["window"], float(case.arguments["norm"])
    y = abs(floats(case.operation.forward(case.operands["x"], **case.arguments)))
    wide, size, moved = _output_of_norm(case, operands, sure).off, np.zeros(x.shape), np.zeros(x.shape)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, cell = (*ALL, *positions), (*ALL, *cells)
        middle, change = _signed_slopes(y[at], wide[at], x[cell], operands["x"].off[cell], p)
        add_at(size, cells, delta.size[at] * middle)
        add_at(moved, cells, delta.size[at] * change + delta.off[at] * (middle + change))
    return {"x": _from({"delta": delta, **operands}, size, moved)}


def _gradients_of_norm(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Of each cell the slope, sign(x) (|x|/y)^(p-1), between what it is for the least and the largest |x| and y."""
    if case.arguments.get("signed", False):
        return _gradients_of_signed_norm(case, delta, operands, sure)
    x, window, p = floats(case.operands["x"]), case.arguments["window"], float(case.arguments["norm"])
    off, y = operands["x"].off, floats(case.operation.forward(case.operands["x"], **case.arguments))
    wide = case.operation.forward(off, **case.arguments)
    size, moved = np.zeros(x.shape), np.zeros(x.shape)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, cell = (*ALL, *positions), (*ALL, *cells)
        middle = abs(slope(x[cell], y[at], p))
        most = np.minimum(1.0, slope(abs(x[cell]) + off[cell], np.maximum(y[at] - wide[at], 0), p))
        most = np.where((y[at] <= wide[at]) & (off[cell] > 0), 1.0, most)
        least = slope(np.maximum(abs(x[cell]) - off[cell], 0), y[at] + wide[at], p)
        turns = (abs(x[cell]) <= off[cell]) & (off[cell] > 0)
        change = np.maximum(most - middle, np.where(turns, most + middle, middle - least))
        add_at(size, cells, delta.size[at] * middle)
        add_at(moved, cells, delta.size[at] * change + delta.off[at] * (middle + change))
    return {"x": _from({"delta": delta, **operands}, size, moved)}


# -- Functions entry by entry ------------------------------------------------------------------------------------------


def _output_of_bent(case: Case, operands: Roughs, sure: float) -> Rough:
    x = operands["x"]
    steep = np.where(_turns(case, x), _slopes(case).max(), _slope_at(case))
    return _from(operands, abs(floats(case.operation.forward(case.operands["x"], **case.arguments))), x.off * steep)


def _gradients_of_bent(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Where 0 lies within what x may be, its slope may be the other one."""
    turns, slopes, own = _turns(case, operands["x"]), _slopes(case), _slope_at(case)
    moved = delta.off * np.where(turns, slopes.max(), own) + np.where(turns, delta.size * np.ptp(slopes), 0.0)
    opened = _opened(turns, "the sign of {} of {} numbers")
    return {"x": _from({"delta": delta, **(operands if opened else {})}, delta.size * own, moved, opened)}


def _turns(case: Case, x: Rough) -> Array:
    return np.asarray((x.size <= x.off) & (x.off > 0))


def _slopes(case: Case) -> Array:
    """Those on either side of the bend."""
    return abs(floats(_rule(case).slope(np.array([-1.0, 1.0]), **_plain(case))))


def _slope_at(case: Case) -> Array:
    return abs(floats(_rule(case).slope(floats(case.operands["x"]), **_plain(case))))


def _rule(case: Case) -> Rule:
    return known(RULES, case.operation, EXCUSE, by_name=True)


def _plain(case: Case) -> dict[str, Any]:
    return {name: float(value) for name, value in case.arguments.items()}


def _output_of_smooth(case: Case, operands: Roughs, sure: float) -> Rough:
    x, bend = operands["x"], float(_rule(case).bend)
    y = floats(case.operation.forward(case.operands["x"], **case.arguments))
    return _from(operands, abs(y), x.off * (_slope_at(case) + bend * x.off / 2))


def _gradients_of_smooth(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The slope is off by the second derivative times what x is off by."""
    bent, steep = float(_rule(case).bend) * operands["x"].off, _slope_at(case)
    moved = delta.off * (steep + bent) + delta.size * bent
    return {"x": _from({"delta": delta, **operands}, delta.size * steep, moved)}


def shares_off(y: Array, x: Rough, axes: tuple[int, ...]) -> Array:
    """What the shares of a softmax, e^x over its sum, may be off by."""
    with np.errstate(over="ignore", invalid="ignore"):
        grown: Array = np.minimum(y * np.expm1(2 * x.off.max(axis=axes, keepdims=True, initial=0)), 1.0)
    return grown


def _output_of_softmax(case: Case, operands: Roughs, sure: float) -> Rough:
    y = case.operation.forward(floats(case.operands["x"]), **case.arguments)
    return _from(operands, y, shares_off(y, operands["x"], case.arguments["axes"]))


def _gradients_of_softmax(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """y_i (delta_i - sum_j delta_j y_j), of magnitudes."""
    axes = case.arguments["axes"]
    y = case.operation.forward(floats(case.operands["x"]), **case.arguments)

    def at_most(y: Array, delta: Array) -> Array:
        size: Array = y * (delta + (delta * y).sum(axis=axes, keepdims=True))
        return size

    size = at_most(y, delta.size)
    moved = at_most(y + shares_off(y, operands["x"], axes), delta.size + delta.off) - size
    return {"x": _from({"delta": delta, **operands}, size, moved)}


def _opened(where: Array, text: str) -> frozenset[str]:
    """What is not known, with how often."""
    count = int(where.sum())
    return frozenset([text.format(count, where.size)]) if count else frozenset()


def _output_of_moved(case: Case, operands: Roughs, sure: float) -> Rough:
    size, off = (case.operation.forward(part, **case.arguments) for part in (operands["x"].size, operands["x"].off))
    return _from(operands, size, off)


def _gradients_of_moved(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    x = operands["x"].size
    size, off = (case.operation.backward(part, x, **case.arguments)["x"] for part in (delta.size, delta.off))
    return {"x": _from({"delta": delta}, size, off)}


RULES_OF_DIGITS: dict[str, RuleOfDigits] = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, PRODUCT), RuleOfDigits(_output_of_products, _gradients_of_products)),
    MAXIMUM: RuleOfDigits(_output_of_largest, _gradients_of_maximum),
    MEAN: RuleOfDigits(_output_of_mean, _gradients_of_mean),
    NORM: RuleOfDigits(_output_of_norm, _gradients_of_norm),
    BENT: RuleOfDigits(_output_of_bent, _gradients_of_bent),
    ELEMENTWISE: RuleOfDigits(_output_of_smooth, _gradients_of_smooth),
    SOFTMAX: RuleOfDigits(_output_of_softmax, _gradients_of_softmax),
    **dict.fromkeys((RESHAPE, UNPOOLING), RuleOfDigits(_output_of_moved, _gradients_of_moved)),
}
"""By family."""
