"""A convolution, bias and activation as one, as somebody writes it in NumPy, right and with a fault of every kind."""

import sys

import numpy as np

FUNCTIONS = {
    "relu": lambda z, slope: np.maximum(z, 0), "leaky-relu": lambda z, slope: np.where(z > 0, z, slope * z),
    "sigmoid": lambda z, slope: 1 / (1 + np.exp(-z)), "tanh": lambda z, slope: np.tanh(z),
    "softplus": lambda z, slope: np.log1p(np.exp(z)),
}  # fmt: skip
SLOPES = {
    "relu": lambda z, slope: (z > 0) * 1.0, "leaky-relu": lambda z, slope: np.where(z > 0, 1.0, slope),
    "sigmoid": lambda z, slope: FUNCTIONS["sigmoid"](z, 0) * (1 - FUNCTIONS["sigmoid"](z, 0)),
    "tanh": lambda z, slope: 1 - np.tanh(z) ** 2, "softplus": lambda z, slope: 1 / (1 + np.exp(-z)),
}  # fmt: skip
BY_OUTPUT = {"sigmoid": lambda y: y * (1 - y), "tanh": lambda y: 1 - y**2, "softplus": lambda y: 1 - np.exp(-y)}


def pairs(value, dims):
    """One number for all axes, or one an axis; of padding a pair each."""
    return list(value) if isinstance(value, (tuple, list)) else [value] * dims


def taps(x, w, shape, stride, padding, dilation, groups):
    """Of every tap, filter and group's channel the slices of the padded input that it meets."""
    for tap in np.ndindex(*w.shape[2:]):
        cells = tuple(slice(t * d, t * d + s * (n - 1) + 1, s)
                      for t, d, s, n in zip(tap, dilation, stride, shape, strict=True))  # fmt: skip
        for o in range(len(w)):
            first = o // (len(w) // groups) * w.shape[1]
            for c in range(w.shape[1]):
                yield o, c, tap, (slice(None), first + c, *cells)


def fused(fault, delta, x, w, b, stride, padding, dilation, groups, padding_mode, mode, activation, slope=None):
    if padding_mode != "zeros" or mode != "cross-correlation":
        raise NotImplementedError("padding_mode, mode")
    dims = x.ndim - 2
    stride, dilation = pairs(stride, dims), pairs(dilation, dims)
    sides = [row if isinstance(row, (tuple, list)) else (row, row) for row in pairs(padding, dims)]
    padded = np.pad(x, [(0, 0), (0, 0), *sides])
    z, dpadded, dw = np.zeros(delta.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for o, c, tap, cells in taps(padded, w, delta.shape[2:], stride, padding, dilation, groups):
        z[:, o] += padded[cells] * w[(o, c, *tap)]
    added = b.reshape(-1, *[1] * dims)
    y, inner, db = activated(fault, z, added, delta, activation, slope)
    for o, c, tap, cells in taps(padded, w, delta.shape[2:], stride, padding, dilation, groups):
        dw[(o, c, *tap)] += (padded[cells] * inner[:, o]).sum()
        dpadded[cells] += inner[:, o] * w[(o, c, *tap)]
    inside = tuple(slice(before, before + n) for (before, _), n in zip(sides, x.shape[2:], strict=True))
    every = {"dX": dpadded[(slice(None), slice(None), *inside)], "dW": dw, "db": db, "output": y}
    return {name: array.astype(x.dtype) for name, array in every.items()}


def activated(fault, z, added, delta, activation, slope):
    """y, the delta that is handed on, and db; z is without the bias."""
    f, df = FUNCTIONS[activation], SLOPES[activation]
    bare, z = z, z + added
    slope = 0.1 if fault == "another-slope" and slope is not None else slope
    y, inner = f(z, slope), delta * df(z, slope)
    if fault == "activation-derivative-missing":
        inner = delta
    if fault == "slope-at-output":
        inner = delta * df(y, slope)
    if fault == "slope-by-output" and activation in BY_OUTPUT:
        inner = delta * BY_OUTPUT[activation](z)
    if fault == "slope-at-zero" and activation in ("relu", "leaky-relu"):
        inner = np.where(z >= 0, delta, inner)
    if fault == "slope-before-bias":
        inner = delta * df(bare, slope)
    if fault == "bias-after-activation":
        y, inner = f(bare, slope) + added, delta * df(bare, slope)
    if fault == "slope-other-side":
        inner = delta * df(-z, slope)
    if fault == "activation-of-delta":
        inner = f(delta, slope)
    if fault == "activation-missing":
        y = z
    if fault == "activation-twice":
        y, inner = f(y, slope), delta * df(y, slope) * df(z, slope)
    over = delta if fault == "bias-after-activation" else inner
    return y, inner, over.sum(axis=(0, *range(2, delta.ndim)))


FAULTS = (
    "activation-derivative-missing", "slope-at-output", "slope-by-output", "slope-at-zero", "slope-before-bias",
    "bias-after-activation", "slope-other-side", "activation-of-delta", "activation-missing", "activation-twice",
    "another-slope",
)  # fmt: skip


def function_of(fault):
    def backward(delta, x, w, b, stride, padding, dilation, groups, padding_mode, mode, activation, slope=None):
        return fused(fault, delta, x, w, b, stride, padding, dilation, groups, padding_mode, mode, activation, slope)

    return backward


for name in ("right", *FAULTS):
    setattr(sys.modules[__name__], name.replace("-", "_"), function_of(name))


def relu_alone(delta, x, w, b, stride=1, padding=0):
    """What knows no other activation, and one stride and padding for all axes."""
    return fused("right", delta, x, w, b, stride, padding, 1, 1, "zeros", "cross-correlation", "relu")
