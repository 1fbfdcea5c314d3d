"""A claim of another shape that is a part of the right array, cut from it, or of its gradient over the padding too."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.of_shapes import SHAPES
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.chance import Evidence, as_float, evidence, excuses

MOST_COMPARED = 1 << 23
"""Numbers that are compared at most, over all places where a part may lie."""

Places = tuple[tuple[int, int], ...]


class Cropped(NamedTuple):
    """Where in the right array a claim lies: per axis its first place and one past its last, and what says so.

    Places below 0, or past the array's end, are padding.
    """

    places: Places
    shape: tuple[int, ...]
    evidence: Evidence
    chance: float

    @property
    def text(self) -> str:
        """The axes along which it is not the whole, in words."""
        where = ["of the samples", "of the channels", *(f"on axis {axis}" for axis in range(len(self.shape) - 2))]
        cut = [
            f"{first} to {last - 1} {name} (of 0 to {length - 1})"
            for name, (first, last), length in zip(where, self.places, self.shape, strict=True)
            if (first, last) != (0, length)
        ]
        return " and ".join(cut)


def cropped(right: Computation, truth: Array, claim: Claim) -> Cropped | None:
    """Where a claim lies in the right array, or in the gradient of the padded input; None where it does not."""
    whole, before = truth, (0,) * truth.ndim
    forms = SHAPES.get(right.array, {})
    if "padding-kept" in forms and (kept := forms["padding-kept"].alter(right)):
        whole, before = kept[""].value(), (0, 0, *(pair[0] for pair in right.pads))  # type: ignore[attr-defined]
    claim = _of_rank(claim, whole.ndim)
    values = as_float(claim.values)
    if values.ndim != whole.ndim or not values.any() or any(np.greater(values.shape, whole.shape)):
        return None
    places = prod(n - k + 1 for n, k in zip(whole.shape, values.shape, strict=True))
    if places * values.size > MOST_COMPARED:
        return None
    found = np.argwhere(_agree(as_float(whole), claim, values))
    if len(found) != 1:
        return None
    return _at(found[0].tolist(), before, truth.shape, claim, whole, places)


def among_zeros(truth: Array, claim: Claim) -> tuple[Places, float] | None:
    """Where the right array stands in a claim that is larger, and else 0, with the chance of that; None if it is not.

    Both begin, along every axis, with their first entry that is not 0.
    """
    claim = _of_rank(claim, truth.ndim)
    values, right = as_float(claim.values), as_float(truth)
    if values.ndim != truth.ndim or any(np.less(values.shape, truth.shape)) or not values.any() or not right.any():
        return None
    starts = np.argwhere(values).min(axis=0) - np.argwhere(right).min(axis=0)
    if any(starts < 0) or any(starts + truth.shape > values.shape):
        return None
    places = tuple((int(at), int(at) + n) for at, n in zip(starts, truth.shape, strict=True))
    whole = np.zeros(values.shape)
    whole[tuple(slice(*place) for place in places)] = right
    if not (abs(whole - values) <= excuses(claim)).all():
        return None
    return places, evidence(claim, whole * 0, whole).chance(values.size)


def _of_rank(claim: Claim, rank: int) -> Claim:
    """A claim with the axes of length one that were left out before its own."""
    lead = (1,) * (rank - claim.values.ndim)
    excuse = claim.excuse
    if isinstance(excuse, np.ndarray) and excuse.ndim:
        excuse = excuse.reshape((*lead, *excuse.shape))
    return replace(claim, values=claim.values.reshape((*lead, *claim.values.shape)), excuse=excuse)


def _agree(whole: Array, claim: Claim, values: Array) -> Array:
    """Whether the part that begins at each place is the claim."""
    parts = np.lib.stride_tricks.sliding_window_view(whole, values.shape)
    with np.errstate(invalid="ignore"):
        close = abs(parts - values) <= excuses(claim)
    return np.asarray(close.all(axis=tuple(range(whole.ndim, 2 * whole.ndim))))


def _at(
    first: list[int], before: tuple[int, ...], shape: tuple[int, ...], claim: Claim, whole: Array, tried: int
) -> Cropped:
    lengths = claim.values.shape
    part = whole[tuple(slice(start, start + n) for start, n in zip(first, lengths, strict=True))]
    says = evidence(claim, np.zeros_like(part), part)
    starts = [start - pad for start, pad in zip(first, before, strict=True)]
    places = tuple((start, start + n) for start, n in zip(starts, lengths, strict=True))
    return Cropped(places, shape, says, says.chance(tried))
