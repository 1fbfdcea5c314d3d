"""An array known to so many digits: magnitudes, and what each may be off by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded


@dataclass(frozen=True)
class Rough:
    """Magnitudes, and what each may be off by: `own` where its digits were cut, `carried` from what it is made of.

    `sources` are the inputs that it is so because of, `open` what digits that were not printed decide on the way.
    """

    size: Array
    carried: Any = 0.0
    own: Any = 0.0
    sources: frozenset[str] = frozenset()
    open: frozenset[str] = field(default_factory=frozenset)

    @property
    def off(self) -> Array:
        """What an entry may be off by, in all."""
        return np.broadcast_to(np.asarray(self.carried + self.own, FLOAT64), self.size.shape)

    def reshaped(self, shape: tuple[int, ...]) -> Rough:
        """The same numbers in another shape."""
        carried, own = (np.broadcast_to(part, self.size.shape).reshape(shape) for part in (self.carried, self.own))
        return Rough(self.size.reshape(shape), carried, own, self.sources, self.open)


Roughs = Mapping[str, Rough]
"""By operand; one that there is not is left out."""


UNKNOWN = 1e100
"""What may be anything, and still be multiplied."""
EXCUSE = "what inputs rounded when they were printed may excuse"


def made_from(made_of: Roughs, size: Array, off: Any, opened: frozenset[str] = frozenset()) -> Rough:
    """What is made of others: off because of all that they are off by."""
    sources = frozenset().union(*(part.sources for part in made_of.values()))
    return Rough(size, off, 0.0, sources, opened.union(*(part.open for part in made_of.values())))


def floats(array: Any) -> Array:
    """Numbers in float64."""
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)


def opened_by(where: Array, text: str) -> frozenset[str]:
    """What is not known, with how often."""
    count = int(where.sum())
    return frozenset([text.format(count, where.size)]) if count else frozenset()
