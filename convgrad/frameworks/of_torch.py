"""PyTorch's modules: what of each is which setting."""

from __future__ import annotations

from typing import Any

from convgrad.frameworks.layers import CHAIN, Arriving, Row, Settings, refuse


def _conv(module: Any, arriving: Arriving) -> Settings:
    return {"op": "conv", **_placed(module), "padding_mode": module.padding_mode}


def _conv_transpose(module: Any, arriving: Arriving) -> Settings:
    return {"op": "conv-transpose", **_placed(module), "output_padding": module.output_padding}


def _placed(module: Any) -> Settings:
    geometry = {name: getattr(module, name) for name in ("stride", "padding", "dilation", "groups")}
    return {"dims": len(module.kernel_size), "kernel": module.weight, "bias": module.bias, **geometry}


def _max_pool(module: Any, arriving: Arriving) -> Settings:
    placed = {**_window(module), "padding": module.padding, "dilation": module.dilation}
    return {"op": "max-pool", **placed, "return_indices": bool(module.return_indices)}


def _max_unpool(module: Any, arriving: Arriving) -> Settings:
    """Its output is as long as what a max pool of this window would have had, if every cell was under one."""
    if arriving.shape is None:
        refuse(module, "needs the indices of a pool", "write the network as a document: `indices: NAME OF THE POOL`")
    dims, lengths = _axes(module), (arriving.shape or ())[-_axes(module) :]
    rows = zip(lengths, *(_each(value, dims) for value in (module.stride, module.kernel_size, module.padding)),
               strict=True)  # fmt: skip
    return {"op": "max-unpool", "dims": dims, "output_size": [(i - 1) * s + k - 2 * p for i, s, k, p in rows]}


def _each(value: Any, dims: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * dims


def _average_pool(module: Any, arriving: Arriving) -> Settings:
    counted, divisor = module.count_include_pad, getattr(module, "divisor_override", None)
    padded = {"padding": module.padding, "count_include_pad": counted, "divisor": divisor}
    return {"op": "average-pool", **_window(module), **padded}


def _lp_pool(module: Any, arriving: Arriving) -> Settings:
    if module.ceil_mode:
        refuse(module, "in ceil mode takes for a window that is cut the mean times its whole size, not its sum")
    return {"op": "lp-pool", **_window(module), "norm": module.norm_type, "signed": True}


def _window(module: Any) -> Settings:
    return {
        "dims": _axes(module), "window": module.kernel_size, "stride": module.stride, "ceil_mode": module.ceil_mode,
    }  # fmt: skip


def _axes(module: Any) -> int:
    """Of a pool, as the name of its class says."""
    return next(int(kind.__name__[-2]) for kind in type(module).__mro__ if kind.__name__ in ROWS)


def _adaptive(op: str) -> Row:
    def row(module: Any, arriving: Arriving) -> Settings:
        dims, sizes = _axes(module), _each(module.output_size, _axes(module))
        if None in sizes and arriving.shape is None:
            refuse(module, "keeps the length of an axis (None)", "give that length")
        kept = zip(sizes, (arriving.shape or ())[-dims:] or sizes, strict=True)
        return {"op": op, "dims": dims, "output_size": [own if size is None else size for size, own in kept]}

    return row


def _linear(module: Any, arriving: Arriving) -> Settings:
    if not (arriving.flat or arriving.rows):
        advice = "flatten before it, or give its rows as samples: x.reshape(-1, features)"
        refuse(module, "gets more than (features) or (samples, features), of which it takes the last axis", advice)
    return {"op": "dense", "kernel": module.weight, "bias": module.bias}


def _flatten(module: Any, arriving: Arriving) -> Settings:
    if (module.start_dim, module.end_dim) != (int(arriving.batched), -1):
        refuse(module, f"flattens axes {module.start_dim} to {module.end_dim}, and not a whole sample")
    return {"op": "flatten"}


def _softmax(module: Any, arriving: Arriving) -> Settings:
    channels = int(arriving.batched)
    if module.dim != channels and not (arriving.flat and module.dim == -1):
        refuse(module, f"is taken over axis {module.dim}, and not over the channels, axis {channels}")
    return {"op": "softmax"}


def _softplus(module: Any, arriving: Arriving) -> Settings:
    if module.beta != 1:
        refuse(module, f"has beta {module.beta:g}, and not 1")
    return {"op": "softplus"}


def _dropout(module: Any, arriving: Arriving) -> Settings:
    if module.training and module.p:
        refuse(module, "draws at random", "call .eval() on it")
    return {}


def _plain(op: str) -> Row:
    return lambda module, arriving: {"op": op}


ROWS: dict[str, Row] = {
    **{f"Conv{dims}d": _conv for dims in (1, 2, 3)},
    **{f"ConvTranspose{dims}d": _conv_transpose for dims in (1, 2, 3)},
    **{f"MaxPool{dims}d": _max_pool for dims in (1, 2, 3)},
    **{f"MaxUnpool{dims}d": _max_unpool for dims in (1, 2, 3)},
    **{f"AvgPool{dims}d": _average_pool for dims in (1, 2, 3)},
    **{f"LPPool{dims}d": _lp_pool for dims in (1, 2, 3)},
    **{f"AdaptiveMaxPool{dims}d": _adaptive("adaptive-max-pool") for dims in (1, 2, 3)},
    **{f"AdaptiveAvgPool{dims}d": _adaptive("adaptive-average-pool") for dims in (1, 2, 3)},
    "Linear": _linear,
    "Flatten": _flatten,
    "ReLU": _plain("relu"),
    "LeakyReLU": lambda module, arriving: {"op": "leaky-relu", "slope": module.negative_slope},
    "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "Softplus": _softplus,
    "Softmax": _softmax,
    "Softmax2d": _plain("softmax"),
    "Dropout": _dropout,
    **{f"Dropout{dims}d": _dropout for dims in (1, 2, 3)},
    "Identity": lambda module, arriving: {},
    "Sequential": CHAIN,
}
"""By the name of a class."""
