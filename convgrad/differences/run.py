"""What every kind of perturbation shares: what is gathered, how far it has got, and what must not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.differences.matrices import as_matrices
from convgrad.differences.patches import ROOM, SPARSE
from convgrad.differences.probe import Probe
from convgrad.subject.case import Case, products_of
from convgrad.vocabulary import NORM

K = TypeVar("K")
Progress = Callable[[int, int], None]
Wanted = Mapping[str, Array]
"""By operand which entries to difference; all of an operand that is not named."""


@dataclass
class Run:
    """Sums of changes times delta, the steps that made them, and marks, all by operand.

    `passes` are the forward passes by operand, each of some entries moved.
    """

    probe: Probe
    wanted: Wanted
    progress: Progress | None
    passes: Mapping[str, int]
    sums: dict[str, Array] = field(default_factory=dict)
    steps: dict[str, Array] = field(default_factory=dict)
    outside: dict[str, Array] = field(default_factory=dict)
    undecided: dict[str, Array] = field(default_factory=dict)
    _done: Fraction = Fraction(0)
    _lock: Any = field(default_factory=Lock)

    def __post_init__(self) -> None:
        for name, shape in gradient_shapes(self.probe.case).items():
            self.sums[name] = zeros(shape, self.probe.arrays["delta"].dtype)
            self.outside[name], self.undecided[name] = np.zeros(shape, bool), np.zeros(shape, bool)

    def teller(self, name: str, parts: int) -> Callable[[], None]:
        """What to call after each of so many parts of an operand's passes."""
        return lambda: self._tell(Fraction(self.passes[name], parts))

    def _tell(self, passes: Fraction) -> None:
        with self._lock:  # threads share the parts out
            before, self._done = int(self._done), self._done + passes
            if self.progress and int(self._done) > before:
                self.progress(int(self._done), sum(self.passes.values()))

    def wants(self, name: str, part: Any) -> bool:
        return wants(self.wanted, name, part)

    @cached_property
    def one_sided(self) -> bool:
        """Whether a difference is from what is there as it is."""
        return self.probe.one_sided

    @cached_property
    def matrices(self) -> Array:
        """The kernel as c g o k."""
        return as_matrices(self.probe.case, self.probe.arrays["w"])

    @property
    def room(self) -> int:
        """Numbers of output that a patch aims at: more of pools, which take more steps and fewer passes over them.

        Not of norms, whose numbers are complex and taken to powers.
        """
        if self.wanted:
            return SPARSE
        return ROOM * (1 if self.probe.bilinear or self.probe.family == NORM else 4)

    @property
    def filters(self) -> int:
        """The same where entries of the kernel are moved, each of one filter alone where not all are wanted."""
        return ROOM * (4 if self.wanted else 1)

    @property
    def cost(self) -> int:
        """The multiplications of all, which say how many threads they are worth; of Python's numbers one only."""
        exact = self.probe.arrays["delta"].dtype == EXACT
        return 0 if exact else sum(self.passes.values()) * products_of(self.probe.case)


def wants(wanted: Wanted, name: str, part: Any) -> bool:
    """Whether any entry of a part is wanted."""
    return name not in wanted or bool(wanted[name][part].any())


def sampled(shapes: Mapping[K, tuple[int, ...]], sample: int, seed: int, each: int = 1) -> dict[K, Array]:
    """By array which entries to difference, `sample` in all, chosen by `seed`.

    Every array that is not empty gets `each` (or all that it has), if there are so many, and of the rest a share by its
    size, so that a large input does not take them all.
    """
    random, sizes = np.random.default_rng(seed), [prod(shape) for shape in shapes.values()]
    least = [min(size, each) for size in sizes]
    least = least if sample >= sum(least) else [0 for _ in sizes]
    ends = list(accumulate((size - one for size, one in zip(sizes, least, strict=True)), initial=0))
    start = int(random.integers(max(ends[-1], 1)))  # what a share is rounded to is for the seed to say
    shares = [((sample - sum(least)) * end + start) // max(ends[-1], 1) for end in ends]
    result = {}
    for (name, shape), one, (first, last) in zip(shapes.items(), least, pairwise(shares), strict=True):
        chosen = np.zeros(prod(shape), bool)
        chosen[random.choice(len(chosen), one + last - first, replace=False)] = True
        result[name] = chosen.reshape(shape)
    return result


def gradient_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """The shapes of a case's gradients, by operand."""
    shapes = {name: case.shapes[name] for name in ("w", "x") if name in case.shapes}
    return shapes | ({"b": (case.output_shape[1],)} if "w" in shapes else {})
