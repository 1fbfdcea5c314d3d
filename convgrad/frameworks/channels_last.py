"""What layers have in common that hold channels last: kernels as (*K, in, out), images as (N, *L, C)."""

from __future__ import annotations

from typing import Any

from convgrad.core.foreign import as_numpy
from convgrad.frameworks.layers import refuse

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}


def layout(dims: int) -> list[str]:
    """The letters of images and kernels."""
    return [f"N{SPATIAL[dims]}C", f"{SPATIAL[dims]}IO"]


def padding(value: Any) -> Any:
    """Padding in our words (same, valid), or pairs as they are."""
    return value.lower() if isinstance(value, str) else value


def transposed(array: Any) -> Any:
    """A matrix (in, out) as (out, in)."""
    return as_numpy(array)[0].T


def refuse_activation(layer: Any) -> None:
    """Refuse a layer that applies a function to its output besides."""
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if name != "linear":
        refuse(layer, f"applies {name} as well", "make it without, and give what comes before the activation")
