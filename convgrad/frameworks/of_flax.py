"""Flax's layers, of nnx and of bound linen modules, with channels last: what of each is which setting."""

from __future__ import annotations

from functools import partial
from typing import Any

from convgrad.frameworks.channels_last import ACTIVATIONS, activation, cropped, each, layout, padding, transposed
from convgrad.frameworks.layers import CHAIN, Arriving, Row, Settings, refuse

LAX = {"SAME": "same", "VALID": "valid"}


def _conv(layer: Any, arriving: Arriving) -> Settings:
    dims = len(_sizes(layer))
    if (layer.input_dilation or 1) not in (1, (1,) * dims):
        refuse(layer, "dilates its input", "that is a transposed convolution")
    placed = {**_placed(layer), "groups": layer.feature_group_count, "padding": padding(_padding(layer))}
    return {"op": "conv", "dims": dims, "layout": layout(dims), **_held(layer), **placed}


def _conv_transpose(layer: Any, arriving: Arriving) -> Settings:
    """What JAX computes of the spread input; the kernel is turned unless it is told that it was transposed."""
    sizes, same = _sizes(layer), _padding(layer)
    dims = len(sizes)
    strides, dilations = (each(value or 1, dims) for value in (layer.strides, layer.kernel_dilation))
    extents = [dilation * (size - 1) + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    if isinstance(same, str):
        pads = [_pads(extent, stride, same.upper()) for extent, stride in zip(extents, strides, strict=True)]
    else:
        pads = [tuple(each(pair, 2)) for pair in each(same, dims)]
    turned = {"mode": "cross-correlation" if layer.transpose_kernel else "convolution"}
    filters = "OI" if layer.transpose_kernel else "IO"
    placed = {**_placed(layer), "padding": cropped(pads, extents), "layout": layout(dims, filters=filters)}
    return {"op": "conv-transpose", "dims": dims, **_held(layer), **placed, **turned}


def _pads(extent: int, stride: int, word: str) -> tuple[int, int]:
    """What JAX puts before and after the spread input, for SAME and for VALID."""
    if word == "VALID":
        return extent - 1, max(extent, stride) - 1
    both = extent + stride - 2
    before = extent - 1 if stride > extent - 1 else both - both // 2
    return before, both - before


def _sizes(layer: Any) -> tuple[int, ...]:
    return tuple(each(layer.kernel_size, 1))


def _placed(layer: Any) -> Settings:
    return {"stride": layer.strides or 1, "dilation": layer.kernel_dilation or 1}


def _padding(layer: Any) -> Any:
    if getattr(layer, "mask", None) is not None:
        refuse(layer, "lays a mask on its kernel")
    if isinstance(layer.padding, str) and layer.padding.upper() not in (*LAX, "CAUSAL"):
        refuse(layer, f"pads {layer.padding}, by the length of its input", "give that padding in cells")
    return layer.padding


def _held(layer: Any) -> Settings:
    """Its kernel and bias: its own, or what a linen module was bound to."""
    if hasattr(layer, "kernel"):
        bias = layer.bias
        return {"kernel": layer.kernel, "bias": None if bias is None or _value(bias) is None else bias}
    try:
        held = layer.variables["params"]
    except (ValueError, KeyError):
        refuse(layer, "has no kernel of its own", "bind it to its variables: module.bind(variables)")
    return {"kernel": held["kernel"], "bias": held.get("bias")}


def _value(parameter: Any) -> Any:
    return getattr(parameter, "value", parameter)


def _dense(layer: Any, arriving: Arriving) -> Settings:
    if not arriving.flat:
        refuse(layer, "gets more than (features) or (samples, features), of which it takes the last axis")
    held = _held(layer)
    return {"op": "dense", "kernel": transposed(held["kernel"]), "bias": held["bias"]}


def _dropout(layer: Any, arriving: Arriving) -> Settings:
    if not layer.deterministic and layer.rate:
        refuse(layer, "draws at random", "make it deterministic")
    return {}


def _function(name: str) -> Row:
    return lambda layer, arriving: activation(layer, name, arriving, flat=arriving.flat)


def _pool(op: str) -> Row:
    """A pool with its window, as in functools.partial(nn.max_pool, window_shape=(2, 2))."""

    def row(layer: Any, arriving: Arriving) -> Settings:
        given = dict(layer.keywords) if isinstance(layer, partial) else {}
        if "window_shape" not in given or layer.args:
            refuse(layer, "has no window", "give it by name: functools.partial(nn.max_pool, window_shape=(2, 2))")
        window = tuple(given.pop("window_shape"))
        placed = {"stride": given.pop("strides", None) or 1, "padding": padding(given.pop("padding", "VALID"))}
        counted = {name: given.pop(name) for name in ("count_include_pad",) if name in given}
        if given:
            refuse(layer, f"has {', '.join(given)}, which is not known here")
        dims = len(window)
        return {"op": op, "dims": dims, "layout": layout(dims), "window": window, **placed, **counted}

    return row


ROWS: dict[str, Row] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Linear": _dense,
    "Dense": _dense,
    "Dropout": _dropout,
    "Sequential": CHAIN,
    # functions, which a Sequential may have among its layers
    **{name: _function(name) for name in (*ACTIVATIONS, "leaky_relu")},
    "max_pool": _pool("max-pool"),
    "avg_pool": _pool("average-pool"),
}
"""By the name of a class, or of a function of Flax or JAX."""
