"""What a wrong stepped kernel or bias is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convgrad.claims.findings import user_index
from convgrad.claims.layer_claims import LayerClaim
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.diagnosis.diagnoser import Diagnosis
from convgrad.passes.altered import Arrays
from convgrad.passes.explanation import bracketed
from convgrad.passes.network_pass import Network


def stepped_mistakes(claim: LayerClaim, network: Network, right: Arrays) -> Iterator[Diagnosis]:
    """What a wrong stepped kernel or bias is: stepped uphill, by a whole gradient, not at all, or misrounded."""
    place, name = claim.key
    expected, values, size = right[claim.key], claim.claim.values, claim.claim.values.size
    if values.shape != expected.shape:
        yield unknown(claim)
        return
    w = network.layers[place].layer.parameters[name].reshape(expected.shape)
    w = rounded(w) if w.dtype == EXACT != expected.dtype else w
    for mistake, what, fix, other in _steps(w, expected, network.chain.learning_rate):
        if claim.claim.allows(other).all():
            yield Diagnosis(name, mistake, size, size, f"it is, in {all_of(size)}, {what} ({mistake})", fix)
            return
    wrong = ~claim.claim.allows(expected)
    close = abs(values - expected) <= 4 * np.asarray(claim.claim.allowed)
    if not (wrong & ~close).any():
        yield from (_misrounded(claim, index, expected) for index in zip(*np.nonzero(wrong), strict=True))
        return
    yield replace(unknown(claim), matches=int((~wrong).sum()))


def _steps(w: Array, expected: Array, rate: Any) -> Iterator[tuple[str, str, str, Array]]:
    step = expected - w
    yield "negated", "stepped up the gradient, w + rate dW", "subtract: w - rate dW", w - step
    yield "not-stepped", "as it was before the step", "subtract rate dW", w
    if rate:
        factor = rate if w.dtype == EXACT else float(rate)
        yield "rate-missing", "stepped by the whole gradient, w - dW", "multiply dW by the rate", w + step / factor


def _misrounded(claim: LayerClaim, index: tuple[int, ...], expected: Array) -> Diagnosis:
    at = tuple(int(i) for i in index)
    shown = user_index(claim.layer.case, claim.claim.array, at)
    entry, value = claim.array + bracketed(shown), float(claim.claim.values[at])
    message = f"{entry} is {value:g}, but {float(expected[at]):.6g} rounds to another (misrounded)"
    return Diagnosis(claim.array, "misrounded", 1, claim.claim.values.size, message, "round once, at the end",
                     {"index": shown})  # fmt: skip


def unknown(claim: LayerClaim) -> Diagnosis:
    return Diagnosis(claim.array, None, 0, claim.claim.values.size, "it is none of the known mistakes", "")


def all_of(entries: int) -> str:
    return f"all {entries} entries" if entries > 1 else "its entry"
