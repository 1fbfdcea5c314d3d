"""A claim: an array that somebody else computed, and how far each of its entries may be off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from convgrad.claims.piecewise import PIECE, At, by_pieces, pieces, taken
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, floated, rounded
from convgrad.subject.place import Place

if TYPE_CHECKING:
    from convgrad.claims.in_parts import Swept

SHAPED_AS = {
    "output": "output", "delta": "output", "dX": "dX", "dW": "dW", "db": "db", "kernel": "dW", "bias": "db",
}  # fmt: skip
"""The arrays that may be claimed, and which of a case's results each is shaped as."""


@dataclass(frozen=True)
class Claim:
    """An array that somebody else computed, with what each of its entries may be off by.

    `values` are in the full shape, (N,O,*P), (O,C/g,*K), (O,) or (N,C,*L), where they are as many, else in the `shape`
    that was given; exact where the truth is. `fits` says whether they came in the right shape, which is `expected`.
    `allowed` is per entry what the claim may be off from the true array, and `rule` says why, in words. `excuse`, for
    another array that it may be, is one number for all entries or one each; `scale` is not 0 where that grows with the
    numbers (a type's rounding): the magnitude that it was derived for. `unit` is a type's unit roundoff: what makes
    another array of the right one, as a division, rounds once more. `by` says what excuses it, `told` what is to be
    said of it, `cause` is the mistake where its sums lose too much; a `doubtful` one may be right or wrong; `known`
    marks the entries that are claimed, where not all are. `loose` is the excuse, where that is more, with inputs that
    were rounded when they were printed.
    """

    place: Place
    values: Array
    excuse: Any
    fits: bool = True
    scale: float = 0
    allowed: Any = 0
    rule: str = ""
    shape: tuple[int, ...] = ()
    unit: float = 0
    expected: tuple[int, ...] = ()
    by: str = ""
    told: tuple[str, ...] = ()
    cause: str = ""
    doubtful: bool = False
    known: Array | None = None
    loose: float = 0
    found: Swept | None = None
    """What was found of a large one beside the truth, of which no more than some samples were worked out at once."""

    @property
    def like(self) -> str:
        """The array of a case that it is shaped as."""
        return SHAPED_AS[self.place.array.partition(".")[0]]  # dW of dW.mean

    def allows(self, candidate: Array) -> Array:
        """Entry by entry, whether the claim is this array as far as its digits or its type can tell.

        All False where the shapes differ.
        """
        if candidate.shape != self.values.shape:
            return np.zeros(candidate.shape, bool)
        values, other = _alike(self.values, candidate)
        excuse, grows = self._excuse_for(other), bool(self.unit)

        def one(at: At) -> Array:
            allowed = taken(excuse, at)
            if grows:
                allowed = allowed + 2 * self.unit * _size(_floats(taken(other, at)))
            return within(taken(values, at), taken(other, at), allowed)

        close = by_pieces(one, values.shape, bool)
        return close if self.known is None else close | ~self.known

    @property
    def loosened(self) -> Claim:
        """The claim with all that rounded inputs may excuse."""
        excuse = self.loose if self.known is None else np.where(self.known, self.loose, np.inf)
        return replace(self, excuse=excuse, loose=0)

    def _excuse_for(self, candidate: Array) -> Any:
        """A type's rounding is relative: larger numbers than it was derived for may be off by more."""
        if not self.scale:
            return self.excuse
        largest = floated(max(np.max(candidate, initial=0), -np.min(candidate, initial=0)))
        return self.excuse * (largest / self.scale) if largest > self.scale else self.excuse

    @cached_property
    def rough(self) -> Array:
        """What every entry may be off by, in float64 and a trifle more."""
        return self.excused_roughly(0)

    def excused_roughly(self, largest: Any, places: Array | None = None) -> Array:
        """The same of another array whose numbers are as large; of some entries by their numbers."""
        values, excuse = self.values, np.asarray(self.excuse, FLOAT64)
        if places is not None:
            at = np.unravel_index(places, values.shape) if values.ndim else (np.zeros(places.shape, int),)
            values, excuse = np.atleast_1d(values)[at], excuse[at] if excuse.ndim else excuse
        values, excuse = _floats(values), np.broadcast_to(excuse, values.shape)
        grown = np.maximum(1.0, largest / self.scale) if self.scale else 1.0
        again = 2 * self.unit * abs(values) if self.unit else 0.0
        return np.asarray((excuse * grown + again) * (1 + 1e-9) + 1e-12 * (self.largest + largest), FLOAT64)

    @cached_property
    def largest(self) -> float:
        """The largest magnitude of a number that is finite."""
        parts = (_floats(taken(self.values, at)) for at in pieces(self.values.shape))
        return max((float(_size(part).max(initial=0)) for part in parts), default=0.0)

    def of_first(self, few: slice) -> Claim:
        """The claim of the first entries along its first axis."""
        return self.part((few, *(slice(0, length) for length in self.values.shape[1:]))) if self.values.ndim else self

    def piece(self, at: At) -> Claim:
        """The claim of some entries alone, in all else as it is; the whole of a small one."""
        if self.values.size <= PIECE:
            return self
        return self.part(at)

    def part(self, at: At) -> Claim:
        """The claim of some entries."""
        some = replace(self, values=self.values[at], excuse=taken(self.excuse, at), known=taken(self.known, at))
        vars(some)["largest"] = self.largest
        return some


