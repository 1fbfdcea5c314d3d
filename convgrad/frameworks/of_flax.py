"""Flax's layers that hold their parameters (nnx), with channels last: what of each is which setting."""

from __future__ import annotations

from typing import Any

from convgrad.frameworks.channels_last import layout, padding, transposed
from convgrad.frameworks.layers import Arriving, Row, Settings, refuse


def _conv(layer: Any, arriving: Arriving) -> Settings:
    if getattr(layer, "mask", None) is not None:
        refuse(layer, "lays a mask on its kernel")
    dims = len(layer.kernel_size)
    placed = {"stride": layer.strides or 1, "dilation": layer.kernel_dilation or 1, "groups": layer.feature_group_count}
    if (layer.input_dilation or 1) not in (1, (1,) * dims):
        refuse(layer, "dilates its input", "that is a transposed convolution")
    held = {"kernel": layer.kernel, "bias": _bias(layer)}
    return {"op": "conv", "dims": dims, "layout": layout(dims), **held, **placed, "padding": _padding(layer)}


def _padding(layer: Any) -> Any:
    if isinstance(layer.padding, str) and layer.padding.upper() == "CIRCULAR":
        refuse(layer, "pads by going round to the length of its input", "give that padding in cells")
    return padding(layer.padding)


def _bias(layer: Any) -> Any:
    """None for a layer without, which holds an empty parameter."""
    bias = layer.bias
    return None if bias is None or getattr(bias, "value", bias) is None else bias


def _linear(layer: Any, arriving: Arriving) -> Settings:
    if not arriving.flat:
        refuse(layer, "gets more than (features) or (samples, features), of which it takes the last axis")
    return {"op": "dense", "kernel": transposed(layer.kernel), "bias": _bias(layer)}


ROWS: dict[str, Row] = {"Conv": _conv, "Linear": _linear}
"""By the name of a class."""
