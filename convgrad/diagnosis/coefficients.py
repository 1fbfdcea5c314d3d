"""A claim as a sum of parts that count other than once: samples, positions, channels, taps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import product
from math import comb, inf, log2, prod
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation, Convolution
from convgrad.catalogue.unpooling import Unpooling
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.threads import one_blas_thread
from convgrad.diagnosis.candidates import Candidates, alike, floated
from convgrad.diagnosis.chance import Evidence, as_float, evidence, excuses

MOST_PARTS = 256
"""Parts along an axis, or along two, that are solved for at once."""
MOST_COMPUTED = 1 << 22
"""Numbers in the parts of an array: what is larger is solved for in some of its channels and samples."""
MOST_STACKED = 1 << 21
"""Numbers of an operand, as often as there are parts, up to which all parts are computed at once."""
MOST_ENTRIES = 2048
"""Entries that parts are solved for in; the weights that come out are tried on all."""
SLICES = 2
"""Channels and samples of a large array, those with most wrong entries, that parts are solved for in."""
SIMPLE = (0, 1, 2, -1)
"""How often a part counts that is missing, right, counted twice, or subtracted."""
CLOSE = 1e-7
"""How far a solved weight may be from what it is, beside what the claim may be off by."""
DEPENDENT = 1e-7
"""What is left of a part beside all others, relative to the largest, below which it is a combination of them."""
LOOKED_AT = 24
"""Entries, those furthest off, that a single part or run of parts must explain before all are looked at."""

Indices = tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """Along what a sum is taken apart: axes of an operand ("result" for the array itself), and what a part is called.

    `step` takes cells together that have one remainder modulo it.
    """

    operand: str
    axes: tuple[int, ...]
    kind: str
    step: int = 0


@dataclass(frozen=True)
class Weighed:
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


# -- The axes ----------------------------------------------------------------------------------------------------------


def ways(c: Computation) -> Iterator[Way]:
    """The axes that an array's sum is taken apart along, one at a time, then two, the specific first."""
    singles = list(_single_ways(c))
    yield from singles
    for first, second in _pairs(singles):
        yield Way(first.operand, (*first.axes, *second.axes), f"{first.kind} and {second.kind}")
    positions = [way for way in singles if way.kind.startswith("positions")]
    if len(positions) > 1:
        sample = [way for way in singles if way.kind == "sample" and way.operand == positions[0].operand]
        axes = tuple(axis for way in positions for axis in way.axes)
        if len(positions) > 2:
            yield Way(positions[0].operand, axes, "positions")
        if sample:
            yield Way(positions[0].operand, (0, *axes), "sample and positions")


def _pairs(singles: list[Way]) -> Iterator[tuple[Way, Way]]:
    for number, first in enumerate(singles):
        for second in singles[number + 1 :]:
            if first.operand == second.operand and not first.step and not second.step:
                yield first, second


def _single_ways(c: Computation) -> Iterator[Way]:
    """One axis at a time: what is summed over first, then what the array itself has."""
    if c.array == "output" or isinstance(c, Unpooling):
        yield from (Way("result", (axis,), kind) for axis, kind in ((0, "sample"), (1, "output channel")))
        yield from _spatial(c, "result", "positions" if not _transposed(c) else "cells")
        if isinstance(c, Convolution):
            yield Way("x", (1,), "input channel")
            yield from _spatial(c, "x", "cells" if not _transposed(c) else "positions")
            yield from _spatial(c, "w", "taps")
        return
    yield Way("delta", (0,), "sample")
    if isinstance(c, Convolution):
        yield Way("delta", (1,), "output channel")
    yield from {"dW": _ways_of_kernel, "dX": _ways_of_input, "db": _ways_of_bias}[c.array](c)


def _transposed(c: Any) -> bool:
    return bool(getattr(c, "transposed", False))


def _spatial(c: Computation, operand: str, kind: str) -> Iterator[Way]:
    yield from (Way(operand, (axis + 2,), f"{kind} {axis}") for axis in range(c.dims))


def _ways_of_bias(c: Computation) -> Iterator[Way]:
    yield from _spatial(c, "delta", "positions")


def _ways_of_kernel(c: Computation) -> Iterator[Way]:
    near, far = ("x", "delta") if _transposed(c) else ("delta", "x")
    yield Way("x", (1,), "input channel")
    yield from _spatial(c, near, "positions")
    yield from _spatial(c, "result", "taps")
    yield from _spatial(c, far, "cells")


