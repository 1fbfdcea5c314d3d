"""Claims that sum an array up, as courses publish them: its mean, sum, least, largest, or norm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.claims.digits import written
from convgrad.claims.excuses import Excuses, excuses_of
from convgrad.claims.sums import confidence
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.core.leaves import exact_value
from convgrad.core.nested import read_numbers
from convgrad.errors import Path, Problem, RequestError
from convgrad.operations.geometry import shape_text
from convgrad.passes.subject import Arrays, Subject
from convgrad.subject.place import Place

SUMMARIES = ("mean", "sum", "min", "max", "norm")
SEVEN = 7
"""Significant digits from which on a number may be a float32."""


def apart(subject: Subject, claims: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Place, Mapping[str, Any]]]:
    """The claims on arrays, and those that sum arrays up, by place."""
    if subject.chain.alone is not None:
        arrays, summed = _apart(claims, "")
        return arrays, summed
    layers: dict[str, Any] = {}
    summed = {}
    for name, part in claims.items():
        layers[name], more = _apart(part, name) if isinstance(part, Mapping) else (part, {})
        summed |= more
    return layers, summed


def _apart(claims: Mapping[str, Any], part: str) -> tuple[dict[str, Any], dict[Place, Mapping[str, Any]]]:
    """A value that is a mapping of known summaries sums up; any other is for the reader of arrays to refuse."""
    summed = {key: value for key, value in claims.items() if isinstance(value, Mapping) and set(value) & {*SUMMARIES}}
    arrays = {key: value for key, value in claims.items() if key not in summed}
    return arrays, {Place(str(key), part): value for key, value in summed.items()}


def read_summaries(
    subject: Subject, summed: Mapping[Place, Mapping[str, Any]], truth: Arrays
) -> Iterator[tuple[Claim, Array]]:
    """A claim on each number that sums an array up, and the right one. Raises RequestError for an unknown one."""
    bounds = excuses_of(subject)
    for place, value in summed.items():
        path: Path = ("claim", *([place.part] if place.part else []), place.array)
        if place not in truth:
            raise RequestError(Problem(f"there is no {place}", "", path))
        unknown = [key for key in value if key not in SUMMARIES]
        if unknown or not truth[place].size:
            message = f"unknown summary '{unknown[0]}'" if unknown else "there is nothing to sum up"
            raise RequestError(Problem(message, f"any of {', '.join(SUMMARIES)}", path))
        for name, part in value.items():
            try:
                yield _summary(place, name, part, truth[place], bounds)
            except RequestError as error:
                raise RequestError(problem.under(*path, name) for problem in error.problems) from None


def _summary(place: Place, name: str, value: Any, truth: Array, bounds: Excuses) -> tuple[Claim, Array]:
    numbers = read_numbers(value, nonfinite=True)
    if numbers.shape:
        raise RequestError(Problem(f"expected a number, found an array of shape {shape_text(numbers.shape)}", ""))
    right, leaf = _summed_up(name, truth), np.asarray(numbers.values).ravel().tolist()[0]
    exact = truth.dtype == EXACT and name != "norm" and numbers.finite
    correct = np.array([right if exact else float(right)], EXACT if exact else FLOAT64)
    text = written([leaf])
    value = exact_value(leaf) if exact else numbers.as_array(np.dtype(FLOAT64)).item()
    claimed = np.array([value], correct.dtype)
    half, dtype = text.half_units()[0], "float32" if text.digits >= SEVEN else ""
    own = 2.0**-44 * abs(float(right)) + (0 if truth.dtype == EXACT else _off(name, bounds.own(place, truth)))
    rounding = 0 if not dtype else _off(name, bounds.excused(place, dtype, truth, sure=confidence(truth.size)))
    rounding += 2.0**-20 * abs(float(right)) if dtype else 0  # adding up the entries rounds, too
    loose = float(half) + own + rounding
    allowed: Any = half if exact and not dtype else loose
    at = Place(f"{place.array}.{name}", place.part)
    claim = Claim(at, claimed, allowed, allowed=allowed, rule=f"{text.said}{' and float32 rounding' * bool(dtype)}",
                  by="digits" + ", float32" * bool(dtype))  # fmt: skip
    return claim, correct


def _summed_up(name: str, truth: Array) -> Any:
    flat = list(truth.flat)
    if name == "norm":
        floats = rounded(truth) if truth.dtype == EXACT else truth
        return sqrt(float((floats**2).sum()))
    if name in ("min", "max"):
        return min(flat) if name == "min" else max(flat)
    total = sum(flat, Fraction(0)) if truth.dtype == EXACT else float(truth.sum())
    return total if name == "sum" else total / len(flat)


def _off(name: str, allowed: Any) -> float:
    """What a summary may be off by where each entry may be off by so much."""
    off = np.atleast_1d(np.asarray(allowed, FLOAT64))
    if name == "norm":
        return sqrt(float((off**2).sum()))
    if name in ("min", "max"):
        return float(off.max())
    return float(off.sum() if name == "sum" else off.mean())