def _floats(values: Array) -> Array:
    return rounded(values) if values.dtype == EXACT else values


def _size(values: Array) -> Array:
    """Magnitudes, by which rounding grows: what is not finite excuses nothing."""
    return np.where(np.isfinite(values), abs(values), 0.0)


def finite(claim: Claim) -> Claim:
    """The claim in float64 where an exact one holds numbers that are not finite, and so have no exact value."""
    if claim.values.dtype != EXACT or all(isinstance(value, Fraction) for value in claim.values.flat):
        return claim
    excuse = claim.excuse.astype(FLOAT64) if isinstance(claim.excuse, np.ndarray) else float(claim.excuse)
    return replace(claim, values=claim.values.astype(FLOAT64), excuse=excuse)


def within(values: Array, others: Array, excuse: Any) -> Array:
    """Whether |a - b| <= excuse, entry by entry; a NaN equals a NaN, an infinity itself."""
    if values.dtype == EXACT == others.dtype and values.shape == others.shape:
        allowed = np.asarray(excuse)
        if allowed.dtype.kind in "iO":
            whole = allowed.astype(EXACT)  # NumPy's integers overflow beside a fraction's
            return _exactly_within(values, others, np.broadcast_to(whole, values.shape))
    with np.errstate(invalid="ignore"):
        close = abs(values - others) <= excuse
    same = (values == others) | ((values != values) & (others != others))
    return np.asarray(close | same, bool)


NEAR = 1e-12
"""Of the larger of two numbers: what their difference in float64 may be off by, with room to spare."""


def _exactly_within(values: Array, others: Array, allowed: Array) -> Array:
    """The same of rationals, which are subtracted as such only where float64 cannot tell, as subtraction is dear."""
    left, right = rounded(values), rounded(others)
    with np.errstate(invalid="ignore", over="ignore"):
        room = NEAR * np.maximum(abs(left), abs(right)) + (1 + NEAR) * rounded(allowed)
        close = np.asarray(~(abs(left - right) > room))
    for index in map(tuple, np.argwhere(close)):
        a, b = values[index], others[index]
        close[index] = a == b or abs(a - b) <= allowed[index] or (a != a and b != b)
    return close


def _alike(values: Array, candidate: Array) -> tuple[Array, Array]:
    """Both exact, or else both float64."""
    if values.dtype == EXACT and candidate.dtype != EXACT:
        return values.astype(np.float64), candidate
    if values.dtype != EXACT and candidate.dtype == EXACT:
        return values, rounded(candidate)
    return values, candidate
