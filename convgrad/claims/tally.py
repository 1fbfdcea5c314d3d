"""What a comparison of arrays comes to, entry by entry: how far off in units of what is allowed, and the furthest."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from math import inf
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.piecewise import At, pieces, taken
from convgrad.core.arithmetic import EXACT, Array, nearest


class Furthest(NamedTuple):
    """The entry that is furthest off: by how much, its number, and what stands there."""

    error: float
    at: int
    claimed: Any
    correct: Any
    allowed: Any


class Tally(NamedTuple):
    """Of some entries the largest error in units of what is allowed, and the furthest, of all and of the wrong ones.

    `excused` says that anything is allowed in any, `nan` that an error is no number. `exact` are those that are all as
    they should be; `rough` says whether nothing, half of the truth, and twice of it would agree as well.
    """

    units: float = 0.0
    excused: bool = False
    nan: bool = False
    exact: bool = True
    rough: tuple[bool, ...] = (True, True, True)
    furthest: Furthest | None = None
    wrong: Furthest | None = None

    def beside(self, other: Tally) -> Tally:
        """Both together; of entries as far off the first."""
        return Tally(
            max(self.units, other.units), self.excused or other.excused, self.nan or other.nan,
            self.exact and other.exact, tuple(map(min, self.rough, other.rough)),
            _further(self.furthest, other.furthest), _further(self.wrong, other.wrong),
        )  # fmt: skip

    def moved(self, by: int) -> Tally:
        """The same of entries whose numbers are larger."""
        furthest, wrong = (one and one._replace(at=one.at + by) for one in (self.furthest, self.wrong))
        return self._replace(furthest=furthest, wrong=wrong)


def _further(one: Furthest | None, other: Furthest | None) -> Furthest | None:
    if one is None or other is None:
        return one or other
    return other if other.error > one.error else one


def tally(claimed: Any, correct: Any, allowed: Any, compared: Array, wrong: Array) -> Tally:
    """Of arrays of one shape, `compared` where that is marked."""
    total, shape = Tally(), correct.shape
    for at in pieces(shape):
        some = _Piece(*(taken(part, at) for part in (claimed, correct, allowed, compared, wrong)))
        total = total.beside(_of_piece(some, any(total.rough), partial(_number, at, shape)))
    return total


class _Piece(NamedTuple):
    claimed: Array
    correct: Array
    allowed: Any
    compared: Array
    wrong: Array


def _of_piece(some: _Piece, vague: bool, numbered: Callable[[tuple[int, ...]], int]) -> Tally:
    with np.errstate(all="ignore"):
        errors = floats(np.asarray(abs(some.claimed - some.correct)))
        nan = np.isnan(errors)
        margin = np.broadcast_to(floats(np.asarray(some.allowed)), errors.shape)
        known = some.compared & (margin > 0)
        ratios = np.where(known & ~nan, errors / margin, 0)
    exact, rough = _vagueness(some) if vague else (False, (False,) * 3)
    wrong = _furthest(np.where(nan, inf, errors), some.wrong, some, numbered) if some.wrong.any() else None
    furthest = _furthest(errors, some.compared & ~nan, some, numbered)
    units, excused, unknown = float(ratios.max(initial=0)), bool(known.any()), bool((nan & known).any())
    return Tally(units, excused, unknown, exact, rough, furthest, wrong)


def _furthest(sizes: Array, where: Array, some: _Piece, numbered: Callable[[tuple[int, ...]], int]) -> Furthest | None:
    sizes = np.where(where, sizes, -1.0)
    if not sizes.size or not sizes.max() > 0:
        return None
    index = tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), sizes.shape))
    allowed = np.broadcast_to(some.allowed, sizes.shape)[index]
    return Furthest(float(sizes[index]), numbered(index), some.claimed[index], some.correct[index], allowed)


def _number(at: At, shape: tuple[int, ...], index: tuple[int, ...]) -> int:
    """Of an entry of a piece, in the whole array."""
    whole = tuple(part.start + i for part, i in zip(at, index, strict=True))
    return int(np.ravel_multi_index(whole, shape)) if shape else 0


def _vagueness(some: _Piece) -> tuple[bool, tuple[bool, ...]]:
    """Whether all that are not 0 are as they should be; and as what else they may be taken."""
    telling = some.compared & np.asarray(some.correct != 0, bool)
    margin = np.broadcast_to(some.allowed, telling.shape)[telling]
    claimed, correct = some.claimed[telling], some.correct[telling]
    half = correct / 2
    with np.errstate(invalid="ignore"):
        rough = tuple(bool((abs(claimed - other) < margin).all()) for other in (0 * correct, half, 4 * half))
    return bool((floats(claimed) == floats(correct)).all()), rough


def floats(values: Array) -> Array:
    """Numbers in float64, fractions as the nearest."""
    if values.dtype != EXACT:
        return values
    flat = [nearest(value) if isinstance(value, Fraction) else float(value) for value in values.flat]
    return np.array(flat).reshape(values.shape)
