"""How often each part of a sum counts, where that is simple: solved for by least squares, or tried in runs."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import comb, log2
from typing import NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array
from convgrad.core.draws import distinct
from convgrad.diagnosis.along import Indices

SIMPLE = (0, 1, 2, -1)
"""How often a part counts that is missing, right, counted twice, or subtracted."""
CLOSE = 1e-7
"""How far a solved weight may be from what it is, beside what the claim may be off by."""
DEPENDENT = 1e-7
"""What is left of a part beside all others, relative to the largest, below which it is a combination of them."""
LOOKED_AT = 24
"""Entries, those furthest off, that a single part or run of parts must explain before all are looked at."""


class Solution(NamedTuple):
    """What each part counts too much, the bits of how many are as simple, how many were solved for."""

    gains: Array
    patterns: float
    solved: int = 1


def solutions(design: Array, error: Array, excuse: Array, samples: int, *, in_a_row: bool = True) -> Iterator[Solution]:
    """What each part counts too much, where that is simple, and how many such there are, as bits.

    Parts along one axis lie `in_a_row`; of those along two only the first ones or the last do.
    """
    if not design.size or not design.any():
        return
    yield from _solved(design, error, excuse, samples)
    yield from _alone(design, error, excuse, in_a_row)


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
        return nearest if len(distinct(nearest)) <= 3 else None
    other = solved[~close]
    weight = 1 / noise[~close] ** 2
    value = float(np.average(other, weights=weight / weight.max()))
    if not np.isfinite(value):  # of numbers near the end of float64's range
        return None
    value = _short(value, float(noise[~close].min()))
    if (abs(other - value) > spread[~close]).any():
        return None
    result = np.where(close, nearest, value)
    return result if len(distinct(result)) <= 2 else None


def _short(value: float, noise: float) -> float:
    """The shortest decimal, or a fraction of small numbers, that a gain known so well may be."""
    for digits in range(1, 5):
        if abs(float(f"{value:.{digits}g}") - value) <= 3 * noise:
            return float(f"{value:.{digits}g}")
    small = float(Fraction(value).limit_denominator(100))
    return small if abs(small - value) <= 3 * noise else value


def _alone(design: Array, error: Array, excuse: Array, in_a_row: bool) -> Iterator[Solution]:
    """One part, or one run of them, that counts otherwise than all others, where parts outnumber the entries."""
    count = design.shape[1]
    runs = np.triu(np.ones((count + 1, count + 1), bool), 1)
    starts, ends = np.nonzero(runs)
    if len(starts) > 4096 or not in_a_row:
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


def completed(gains: Array, design: Array) -> Array:
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
    values = max(len(distinct(gains)) - 1, 1)
    runs = log2(comb(len(gains) + 1, min(changes + 1, (len(gains) + 1) // 2)))
    return runs + values * log2(len(SIMPLE) + 2)


def rational(gains: Array, unknown: list[Indices], lengths: Indices) -> Array:
    """The weights of all parts, as rationals."""
    weights = np.empty(lengths, EXACT)
    weights.fill(Fraction(1))
    for gain, index in zip(gains, unknown, strict=True):
        if gain:
            weights[index] = Fraction(1 + gain).limit_denominator(10**6)
    return weights
