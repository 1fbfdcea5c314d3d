"""What layers have in common that hold channels last: kernels as (*K, in, out), images as (N, *L, C)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from convgrad.core.foreign import as_numpy
from convgrad.frameworks.layers import Arriving, Settings, refuse

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "softmax")
"""Functions that are called as they are here."""


def layout(dims: int, data: str = "", filters: str = "IO") -> list[str]:
    """The letters of images and kernels."""
    return [data or f"N{SPATIAL[dims]}C", SPATIAL[dims] + filters]


def padding(value: Any) -> Any:
    """Padding in our words (same, valid, causal), or pairs as they are."""
    return value.lower() if isinstance(value, str) else value


def transposed(array: Any) -> Any:
    """A matrix (in, out) as (out, in)."""
    return as_numpy(array)[0].T


def depthwise(kernel: Any) -> Any:
    """A kernel (*K, C, M) of M filters a channel as one of C groups, (*K, 1, C M)."""
    array = as_numpy(kernel)[0]
    return array.reshape(*array.shape[:-2], 1, -1)


def each(value: Any, dims: int) -> list[Any]:
    """A setting of every axis."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * dims


def cropped(pads: Iterable[Sequence[int]], extents: Iterable[int]) -> list[list[int]]:
    """What is cropped off a transposed convolution that is told as a plain one of a spread input with these pads.

    >>> cropped([(2, 3)], [3])
    [[0, -1]]
    """
    return [[extent - 1 - side for side in pair] for pair, extent in zip(pads, extents, strict=True)]


def activated(layer: Any, arriving: Arriving, own: Settings, dims: int = 0) -> list[Settings]:
    """A layer and the function that it applies to its output; `dims` are the spatial axes of that."""
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "linear")
    return [own] if name == "linear" else [own, activation(layer, name, arriving, flat=not dims)]


def activation(layer: Any, name: str, arriving: Arriving, *, flat: bool) -> Settings:
    """A function by its name. RequestError for one that no operation of ours is."""
    if name == "leaky_relu":
        return {"op": "leaky-relu", "slope": 0.2 if type(layer).__module__.startswith("keras") else 0.01}
    if name not in ACTIVATIONS:
        refuse(layer, f"applies {name} as well, which is not known here", f"known are {', '.join(ACTIVATIONS)}")
    if name == "softmax" and not flat:
        refuse(layer, "takes a softmax of more than (samples, features)", "flatten before it")
    return {"op": name}
