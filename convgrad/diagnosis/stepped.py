"""What a wrong stepped kernel or bias is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.diagnosis.diagnosis import Diagnosis, Names
from convgrad.passes.subject import Part


def stepped_mistakes(claim: Claim, part: Part, expected: Array) -> Iterator[Diagnosis]:
    """What a wrong stepped kernel or bias is: stepped uphill, by a whole gradient, not at all, or misrounded."""
    values, size = claim.values, claim.values.size
    if values.shape != expected.shape:
        yield unknown(claim)
        return
    w = part.layer.parameters[claim.place.array].reshape(expected.shape)
    w = rounded(w) if w.dtype == EXACT != expected.dtype else w
    for mistake, what, fix, other in _steps(w, expected, part.chain.learning_rate):
        if claim.allows(other).all():
            yield Diagnosis(claim.place, mistake, size, size, f"it is, in {all_of(size)}, {what} ({mistake})", fix)
            return
    wrong = ~claim.allows(expected)
    close = abs(values - expected) <= 4 * np.asarray(claim.allowed)
    if not (wrong & ~close).any():
        names = Names(claim.place, part.case, claim.like)
        yield from (_misrounded(claim, names, index, expected) for index in zip(*np.nonzero(wrong), strict=True))
        return
    yield replace(unknown(claim), matches=int((~wrong).sum()))


def _steps(w: Array, expected: Array, rate: Any) -> Iterator[tuple[str, str, str, Array]]:
    step = expected - w
    yield "negated", "stepped up the gradient, w + rate dW", "subtract: w - rate dW", w - step
    yield "not-stepped", "as it was before the step", "subtract rate dW", w
    if rate:
        factor = rate if w.dtype == EXACT else float(rate)
        yield "rate-missing", "stepped by the whole gradient, w - dW", "multiply dW by the rate", w + step / factor


def _misrounded(claim: Claim, names: Names, index: tuple[int, ...], expected: Array) -> Diagnosis:
    at = tuple(int(i) for i in index)
    entry, value = names.entry(at, expected.shape), float(claim.values[at])
    message = f"{entry} is {value:g}, but {float(expected[at]):.6g} rounds to another (misrounded)"
    details = {"index": names.index(at, expected.shape)}
    return Diagnosis(claim.place, "misrounded", 1, claim.values.size, message, "round once, at the end", details)


def unknown(claim: Claim) -> Diagnosis:
    """A diagnosis without a name."""
    return Diagnosis(claim.place, None, 0, claim.values.size, "it is none of the known mistakes", "")


def all_of(entries: int) -> str:
    """All entries, in words."""
    return f"all {entries} entries" if entries > 1 else "its entry"