def _ways_of_input(c: Computation) -> Iterator[Way]:
    yield Way("result", (1,), "input channel")
    yield from _spatial(c, "delta", "cells" if _transposed(c) else "positions")
    yield from _spatial(c, "result", "positions" if _transposed(c) else "cells")
    if isinstance(c, Convolution):
        yield from _spatial(c, "w", "taps")
    yield from _phases(c)


def _phases(c: Computation) -> Iterator[Way]:
    """Cells of one remainder modulo the stride, along each axis and along all."""
    steps = [getattr(axis, "stride", 1) for axis in c.axes] if not _transposed(c) else []
    yield from (Way("result", (axis + 2,), f"phase {axis}", step) for axis, step in enumerate(steps) if step > 1)
    if len(steps) > 1 and len(set(steps)) == 1 and steps[0] > 1:
        yield Way("result", tuple(range(2, 2 + c.dims)), "phase", steps[0])


# -- Parts -------------------------------------------------------------------------------------------------------------


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
        values = as_float(claim.values)
        known = (values, self._float_truth, excuses(claim))  # what is not claimed is excused without bound
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
        self.excuse = np.broadcast_to(excuses(claim), values.shape)
        self.wrong = ~claim.allows(parts.truth)

    def along(self, way: Way, number: int) -> Iterator[Weighed]:
        """The claim as parts along a way, where a few simple weights do it."""
        lengths = self._lengths(way)
        if prod(lengths) < 2 or prod(lengths) > 64 * MOST_PARTS:
            return
        unknown = self._unknown(way, lengths)
        if not 0 < len(unknown) <= MOST_PARTS:
            return
        design, entries = self._design(way, lengths, unknown)
        error = (self.values - self.parts._float_truth).ravel()[entries]
        seen: set[bytes] = set()
        for solution in solutions(design, error, self.excuse.ravel()[entries], len(self.parts.right.x)):
            weights = _rational(_completed(solution.gains, design), unknown, lengths)
            key = str(weights.tolist()).encode()
            tried = replace(solution, patterns=solution.patterns + log2(number + 2))
            new = key not in seen and len(set(weights.ravel().tolist())) > 1
            if new and (found := self._confirmed(way, weights, tried)) is not None:
                yield found
                return
            seen.add(key)

    def _lengths(self, way: Way) -> Indices:
        operand = self.parts.truth if way.operand == "result" else getattr(self.parts.right, way.operand)
        return tuple(way.step or operand.shape[axis] for axis in way.axes)

    def _unknown(self, way: Way, lengths: Indices) -> list[Indices]:
        """The parts that may count other than once: where an axis is the array's own, those with wrong entries."""
        own = _own_axes(self.parts.right, way)
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
        own = _own_axes(self.parts.right, way)
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
        together = _stacked(c, way, unknown)
        if together is not None:
            return together[:, chosen].T, numbers[chosen]
        columns = [_only(c, way, one).ravel()[chosen] for one in unknown]
        return np.array(columns).T, numbers[chosen]

    @cached_property
    def _some(self) -> Array:
        """All entries of the array, or enough of them."""
        return self._entries(np.arange(self.values.size))

    def _entries(self, numbers: Array) -> Array:
        """All of some entries, or enough of them: the wrong ones first."""
        if len(numbers) <= MOST_ENTRIES:
            return numbers
        wrong = self.wrong.ravel()[numbers]
        random = np.random.default_rng(0)
        kinds = (numbers[wrong], numbers[~wrong])
        chosen = [random.choice(kind, min(len(kind), MOST_ENTRIES // 2), replace=False) for kind in kinds]
        return np.sort(np.concatenate(chosen))

    def _small(self, way: Way, parts: int) -> tuple[Any, Array]:
        """The computation in float64, of some channels or samples where it is large, and the entries that it gives."""
        c, numbers = self.parts._floated, np.arange(self.values.size).reshape(self.values.shape)
        if self.values.size * parts * prod(axis.size for axis in c.axes if hasattr(axis, "size")) <= MOST_COMPUTED:
            return c, numbers.ravel()
        return _narrowed(c, numbers, self.wrong, way)

    def _confirmed(self, way: Way, weights: Array, solution: Solution) -> Weighed | None:
        altered = weighed(self.parts.right, way, weights)
        value = alike(self.parts.candidates.bare.value(altered), self.parts.truth.shape)
        if value.shape != self.parts.truth.shape or not self.claim.allows(value).all():
            return None
        says = evidence(self.claim, self.parts.truth, value)
        return Weighed(way, weights, altered, says, 2.0**solution.patterns, solution.solved)


def _own_axes(c: Computation, way: Way) -> list[int | None]:
    """The axes of the array that axes of an operand are; None where they are summed over."""
    if way.operand == "result":
        return list(way.axes)
    own: dict[tuple[str, str], dict[int, int]] = {
        ("dW", "delta"): {1: 0}, ("db", "delta"): {1: 0}, ("dX", "delta"): {0: 0},
    }  # fmt: skip
    if not isinstance(c, Convolution):
        own["dX", "delta"] = {0: 0, 1: 1}
    elif c.transposed:
        own["dW", "delta"], own["dW", "x"] = {1: 1} if c.groups == 1 else {}, {1: 0}
    elif c.groups == 1:
        own["dW", "x"] = {1: 1}
    return [own.get((c.array, way.operand), {}).get(axis) for axis in way.axes]


def _narrowed(c: Any, numbers: Array, wrong: Array, way: Way) -> tuple[Any, Array]:
    """Of a large array the channels and samples with most wrong entries, and a few right ones."""
    if c.array == "dX":
        if 0 not in way.axes:
            kept = _most_wrong(wrong, 0)
            c, numbers, wrong = c.but(x=c.x[kept], delta=c.delta[kept]), numbers[kept], wrong[kept]
        if isinstance(c, Convolution) and c.groups == 1 and not c.transposed:
            inputs = _most_wrong(wrong, 1)
            return c.but(w=c.w[:, inputs]), numbers[:, inputs].ravel()
    elif c.array == "dW" and c.groups == 1 and not c.transposed:
        if way != Way("x", (1,), "input channel"):
            inputs = _most_wrong(wrong, 1)
            c, numbers, wrong = c.but(x=c.x[:, inputs]), numbers[:, inputs], wrong[:, inputs]
        if not (way.operand == "delta" and 1 in way.axes):
            outputs = _most_wrong(wrong, 0)
            c, numbers = c.but(delta=c.delta[:, outputs]), numbers[outputs]
    return c, numbers.ravel()


def _most_wrong(wrong: Array, axis: int) -> Array:
    count = wrong.sum(axis=tuple(a for a in range(wrong.ndim) if a != axis))
    return np.sort(np.argsort(-count, kind="stable")[:SLICES])


def _only(c: Any, way: Way, index: Indices) -> Array:
    """The array that one part of an operand gives."""
    if way.axes and way.axes[0] == 0:  # of one sample the others need not be computed
        (n, *rest), count = index, len(c.x)
        one = _only(c.but(x=c.x[n : n + 1], delta=c.delta[n : n + 1]), replace(way, axes=way.axes[1:]), tuple(rest))
        return one if c.array in ("dW", "db") else _among(one, n, count)
    operand = getattr(c, way.operand)
    result = np.zeros(operand.shape, operand.dtype)
    at = _at(way, index, operand.ndim)
    result[at] = operand[at]
    bias = {"b": None} if hasattr(c, "b") else {}
    value: Array = c.but(**{way.operand: result}, **bias).value()
    return value


def _stacked(c: Any, way: Way, unknown: list[Indices]) -> Array | None:
    """The arrays of all parts at once, a row each, as samples or channels side by side; None where they cannot be."""
    operand = getattr(c, way.operand)
    if c.array == "db":
        return _sums_of_delta(operand, way, unknown)
    if len(unknown) * operand.size > MOST_STACKED:
        return None
    parts = np.zeros((len(unknown), *operand.shape), operand.dtype)
    for part, index in zip(parts, unknown, strict=True):
        at = _at(way, index, operand.ndim)
        part[at] = operand[at]
    bias = {"b": None} if hasattr(c, "b") else {}
    if (c.array, way.operand) in (("dX", "delta"), ("output", "x")):
        samples = {"x": np.concatenate([c.x] * len(unknown)), "delta": np.concatenate([c.delta] * len(unknown))}
        samples[way.operand] = parts.reshape(-1, *operand.shape[1:])
        return np.asarray(c.but(**samples, **bias).value()).reshape(len(unknown), -1)
    if c.array == "dW" and c.groups == 1 and not c.transposed:
        side_by_side = np.moveaxis(parts, 0, 1).reshape(len(operand), -1, *operand.shape[2:])
        value: Array = c.but(**{way.operand: side_by_side}).value()
        axis = 0 if way.operand == "delta" else 1
        split = value.reshape(*value.shape[:axis], len(unknown), -1, *value.shape[axis + 1 :])
        return np.moveaxis(split, axis, 0).reshape(len(unknown), -1)
    return None


def _sums_of_delta(delta: Array, way: Way, unknown: list[Indices]) -> Array:
    """What each part of delta adds to db: (parts, O)."""
    kept = (*way.axes, 1) if 1 not in way.axes else way.axes
    sums = delta.sum(axis=tuple(axis for axis in range(delta.ndim) if axis not in kept), keepdims=True)
    rows = np.zeros((len(unknown), delta.shape[1]), delta.dtype)
    for row, index in zip(rows, unknown, strict=True):
        at = _at(way, tuple(slice(i, i + 1) for i in index), delta.ndim)
        row[at[1]] = sums[at].ravel()
    return rows


def _at(way: Way, index: tuple[Any, ...], dims: int) -> tuple[Any, ...]:
    """Where an operand has a part."""
    at: list[Any] = [slice(None)] * dims
    for axis, i in zip(way.axes, index, strict=True):
        at[axis] = i
    return tuple(at)


def _among(sample: Array, number: int, count: int) -> Array:
    """An array of one sample among those of others, which are 0."""
    result = np.zeros((count, *sample.shape[1:]), sample.dtype)
    result[number] = sample[0]
    return result


def weighed(c: Any, way: Way, weights: Array) -> Any:
    """A computation whose parts along a way count as often as they are told to."""
    if way.operand == "result":
        return c.then(partial(_times, weights=weights, way=way))
    return c.but(**{way.operand: _times(getattr(c, way.operand), weights, way)})


def _times(array: Array, weights: Array, way: Way) -> Array:
    shape = [1] * array.ndim
    for axis in way.axes:
        shape[axis] = array.shape[axis]
    if way.step:
        at = np.ix_(*(np.arange(array.shape[axis]) % way.step for axis in way.axes))
        weights = weights[at]
    spread = weights.reshape(shape)
    result: Array = array * (spread if array.dtype == EXACT else spread.astype(array.dtype))
    return result


# -- Weights -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Solution:
    """What each part counts too much, the bits of how many are as simple, how many were solved for."""

    gains: Array
    patterns: float
    solved: int = 1


def solutions(design: Array, error: Array, excuse: Array, samples: int) -> Iterator[Solution]:
    """What each part counts too much, where that is simple, and how many such there are, as bits."""
    if not design.size or not design.any():
        return
    yield from _solved(design, error, excuse, samples)
    yield from _alone(design, error, excuse)


def _solved(design: Array, error: Array, excuse: Array, samples: int) -> Iterator[Solution]:
    """By least squares, where there are more entries than parts that are independent."""
    used = np.flatnonzero(abs(design).max(axis=0) > DEPENDENT * abs(design).max())
    columns = design[:, used]
    if len(used) >= len(columns):
        return
    gram = columns.T @ columns
    solved = _least_squares(columns, gram, error)
    if solved is None:
        return
    allowed = 8 * np.sqrt(len(used)) * excuse.max(initial=0) + CLOSE * abs(error).max()
    if not (abs(columns @ solved - error) <= allowed).all():
        return
    inverse = np.linalg.inv(gram) @ columns.T
    noise = np.sqrt((inverse**2) @ excuse**2) + CLOSE * (1 + abs(solved))
    if (plain := _snapped(solved, noise, samples)) is not None:
        gains = np.zeros(design.shape[1])
        gains[used] = plain
        yield Solution(gains, _pattern_bits(gains), _independent(plain))


def _least_squares(columns: Array, gram: Array, error: Array) -> Array | None:
    """By the normal equations, refined once; None where parts are combinations of each other."""
    try:
        diagonal = np.diag(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        return None
    if diagonal.min() < DEPENDENT * diagonal.max():
        return None
    solved = np.linalg.solve(gram, columns.T @ error)
    refined: Array = solved + np.linalg.solve(gram, columns.T @ (error - columns @ solved))
    return refined


def _snapped(solved: Array, noise: Array, samples: int) -> Array | None:
    """Gains as the few simple ones that they are: of the weights 0, 1, 2, -1, 1/N, or one other value for all."""
    simple = np.array([*SIMPLE, 1 / samples if samples > 1 else 0]) - 1.0
    distance = abs(solved[:, None] - simple)
    nearest, spread = simple[distance.argmin(axis=1)], 3 * noise
    if not (spread <= 0.2).all():  # so roughly known that more than one would do
        return None
    close = distance.min(axis=1) <= spread
    if close.all():
        return nearest if len(np.unique(nearest)) <= 3 else None
    other = solved[~close]
    weight = 1 / noise[~close] ** 2
    value = float(np.average(other, weights=weight / weight.max()))
    if not np.isfinite(value):  # of numbers near the end of float64's range
        return None
    value = _short(value, float(noise[~close].min()))
    if (abs(other - value) > spread[~close]).any():
        return None
    result = np.where(close, nearest, value)
    return result if len(np.unique(result)) <= 2 else None


def _short(value: float, noise: float) -> float:
    """The shortest decimal, or a fraction of small numbers, that a gain known so well may be."""
    for digits in range(1, 5):
        if abs(float(f"{value:.{digits}g}") - value) <= 3 * noise:
            return float(f"{value:.{digits}g}")
    small = float(Fraction(value).limit_denominator(100))
    return small if abs(small - value) <= 3 * noise else value


def _alone(design: Array, error: Array, excuse: Array) -> Iterator[Solution]:
    """One part, or one run of them, that counts otherwise than all others, where parts outnumber the entries."""
    count = design.shape[1]
    runs = np.triu(np.ones((count + 1, count + 1), bool), 1)
    starts, ends = np.nonzero(runs)
    if len(starts) > 4096:
        keep = (ends - starts == 1) | (starts == 0) | (ends == count)
        starts, ends = starts[keep], ends[keep]
    total = np.concatenate([np.zeros((len(design), 1)), np.cumsum(design, axis=1)], axis=1)
    furthest = np.argsort(-abs(error))[:LOOKED_AT]
    allowed = excuse + CLOSE * abs(error).max()
    for outside in (False, True):
        inside = total[furthest][:, ends] - total[furthest][:, starts]
        parts = total[furthest, -1:] - inside if outside else inside
        for gain in (-1.0, 1.0, -2.0):
            fits = (abs(gain * parts - error[furthest, None]) <= allowed[furthest, None]).all(axis=0)
            for row in np.flatnonzero(fits)[:4]:
                run = np.zeros(count)
                run[starts[row] : ends[row]] = 1
                gains = gain * (1 - run if outside else run)
                if (abs(design @ gains - error) <= allowed).all():
                    yield Solution(gains, log2(6 * len(starts)))


def _completed(gains: Array, design: Array) -> Array:
    """Parts that add nothing anyway count as most others do, so that what is said is short."""
    idle, result = ~design.any(axis=0), gains.copy()
    used = gains[~idle]
    if idle.any() and (used == -1).sum() > (used == 0).sum():
        result[idle] = -1
    return result


def _independent(gains: Array) -> int:
    """How many parts it takes to say so: those that count otherwise, or those that do not."""
    otherwise = int((gains != 0).sum())
    return min(otherwise, len(gains) - otherwise + 1)


def _pattern_bits(gains: Array) -> float:
    """How many patterns are as simple as this one, as bits: runs of parts that count otherwise."""
    changes = int((np.diff(gains) != 0).sum())
    values = max(len(np.unique(gains)) - 1, 1)
    runs = log2(comb(len(gains) + 1, min(changes + 1, (len(gains) + 1) // 2)))
    return runs + values * log2(len(SIMPLE) + 2)


def _rational(gains: Array, unknown: list[Indices], lengths: Indices) -> Array:
    """The weights of all parts, as rationals."""
    weights = np.empty(lengths, EXACT)
    weights.fill(Fraction(1))
    for gain, index in zip(gains, unknown, strict=True):
        if gain:
            weights[index] = Fraction(1 + gain).limit_denominator(10**6)
    return weights
