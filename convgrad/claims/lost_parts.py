"""Parts of sums that count otherwise than once: samples, positions, channels, too small to be seen in any one entry.

Rounding knows nothing of what a sum is made of: the product t = <e, part> of its errors, none of which leans with the
part, is beyond with a chance of 2 exp(-t^2/(2 v + 2 b t/3)) at most, v being the sum of squares of the terms of t and b
the largest of them (Bernstein). The products with all parts at once are a convolution: by adjointness <e, dw(delta, x)>
is <delta, y(x, e)>, of which each part has its cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import log, prod, sqrt
from typing import Any

import numpy as np

from convgrad.claims.whole_array import SURE
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.draws import first_of_each
from convgrad.subject.case import Case
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.samples import parts_of, some_of, spans_of
from convgrad.vocabulary import TRANSPOSED

LEAST = 0.25
"""By how much a part of the sum must count otherwise than once: what rounding makes of one is far less."""
OWN = 0.1
"""The same of the entries along an axis of the array itself."""
FEWEST = 256
"""Different numbers from which on parts too small for each of them show."""
SEEN = 16
"""Entries that a part must lie in, for their errors to show how large they are."""
MARGIN = 4
"""By how much a first look, before a part is worked out, may be off."""
TRIED = 2
"""Parts of a kind, those that the errors lean with most, that are looked at."""


@dataclass(frozen=True)
class Lost:
    """A part of the sum, in words, how often it counts, and how much of the errors' squares that explains."""

    part: str
    count: float
    explains: float

    @property
    def said(self) -> str:
        return f"over the whole array {self.part} counts {self.count:.3g} times"


Kind = tuple[int, ...]
"""The axes of delta that parts lie along."""


def lost_part(case: Case, array: str, errors: Array, truth: Array, deviations: Array, first: int = 0) -> Lost | None:
    """The part that counts otherwise than once and explains most, as rounding cannot; None where all count once.

    `first` is what the first sample is called.
    """
    if array not in GRADIENTS or "w" not in case.operation.operands or truth.size < FEWEST:
        return None
    if _is_too_little(case, array, errors, truth, deviations):
        return None
    leaning = _Leaning(case, array, errors, truth, deviations, first)
    lost = leaning.lost() if leaning.count >= FEWEST else ()
    return max(lost, key=lambda one: one.explains, default=None)


def _is_too_little(case: Case, array: str, errors: Array, truth: Array, deviations: Array) -> bool:
    """Whether the errors together are less than any part would leave that did not count once.

    All are taken in units of their deviations; what a cell of delta adds is, but for the weights, the product of two
    norms: of its channels, and of what it meets.
    """
    keep = np.isfinite(errors) & np.isfinite(truth) & (deviations > 0) & (truth != 0)
    if array == "db" or not keep.all():
        return False
    error = sqrt(float(((errors / deviations) ** 2).sum()))
    own = _least_own(truth, deviations)
    return error < OWN / MARGIN * own and error < LEAST / MARGIN * _least_part(case, array) / float(deviations.max())


def _least_own(truth: Array, deviations: Array) -> float:
    """The size of the least of the parts along an axis of the array itself."""
    squares, axes = (truth / deviations) ** 2, range(truth.ndim)
    sums = (squares.sum(axis=tuple(a for a in axes if a != axis)) for axis in axes if truth.shape[axis] > 1)
    return sqrt(min((float(one.min()) for one in sums), default=0.0))


def _least_part(case: Case, array: str) -> float:
    """What any part of delta adds to an array at least, as if nothing cancelled: that of the least of its cells."""
    if case.operation.family == TRANSPOSED or case.arguments["groups"] > 1:
        return 0.0
    return sqrt(min((_of_least_cell if array == "dW" else _of_least_channel)(case)))


def _of_least_cell(case: Case) -> Iterator[float]:
    """By some samples, what the least of their cells of delta adds to dW, squared."""
    w = _floats(case.operands["w"])
    for part in parts_of(case):
        cells = _squared_norms(_floats(part.delta))
        met = case.operation.forward(_squared_norms(_floats(part.operands["x"]))[:, None],
                                     np.ones((1, 1, *w.shape[2:])), None,
                                     **{**case.arguments, "mode": "cross-correlation"})  # fmt: skip
        yield float((cells * met[:, 0]).min())


