"""Entries of a claim that no sum of products gives: not a number, infinite, or memory that was never written."""

from __future__ import annotations

import numpy as np

from convgrad.claims.piecewise import pieces, taken
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.chance import as_float, largest_of

TINY, HUGE = 1e-38, 1e20
"""Relative to the largest right entry, what is smaller (but not 0) or larger than any mistake makes of it: rounding
errors of an FFT times each other are some 1e-33."""


def garbage(values: Array, truth: Array) -> Array:
    """Which entries are not finite where the right ones are, or so small or large that they were never written."""
    largest = largest_of(truth)
    if _is_sound(values, largest):
        return np.broadcast_to(np.False_, values.shape)
    floats, right = as_float(values), as_float(truth)
    return ~np.isfinite(floats) & np.isfinite(right) | _unwritten(floats, right)


def _is_sound(values: Array, largest: float) -> bool:
    """Whether all numbers are of a size that they may have."""
    for at in pieces(values.shape):
        sizes = abs(as_float(taken(values, at)))
        least, most = TINY * largest, HUGE * largest
        if not (((sizes >= least) | (sizes == 0)) & (sizes <= most)).all():  # which no NaN is
            return False
    return True


def _unwritten(floats: Array, right: Array) -> Array:
    """Leftovers beside numbers of the right size; an array that is all of another size was multiplied."""
    largest, sizes = largest_of(right), abs(floats)
    odd = np.isfinite(floats) & ((sizes > 0) & (sizes < TINY * largest) | (sizes > HUGE * largest))
    odd &= ~np.isclose(floats, right, rtol=0.5, atol=0)
    sound = np.isfinite(floats) & ~odd & (floats != 0)
    return odd if largest and sound.any() else np.zeros(odd.shape, bool)


def garbage_text(values: Array, spoiled: Array) -> tuple[str, str | None]:
    """How many entries are what, in words, and the mistake where they were never written."""
    floats = as_float(values)[spoiled]
    counts = {"NaN": np.isnan(floats).sum(), "infinity": np.isinf(floats).sum()}
    odd = floats[np.isfinite(floats)]
    said = [f"{name} in {_entries(int(count))}" for name, count in counts.items() if count]
    if len(odd):
        examples = " and ".join(f"{value:.3g}" for value in {float(odd.min()): 0, float(odd.max()): 0})
        hold = "holds" if len(odd) == 1 else "hold"
        said.append(f"{_entries(len(odd))} {hold} what memory held before, as {examples} (unwritten)")
    return ", ".join(said), "unwritten" if len(odd) else None


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"
