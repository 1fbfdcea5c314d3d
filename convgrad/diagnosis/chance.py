"""What speaks for an explanation: entries that tell it from the truth, and how many false ones would fit as well."""

from __future__ import annotations

from math import inf, isfinite, lgamma, log, log2
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.claims.piecewise import PIECE, pieces, taken
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.core.draws import first_of_each

MOST_BITS = 40.0
"""What one entry can say at most: more is in its digits, but not about which mistake it was."""
HAND_SIZED = 0.1
"""How many false explanations may be expected beside the only single mistake that fits all of a hand-sized claim."""
FITTED = 1e-4
"""The same where a number was fitted, where several were combined, or where the claim is not hand-sized."""
MOSTLY = 0.75
"""What part of the entries that tell must match, where not all do."""
REPEATED = 1.0
"""What an entry says, in bits, whose number others have too."""
MOST_HEARD = 8192
"""Entries of a large array whose numbers are counted."""
PLACES = 4
"""Decimal places up to which numbers that all end there say no more than those."""


class Evidence(NamedTuple):
    """How many entries tell an explanation from the truth, how many of them match it, and what these say in bits."""

    tell: int
    match: int
    bits: float
    largest: float = 0.0

    @property
    def whole(self) -> bool:
        return 0 < self.tell == self.match

    def chance(self, tried: float, fitted: int = 0) -> float:
        """How many false explanations are to be expected among those tried; `fitted` numbers say nothing themselves."""
        if not self.match:
            return inf
        spare = max(self.bits - fitted * self.largest, 0.0)
        exponent = log2(max(tried, 1.0)) + _choices(self.tell, self.match) - spare
        return float(2.0 ** min(max(exponent, -1000.0), 1000.0))

    def to_dict(self) -> dict[str, int]:
        """What the JSON says."""
        return {"tell": self.tell, "match": self.match}


NO_EVIDENCE = Evidence(0, 0, 0.0)


def _choices(entries: int, matching: int) -> float:
    """In how many ways so many of the entries match, as bits."""
    return (lgamma(entries + 1) - lgamma(matching + 1) - lgamma(entries - matching + 1)) / log(2)


def evidence(claim: Claim, truth: Array, wrong: Array, most: float = MOST_BITS) -> Evidence:
    """The entries in which a wrong array differs from the truth by more than the claim can be off, and what they say.

    `most` is what one entry says at most.
    """
    match, shape = claim.allows(wrong), np.broadcast_shapes(truth.shape, wrong.shape)
    counted, grain = np.zeros(6, int), _grain(claim.values)
    for at in pieces(shape):
        part, right, other = claim.piece(at), as_float(taken(truth, at)), as_float(taken(wrong, at))
        tell = _telling(excuses(part), right, other)
        match[at] &= tell
        values, matching = as_float(part.values), match[at]
        small = abs(values) <= np.maximum(excuses(part), grain)
        beside = ~tell & (right != 0)
        nothing, again = matching & small & (right != 0), matching & ~small
        counted += [int(one.sum()) for one in (tell, matching, again, nothing, beside, beside & (values == 0))]
    tells, matches, again, nothing, beside, zero = counted.tolist()
    said = [min(most, bit) for bit in bits(claim, match)]
    # an entry that is 0 and should not be says the less, the more of those that tell nothing are so
    zeros = nothing * min(most, -log2((zero + 1) / (beside + 2)))
    total = sum(said) + zeros + (again - len(said)) * min(most, REPEATED)
    return Evidence(tells, matches, total, max(said, default=0.0))


def _telling(excuse: Array, right: Array, other: Array) -> Array:
    """Which entries tell one array from another."""
    with np.errstate(invalid="ignore"):
        return np.asarray(~((abs(other - right) <= excuse) | (right == other) | ((right != right) & (other != other))))


def bits(claim: Claim, where: Array | None = None) -> list[float]:
    """What each of the claim's different numbers says: the bits in which it could have been another, smallest first."""
    places = _heard(np.broadcast_to(np.True_, claim.values.shape) if where is None else where)
    values, largest = as_float(claim.values.ravel()[places]), largest_of(claim.values)
    excuse = np.maximum(excuses(claim, places=places), _grain(claim.values))
    keep = np.isfinite(values) & (abs(values) > excuse)
    first = first_of_each(values[keep])
    values = values[keep][first]
    if not values.size:
        return []
    ratio = largest / np.maximum(excuse[keep][first], 1e-300)
    return sorted(map(log2, np.clip(ratio, 1, 2.0**MOST_BITS).tolist()))


def _heard(where: Array) -> Array:
    """The numbers of the entries that are marked; of very many some say enough."""
    each, passed, places = max(-(-int(where.sum()) // MOST_HEARD), 1), 0, list[Array]()
    flat = where.reshape(-1)
    for first in range(0, flat.size, PIECE):
        found = np.flatnonzero(flat[first : first + PIECE])
        places.append(first + found[-passed % each :: each])
        passed += len(found)
    return np.concatenate(places) if places else np.zeros(0, int)


def width(claim: Claim) -> Array:
    """What an entry may be off by, or half a unit of the last place that all numbers end with, where that is more."""
    return np.maximum(excuses(claim), _grain(claim.values))


def _grain(values: Array) -> float:
    """Half a unit of the last of a few decimal places that numbers are all written with; 0 where they have more."""
    head = as_float(values.ravel()[:MOST_HEARD])
    places = [place for place in range(PLACES + 1) if _ends(head, place)]
    if not places:
        return 0.0
    all_of_them = as_float(values)
    return next((0.5 * 10.0**-place for place in places if _ends(all_of_them, place)), 0.0)


def _ends(values: Array, place: int) -> bool:
    """Whether numbers have no digits after a decimal place."""
    scaled = values[np.isfinite(values)] * 10.0**place
    return bool((abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(abs(scaled), 1)).all())


def excuses(claim: Claim, largest: Any = 0, places: Array | None = None) -> Array:
    """What every entry may be off by, in float64 and a trifle more: for screening, which exact comparison follows.

    Of an array that is large only some `places`, the numbers of entries, or pieces should be asked for.
    """
    return claim.rough if places is None and not largest else claim.excused_roughly(largest, places)


def as_float(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else np.asarray(array, np.float64)


def largest_of(values: Array) -> float:
    """The largest magnitude that is finite."""
    if values.dtype == EXACT:
        values = as_float(values)
    ends = float(values.max(initial=0)), float(values.min(initial=0))
    if all(map(isfinite, ends)):
        return max(ends[0], -ends[1])
    finite = values[np.isfinite(values)]
    return float(abs(finite).max()) if finite.size else 0.0
