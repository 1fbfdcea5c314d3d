"""What was said of claims, what may explain one, and what does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convgrad.differences.roundoff import TYPES


class Asked(NamedTuple):
    """What was said of how the claims came about: their type, what sums are held in, the algorithm, printed inputs."""

    dtype: str | None = None
    accumulate: str | None = None
    algorithm: str | None = None
    printed: bool | None = None

    @property
    def bits(self) -> int:
        """Those that sums are held in; 0 where it was not said."""
        return TYPES[self.accumulate].bits if self.accumulate else 0


class Judgement(NamedTuple):
    """What a claim may be off by, entry by entry, and why.

    `by` is what excuses it, `told` what is to be said of it, `cause` the mistake that it is where it loses too much.
    `loose` is the excuse where its inputs may have been rounded when they were printed; 0 where it is the same.
    """

    allowed: Any
    rule: str
    by: str
    excuse: Any = 0
    scale: float = 0
    unit: float = 0
    loose: float = 0
    told: tuple[str, ...] = ()
    cause: str = ""
    doubtful: bool = False
    """Whether it may as well be wrong."""
    explained: bool = True
    """Whether anything excuses it."""


@dataclass(frozen=True)
class Attempt:
    """An explanation of a claim: what it may be off by then, how much rounding moves it, what is said if it holds."""

    allowed: Any
    rule: str
    by: str
    unit: float = 0
    told: tuple[str, ...] = ()
    dtype: str = ""
    spread: bool = False
    """Whether the errors must be spread over all entries, as nothing else says that it is so."""
    replayed: bool = False
    algorithm: bool = False
    """Whether it is one other than sums of products, which nobody said."""
    in_order: bool = False
    """Whether terms were added one after another, of which a half type loses the late ones."""
    cut: bool = False
    """Whether bits were cut off: then the numbers are small by some 0.75 u."""
    narrow: bool = False
    """Whether sums were held in a half type, which is worse than need be."""
    beside: tuple[str, ...] = ()
