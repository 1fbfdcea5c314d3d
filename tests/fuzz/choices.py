"""Random choices that a seed and a number repeat; those of `tests.geometry`, and a few more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass
class Choices:
    """Choices made by Python's own generator, which costs a microsecond to ask."""

    random: Random

    @classmethod
    def of(cls, seed: int, number: int) -> Choices:
        """The choices of one trial: they depend on nothing that was tried before."""
        return cls(Random((seed << 40) + number))

    def integer(self, low: int, high: int) -> int:
        return low + int(self.random.random() * (high - low + 1))

    def one_of(self, *choices: Any) -> Any:
        return self.of_list(choices)

    def of_list(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.random.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def weighted(self, weights: dict[Any, int]) -> Any:
        """One of the keys, each as often as its weight says."""
        at = self.random.random() * sum(weights.values())
        for choice, weight in weights.items():
            at -= weight
            if at < 0:
                return choice
        return choice
