"""Where and how a claim differs that no mistake of the catalogue explains: a description, not a guess."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import numpy as np

from convgrad.catalogue.computation import pads_of
from convgrad.claims.claim import Claim
from convgrad.claims.piecewise import pieces, taken
from convgrad.core.arithmetic import Array
from convgrad.core.window import Window
from convgrad.diagnosis.chance import as_float, excuses
from convgrad.diagnosis.fitting import interval_of, simplest
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED, UNPOOLING

SMALL = 0.005
"""Errors up to which, in relation to the largest entry, a claim is right but for its digits."""
CLOSE = 1e-9
"""How far apart, in relation to them, two errors may be that are the same but for float64's rounding."""
AXES = {
    "dW": ("filter", "input channel"),
    "dX": ("sample", "channel"),
    "output": ("sample", "channel"),
    "db": ("channel",),
}
"""What the axes before the spatial ones are called."""
SPATIAL = {3: ("position",), 4: ("row", "column"), 5: ("plane", "row", "column")}
"""What the spatial axes are called, by how many axes there are in all."""
FILLED = 0.75
"""What part of a block must be wrong for it to be what wrong entries have in common."""


def pattern(case: Case, array: str, truth: Array, claim: Claim) -> str:
    """What the wrong entries have in common, to follow "3 of 16 entries differ"."""
    wrong = ~claim.allows(truth)
    right = as_float(truth)
    small = _smallness(wrong, claim.values, right)
    for describe in (_constant,) if small else (_constant, _signs, _factors):
        if (found := describe(array, wrong, claim, right)) is not None:
            return found
    if wrong.sum() > 1 and not claim.values[wrong].any():
        where = place(case, array, wrong)
        return "all of them are 0 where they should not be" + (f", {where}" if where else "")
    return region(case, array, wrong) + small


def _smallness(wrong: Array, values: Array, right: Array) -> str:
    """That the errors are small, where they are: then the numbers may be right, and only made from other data."""
    error, largest = 0.0, max(float(right.max(initial=0)), -float(right.min(initial=0)))
    for at in pieces(right.shape):
        errors = abs(as_float(taken(values, at)) - taken(right, at))
        error = max(error, float(errors[taken(wrong, at)].max(initial=0)))
    if not 0 < error < SMALL * largest:
        return ""
    cause = "data with more digits than the case has, or a type with fewer, would give that"
    return f", none by more than {_number(error)}: {cause}"


def _constant(array: str, wrong: Array, claim: Claim, right: Array) -> str | None:
    """The same amount added everywhere."""
    if right.size < 2 or not wrong.all():
        return None
    ends = np.array([0, right.size - 1])  # they say it of most arrays
    errors = as_float(claim.values.ravel()[ends]) - right.ravel()[ends]
    if not abs(errors[1] - errors[0]) <= excuses(claim, places=ends).sum():
        return None
    values = as_float(claim.values)
    interval = interval_of(values - right, excuses(claim), np.ones(right.shape))
    if interval is None:
        return None
    if 2 * (interval[1] - interval[0]) > abs(sum(interval)) / 2:  # known too badly to be given as a number
        return None
    errors = (values - right).ravel()
    if right.size == 2 and abs(errors[0] - errors[1]) > CLOSE * abs(errors[0]):
        return None
    return f"all of them are off by the same amount, {_number(simplest(interval))}"


def _signs(array: str, wrong: Array, claim: Claim, right: Array) -> str | None:
    """Right but for the sign."""
    first = np.array([wrong.argmax()])  # which says it of most arrays
    both = as_float(claim.values.ravel()[first]) + right.ravel()[first]
    if wrong.sum() < 2 or abs(both) > excuses(claim, places=first):
        return None
    if (abs(as_float(claim.values) + right)[wrong] > excuses(claim)[wrong]).any():
        return None
    return "all of them have the right magnitude and the wrong sign"


def _factors(array: str, wrong: Array, claim: Claim, right: Array) -> str | None:
    """A constant factor per slice along one of the leading axes."""
    for axis, name in enumerate(AXES[array][: right.ndim - 1] if right.ndim > 1 else ()):
        if right[0].size <= 3 or right.shape[axis] < 2:
            continue
        intervals = list(takewhile(bool, (_factor(claim, right, axis, n) for n in range(right.shape[axis]))))
        if len(intervals) == right.shape[axis]:
            factors = ", ".join(_number(simplest(i)) for i in intervals[:6] if i is not None)
            return f"every {name} has a constant factor of its own: {factors}" + (", ..." if len(intervals) > 6 else "")
    return None


def _factor(claim: Claim, right: Array, axis: int, n: int) -> tuple[float, float] | None:
    """The factors that entries along an axis may have."""
    at = tuple(slice(n, n + 1) if a == axis else slice(0, length) for a, length in enumerate(right.shape))
    part = claim.part(at)
    return interval_of(as_float(part.values), excuses(part), right[at])


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def region(case: Case, array: str, wrong: Array) -> str:
    """The smallest named part of the array that holds all wrong entries, in words also where there is none."""
    where = place(case, array, wrong)
    return f"all of them {where}" if where else "with nothing in common that has a name"


