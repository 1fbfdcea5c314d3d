"""What speaks for an explanation: entries that tell it from the truth, and how many false ones would fit as well."""

from __future__ import annotations

from math import inf, lgamma, log, log2
from typing import Any, NamedTuple

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array, rounded

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
    right, other = as_float(truth), as_float(wrong)
    with np.errstate(invalid="ignore"):
        tell = ~((abs(other - right) <= excuses(claim)) | (right == other) | ((right != right) & (other != other)))
    match = tell & claim.allows(wrong)
    said = [min(most, bit) for bit in bits(claim, match)]
    small = abs(as_float(claim.values)) <= width(claim)
    again, nothing = int((match & ~small).sum()) - len(said), match & small & (right != 0)
    zeros = int(nothing.sum()) * min(most, _zero_bits(claim, right, tell))
    total = sum(said) + zeros + again * min(most, REPEATED)
    return Evidence(int(tell.sum()), int(match.sum()), total, max(said, default=0.0))


def _zero_bits(claim: Claim, right: Array, tell: Array) -> float:
    """What an entry that is 0 and should not be says: the less, the more of those that tell nothing are so."""
    beside = ~tell & (right != 0)
    zero = beside & (as_float(claim.values) == 0)
    return float(-log2((zero.sum() + 1) / (beside.sum() + 2)))


def bits(claim: Claim, where: Array | None = None) -> list[float]:
    """What each of the claim's different numbers says: the bits in which it could have been another, smallest first."""
    values, excuse = as_float(claim.values).ravel(), np.broadcast_to(width(claim), claim.values.shape).ravel()
    largest = largest_of(values)
    if where is not None:
        values, excuse = values[where.ravel()], excuse[where.ravel()]
    each = max(-(-len(values) // MOST_HEARD), 1)
    values, excuse = values[::each], excuse[::each]  # of very many, some say enough
    keep = np.isfinite(values) & (abs(values) > excuse)
    values, first = np.unique(values[keep], return_index=True)
    if not values.size:
        return []
    ratio = largest / np.maximum(excuse[keep][first], 1e-300)
    return sorted(min(MOST_BITS, log2(r)) for r in np.maximum(ratio, 1).tolist())


def width(claim: Claim) -> Array:
    """What an entry may be off by, or half a unit of the last place that all numbers end with, where that is more."""
    return np.maximum(excuses(claim), _grain(as_float(claim.values)))


def _grain(values: Array) -> float:
    """Half a unit of the last of a few decimal places that numbers are all written with; 0 where they have more."""
    finite = values[np.isfinite(values)]
    places = (place for place in range(PLACES + 1) if _ends(finite[:MOST_HEARD], place) and _ends(finite, place))
    return next((0.5 * 10.0**-place for place in places), 0.0)


def _ends(values: Array, place: int) -> bool:
    """Whether numbers have no digits after a decimal place."""
    scaled = values * 10.0**place
    return bool((abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(abs(scaled), 1)).all())


def excuses(claim: Claim, largest: Any = 0) -> Array:
    """What every entry may be off by, in float64 and a trifle more: for screening, which exact comparison follows."""
    return claim.excused_roughly(largest) if largest else claim.rough


def as_float(array: Array) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(np.float64)


def largest_of(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(abs(finite).max()) if finite.size else 0.0
