"""A claim on a large array judged some samples after others: what these may be off by hangs on them alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convgrad.claims.attempts import Judgement
from convgrad.claims.excuses import Excuses
from convgrad.claims.judgement import Judging
from convgrad.core.arithmetic import FLOAT64, Array, floated


def judged(whole: Judging) -> Judgement:
    """What excuses a claim; of a large one part by part, where it is an array of a type."""
    binary = whole.text is None and whole.dtype != "whole" and whole.truth.dtype == FLOAT64
    parts = whole.bounds.parts(whole.place) if binary else []
    return _together(whole.truth, list(_judged(whole, parts))) if parts else _with_own(whole).judged()


def _judged(whole: Judging, parts: list[tuple[slice, Callable[[], Excuses]]]) -> Iterator[tuple[slice, Judgement]]:
    for samples, made in parts:
        claimed = whole.claimed[samples] if whole.claimed.ndim else whole.claimed
        part = replace(whole, values=whole.values[samples], truth=whole.truth[samples], claimed=claimed, bounds=made(),
                       samples=samples, entries=whole.truth.size)  # fmt: skip
        yield samples, _with_own(part).judged()


def _with_own(judging: Judging) -> Judging:
    """With what the truth itself may be off by, where it is not exact."""
    if judging.own is not None:
        return judging
    return replace(judging, own=judging.bounds.own(judging.place, judging.truth))


def _together(truth: Array, parts: list[tuple[slice, Judgement]]) -> Judgement:
    """What is said of the gravest part, and what each entry of all may be off by."""
    allowed = np.empty(truth.shape)
    for samples, one in parts:
        allowed[samples] = np.asarray(one.allowed, FLOAT64)
    first = max((one for _, one in parts), key=_gravity)
    excuse, unit = (
        max(float(np.max(getattr(one, name), initial=0)) for _, one in parts) for name in ("excuse", "unit")
    )
    scale: Any = floated(max(truth.max(initial=0), -truth.min(initial=0))) if first.scale else 0
    return first._replace(allowed=allowed, excuse=excuse, unit=unit, scale=scale)


def _gravity(one: Judgement) -> tuple[bool, bool, bool, int]:
    """What is not explained before what may be wrong, loses too much, or is explained by more than a type."""
    return not one.explained, one.doubtful, bool(one.cause), len(one.told)
