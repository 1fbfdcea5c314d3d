"""Comparing a claim with numbers that have something free: a factor, a learning rate; and how much a match says."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf, log2
from typing import NamedTuple

import numpy as np

from convgrad.catalogue.computation import product_of
from convgrad.catalogue.convolving import Convolution
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.draws import distinct
from convgrad.diagnosis.boxed import SCREENED
from convgrad.diagnosis.candidates import Candidate, Candidates, Screen, alike
from convgrad.diagnosis.chance import as_float, bits, excuses, largest_of

APART = 6.0
"""Widths of the interval that a fitted number lies in, by which it must differ from what would be right."""
ENOUGH_BITS = 6.0
"""What a claim must say beyond what was fitted to it: a chance of 1 in 64."""

FIRST, MOST_DIGITS = 64, 100
"""Entries that are looked at before all others are, and numbers beyond which more say no more."""
ALIKE = 1e-6
"""How near to 1 a factor is that nobody multiplies by."""
NO_FACTOR = (inf, -inf)
POWERS = tuple(Fraction(10) ** n for n in (1, -1, 2, -2, 3, -3))
"""Factors that a decimal point in another place gives."""


class Fit(NamedTuple):
    """A mistake with a number that was fitted to the claim: its factor, or the learning rate."""

    candidate: Candidate
    name: str
    value: Fraction
    known: bool = False
    """Whether the number has a meaning of its own, and so was tried rather than fitted."""
    chance: float = 0.0
    """How likely it fits by chance, where that is known otherwise than by bits."""


def agreement(claim: Claim, screen: Screen) -> Array:
    """Which candidates agree with the claim in which of the screened entries."""
    return agrees(claim, screen.matrix, screen.places)


def agrees(claim: Claim, rows: Array, places: Array) -> Array:
    """Rows of numbers at some entries of the array, compared with the claim there."""
    if not len(rows):
        return np.zeros(rows.shape, bool)
    values = as_float(claim.values.ravel()[places])
    with np.errstate(invalid="ignore"):
        largest = np.nan_to_num(abs(rows).max(axis=1, initial=0), posinf=0.0)
        grown = np.maximum(1.0, largest / claim.scale) if claim.scale else np.ones(len(rows))
        allowed = excuses(claim, places=places) * grown[:, None] + 1e-12 * largest[:, None]
        allowed += 2 * claim.unit * np.nan_to_num(abs(rows), posinf=0.0)
        close = abs(rows - values) <= allowed
    return np.asarray(close | (rows == values) | ((rows != rows) & (values != values)), bool)


def fits(candidates: Candidates, claim: Claim) -> Iterator[Fit]:
    """Mistakes with a number that fits the claim, where the claim says more than that number."""
    said = bits(claim)
    whole = Candidate((), (), candidates.right)
    fit = _point_moved(candidates, claim, whole)
    fit = fit or _scaled(candidates, claim, whole, as_float(candidates.truth), said)
    if fit is not None:
        yield fit
    if "updated-kernel" in candidates.free and sum(said[:-1]) >= ENOUGH_BITS:
        yield from _stepped(candidates, claim)


def scaled_mistakes(candidates: Candidates, claim: Claim) -> Iterator[Fit]:
    """Single mistakes times a factor, where the claim says much more than that factor."""
    said, screen = bits(claim), candidates.screen
    if sum(said[:-1]) < ENOUGH_BITS + log2(len(screen.candidates) + 1):
        return
    values, excuse = as_float(claim.values.ravel()[screen.places]), excuses(claim, places=screen.places)
    truth = as_float(candidates.truth.ravel()[screen.places])
    for candidate, row in zip(screen.candidates, screen.matrix, strict=True):
        if _is_multiple(row, truth):
            continue  # it is the truth times a factor itself, which is one mistake, not two
        if candidate.ids[0] not in ("negated", "left-at-zero") and interval_of(values, excuse, row) is not None:
            fit = _scaled(candidates, claim, candidate, as_float(candidates.value(candidate)), said)
            if fit is not None:
                yield fit


def _is_multiple(row: Array, truth: Array) -> bool:
    square = float((truth**2).sum())
    factor = float((row * truth).sum()) / square if square else 0.0
    return bool((abs(row - factor * truth) <= 1e-12 * largest_of(row)).all())


def _scaled(candidates: Candidates, claim: Claim, candidate: Candidate, array: Array, said: list[float]) -> Fit | None:
    """A factor with which an array is the claim: not 1, which is no mistake, and not -1, which has a name."""
    if _is_no_multiple(claim, array):
        return None
    interval = interval_of(as_float(claim.values), excuses(claim), array)
    if interval is None or any(_near(interval, number) for number in (-1, 0, 1)):
        return None
    if all(abs(end - 1) < ALIKE for end in interval):
        return None  # rounding, of inputs too, and not a factor
    known = [number for number in _known_factors(candidates) if interval[0] <= number <= interval[1]]
    enough = sum(said[:-1]) >= ENOUGH_BITS and not _near(interval, 1, APART)
    for factor in (*known, *simple(interval)) if enough else known if said else ():
        made = candidates.computation(candidate).scaled(factor)
        if claim.allows(alike(candidates.bare.value(made), claim.values.shape)).all():
            ids, variants = (*candidate.ids, "scaled"), (*candidate.variants, str(factor))
            return Fit(Candidate(ids, variants, made), "factor", factor, known=factor in known)
    return None


def _is_no_multiple(claim: Claim, array: Array) -> bool:
    """Whether some entries of many show that no factor gives them."""
    each = max(array.size // SCREENED, 1)
    if each == 1 or claim.values.shape != array.shape:
        return False
    places = np.arange(0, array.size, each)
    excuse = excuses(claim, places=places)
    return _factors(as_float(claim.values.ravel()[places]), excuse, array.ravel()[places]) == NO_FACTOR


def _point_moved(candidates: Candidates, claim: Claim, right: Candidate) -> Fit | None:
    """A decimal point in another place: digit for digit the right numbers, so that a few of them say enough."""
    values, truth = claim.values.ravel(), candidates.truth.ravel()
    first = as_float(values[:FIRST]), as_float(truth[:FIRST])
    for factor in POWERS:
        if _moved_by(*first, factor) and _moved_by(as_float(values), as_float(truth), factor):
            values = as_float(values)
            different = len(distinct(abs(values[values != 0])))
            if different < 2:
                return None
            made = candidates.right.scaled(factor)
            chance = len(POWERS) * 10.0 ** -min(different, MOST_DIGITS)
            return Fit(Candidate(("scaled",), (str(factor),), made), "factor", factor, True, chance)
    return None


def _moved_by(values: Array, truth: Array, factor: Fraction) -> bool:
    return bool((abs(values - truth * float(factor)) <= 1e-15 * abs(values)).all())


def _known_factors(candidates: Candidates) -> list[Fraction]:
    """Factors that have a meaning: a loss without its half, how many samples or positions there are, or of one axis."""
    right = candidates.right
    samples, lengths = right.x.shape[0], right.delta.shape[2:]
    positions = product_of(lengths)
    counts = (2, samples, positions, samples * positions, *lengths, right.delta.shape[1], right.x.shape[1])
    numbers = dict.fromkeys(n for n in counts if n > 1)
    return [Fraction(factor) for n in numbers for factor in (n, Fraction(1, n), -n, Fraction(-1, n))]


def _stepped(candidates: Candidates, claim: Claim) -> Iterator[Fit]:
    """dX with the kernel already stepped, w - rate dW: linear in the rate, which is fitted."""
    right = candidates.right
    assert isinstance(right, Convolution)
    step = right.but(array="dW").value()
    screen = candidates.screen
    some = screen.box.of(right.but(w=step))
    if some is not None and _is_no_step(claim, as_float(candidates.truth), some, screen.places):
        return
    change = right.but(w=step).value()
    truth, values = as_float(candidates.truth), as_float(claim.values)
    interval = interval_of(truth - values, excuses(claim, largest_of(truth)), as_float(change))
    if interval is None or interval[0] <= 0 or _near(interval, 0, APART):
        return
    for rate in simple(interval):
        made = right.but(w=right.w - _times(step, rate))
        if claim.allows(made.value()).all():
            yield Fit(Candidate(("updated-kernel",), (f"rate {rate}",), made), "rate", rate)
            return


def _is_no_step(claim: Claim, truth: Array, change: Array, places: Array) -> bool:
    """Whether some entries of a large array tell that no rate gives them."""
    excuse = excuses(claim, largest_of(truth), places)
    return interval_of(truth.ravel()[places] - as_float(claim.values.ravel()[places]), excuse, change) is None


def _times(array: Array, rate: Fraction) -> Array:
    result: Array = array * rate if array.dtype == EXACT else (array * float(rate)).astype(array.dtype)
    return result


def interval_of(values: Array, excuse: Array, row: Array) -> tuple[float, float] | None:
    """The factors f with |values - f row| <= excuse in every entry."""
    values, excuse, row = values.ravel(), np.broadcast_to(excuse, values.shape).ravel(), row.ravel()
    each = max(values.size // SCREENED, 1)
    if each > 1 and _factors(values[::each], excuse[::each], row[::each]) == NO_FACTOR:
        return None  # some entries of many show it
    low, high = _factors(values, excuse, row)
    return (low, high) if -inf < low <= high < inf and np.isfinite(values).all() else None


def _factors(values: Array, excuse: Array, row: Array) -> tuple[float, float]:
    """The least and the largest that any entry leaves; all where none says anything."""
    none = row == 0
    if (abs(values[none]) > excuse[none]).any():
        return NO_FACTOR
    if none.any():
        values, excuse, row = (part[~none] for part in (values, excuse, row))
    ends = (values - excuse) / row, (values + excuse) / row
    low = np.minimum(*ends).max(initial=-inf)
    high = np.maximum(*ends).min(initial=inf)
    return (float(low), float(high)) if not low > high else NO_FACTOR


def _near(interval: tuple[float, float], number: float, widths: float = 0) -> bool:
    """Whether a number lies in an interval, or within so many of its widths."""
    margin = widths * (interval[1] - interval[0])
    return interval[0] - margin <= number <= interval[1] + margin


def simple(interval: tuple[float, float]) -> Iterator[Fraction]:
    """Numbers in an interval: the shortest decimal, a fraction of small numbers, and what lies in the middle."""
    middle = interval[0] / 2 + interval[1] / 2
    short = (Fraction(f"{middle:.{digits}g}") for digits in range(1, 5))
    small = (Fraction(middle).limit_denominator(most) for most in (12, 100, 10_000))
    long = (Fraction(f"{middle:.{digits}g}") for digits in range(5, 17))
    for numbers in (short, small, long, iter((Fraction(middle),))):
        inside = next((number for number in numbers if interval[0] <= number <= interval[1]), None)
        if inside is not None:
            yield inside


def simplest(interval: tuple[float, float]) -> Fraction:
    """The first of the simple numbers in an interval."""
    return next(simple(interval))
