"""A sketch of a case, shapes and settings, and the whole numbers that fill it the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import lcm, prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.operations.average_pool import divisors
from convgrad.subject.case import Case
from convgrad.subject.fused import made
from convgrad.suites.encoding import decoded, encoded
from convgrad.suites.exactness import fits, lattice_in, magnitudes, most
from convgrad.suites.splitmix import between, ranked, splitmix, whole
from convgrad.vocabulary import FUSED, INDICES, MAXIMUM, MEAN, row_of

ARRAYS = ("input", "kernel", "bias", "delta")
"""In the order in which they are filled from one stream; the indices of a max unpooling come after them."""
LEVELS = ((4, 1), (3, 1), (2, 1), (1, 1), (1, 3), (1, 9), (1, 27), (1, 81), (1, 243))
"""How large numbers are, and one in how many is not 0, the first that an arithmetic can add up exactly."""


@dataclass(frozen=True)
class Sketch:
    """A case without its numbers: `shapes` of input, kernel and bias, settings, and the seed of the numbers.

    `level` says how large numbers are and one in how many is not 0, where that does not depend on the type.
    `unit` is what the numbers are multiples of, 1 where they are whole; `spread` is how large those of the input may
    be, where other than the rest; `apart` moves the bias by half a step, so that no activation meets 0; `real`
    says that they are no whole numbers, but reals of a type. `source` is the public issue that the shape stems from,
    `catches` the ids of mistakes that show on it, by array, as far as that was worked out.
    """

    id: str
    op: str
    shapes: Mapping[str, tuple[int, ...]]
    settings: Mapping[str, Any]
    seed: int = 0
    unit: Fraction = Fraction(1)
    spread: int | None = None
    apart: bool = False
    level: tuple[int, int] | None = None
    comment: str = ""
    flags: tuple[str, ...] = ()
    source: str = ""
    catches: Mapping[str, tuple[str, ...]] | None = None
    real: bool = False

    @property
    def dims(self) -> int:
        return len(self.shapes["input"]) - 2

    @property
    def numbers(self) -> int:
        """How many numbers input, kernel, bias and delta have together."""
        return sum(map(prod, self.shapes.values())) + prod(self.output_shape)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self._frame.output_shape

    @cached_property
    def _frame(self) -> Case:
        """The case with zeros for numbers."""
        zeros = {name: np.zeros(shape) for name, shape in self.shapes.items()}
        return made(self._document({**zeros, **self._cells()}), arithmetic="float64", needs_delta=False)

    def _cells(self, stream: int = 0, first: int = 0) -> dict[str, Array]:
        """The indices of an operation that has some, from a stream on: every plane's cells, each at most once."""
        if INDICES not in row_of(self.op).settings:
            return {}
        shape = self.shapes["input"]
        planes, cells = prod(shape[:2]), prod(self.settings["output_size"])
        rows = ranked(splitmix(stream, first, planes * cells), cells, prod(shape[2:]))
        return {INDICES: rows.reshape(shape)}

    def _document(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        return {"id": self.id, "op": self.op, "dims": self.dims, **arrays, **self.settings}

    def case(self, dtype: str = "float64", seed: int = 0) -> Case:
        """The case with its numbers: the largest with which every sum is exact in a type, in whatever order.

        Another `seed` gives other numbers to the same shapes.
        """
        frame = self._frame
        stream = (self.seed ^ seed * 2**32) % 2**64
        if self.real:
            return self._filled_with_reals(frame, stream, dtype)
        if self.level is not None:
            return self._filled(frame, stream, *self.level)
        for level in LEVELS:
            case = self._filled(frame, stream, *level)
            if self.is_real or self.is_exact(case, dtype, level[0]):
                break
        return case

    def is_exact(self, case: Case, dtype: str, largest: int | None = None) -> bool:
        """Whether every sum of the case, filled with numbers that are no larger, is exact in a type."""
        return self._is_exact_for_all(dtype, largest or LEVELS[0][0]) or fits(case, dtype, self.lattice)

    def _is_exact_for_all(self, dtype: str, largest: int) -> bool:
        """Whether it is whatever the numbers are, since it is where all are as large as can be: told once a sketch."""
        return not self.spread and self._of_ones * largest**2 + float(self.lattice / 2) <= most(dtype, self.lattice)

    @cached_property
    def _of_ones(self) -> float:
        """The largest sum of magnitudes where every number is one step."""
        frame = self._frame
        step, ones = _step(frame), dict[str, Array]()
        for name, shape in (*self.shapes.items(), ("delta", frame.output_shape)):
            ones[name] = np.full(shape, float(self.unit * step.get(name, 1) + self._moved(name)))
        ones |= self._cells()
        return max(magnitudes(made(self._document(ones), arithmetic="float64")))

    def fits(self, dtype: str) -> bool:
        """Whether every sum is exact in a type."""
        return self.is_exact(self.case(dtype), dtype, self.level[0] if self.level else None)

    def levelled(self, dtype: str) -> Sketch | None:
        """The sketch with the largest numbers that a type adds up exactly, whatever type it is run in."""
        rows = (replace(self, level=level) for level in LEVELS)
        return next((sketch for sketch in rows if sketch.fits(dtype)), None)

    @property
    def is_real(self) -> bool:
        """Whether results are no whole numbers, as those of a norm, or a sigmoid, are whatever the operands."""
        return self.real or lattice_in(self.op, self.settings) is None

    def _filled(self, frame: Case, stream: int, largest: int, thin: int) -> Case:
        step, arrays, first = _step(frame), {}, 0
        for name, shape in (*self.shapes.items(), ("delta", frame.output_shape)):
            limit, few = (self.spread, 1) if name == "input" and self.spread else (largest, thin)
            numbers = whole(splitmix(stream, first, prod(shape)), limit, few)
            arrays[name] = numbers.reshape(shape) * float(self.unit * step.get(name, 1)) + float(self._moved(name))
            first += prod(shape)
        arrays |= self._cells(stream, first)
        return made(self._document(arrays), arithmetic="float64")

    def _moved(self, name: str) -> Fraction:
        return self.unit**2 / 2 if self.apart and name == "bias" else Fraction(0)

    def _filled_with_reals(self, frame: Case, stream: int, dtype: str) -> Case:
        """The case with numbers between -1 and 1, each rounded to a type."""
        arrays, first = dict[str, Array](), 0
        for name, shape in (*self.shapes.items(), ("delta", frame.output_shape)):
            numbers = between(splitmix(stream, first, prod(shape)))
            arrays[name] = decoded(encoded(numbers, dtype), shape, dtype)
            first += prod(shape)
        return made(self._document({**arrays, **self._cells(stream, first)}), arithmetic="float64")

    def with_reals(self) -> Sketch:
        """The sketch with numbers that are not whole, among which there are no ties."""
        catches = {array: tuple(name for name in names if not name.startswith("ties-"))
                   for array, names in (self.catches or {}).items()}  # fmt: skip
        return replace(self, real=True, catches=catches)

    @property
    def lattice(self) -> Fraction:
        """What every result is a multiple of, where it is of anything."""
        return self.unit**2 * (lattice_in(self.op, self.settings) or 1) / (2 if self.apart else 1)

    def but(self, **changes: Any) -> Sketch:
        """The sketch with other fields."""
        return replace(self, **changes)


def is_bent(op: str, settings: Mapping[str, Any]) -> bool:
    """Whether a network has a slope on either side of 0 and none at it: there the rounding of a sum may decide."""
    return row_of(op).family == FUSED and lattice_in(op, settings) is not None


def unit_of(op: str, settings: Mapping[str, Any]) -> Fraction:
    """What operands are multiples of: small, where a sigmoid or its like would hardly change any more."""
    smooth = "activation" in settings and lattice_in(op, settings) is None
    return Fraction(1, 8) if smooth else Fraction(1)


def _step(frame: Case) -> dict[str, int]:
    """What the numbers of a pool must be multiples of, so that a mean or a share of them is whole."""
    window: Any = frame.arguments.get("window")
    if frame.operation.family == MEAN:
        x = frame.operands["x"]
        assert x is not None
        by = divisors(window, frame.arguments["counted"], frame.arguments["divisor"], x)
        common = lcm(*(abs(int(divisor)) for divisor in np.unique(by)))
        return {"input": common, "delta": common}
    if frame.operation.family == MAXIMUM and frame.settings["ties"] == "split":
        return {"delta": lcm(*range(1, prod(window.size) + 1))}
    return {}
