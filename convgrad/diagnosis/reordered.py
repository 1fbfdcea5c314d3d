"""As many numbers as there must be, in another shape: in which order they may follow each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import Array


def _with_last(array: Array, shape: tuple[int, ...]) -> Array:
    """An array whose second axis came last."""
    return np.moveaxis(array.reshape(shape[0], *shape[2:], *shape[1:2]), -1, 1) if len(shape) > 1 else array


ROWS = "row-major order"
ORDERS: dict[str, Callable[[Array, tuple[int, ...]], Array]] = {
    ROWS: lambda array, shape: array.reshape(shape),
    "column-major order": lambda array, shape: array.reshape(shape, order="F"),
    "row-major order with channels last": _with_last,
}
"""In which numbers of another shape may follow each other, and how they are read so."""
REORDERED = {
    ROWS: "reshape it",
    "column-major order": "reshape it with order='F'",
    "row-major order with channels last": "reshape it with channels last, then move them to their place",
}
"""What puts them in their places."""


def reshaped(claim: Claim, shape: tuple[int, ...], order: str = ROWS) -> Claim:
    """A claim of as many numbers in another shape, read in an order."""

    def reshape(part: Any) -> Any:
        return ORDERS[order](part, shape) if isinstance(part, np.ndarray) and part.ndim else part

    parts = ("values", "excuse", "allowed")
    return replace(claim, **{name: reshape(getattr(claim, name)) for name in parts}, fits=True)
