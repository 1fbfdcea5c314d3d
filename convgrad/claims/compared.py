"""A claimed array beside the truth: its errors, and what its digits leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.claims.attempts import Asked, Attempt
from convgrad.claims.digits import Written
from convgrad.claims.excuses import Excuses
from convgrad.claims.sums import confidence
from convgrad.claims.whole_array import MOST, OUTLIERS
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, nearest, rounded
from convgrad.differences.roundoff import TYPES
from convgrad.subject.place import Place

HALF = ("float16", "bfloat16")
"""Types in which sums are sometimes held, too: elsewhere that is a type that the inputs are not of."""
CUT = 2.0**-20
"""What is off by less of itself is no bit that a half type cut off: float64 and float32 round to it."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One claimed array with as many numbers as there should be: its errors, its digits or type, its bounds."""

    place: Place
    values: Array
    truth: Array
    own: Any
    text: Written | None
    dtype: str | None
    bounds: Excuses
    asked: Asked
    claimed: Array = field(default_factory=lambda: np.ones((), bool))
    """Which entries are claimed."""
    samples: slice | None = None
    """Those that are judged, where they are not all, of so many `entries`."""
    entries: int = 0

    @cached_property
    def errors(self) -> Array:
        with np.errstate(invalid="ignore"):
            off = as_floats(self.values - self.truth)
        return off if np.isfinite(off).all() else np.nan_to_num(off, nan=0.0, posinf=np.inf, neginf=-np.inf)

    @cached_property
    def floats(self) -> Array:
        return as_floats(self.truth)

    @cached_property
    def claim(self) -> Array:
        return as_floats(self.values)

    @cached_property
    def sizes(self) -> Array:
        return np.where(np.isfinite(self.claim), abs(self.claim), 0.0)

    @cached_property
    def sure(self) -> float:
        return confidence(self.entries or self.truth.size)

    @cached_property
    def slope(self) -> float:
        square = float((self.floats**2).sum())
        return float((self.errors * self.floats).sum()) / square if square else 0.0

    def _some(self, array: Any) -> Array:
        """The claimed ones of some entries, where there are very many: all are judged together."""
        each = max((self.entries or self.truth.size) // MOST, 1)

        def looked_at(part: Any) -> Array:
            if np.ndim(part) == 0:
                return np.broadcast_to(part, -(self.truth.size // -each))
            flat: Array = np.broadcast_to(part, self.truth.shape).reshape(-1)[::each]
            return flat

        some = looked_at(as_floats(array))
        return some if self._is_whole else np.asarray(some[looked_at(self.claimed)])

    def _known(self, array: Any) -> Array:
        """The claimed entries of an array."""
        every = np.broadcast_to(array, self.truth.shape)
        if self._is_whole:
            return every.reshape(-1)
        return np.asarray(every[np.broadcast_to(self.claimed, every.shape)])

    @property
    def _is_whole(self) -> bool:
        """Whether all entries are claimed."""
        return not self.claimed.ndim and bool(self.claimed)

    @cached_property
    def halves(self) -> Array:
        """What its digits leave, in the kind of its values."""
        assert self.text is not None
        return filled(self.text.half_units(), self.values)

    @property
    def _digits_rule(self) -> str:
        return self.text.said if self.text is not None else ""

    def _own_of_digits(self) -> Any:
        if self.truth.dtype == EXACT:
            return self.own
        # inclusive, though reading the decimals into float64 and subtracting rounded both sides
        return self.own + 2.0**-50 * as_floats(self.halves) + 2.0**-52 * self.sizes

    def _with_text(self, allowed: Any, dtype: str) -> Any:
        """What writing the numbers down added: half a unit of the last place; a shortest text reads back as its own."""
        total = allowed + as_floats(self.own)
        if self.text is None:
            return total
        shortest = TYPES[dtype].unit * self.sizes if dtype in ("float32", *HALF) and not self.text.is_binary else 0
        return total + as_floats(self.halves) + shortest

    def _moved(self, dtype: str) -> Any:
        return self.bounds.moved(self.place, dtype, self.truth)

    def _close(self, allowed: Any) -> bool:
        with np.errstate(invalid="ignore"):
            off = abs(self.values - self.truth)
            close = (off <= allowed) | (self.values == self.truth)
        close = close | ((self.values != self.values) & (self.truth != self.truth))
        return bool((np.asarray(close, bool) | ~self.claimed).all())

    def _furthest_off(self, attempt: Attempt) -> float:
        """By how much the entry that is furthest off is beyond what it may be; 0 where none is."""
        beyond = self._known(abs(self.errors) - as_floats(attempt.allowed))
        return float(np.fmax.reduce(beyond.ravel(), initial=0.0))

    @property
    def large(self) -> bool:
        return self.truth.size >= 1000

    @property
    def _is_cut(self) -> bool:
        """Whether nearly all numbers that are not exact lie nearer to 0 than the truth does, and they are not few."""
        off = self._known(np.where(abs(self.errors) > CUT * abs(self.floats), self.errors * np.sign(self.floats), 0))
        return bool((off != 0).sum() >= OUTLIERS and (off < 0).sum() >= 0.9 * (off != 0).sum())


def filled(halves: list[Fraction], values: Array) -> Array:
    """Half units as an array like the values."""
    result = np.empty(len(halves), EXACT)
    result[:] = halves
    return (result if values.dtype == EXACT else rounded(result)).reshape(values.shape)


def as_floats(values: Any) -> Array:
    array: Array = np.asarray(values)
    if array.dtype != EXACT:
        floats: Array = array.astype(FLOAT64, copy=False)
        return floats
    flat = [nearest(part) if isinstance(part, Fraction) else float(part) for part in array.ravel()]
    return np.array(flat, FLOAT64).reshape(array.shape)
