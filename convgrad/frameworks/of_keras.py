"""Keras's layers, with channels last: what of each is which setting. Kernels come as (*K, in, out)."""

from __future__ import annotations

from typing import Any

from convgrad.frameworks.channels_last import layout, padding, refuse_activation, transposed
from convgrad.frameworks.layers import Arriving, Row, Settings, refuse


def _conv(layer: Any, arriving: Arriving) -> Settings:
    refuse_activation(layer)
    placed = {"stride": layer.strides, "dilation": layer.dilation_rate, "groups": layer.groups}
    return {"op": "conv", **_held(layer), **placed, "padding": padding(layer.padding)}


def _held(layer: Any) -> Settings:
    """Its kernel and bias, which it has once it was built."""
    if not layer.built:
        refuse(layer, "has no kernel yet", "build it, or call it once")
    dims = len(layer.kernel_size)
    return {"dims": dims, **_layout(layer, dims), "kernel": layer.kernel, "bias": layer.bias}


def _layout(layer: Any, dims: int) -> Settings:
    if layer.data_format != "channels_last":
        refuse(layer, f"has {layer.data_format}", "make it with channels_last")
    return {"layout": layout(dims)}


def _pool(op: str, **settings: Any) -> Row:
    def row(layer: Any, arriving: Arriving) -> Settings:
        dims = len(layer.pool_size)
        placed = {"window": layer.pool_size, "stride": layer.strides, "padding": padding(layer.padding)}
        return {"op": op, "dims": dims, **_layout(layer, dims), **placed, **settings}

    return row


def _dense(layer: Any, arriving: Arriving) -> Settings:
    refuse_activation(layer)
    if not layer.built:
        refuse(layer, "has no kernel yet", "build it, or call it once")
    if not arriving.flat:
        refuse(layer, "gets more than (features) or (samples, features), of which it takes the last axis")
    return {"op": "dense", "kernel": transposed(layer.kernel), "bias": layer.bias}


def _relu(layer: Any, arriving: Arriving) -> Settings:
    if layer.max_value is not None or layer.threshold:
        refuse(layer, "has a largest value or a threshold")
    return {"op": "leaky-relu", "slope": float(layer.negative_slope)} if layer.negative_slope else {"op": "relu"}


def _softmax(layer: Any, arriving: Arriving) -> Settings:
    if not arriving.flat or layer.axis != -1:
        refuse(layer, "is taken over an axis that is not the features of (samples, features)")
    return {"op": "softmax"}


ROWS: dict[str, Row] = {
    **{f"Conv{dims}D": _conv for dims in (1, 2, 3)},
    **{f"MaxPooling{dims}D": _pool("max-pool") for dims in (1, 2, 3)},
    # whose padding is never counted
    **{f"AveragePooling{dims}D": _pool("average-pool", count_include_pad=False) for dims in (1, 2, 3)},
    "Dense": _dense,
    "ReLU": _relu,
    "LeakyReLU": lambda layer, arriving: {"op": "leaky-relu", "slope": float(layer.negative_slope)},
    "Softmax": _softmax,
}
"""By the name of a class."""
