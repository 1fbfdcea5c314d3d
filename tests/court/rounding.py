"""Types that NumPy has not: numbers cut to the bits of bfloat16 and of TF32, held as float32."""

from __future__ import annotations

import numpy as np

UNITS = {"float64": 2.0**-53, "float32": 2.0**-24, "tf32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Half the distance from 1 to the next number."""


def bfloat16(values: np.ndarray) -> np.ndarray:
    """To the nearest, ties to even."""
    return _without(values, 16)


def tf32(values: np.ndarray) -> np.ndarray:
    """To ten bits after the point."""
    return _without(values, 13)


def rounded(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers in a type, in NumPy's own where it has it."""
    return {"bfloat16": bfloat16, "tf32": tf32}.get(name, lambda array: np.asarray(array).astype(name))(values)


def _without(values: np.ndarray, bits: int) -> np.ndarray:
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    half = (np.uint64(1) << np.uint64(bits - 1)) - np.uint64(1) + (raw >> np.uint64(bits) & np.uint64(1))
    kept = (raw + half) >> np.uint64(bits) << np.uint64(bits)
    return kept.astype(np.uint32).view(np.float32).reshape(np.shape(values))
