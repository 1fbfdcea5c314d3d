"""How one array of a case is computed, with every step open to alteration: what a mistake alters, and pairs of them.

A mistake is not a formula of its own but a change of the right computation: other data (delta turned), another
geometry (stride 1), another way to add up (overwriting), or something done to the result (turned, scaled). Changes
compose, so that two mistakes on the same array need no code of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any, cast

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.unfold import ALL, add_at
from convgrad.core.window import Axis, Window
from convgrad.subject.case import Case
from convgrad.subject.stored import Stored

Pairs = tuple[tuple[int, int], ...]
Arrangement = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Reads:
    """The cells that windows read, and write, as places in memory: one a cell of an array with padding around it.

    `cells` has a number for each, (N,C,*L) in row-major order, and -1 for a zero; `back` the same for the gradient
    where that goes elsewhere; `before` is how much padding there is.
    """

    cells: Array
    before: tuple[int, ...]
    back: Array | None = None

    def read(self, far: Array) -> Array:
        return np.asarray(np.append(far.ravel(), zeros((1,), far.dtype))[self.cells])

    def sent_back(self, dfar: Array, lengths: tuple[int, ...]) -> Array:
        to = self.cells if self.back is None else self.back
        result = zeros((*dfar.shape[:2], *lengths), dfar.dtype)
        np.add.at(result.reshape(-1), to[to >= 0], dfar[to >= 0])
        return result


@dataclass(frozen=True)
class Computation:
    """What is computed (`array`), from what, over which windows, and what is done to the result.

    `arrange` are moves of entries, in order, and `factor` multiplies them all. `samples` are computations, one a
    sample, whose results stand side by side in place of this one's.
    """

    array: str
    x: Array
    delta: Array
    axes: tuple[Any, ...]
    overwrite: str = ""
    factor: Fraction = Fraction(1)
    arrange: tuple[Arrangement, ...] = ()
    samples: tuple[Any, ...] = ()

    @property
    def dims(self) -> int:
        return len(self.axes)

    def but(self, **changes: Any) -> Any:
        """The same computation with something changed."""
        return replace(self, **changes)

    def scaled(self, factor: Fraction | int) -> Any:
        return self.but(factor=self.factor * factor)

    def then(self, move: Arrangement) -> Any:
        """The same, with the result's entries moved."""
        return self.but(arrange=(*self.arrange, move))

    def on_axes(self, change: Callable[[Axis], Axis]) -> Any:
        """The same over other windows; adaptive windows have no stride or padding to change."""
        return self.but(axes=tuple(change(axis) if isinstance(axis, Axis) else axis for axis in self.axes))

    def bare(self) -> Array:
        """The array before it is moved and multiplied."""
        raise NotImplementedError

    def value(self) -> Array:
        """The array that this computation ends up with, in the shape that it naturally has."""
        return np.stack([sample.value() for sample in self.samples]) if self.samples else self.arranged(self.bare())

    @property
    def key(self) -> tuple[Any, ...]:
        """What decides `bare`: two computations with one key, made from the same case, give the same."""
        return tuple(
            id(part) if isinstance(part, np.ndarray | Stored) else part
            for name, part in vars(self).items()
            if name not in ("arrange", "factor")
        )

    def arranged(self, result: Array) -> Array:
        for move in self.arrange:
            result = move(result)
        return result if self.factor == 1 else multiplied(result, self.factor)


def overwritten(
    given: Array, window: Window, lengths: tuple[int, ...], wins: Array | None = None, *, by_tap: bool = False
) -> Array:
    """Windows laid in row-major order, each replacing what is there, or only where it `wins`: (N,C,*K,*P) -> (N,C,*L).

    Of the windows over a cell the last in row-major order meets it with the first tap: so taps go backwards, and
    forwards where they are laid `by_tap`, all windows at once.
    """
    x = zeros((*given.shape[:2], *lengths), given.dtype)
    taps = list(window.taps(lengths))
    for tap, positions, cells in taps if by_tap else reversed(taps):
        at = (*ALL, *tap, *positions)
        x[(*ALL, *cells)] = given[at] if wins is None else np.where(wins[at], given[at], x[(*ALL, *cells)])
    return x


def added(given: Array, window: Window, lengths: tuple[int, ...]) -> Array:
    """Windows laid over each other and added: (N,C,*K,*P) -> (N,C,*L)."""
    x = zeros((*given.shape[:2], *lengths), given.dtype)
    for tap, positions, cells in window.taps(lengths):
        add_at(x, cells, given[(*ALL, *tap, *positions)])
    return x


def multiplied(array: Array, factor: Fraction) -> Array:
    """An array times a rational, in its own kind; 0 times infinity is 0, as an array that was never filled is."""
    if not factor:
        return zeros(array.shape, array.dtype)
    if array.dtype == EXACT:
        return np.asarray(array * factor)
    kind = array.dtype.type
    return np.asarray(array * kind(factor.numerator) / kind(factor.denominator), array.dtype)


def turn(array: Array) -> Array:
    """Turned by 180 degrees: flipped along every spatial axis."""
    return np.flip(array, axis=tuple(range(2, array.ndim)))


def pads_of(case: Case) -> Pairs:
    """Padding in cells per axis, before and after; what is cropped instead is no padding, and windows start later."""
    pads = case.settings.get("padding") or ((0, 0),) * case.dims
    return tuple((max(before, 0), max(after, 0)) for before, after in pads)


def delta_of(case: Case) -> Array:
    """The upstream gradient; zeros where a case has none, as for a claimed output alone."""
    delta = case.stored_delta
    return zeros(case.output_shape, operand_of(case, "x").dtype) if delta is None else cast(Array, delta)


def operand_of(case: Case, name: str) -> Array:
    """An operand that the case must have, as it is kept."""
    array = case.stored[name]
    assert array is not None
    return cast(Array, array)


def product_of(values: tuple[int, ...]) -> int:
    return reduce(lambda a, b: a * b, values, 1)
