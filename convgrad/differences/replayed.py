"""Gradients of a network from its forward pass alone: exact differences where all is rational, else complex steps.

A parameter enters each output of its layer linearly, so that between kinks the loss is a polynomial of degree two in it
(half the squared error) or one (delta given): a central difference has no error at any step that meets no kink. Where
numbers are float64, E(w + ih) = E(w) + ih E'(w) - …, and the imaginary part over h is E' to the last digit
(Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40, 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded, zeros
from convgrad.core.unfold import ALL
from convgrad.core.window import Window
from convgrad.differences.kinks import CANCELLED, STEPS
from convgrad.differences.probe import power
from convgrad.differences.run import Progress
from convgrad.operations.lp_pool import cancellation
from convgrad.operations.max_pool import winners
from convgrad.operations.operation import known
from convgrad.passes.layers import in_kind
from convgrad.passes.subject import Subject
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

TINY = 2.0**-100
"""A complex step: so small that its square is nothing beside any number."""
SHRINK, TRIES = 64, 12
"""A step that meets a kink is divided by the one, so many times at most: to 2^-66 of a number."""
Operand = tuple[int, str]
"""The number of a part, and an operand of it."""


class ChainDifferences(NamedTuple):
    """Derivatives of the loss by layer and operand, in full shape; `undecided` marks the entries at a kink."""

    gradients: dict[Operand, Array]
    undecided: dict[Operand, Array]
    compared: Mapping[Operand, Array]
    evaluations: int
    exact: bool


def operands_of(network: Subject) -> Iterator[Operand]:
    """What is differenced: every kernel and bias (also one that is not there, and is 0), and the input."""
    for place, layer in enumerate(network.parts):
        yield from ((place, name) for name in ("w", "b") if name in layer.case.operation.operands)
    yield 0, "x"


class Replay:
    """The forward pass from a layer on, with one operand of it replaced; what arrives there is kept."""

    def __init__(self, network: Subject, *, exact: bool = True) -> None:
        self.kinks = [known(KINKS, layer.case.operation, STEPS) for layer in network.parts]
        # of a polynomial of a higher degree a central difference is off, at any step
        self.exact = exact and network.arithmetic == "exact" and all(kinks.straight for kinks in self.kinks)
        kind = "exact" if self.exact else "float64"
        self.cases = [in_kind(layer.forward.case, kind) for layer in network.parts]
        self.deltas = [_nonzero(layer.case.delta) for layer in network.parts]
        self.network, self.evaluations = network, 0

    def operand(self, place: Operand) -> Array:
        """The operand as it is, (N,C,*L), (O,C/g,*K) or (O,); a missing bias is zeros."""
        case = self.cases[place[0]]
        found = case.operands[place[1]]
        if found is None:
            return zeros((case.output_shape[1],), EXACT if self.exact else FLOAT64)
        return found if self.exact else found.astype(FLOAT64)

    def run(self, place: Operand, value: Array) -> tuple[Any, list[Array]]:
        """The loss, or <y, delta>, and what arrives at each layer from that one on."""
        self.evaluations += 1
        first, name = place
        arriving: list[Array] = []
        y: Array | None = None
        for number in range(first, len(self.cases)):
            case = self.cases[number]
            operands = dict(case.operands)
            if y is None:
                operands[name] = value
            else:
                operands["x"] = y.reshape(case.shapes["x"])
            x = operands["x"]
            assert x is not None
            arriving.append(x)
            y = _forward(case, operands)
        assert y is not None
        return self._ending(y), arriving

    def slope(self, place: Operand, value: Array, direction: Array) -> float | None:
        """The derivative of the loss along a direction of an operand, by one complex step; None at a kink."""
        with np.errstate(all="ignore"):  # what overflows is not finite, and undecided
            loss, arriving = self.run(place, value + 1j * TINY * direction)
        here = slice(place[0], None)
        rows = zip(self.kinks[here], self.cases[here], arriving, self.deltas[here], strict=True)
        if any(kinks.moves(case, np.asarray(_complex(x)), delta) for kinks, case, x, delta in rows):
            return None
        found = float(np.imag(loss)) / TINY
        return found if np.isfinite(found) else None

    def _ending(self, y: Array) -> Any:
        ending = self.network.ending
        y = y.reshape(ending.signal.full)
        if self.network.chain.loss is None:
            delta = ending.delta if self.exact else _floats(ending.delta)
            return (y * delta).sum()
        target = ending.target if self.exact else _floats(ending.target)
        return self.network.chain.loss.loss.value(y, target, axes=ending.signal.axes) / ending.divisor


def _nonzero(delta: Array | None) -> Array:
    assert delta is not None
    return np.asarray(delta != 0, bool)


def _floats(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64)


def _forward(case: Case, operands: dict[str, Array | None]) -> Array:
    if any(array is not None and np.iscomplexobj(array) for array in operands.values()):
        # all of one kind, as the operations take them
        operands = {name: None if array is None else _complex(array) for name, array in operands.items()}
        x = operands["x"]
        if x is not None and case.operation.family == NORM:
            return _norms(x, case)
    return case.operation.forward(*(operands[name] for name in case.operation.operands), **case.arguments)


def _norms(z: Array, case: Case) -> Array:
    """(sum |x|^p)^(1/p), continued to complex numbers near the real axis; a cell of 0 adds no slope where p > 1."""
    window, norm = case.arguments["window"], case.settings["norm"]
    if case.arguments.get("signed", False):
        return _signed_norms(z, window, norm)
    size = np.where(z.real < 0, -z, z)
    powers = size if norm == 1 else np.where(size.real == 0, 0, np.where(size.real == 0, 1, size) ** norm)
    total = np.zeros((*z.shape[:2], *window.positions(z.shape[2:])), z.dtype)
    for _, positions, cells in window.taps(z.shape[2:]):
        total[(*ALL, *positions)] += powers[(*ALL, *cells)]
    if norm == 1:
        return total
    result: Array = np.where(total.real == 0, 0, np.where(total.real == 0, 1, total) ** (1 / norm))
    return result


def _signed_norms(z: Array, window: Window, norm: Any) -> Array:
    """(sum x^p)^(1/p), the same way."""
    powers = power(z, norm)
    total = np.zeros((*z.shape[:2], *window.positions(z.shape[2:])), z.dtype)
    for _, positions, cells in window.taps(z.shape[2:]):
        total[(*ALL, *positions)] += powers[(*ALL, *cells)]
    return power(total, 1 / norm)


# -- Where there is no gradient ----------------------------------------------------------------------------------------


class Kinks(NamedTuple):
    """Where a family has no gradient, for either way to take differences.

    `branches(case, x)` is which branch each entry is on, None for what has no kinks, and `reached(case, x, delta)`
    which of them matter, where delta is not 0; `moves(case, x, delta)` whether a complex step moves one of these off
    a kink. `straight` says that it is linear between kinks, as all is that stays exact today.
    """

    branches: Callable[[Case, Array], Array | None]
    moves: Callable[[Case, Array, Array], bool]
    reached: Callable[[Case, Array, Array], Array] = lambda case, x, delta: delta
    straight: bool = True


def _winning_taps(case: Case, x: Array) -> Array:
    taps: Array = winners(x.real if np.iscomplexobj(x) else x, case.arguments["window"], last=False)[1]
    return taps


def _signs(case: Case, x: Array) -> Array:
    real = x.real if np.iscomplexobj(x) else x
    signs: Array = (real > 0).astype(int) - (real < 0).astype(int)
    return signs


def _leaves_zero(case: Case, x: Array, reached: Array) -> bool:
    return bool(((x.real == 0) & (x.imag != 0) & reached).any())


def _parts_a_tie(case: Case, x: Array, reached: Array) -> bool:
    window = case.arguments["window"]
    y, _ = winners(x.real, window, last=False)
    low, high = np.full(y.shape, np.inf), np.full(y.shape, -np.inf)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, under = (*ALL, *positions), x[(*ALL, *cells)]
        tied = under.real == y[at]
        low[at] = np.where(tied, np.minimum(low[at], under.imag), low[at])
        high[at] = np.where(tied, np.maximum(high[at], under.imag), high[at])
    return bool(((low < high) & reached).any())


def _moves_a_zero(case: Case, x: Array, reached: Array) -> bool:
    """|x| has a corner at 0 where p = 1; a norm has one where its whole window is 0."""
    window, norm = case.arguments["window"], case.settings["norm"]
    if case.arguments.get("signed", False):
        return _moves_a_sum(case, x, reached)
    moved, filled = np.zeros(reached.shape, bool), np.zeros(reached.shape, bool)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, under = (*ALL, *positions), x[(*ALL, *cells)]
        moved[at] |= (under.real == 0) & (under.imag != 0)
        filled[at] |= under.real != 0
    return bool((moved & reached & (True if norm == 1 else ~filled)).any())


def _moves_a_sum(case: Case, x: Array, reached: Array) -> bool:
    """A signed sum has none where it is 0, or where rounding says whether it is."""
    window, moved = case.arguments["window"], np.zeros(reached.shape, bool)
    for _, positions, cells in window.taps(x.shape[2:]):
        moved[(*ALL, *positions)] |= x.imag[(*ALL, *cells)] != 0
    lost = cancellation(x.real, window=window, norm=case.arguments["norm"]) > CANCELLED
    return bool((moved & reached & (lost | _vanished(case, x.real))).any())


def _vanished(case: Case, x: Array) -> Array:
    """The windows of which the norm is 0."""
    return np.asarray(case.operation.forward(x, **case.arguments) == 0, bool)


def _branches_of_norm(case: Case, x: Array) -> Array | None:
    if case.arguments.get("signed", False):
        return _vanished(case, x.real if np.iscomplexobj(x) else x)
    return _signs(case, x) if case.settings["norm"] == 1 else None


def _reached(case: Case, x: Array, delta: Array) -> Array:
    """The cells of x under a window with delta, where each by itself has a corner."""
    window = case.arguments["window"]
    if case.settings["norm"] != 1 or case.arguments.get("signed", False):
        return delta
    reached = np.zeros(x.shape, bool)
    for _, positions, cells in window.taps(x.shape[2:]):
        reached[(*ALL, *cells)] |= delta[(*ALL, *positions)]
    return reached


SMOOTH = Kinks(lambda case, x: None, lambda case, x, reached: False)
KINKS = {
    **dict.fromkeys((CONVOLUTION, TRANSPOSED, MEAN, UNPOOLING, PRODUCT, RESHAPE), SMOOTH),
    **dict.fromkeys((ELEMENTWISE, SOFTMAX), SMOOTH._replace(straight=False)),
    MAXIMUM: Kinks(_winning_taps, _parts_a_tie),
    NORM: Kinks(_branches_of_norm, _moves_a_zero, _reached),
    BENT: Kinks(_signs, _leaves_zero),
}
"""By family."""


# -- Derivatives -------------------------------------------------------------------------------------------------------


def replayed_differences(
    network: Subject, wanted: Mapping[Operand, Array] | None = None, progress: Progress | None = None
) -> ChainDifferences:
    """Every entry of every kernel, bias and of the input differenced, or those that are wanted."""
    replay = Replay(network)
    if wanted is None:
        wanted = {operand: np.ones(replay.operand(operand).shape, bool) for operand in operands_of(network)}
    total, done = sum(int(part.sum()) for part in wanted.values()), 0
    gradients: dict[Operand, Array] = {}
    undecided: dict[Operand, Array] = {}
    derivative = _exact_derivative if replay.exact else _complex_derivative
    for place, entries in wanted.items():
        value = replay.operand(place)
        gradients[place] = zeros(value.shape, value.dtype)
        undecided[place] = np.zeros(value.shape, bool)
        for index in map(tuple, np.argwhere(entries).tolist()):
            found = derivative(replay, place, value, index)
            undecided[place][index] = found is None
            gradients[place][index] = gradients[place][index] if found is None else found
            done += 1
            if progress:
                progress(done, total)
    return ChainDifferences(gradients, undecided, wanted, replay.evaluations, replay.exact)


def _complex_derivative(replay: Replay, place: Operand, value: Array, index: tuple[int, ...]) -> Any:
    """dE/dw by one complex step; None at a kink."""
    direction = np.zeros(value.shape)
    direction[index] = 1
    return replay.slope(place, value, direction)


def _complex(array: Array) -> Array:
    return array if np.iscomplexobj(array) else array.astype(complex)


def _exact_derivative(replay: Replay, place: Operand, value: Array, index: tuple[int, ...]) -> Any:
    """dE/dw by a central difference whose step meets no kink that delta reaches; None where every step does."""
    _, arriving = replay.run(place, value)
    at, step = _signature(replay, place, arriving), Fraction(1)
    for _ in range(TRIES):
        found, near, far = _difference(replay, place, value, index, step, at)
        if near and far:
            return found
        # a kink that delta does not reach changes nothing at small steps: then the next step says the same
        if near and _difference(replay, place, value, index, step / SHRINK, at)[0] == found:
            return found
        step /= SHRINK
    return None


Signature = list[tuple[Array | None, Array]]


def _signature(replay: Replay, place: Operand, arriving: list[Array]) -> Signature:
    here = slice(place[0], None)
    rows = zip(replay.kinks[here], replay.cases[here], arriving, replay.deltas[here], strict=True)
    return [(kinks.branches(case, x), kinks.reached(case, x, delta)) for kinks, case, x, delta in rows]


def _difference(
    replay: Replay, place: Operand, value: Array, index: tuple[int, ...], step: Fraction, at: Signature
) -> tuple[Any, bool, bool]:
    """The quotient; whether both ends are on the branches of the middle where delta reaches, and everywhere."""
    losses, near, far = [], True, True
    for sign in (1, -1):
        moved = value.copy()
        moved[index] += sign * step
        loss, arriving = replay.run(place, moved)
        losses.append(loss)
        for (branch, reached), (other, _) in zip(at, _signature(replay, place, arriving), strict=True):
            if branch is not None and other is not None:
                near &= bool((branch == other)[reached].all())
                far &= bool((branch == other).all())
    return (losses[0] - losses[1]) / (2 * step), near, far