def _of_least_channel(case: Case) -> Iterator[float]:
    """What the least cell of delta, or the least of its channels, adds to dX, squared."""
    w = _floats(case.operands["w"])
    # of a cell at the border a single tap may lie inside
    taps = (w**2).sum(axis=1).reshape(len(w), -1).min(axis=1)
    by_channel = np.zeros(len(w))
    for part in parts_of(case):
        delta = _floats(part.delta)
        by_channel += np.einsum("nci,nci->c", *[delta.reshape(*delta.shape[:2], -1)] * 2)
        yield float(_squared_norms(delta).min()) * float(taps.min())
    yield float((by_channel * taps).min())


def _squared_norms(array: Array) -> Array:
    """Over the channels of every cell, without a copy of all of it."""
    norms: Array = np.einsum("nc...,nc...->n...", array, array)
    return norms


class _Leaning:
    """Errors in units of their deviations, without what is a factor of the whole array; equal truths counted once."""

    def __init__(self, case: Case, array: str, errors: Array, truth: Array, deviations: Array, first: int) -> None:
        self.case, self.array, self.truth, self.first = case, array, truth, first
        keep = np.isfinite(errors) & np.isfinite(truth) & (deviations > 0) & (truth != 0)
        weight = np.where(keep, 1 / np.where(keep, deviations, 1.0), 0.0)
        once = np.zeros(truth.size, bool)
        once[first_of_each(abs(truth))] = True
        self.weight: Array = weight * once.reshape(truth.shape)
        self.count = int((self.weight > 0).sum())
        self.scaled = self.truth * self.weight
        self.length = float((self.scaled**2).sum())
        self.errors = self._beside(np.where(keep, errors, 0.0) * self.weight)

    def _beside(self, scaled: Array) -> Array:
        """What is left of an array, divided by the deviations, beside the truth."""
        if not self.length:
            return scaled
        rest: Array = scaled - (scaled * self.scaled).sum() / self.length * self.scaled
        return rest

    def lost(self) -> Iterator[Lost]:
        if not self.errors.any():
            return
        shape = self.case.output_shape
        kinds, own = list(self._kinds(shape)), list(self._own_axes())
        hypotheses = sum(prod(shape[axis] for axis in kind) for kind in kinds)
        hypotheses += sum(self.truth.shape[axis] for axis in own)
        sure = SURE + log(2 * hypotheses)
        yield from chain(*(self._along(axis, sure) for axis in own))
        for kind, (sums, squares) in self._leaning(kinds).items():
            sizes = np.sqrt(squares)
            scores = np.divide(abs(sums), sizes, out=np.zeros(sums.shape), where=sizes > 0)
            for at in np.argsort(-scores, axis=None, kind="stable")[:TRIED]:
                if MARGIN * scores.flat[at] < LEAST * sizes.flat[at]:
                    continue  # it counts nearly once, as far as products that do not cancel tell
                index = tuple(int(i) for i in np.unravel_index(at, scores.shape))
                yield from self._judged(self._part(kind, index), self._named(kind, index), sure, LEAST)

    def _kinds(self, shape: tuple[int, ...]) -> Iterator[Kind]:
        """The axes of delta that parts lie along, where there is more than one; not those of the array itself."""
        spatial = tuple(range(2, len(shape)))
        kinds: list[Kind] = [(0,), *((axis,) for axis in spatial), *((0, axis) for axis in spatial), (0, *spatial)]
        if self.array == "dX":
            kinds.append((1,))
        yield from (kind for kind in dict.fromkeys(kinds) if prod(shape[axis] for axis in kind) > 1)

    def _own_axes(self) -> Iterator[int]:
        yield from (axis for axis, length in enumerate(self.truth.shape) if length > 1)

    def _along(self, axis: int, sure: float) -> Iterator[Lost]:
        """Entries along an axis of the array that are a part of the truth; only those that a first look leaves open."""
        others = tuple(a for a in range(self.truth.ndim) if a != axis)
        terms, squares = self.errors * self.scaled, self.scaled**2
        leaning, sizes, spread = (part.sum(axis=others) for part in (terms, squares, terms**2))
        length = sizes * (1 - sizes / (self.length or 1.0))
        for index in np.flatnonzero((abs(leaning) >= OWN * length) & (leaning**2 > sure * spread / MARGIN)):
            at = (slice(None),) * axis + (int(index),)
            part = np.zeros(self.truth.shape)
            part[at] = self.truth[at]
            where = ", ".join([":"] * axis + [str(index)] + [":"] * (self.truth.ndim - axis - 1))
            yield from self._judged(part, f"{self.array}[{where}]", sure, OWN)

    def _leaning(self, kinds: list[Kind]) -> dict[Kind, tuple[Array, Array]]:
        """Per part of each kind the errors times what it adds to the array, and the squares of that."""
        shape = self.case.output_shape
        shapes = {kind: tuple(shape[axis] for axis in kind) for kind in kinds}
        found = {kind: (np.zeros(shape), np.zeros(shape)) for kind, shape in shapes.items()}
        for samples in spans_of(self.case):
            products = self._products(samples)
            for kind, sums in found.items():
                rest = tuple(axis for axis in range(len(shape)) if axis not in kind)
                for total, part in zip(sums, products, strict=True):
                    total[samples if 0 in kind else ...] += part.sum(axis=rest)
        return found

    def _products(self, samples: slice) -> tuple[Array, Array]:
        """The same per cell of the delta of some samples."""
        weight = self.weight[samples] if self.array == "dX" else self.weight
        errors = self.errors[samples] if self.array == "dX" else self.errors
        operands = self._some(samples)
        delta = operands["delta"]
        squares = {name: part**2 for name, part in operands.items() if name != "delta"}
        return (delta * self._forward(errors * weight, operands),
                delta**2 * self._forward(weight**2, squares | {"delta": delta}))  # fmt: skip

    def _some(self, samples: slice) -> dict[str, Array]:
        """The operands of some samples."""
        some = some_of(self.case, samples)
        given = {**some.operands, "delta": some.delta}
        return {name: _floats(part) for name, part in given.items() if part is not None}

    def _forward(self, field: Array, operands: Mapping[str, Array]) -> Array:
        """The output of the operation with an array of errors in the place of the operand that it is shaped as."""
        name = GRADIENTS[self.array]
        if name == "b":
            return np.broadcast_to(field.reshape(1, -1, *(1,) * self.case.dims), operands["delta"].shape)
        arrays = [{**operands, "b": None, name: field}.get(key) for key in self.case.operation.operands]
        y: Array = self.case.operation.forward(*arrays, **self.case.arguments)
        return y

    def _part(self, kind: Kind, index: tuple[int, ...]) -> Array:
        """What a part of delta adds to the array."""
        at: list[Any] = [slice(None)] * self.dims
        for axis, i in zip(kind, index, strict=True):
            at[axis] = slice(i, i + 1)
        total = np.zeros(self.truth.shape)
        for samples in [at[0]] if 0 in kind else spans_of(self.case):
            made = self._added(self._some(samples), (slice(None), *at[1:]))
            total[samples if self.array == "dX" else ...] += made.reshape(-1, *self.truth.shape[1:])
        return total

    def _added(self, operands: Mapping[str, Array], at: tuple[slice, ...]) -> Array:
        """What the cells of delta at a place add to the array."""
        delta = operands["delta"]
        kept = np.zeros_like(delta)
        kept[at] = delta[at]
        arrays = [operands.get(key) for key in self.case.operation.operands]
        made: Array = self.case.operation.backward(kept, *arrays, **self.case.arguments)[GRADIENTS[self.array]]
        return made

    def _judged(self, part: Array, named: str, sure: float, least: float) -> Iterator[Lost]:
        scaled = self._beside(part * self.weight)
        squares, length = scaled**2, float((scaled**2).sum())
        if length <= 1e-12 * float(((part * self.weight) ** 2).sum()):
            return  # it is a factor of the whole
        seen = length**2 / float((squares**2).sum())
        more = float((self.errors * scaled).sum()) / length
        terms, total = (self.errors - more * scaled) * scaled, abs(more) * length
        excused = 2 * float((terms**2).sum()) / _surely(seen) + 2 / 3 * float(abs(terms).max()) * total
        if seen >= SEEN and abs(more) >= least and total**2 > sure * excused:
            yield Lost(named, 1 + more, more**2 * length)

    def _named(self, kind: tuple[int, ...], index: tuple[int, ...]) -> str:
        """A part in words, as in `position (2,3) of sample 1`."""
        at = dict(zip(kind, index, strict=True))
        sample, channel = at.pop(0, None), at.pop(1, None)
        if channel is not None:
            return f"output channel {channel}"
        what = "cell" if self.case.operation.family == TRANSPOSED else "position"
        where = ",".join(str(at.get(axis, ":")) for axis in range(2, self.dims))
        words = [f"{what} ({where})"] if at else []
        return " of ".join([*words, *([f"sample {self.first + sample}"] if sample is not None else [])])

    @property
    def dims(self) -> int:
        """The axes of delta."""
        return len(self.case.output_shape)


def _surely(count: float) -> float:
    """The part of its size that a mean square of so many has but for a chance of 10^-7 (Wilson and Hilferty, 1931)."""
    return max(1 - 2 / (9 * count) - 5.2 * sqrt(2 / (9 * count)), 0.1) ** 3


def _floats(array: Any) -> Array:
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64, copy=False)