def place(case: Case, array: str, wrong: Array) -> str:
    """The smallest named part of the array that holds all wrong entries; nothing where that is all of it."""
    whole = wrong.size
    regions = [(int(mask.sum()), text) for text, mask in _regions(case, array, wrong) if not (wrong & ~mask).any()]
    regions = [row for row in regions if row[0] < whole]
    return min(regions, key=lambda row: row[0])[1] if regions else ""


def shared(wrong: Array, others: Array) -> str:
    """Along which axis entries lie in the same places as others, where these are not in all: in the same rows."""
    for axis, name in reversed([*enumerate(_names("", wrong.ndim))]):
        met, known = (np.moveaxis(part, axis, 0).reshape(part.shape[axis], -1).any(axis=1) for part in (wrong, others))
        if not known.all() and not (met & ~known).any():
            return f"in the same {name}s"
    return ""


def _regions(case: Case, array: str, wrong: Array) -> Iterator[tuple[str, Array]]:
    yield from _slices(array, wrong)
    if wrong.ndim > 2:
        yield from _edges(wrong)
    if array == "dX" and case.operation.family not in (TRANSPOSED, UNPOOLING):
        yield from _coverage(case, wrong)
    if wrong.ndim > 2:
        yield from _blocks(array, wrong)


def _slices(array: str, wrong: Array) -> Iterator[tuple[str, Array]]:
    """One sample, channel or filter."""
    for axis, name in enumerate(AXES[array][: wrong.ndim]):
        met = np.flatnonzero(wrong.any(axis=tuple(a for a in range(wrong.ndim) if a != axis)))
        if len(met) == 1 and wrong.shape[axis] > 1:
            yield f"in {name} {met[0]}", _at(wrong.shape, axis, int(met[0]))


def _edges(wrong: Array) -> Iterator[tuple[str, Array]]:
    names = SPATIAL[wrong.ndim]
    border = np.zeros(wrong.shape, bool)
    for axis, name in enumerate(names, start=2):
        if wrong.shape[axis] > 1:
            for place, where in (("first", 0), ("last", wrong.shape[axis] - 1)):
                yield f"in the {place} {name}", _at(wrong.shape, axis, where)
                border |= _at(wrong.shape, axis, where)
    yield "at the border", border


def _names(array: str, rank: int) -> tuple[str, ...]:
    """What the axes of an array are called."""
    return (AXES.get(array, ("sample", "channel")) + SPATIAL.get(rank, ()))[:rank]


def _blocks(array: str, wrong: Array) -> Iterator[tuple[str, Array]]:
    """What wrong entries fill for the most part: some rows of a sample, say."""
    mask, parts = np.ones(wrong.shape, bool), []
    for axis, name in enumerate(_names(array, wrong.ndim)):
        met = np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1).any(axis=1)
        if not met.all():
            mask &= met.reshape(-1, *(1,) * (wrong.ndim - axis - 1))
            parts.append(_listed(name, np.flatnonzero(met).tolist()))
    if parts and wrong.sum() >= FILLED * mask.sum():
        yield f"in {' of '.join(reversed(parts))}", mask


def _listed(name: str, places: list[int]) -> str:
    """Row 3; rows 2 to 4; rows 1 and 3."""
    if len(places) == 1:
        return f"{name} {places[0]}"
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"{name}s {places[0]} to {places[-1]}"
    return f"{name}s {', '.join(map(str, places[:-1]))} and {places[-1]}"


def _at(shape: tuple[int, ...], axis: int, place: int) -> Array:
    mask = np.zeros(shape, bool)
    mask[(slice(None),) * axis + (place,)] = True
    return mask


def _coverage(case: Case, wrong: Array) -> Iterator[tuple[str, Array]]:
    """By how many windows lie over a cell."""
    window, lengths = case.arguments["window"], wrong.shape[2:]
    covered = _covers(window, lengths)
    yield "where windows overlap", np.broadcast_to(covered > 1, wrong.shape)
    yield "where no window comes: the remainder of the stride, or gaps", np.broadcast_to(covered == 0, wrong.shape)
    yield "where one window lies alone", np.broadcast_to(covered == 1, wrong.shape)
    if any(map(any, pads_of(case))):
        yield "under windows that reach into the padding", np.broadcast_to(_under_hanging(case), wrong.shape)


def _covers(window: Window, lengths: tuple[int, ...]) -> Array:
    count = np.zeros(lengths, int)
    for _, positions, cells in window.taps(lengths):
        one = np.ones(count[cells].shape, int) if isinstance(cells[0], slice) else 1
        np.add.at(count, cells, one)
        del positions
    return count


def _under_hanging(case: Case) -> Array:
    """Cells under a window that hangs over the edge."""
    lengths = case.shapes["x"][2:]
    hanging = np.zeros(lengths, bool)
    for axis, (span, length) in enumerate(zip(case.arguments["window"].axes, lengths, strict=True)):
        for position in range(span.positions(length)):
            first, last = span.cells(position)
            if first < 0 or last > length:
                hanging[(slice(None),) * axis + (slice(max(first, 0), min(last, length)),)] = True
    return hanging
