"""A claim as a sum of parts that count other than once: samples, positions, channels, taps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import product
from math import inf, log2, prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.claims.claim import Claim
from convgrad.claims.piecewise import pieces
from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.threads import one_blas_thread
from convgrad.diagnosis.along import Indices, Way, own_axes, ways
from convgrad.diagnosis.candidates import Candidates, alike, floated
from convgrad.diagnosis.chance import Evidence, as_float, evidence, excuses
from convgrad.diagnosis.lone import lone_overlays
from convgrad.diagnosis.part_arrays import narrowed, only, stacked, weighed
from convgrad.diagnosis.weights import SIMPLE, Solution, completed, rational, solutions

MOST_PARTS = 256
"""Parts along an axis, or along two, that are solved for at once."""
MOST_COMPUTED = 1 << 22
"""Numbers in the parts of an array: what is larger is solved for in some of its channels and samples."""
MOST_ENTRIES = 2048
"""Entries that parts are solved for in; the weights that come out are tried on all."""


class Weighed(NamedTuple):
    """A claim that parts along a way explain, each with how often it counts."""

    way: Way
    weights: Array
    computation: Computation
    evidence: Evidence
    tried: float
    solved: int = 1

    @property
    def chance(self) -> float:
        """How many false explanations of this kind are to be expected; none left of what the parts were solved from."""
        if self.evidence.tell <= self.solved:
            return inf
        return self.evidence.chance(self.tried, fitted=int(self.fitted))

    @property
    def alike(self) -> bool:
        """Whether all parts that do not count once count alike."""
        return len({*self.weights.ravel().tolist()} - {1}) == 1

    @property
    def fitted(self) -> bool:
        """Whether a weight is a number that only the claim gives."""
        return any(weight not in SIMPLE for weight in self.weights.ravel().tolist())


class Parts:
    """Takes claims of one array apart."""

    def __init__(self, candidates: Candidates) -> None:
        self.candidates, self.right, self.truth = candidates, candidates.right, candidates.truth
        self._last: tuple[Claim, list[Weighed]] | None = None

    @cached_property
    def _floated(self) -> Any:
        return floated(self.right)

    @cached_property
    def _float_truth(self) -> Array:
        return as_float(self.truth)

    def of(self, claim: Claim) -> list[Weighed]:
        """What explains every entry, the least to be chance first; nothing where the data is not finite."""
        if self._last is None or self._last[0] is not claim:
            self._last = (claim, self._of(claim))
        return self._last[1]

    def _of(self, claim: Claim) -> list[Weighed]:
        values = claim.values if claim.values.dtype != EXACT else as_float(claim.values)
        known = (values, self._float_truth, np.asarray(claim.excuse, np.float64))  # what is not claimed has no bound
        if not all(np.isfinite(array).all() for array in known) or not self.truth.any():
            return []
        with one_blas_thread():  # the systems are small
            found = list(_found(_Looked(self, claim, values), ways(self.right)))
        return sorted(found, key=lambda one: one.chance)


def _found(looked: _Looked, tried: Iterable[Way]) -> Iterator[Weighed]:
    """What is found along one way after another; two axes are needed only where one does not do."""
    axes = inf
    for number, way in enumerate(tried):
        if len(way.axes) > axes:
            return
        for one in looked.along(way, number):
            axes = len(way.axes)
            yield one


class _Looked:
    """One claim, looked at along one way after another."""

    def __init__(self, parts: Parts, claim: Claim, values: Array) -> None:
        self.parts, self.claim, self.values = parts, claim, values
        self.wrong = ~claim.allows(parts.truth)

    def along(self, way: Way, number: int) -> Iterator[Weighed]:
        """The claim as parts along a way, where a few simple weights do it."""
        lengths = self._lengths(way)
        if prod(lengths) < 2:
            return
        unknown = self._unknown(way, lengths) if prod(lengths) <= 64 * MOST_PARTS else []
        chosen = 1
        if not unknown and (unknown := self._lone(way)):
            chosen = prod(lengths)
        if not 0 < len(unknown) <= MOST_PARTS:
            return
        design, entries = self._design(way, lengths, unknown)
        error = as_float(self.values.ravel()[entries]) - self.parts._float_truth.ravel()[entries]
        seen: set[bytes] = set()
        excuse, in_a_row = excuses(self.claim, places=entries), len(way.axes) == 1
        for solution in solutions(design, error, excuse, len(self.parts.right.x), in_a_row=in_a_row):
            weights = rational(completed(solution.gains, design), unknown, lengths)
            key = str(weights.tolist()).encode()
            tried = solution._replace(patterns=solution.patterns + log2(number + 2) + log2(chosen))
            new = key not in seen and len(set(weights.ravel().tolist())) > 1
            if new and (found := self._confirmed(way, weights, tried)) is not None:
                yield found
                return
            seen.add(key)

    def _lone(self, way: Way) -> list[Indices]:
        """The overlays of very many of which one may explain it."""
        if not self.wrong.any():
            return []
        return lone_overlays(self.parts._floated, way, self.wrong, self._error, lambda: excuses(self.claim))

    def _error(self, at: Any = ...) -> Array:
        """How far some entries are off, or all."""
        off: Array = self.values[at] - self.parts._float_truth[at]
        return off

    def _lengths(self, way: Way) -> Indices:
        operand = self.parts.truth if way.operand == "result" else getattr(self.parts.right, way.operand)
        return tuple(way.step or operand.shape[axis] for axis in way.axes)

    def _unknown(self, way: Way, lengths: Indices) -> list[Indices]:
        """The parts that may count other than once: where an axis is the array's own, those with wrong entries."""
        own = own_axes(self.parts.right, way)
        allowed: list[Sequence[int]] = []
        for mine, length in zip(own, lengths, strict=True):
            if mine is None:
                allowed.append(range(length))
                continue
            others = tuple(a for a in range(self.wrong.ndim) if a != mine)
            hit = np.flatnonzero(self.wrong.any(axis=others))
            allowed.append(sorted({int(i) % way.step if way.step else int(i) for i in hit}))
        if prod(len(part) for part in allowed) > MOST_PARTS:
            return []
        return list(product(*allowed))

    def _design(self, way: Way, lengths: Indices, unknown: list[Indices]) -> tuple[Array, Array]:
        """The parts in some entries, one column each, and which entries these are."""
        own = own_axes(self.parts.right, way)
        if all(axis is not None for axis in own):
            entries = self._some
            at = np.unravel_index(entries, self.values.shape)
            places = [at[axis] % way.step if way.step else at[axis] for axis in own if axis is not None]
            truth = self.parts._float_truth.ravel()[entries]
            columns = [truth * np.all([p == i for p, i in zip(places, one, strict=True)], axis=0) for one in unknown]
            return np.array(columns).T, entries
        c, numbers = self._small(way, len(unknown))
        entries = self._entries(numbers)
        chosen = np.flatnonzero(np.isin(numbers, entries))
        together = stacked(c, way, unknown)
        if together is not None:
            return together[:, chosen].T, numbers[chosen]
        columns = [only(c, way, one).ravel()[chosen] for one in unknown]
        return np.array(columns).T, numbers[chosen]

    @cached_property
    def _some(self) -> Array:
        """All entries of the array, or enough of them."""
        size = self.values.size
        return np.arange(size) if size <= MOST_ENTRIES else _enough(self.wrong.ravel())

    def _entries(self, numbers: Array) -> Array:
        """All of some entries, or enough of them: the wrong ones first."""
        return numbers if len(numbers) <= MOST_ENTRIES else numbers[_enough(self.wrong.ravel()[numbers])]

    def _small(self, way: Way, parts: int) -> tuple[Any, Array]:
        """The computation in float64, of some channels or samples where it is large, and the entries that it gives."""
        c, count = self.parts._floated, self.values.size
        numbers = np.arange(count, dtype=np.int32 if count < 1 << 31 else np.int64).reshape(self.values.shape)
        if self.values.size * parts * prod(axis.size for axis in c.axes if hasattr(axis, "size")) <= MOST_COMPUTED:
            return c, numbers.ravel()
        return narrowed(c, numbers, self.wrong, way)

    def _confirmed(self, way: Way, weights: Array, solution: Solution) -> Weighed | None:
        altered = weighed(self.parts.right, way, weights)
        value = alike(self.parts.candidates.bare.value(altered), self.parts.truth.shape)
        if value.shape != self.parts.truth.shape or not self.claim.allows(value).all():
            return None
        says = evidence(self.claim, self.parts.truth, value)
        return Weighed(way, weights, altered, says, 2.0**solution.patterns, solution.solved)


def _enough(wrong: Array) -> Array:
    """Which of many entries are looked at, in their order: half of them wrong, half not, as far as there are such."""
    random = np.random.default_rng(0)
    count = int(np.count_nonzero(wrong))
    chosen = []
    for marked, many in ((True, count), (False, len(wrong) - count)):
        ranks = random.choice(many, min(many, MOST_ENTRIES // 2), replace=False)
        chosen.append(_of_ranks(wrong, marked, np.sort(ranks)))
    return np.sort(np.concatenate(chosen))


def _of_ranks(marks: Array, marked: bool, ranks: Array) -> Array:
    """The places of those marked so, by how many are before them; some of the marks at a time."""
    found, before = [np.zeros(0, int)], 0
    for (at,) in pieces(marks.shape):
        places = np.flatnonzero(marks[at] == marked)
        inside = ranks[(ranks >= before) & (ranks < before + len(places))]
        found.append(at.start + places[inside - before])
        before += len(places)
    return np.concatenate(found)
