"""A case in numbers that can be differenced without loss, and the forward pass that is differenced.

Exact numbers become integers over one denominator, held in float64 while every partial sum stays below 2^53; float64
numbers are multiplied by powers of two, which loses nothing, so that every array's largest lies between 1/2 and 1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, integers, zeros
from convgrad.differences.reach import Reads, reads
from convgrad.operations.average_pool import divisors
from convgrad.subject.case import Case
from convgrad.vocabulary import CONVOLUTION, MEAN, NORM, TRANSPOSED, UNPOOLING

BILINEAR = (CONVOLUTION, TRANSPOSED)
"""The families that are linear in the input, and in a kernel."""
EXACT_BELOW = 2**53
VANISHING = 2.0**-1000
"""What a number beside 1 is no larger than that may be 0 in scaled numbers, or have lost digits."""
SMALL = 2.0**-300
"""Powers above which no digit is lost beneath them."""
HEADROOM = 2**20
"""How much larger than any output a step is, in float64: what cancels in a difference then costs 2^-20 of it."""


class Probe(NamedTuple):
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
    def one_sided(self) -> bool:
        """Whether a difference is from what is there as it is, else from as far on the other side."""
        return one_sided(self.case)

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

    def unit(self, name: str) -> Fraction:
        """By what the gradient of x, w or b comes out too large: a power of two, unless exact."""
        return self.units["delta"] * self.units.get({"x": "w", "w": "x"}.get(name, ""), 1)

    def exponent(self, name: str) -> int:
        """The binary logarithm of the unit, which float64 itself may not hold."""
        unit = self.unit(name)
        return unit.numerator.bit_length() - unit.denominator.bit_length()

    def forward(self, x: Array, w: Array | None = None, b: Array | None = None) -> Array:
        """y (N,O,*P) of these operands, as the program computes it; of complex ones, of a norm, by the geometry."""
        case = self.case
        if np.iscomplexobj(x):
            return _norms(x, self.geometry, case)
        if w is None:
            return case.operation.forward(x, **case.arguments)
        return case.operation.forward(x, w, b, **case.arguments)

    def step(self, name: str) -> Any:
        """A power of two at least as large as the operand; in float64 by HEADROOM larger than any output at either end.

        Where means are taken exactly, that times what every divisor divides.
        """
        if not self.exact:
            return float(2 * HEADROOM << products(self.case).bit_length())
        largest = abs(self.arrays[name]).max(initial=0) if name in self.arrays else 1
        whole = _multiple(self.case, name) if self.family == MEAN else 1
        return whole * 2 ** max(0, int(-(-largest // whole)) - 1).bit_length()


def channels_together(case: Case) -> int:
    """How many channels of the input each group of a convolution reads; 1 for what goes plane by plane."""
    if case.operation.family not in BILINEAR:
        return 1
    return int(case.shapes["x"][1]) // int(case.settings["groups"])


def one_sided(case: Case) -> bool:
    """Whether a difference is from what is there as it is: of floats, where one output more makes one difference more.

    What is linear has steps so large that nothing is lost, and a maximum is straight as far as its steps go; of a norm
    a step is into the complex plane, where what it is on the other side is the mirror image, but for cells of 0, about
    which it is even. In exact numbers it is as cheap to look on both sides.
    """
    return case.arithmetic != "exact" and not (case.operation.family == NORM and _is_even_somewhere(case))


def _is_even_somewhere(case: Case) -> bool:
    """Whether any cell that a norm takes the size of is 0, or so small beside others that it is in scaled numbers."""
    x = case.operands["x"]
    if x is None or case.arguments.get("signed", False):
        return False
    sizes = abs(x)
    return bool((sizes <= sizes.max(initial=0) * VANISHING).any())


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


def _norms(z: Array, geometry: Reads, case: Case) -> Array:
    """(sum |x|^p)^(1/p), continued to complex numbers near the real axis: |z| is z where its real part is positive.

    Signed (sum x^p)^(1/p), of z as it is.
    """
    norm, signed = case.settings["norm"], case.arguments.get("signed", False)
    under = z if signed else _positive(z)
    for axis, cells in enumerate(geometry):
        under = _windows(under, cells, 2 + 2 * axis)
    # taps first, so that windows are added up whole
    under = under.transpose(*range(3, under.ndim, 2), 0, 1, *range(2, under.ndim, 2)).reshape(-1, *_shape(z, geometry))
    largest = abs(under.real).max(axis=0, initial=0)
    if largest.min(initial=1) ** norm > SMALL:  # none is more than 1
        return power(power(under, norm).sum(axis=0), 1 / norm)
    # a power of two: dividing by it is exact, and no power under- or overflows
    scale = np.ldexp(1.0, np.where(largest > 0, np.frexp(largest)[1], 0))
    norms: Array = scale * power(power(under / scale, norm).sum(axis=0), 1 / norm)
    return norms


def _positive(z: Array) -> Array:
    """-z where its real part is negative: part by part, as NumPy is slow at a choice of complex numbers."""
    result = np.empty_like(z)
    result.real, result.imag = abs(z.real), z.imag * np.where(z.real < 0, -1.0, 1.0)
    return result


def _shape(z: Array, geometry: Reads) -> tuple[int, ...]:
    return (*z.shape[:2], *map(len, geometry))


def _windows(array: Array, cells: Array, axis: int) -> Array:
    """Along an axis the cells under each position, 0 for none: (…,L,…) -> (…,P,k,…)."""
    read: Array = array.take(np.maximum(cells, 0), axis=axis)
    if (cells < 0).any():
        read *= (cells >= 0).reshape(*cells.shape, *(1,) * (array.ndim - axis - 1))
    return read


def power(base: Array, exponent: float) -> Array:
    """A power of numbers whose imaginary part is a small step, which is set apart first: so it keeps its digits.

    It is NaN where the real part has none, as a root of what is below 0 has none.
    """
    if exponent == 1:
        return base
    result = np.ones_like(base)
    with np.errstate(invalid="ignore"):
        size = base.real**exponent
        np.divide(base.imag, base.real, out=result.imag, where=base.real != 0)
        result **= exponent
    for part in (result.real, result.imag):
        part *= size
    return result
