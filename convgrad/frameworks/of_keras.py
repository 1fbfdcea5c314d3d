"""Keras's layers: what of each is which setting. Images have channels last or first, kernels come as (*K, in, out)."""

from __future__ import annotations

from typing import Any

from convgrad.frameworks.channels_last import (
    SPATIAL,
    activated,
    activation,
    cropped,
    depthwise,
    each,
    layout,
    padding,
    transposed,
)
from convgrad.frameworks.layers import CHAIN, Arriving, Row, Settings, refuse

DIMS = (1, 2, 3)


def _conv(layer: Any, arriving: Arriving) -> list[Settings]:
    own = {"op": "conv", **_placed(layer), "groups": layer.groups, **_held(layer)}
    return activated(layer, arriving, own, len(layer.kernel_size))


def _depthwise(layer: Any, arriving: Arriving) -> list[Settings]:
    return activated(layer, arriving, _of_each_channel(layer, "kernel", layer.bias), len(layer.kernel_size))


def _separable(layer: Any, arriving: Arriving) -> list[Settings]:
    """A filter of every channel, and a convolution of one tap over what these give."""
    first = _of_each_channel(layer, "depthwise_kernel", None)
    dims = len(layer.kernel_size)
    held = {"kernel": layer.pointwise_kernel, "bias": layer.bias}
    return [first, *activated(layer, arriving, {"op": "conv", "dims": dims, **_layout(layer, dims), **held}, dims)]


def _of_each_channel(layer: Any, name: str, bias: Any) -> Settings:
    _require_built(layer)
    kernel = getattr(layer, name)
    held = {"kernel": depthwise(kernel), "bias": bias, "groups": int(kernel.shape[-2])}
    dims = len(layer.kernel_size)
    return {"op": "conv", "dims": dims, **_layout(layer, dims), **_placed(layer), **held}


def _placed(layer: Any) -> Settings:
    return {"stride": layer.strides, "dilation": layer.dilation_rate, "padding": padding(layer.padding)}


def _held(layer: Any, filters: str = "IO") -> Settings:
    """Its kernel and bias, which it has once it was built."""
    _require_built(layer)
    dims = len(layer.kernel_size)
    return {"dims": dims, **_layout(layer, dims, filters), "kernel": layer.kernel, "bias": layer.bias}


def _require_built(layer: Any) -> None:
    if not layer.built:
        refuse(layer, "has no kernel yet", "build it, or call it once")


def _layout(layer: Any, dims: int, filters: str = "IO") -> Settings:
    data = "" if layer.data_format == "channels_last" else f"NC{SPATIAL[dims]}"
    return {"layout": layout(dims, data, filters)}


def _conv_transpose(layer: Any, arriving: Arriving) -> list[Settings]:
    dims = len(layer.kernel_size)
    sizes = (layer.kernel_size, *(each(value, dims) for value in (layer.dilation_rate, layer.strides)))
    rows = list(zip(*sizes, each(layer.output_padding, dims), strict=True))
    extents = [dilation * (size - 1) + 1 for size, dilation, _, _ in rows]
    pads = [_pads(extent, stride, more, layer.padding.lower() == "same")
            for extent, (_, _, stride, more) in zip(extents, rows, strict=True)]  # fmt: skip
    placed = {"stride": layer.strides, "dilation": layer.dilation_rate, "padding": cropped(pads, extents)}
    held = _held(layer, "OI")
    return activated(layer, arriving, {"op": "conv-transpose", **placed, **held}, dims)


def _pads(extent: int, stride: int, more: int | None, same: bool) -> tuple[int, int]:
    """What Keras puts before and after the spread input, which it goes over as a plain convolution does.

    An output has i s cells for `same`, for `valid` (i-1) s + max(K, s); with output_padding (i-1) s + K mod 2 and
    (i-1) s + K, and so many more.
    """
    if not same:
        return extent - 1, extent - 1 + (max(stride - extent, 0) if more is None else more)
    both = stride + extent - 2 if more is None else extent + extent % 2 - 2 + more
    before = min(both - both // 2, extent - 1)
    return before, both - before


def _pool(op: str, **settings: Any) -> Row:
    def row(layer: Any, arriving: Arriving) -> Settings:
        dims = len(layer.pool_size)
        placed = {"window": layer.pool_size, "stride": layer.strides, "padding": padding(layer.padding)}
        return {"op": op, "dims": dims, **_layout(layer, dims), **placed, **settings}

    return row


def _global(op: str, dims: int) -> Row:
    """Without `keepdims` one number a channel is left, as features."""

    def row(layer: Any, arriving: Arriving) -> list[Settings]:
        own = {"op": op, "dims": dims, **_layout(layer, dims), "output_size": 1}
        return [own] if layer.keepdims else [own, {"op": "flatten"}]

    return row


def _dense(layer: Any, arriving: Arriving) -> list[Settings]:
    _require_built(layer)
    if not arriving.flat:
        refuse(layer, "gets more than (features) or (samples, features), of which it takes the last axis")
    return activated(layer, arriving, {"op": "dense", "kernel": transposed(layer.kernel), "bias": layer.bias})


def _flatten(layer: Any, arriving: Arriving) -> Settings:
    if layer.data_format != "channels_last":
        refuse(layer, f"turns {layer.data_format} to channels_last first", "make it with channels_last")
    return {"op": "flatten"}


def _relu(layer: Any, arriving: Arriving) -> Settings:
    if layer.max_value is not None or layer.threshold:
        refuse(layer, "has a largest value or a threshold")
    return {"op": "leaky-relu", "slope": float(layer.negative_slope)} if layer.negative_slope else {"op": "relu"}


def _softmax(layer: Any, arriving: Arriving) -> Settings:
    if not arriving.flat or layer.axis != -1:
        refuse(layer, "is taken over an axis that is not the features of (samples, features)")
    return {"op": "softmax"}


def _activation(layer: Any, arriving: Arriving) -> Settings:
    name = layer.activation.__name__
    return {} if name == "linear" else activation(layer, name, arriving, flat=arriving.flat)


def _nothing(layer: Any, arriving: Arriving) -> Settings:
    """What hands on what it gets, as a dropout does where it is not training."""
    return {}


ROWS: dict[str, Row] = {
    **{f"Conv{dims}D": _conv for dims in DIMS},
    **{f"Conv{dims}DTranspose": _conv_transpose for dims in DIMS},
    **{f"DepthwiseConv{dims}D": _depthwise for dims in (1, 2)},
    **{f"SeparableConv{dims}D": _separable for dims in (1, 2)},
    **{f"MaxPooling{dims}D": _pool("max-pool") for dims in DIMS},
    # whose padding is never counted
    **{f"AveragePooling{dims}D": _pool("average-pool", count_include_pad=False) for dims in DIMS},
    **{f"GlobalMaxPooling{dims}D": _global("adaptive-max-pool", dims) for dims in DIMS},
    **{f"GlobalAveragePooling{dims}D": _global("adaptive-average-pool", dims) for dims in DIMS},
    "Dense": _dense,
    "Flatten": _flatten,
    "ReLU": _relu,
    "LeakyReLU": lambda layer, arriving: {"op": "leaky-relu", "slope": float(layer.negative_slope)},
    "Softmax": _softmax,
    "Activation": _activation,
    "Dropout": _nothing,
    **{f"SpatialDropout{dims}D": _nothing for dims in DIMS},
    "Sequential": CHAIN,
}
"""By the name of a class."""
