"""A line of the table: what we take, what a peer takes for the same, and the figure that a target is set for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

LONGER, MORE, FASTER, RATE, ALONE = "times as long", "times as much", "times as fast", "a second", "alone"
"""What a figure may say: ours / peer, of times or memory, peer / ours, how many in a second, or what ours is alone."""
FIGURES: dict[str, Callable[[Row], float]] = {
    LONGER: lambda row: row.ours / (row.peer or 0),
    MORE: lambda row: row.ours / (row.peer or 0),
    FASTER: lambda row: (row.peer or 0) / row.ours,
    RATE: lambda row: row.count / row.ours,
    ALONE: lambda row: row.ours,
}


@dataclass(frozen=True)
class Row:
    """Medians of ours and of the peer, in seconds, or in MB where `unit` says so; `against` is what the peer does."""

    name: str
    ours: float
    peer: float | None = None
    against: str = ""
    figure: str = LONGER
    at_most: float | None = None
    at_least: float | None = None
    count: int = 1
    unit: str = "s"
    note: str = ""

    @property
    def value(self) -> float:
        """The figure itself."""
        return FIGURES[self.figure](self)

    @property
    def met(self) -> bool | None:
        """Whether the figure is on the right side of its target; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g}" + (f" {self.unit}" if self.figure == ALONE else "")
        return "" if self.at_least is None else f"at least {self.at_least:g}"

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        ratio = self.ours / self.peer if self.peer else None
        return {**asdict(self), "ratio": ratio, "value": self.value, "met": self.met}
