"""A case in numbers that can be differenced without loss, and the forward pass that is differenced.

Exact numbers become integers over one denominator, held in float64 while every partial sum stays below 2^53; float64
numbers are multiplied by powers of two, which loses nothing, so that every array's largest lies between 1/2 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, integers, zeros
from convgrad.differences.reach import Reads, meetings, reads
from convgrad.operations.average_pool import divisors
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MEAN, TRANSPOSED, UNPOOLING

BILINEAR = (CONVOLUTION, TRANSPOSED)
"""The families that are linear in the input, and in a kernel."""
EXACT_BELOW = 2**53
LOST = 2.0**-20
"""What is below this part of the largest may be lost in the rounding of an output."""
HEADROOM = 2**20
"""How much larger than any output a step is, in float64: what cancels in a difference then costs 2^-20 of it."""


@dataclass(frozen=True)
class Probe:
    """Arrays scaled: x' = x units["x"], and so on; a gradient found from them is to be divided by `unit(name)`."""

    case: Case
    geometry: Reads
    arrays: dict[str, Array]
    units: dict[str, Fraction]
    exact: bool

    @property
    def family(self) -> str:
        return self.case.operation.family

    @property
    def bilinear(self) -> bool:
        """Whether it is linear in the input and in a kernel."""
        return self.family in BILINEAR

    @property
    def groups(self) -> int:
        return int(self.case.settings.get("groups", 1))

    @property
    def together(self) -> int:
        """How many channels of the input a group reads: as many sums as an output is made of."""
        return channels_together(self.case)

    def of_channel(self, name: str, channel: int, array: Array | None = None) -> Array:
        """What one channel of each group has of x, (N,g,*L), or of the kernel: all that its part of y is made of."""
        array = self.arrays[name] if array is None else array
        if name == "x":
            return array[:, channel :: self.together]
        return array[channel :: self.together] if self.family == TRANSPOSED else array[:, channel : channel + 1]

    def over_filters(self, change: Array, delta: Array) -> Array:
        """Outputs times delta, summed over the filters of each group: (N,O,*P) -> (N,g,*P)."""
        pair = self.grouped(change), self.grouped(delta)
        if change.dtype == EXACT:
            summed: Array = (pair[0] * pair[1]).sum(axis=2)
            return summed
        return np.asarray(np.einsum("ngo...,ngo...->ng...", *pair))

    def grouped(self, y: Array) -> Array:
        """(N,O,*P) -> n g o p, the axes of p still apart."""
        return y.reshape(len(y), self.groups, y.shape[1] // self.groups, *y.shape[2:])

    def unit(self, name: str) -> Fraction:
        """By what the gradient of x, w or b comes out too large: a power of two, unless exact."""
        return self.units["delta"] * self.units.get({"x": "w", "w": "x"}.get(name, ""), 1)

    def exponent(self, name: str) -> int:
        """The binary logarithm of the unit, which float64 itself may not hold."""
        unit = self.unit(name)
        return unit.numerator.bit_length() - unit.denominator.bit_length()

    def forward(self, x: Array, w: Array | None = None, b: Array | None = None) -> Array:
        """y (N,O,*P) of these operands, by a path that uses neither `fold` nor any gradient's formula."""
        case = self.case
        if self.family == TRANSPOSED:
            return _transposed(x, w, b, self.geometry, case)
        if np.iscomplexobj(x):
            return _norms(x, self.arrays["x"], self.geometry, case)
        if w is None:
            return case.operation.forward(x, **case.arguments)
        return case.operation.forward(x, w, b, **case.arguments)

    def once(self) -> Array:
        """One evaluation as differences take it: of one channel."""
        w = self.of_channel("w", 0) if self.bilinear else None
        return self.forward(self.of_channel("x", 0) if self.bilinear else self.arrays["x"], w)

    def step(self, name: str) -> Any:
        """A power of two at least as large as the operand; in float64 larger than any output by HEADROOM.

        Where means are taken exactly, that times what every divisor divides.
        """
        if not self.exact:
            return float(HEADROOM << products(self.case).bit_length())
        largest = abs(self.arrays[name]).max(initial=0) if name in self.arrays else 1
        whole = _multiple(self.case, name) if self.family == MEAN else 1
        return whole * 2 ** max(0, int(-(-largest // whole)) - 1).bit_length()


def channels_together(case: Case) -> int:
    """How many channels of the input each group of a convolution reads; 1 for what goes plane by plane."""
    if case.operation.family not in BILINEAR:
        return 1
    return int(case.shapes["x"][1]) // int(case.settings["groups"])


def products(case: Case) -> int:
    """The most terms that one output is a sum of."""
    if case.operation.family == UNPOOLING:
        return 1
    cells = math.prod(int(column.shape[1]) for column in reads(case))
    return cells * case.shapes["x"][1] // int(case.settings["groups"]) if "w" in case.shapes else cells


def slope_roundings(case: Case) -> int:
    """Roundings in delta (|x|/y)^(p-1): y has m + 1 (m powers, their sum) over p, and 2 more for the root; the ratio 1
    more, all that times p - 1; a power may be off by two units, and delta's product is one."""
    return products(case) + math.ceil(4 * float(case.settings["norm"])) + 8


def probe(case: Case) -> Probe:
    """The case scaled for differencing."""
    given = {name: array for name, array in (*case.operands.items(), ("delta", case.delta)) if array is not None}
    geometry = reads(case)
    if case.arithmetic != "exact":
        scaled = {name: _normalised(array.astype(FLOAT64)) for name, array in given.items()}
        return Probe(case, geometry, *_split(scaled), exact=False)
    scaled = {name: _whole(array, _multiple(case, name)) for name, array in given.items()}
    found = Probe(case, geometry, *_split(scaled), exact=True)
    if _largest_sum(found) < EXACT_BELOW:
        return found
    return Probe(case, geometry, given, dict.fromkeys(given, Fraction(1)), exact=True)


def _split(scaled: dict[str, tuple[Array, Fraction]]) -> tuple[dict[str, Array], dict[str, Fraction]]:
    return {name: array for name, (array, _) in scaled.items()}, {name: unit for name, (_, unit) in scaled.items()}


def _normalised(array: Array) -> tuple[Array, Fraction]:
    sizes = abs(array[np.isfinite(array)])
    exponent = int(np.frexp(sizes.max(initial=0))[1])
    return np.ldexp(array, -exponent), Fraction(2) ** -exponent


def _multiple(case: Case, name: str) -> int:
    """Halved distances between cells of x, and means of x, are to be whole as well."""
    family = case.operation.family
    if name != "x" or family in BILINEAR:
        return 1
    if family != MEAN:
        return 2
    like = zeros(case.shapes["x"], FLOAT64)
    arguments = {name: case.arguments[name] for name in ("window", "counted", "divisor")}
    return math.lcm(*(int(value) for value in np.unique(divisors(**arguments, like=like)) if value))


def _whole(array: Array, multiple: int) -> tuple[Array, Fraction]:
    whole, denominator = integers(array)
    fits = max(map(abs, whole), default=0) * multiple < EXACT_BELOW
    scaled = np.array([value * multiple for value in whole], FLOAT64 if fits else EXACT)
    return scaled.reshape(array.shape), Fraction(denominator * multiple)


def _largest_sum(found: Probe) -> int:
    """A bound on every partial sum of the differences: of an output, and of those paired with delta."""
    largest = {name: int(abs(array).max()) if array.size else 0 for name, array in found.arrays.items()}
    size, delta = max(found.arrays["delta"].size, 1), max(largest["delta"], 1)
    x, w, b = (largest.get(name, 1) + int(found.step(name)) for name in ("x", "w", "b"))
    return 2 * (products(found.case) * x * w + b) * delta * size


def _transposed(x: Array, w: Any, b: Array | None, geometry: Reads, case: Case) -> Array:
    """y[n,o,j] = b[o] + sum of w[c,o,t] x[n,c,q] over the taps and cells that meet at j, gathered for each."""
    groups, flip = case.settings["groups"], case.settings["mode"] == "convolution"
    x = x.reshape(len(x), groups, len(w) // groups, *x.shape[2:])
    taps = np.moveaxis(w.reshape(*x.shape[1:3], w.shape[1], math.prod(w.shape[2:])), 3, 0)[:: -1 if flip else 1]
    y = zeros((x.shape[0], groups, w.shape[1], *(len(axis) for axis in geometry)), x.dtype)
    for tap, (positions, cells) in zip(taps, meetings(geometry), strict=True):
        met = x[(slice(None), *cells)]
        product = tap.swapaxes(1, 2) @ met.reshape(*x.shape[:3], math.prod(met.shape[3:]))
        y[(slice(None), *positions)] += product.reshape(*y.shape[:3], *met.shape[3:])
    y = y.reshape(len(y), groups * w.shape[1], *y.shape[3:])
    biased: Array = y if b is None else y + b.reshape(-1, *(1,) * (y.ndim - 2))
    return biased


def _norms(z: Array, x: Array, geometry: Reads, case: Case) -> Array:
    """(sum |x|^p)^(1/p), continued to complex numbers near the real axis: |z| is z where its real part is positive."""
    norm, size = case.settings["norm"], np.where(z.real < 0, -z, z)
    largest = zeros((*x.shape[:2], *(len(axis) for axis in geometry)), FLOAT64)
    for positions, cells in meetings(geometry):
        largest[positions] = np.maximum(largest[positions], abs(x[cells]))
    # a power of two: dividing by it is exact, and no power under- or overflows
    scale = np.ldexp(1.0, np.where(largest > 0, np.frexp(largest)[1], 0))
    total = zeros(scale.shape, z.dtype)
    for positions, cells in meetings(geometry):
        total[positions] += _power(size[cells] / scale[positions], norm)
    norms: Array = scale * _power(total, 1 / norm)
    return norms


def _power(base: Array, exponent: float) -> Array:
    """A power of numbers whose imaginary part is a small step, which is set apart first: so it keeps its digits."""
    if exponent == 1:
        return base
    real = base.real**exponent
    slope = np.divide(base.imag, base.real, out=np.zeros_like(real), where=base.real != 0)
    power: Array = real * (1 + 1j * slope) ** exponent
    return power
