"""Dense layers: y[n,o] = b[o] + sum_f w[o,f] x[n,f], x flattened per sample; and flattening by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, bilinear
from convgrad.errors import Problem, RequestError
from convgrad.operations.conv import bias_term, biased, channel_sums
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Operation, Shape
from convgrad.operations.terms import Factor, Index, Term
from convgrad.operations.whole import one_position, whole_overlay


def forward(x: Array, w: Array, b: Array | None = None) -> Array:
    """(N,*L), (O,F), (O,) -> (N,O), where F = prod(L): a convolution whose one window is the whole input."""
    return biased(_product(_flat(x), w.T), b)


def backward(delta: Array, x: Array, w: Array, b: Array | None = None) -> dict[str, Array]:
    """(N,O) -> dx (N,*L), dw (O,F), db (O,); <x,dx> = <w,dw> = <y-b,delta>."""
    return {"x": _product(delta, w).reshape(x.shape), "w": _product(delta.T, _flat(x)), "b": channel_sums(delta)}


@bilinear
def _product(a: Array, b: Array) -> Array:
    product: Array = a @ b
    return product


def _flat(x: Array) -> Array:
    return x.reshape(x.shape[0], prod(x.shape[1:]))


def terms(name: str, index: Index, delta: Array, x: Array, w: Array, b: Array | None = None) -> Iterator[Term]:
    """The terms of one entry of y, x (dx), w (dw) or b (db); a factor from x has x's own index."""
    if name == "y":
        for feature, cell in enumerate(np.ndindex(x.shape[1:])):
            yield _term(index[0], cell, _factor("w", w, (index[1], feature)), _factor("x", x, (index[0], *cell)))
        yield from bias_term(b, index[1])
    elif name == "x":
        feature = int(np.ravel_multi_index(index[1:], x.shape[1:]))
        for o in range(w.shape[0]):
            yield _term(index[0], (o,), _factor("delta", delta, (index[0], o)), _factor("w", w, (o, feature)))
    elif name == "w":
        cell = tuple(int(i) for i in np.unravel_index(index[1], x.shape[1:]))
        for n in range(x.shape[0]):
            yield _term(n, (index[0],), _factor("delta", delta, (n, index[0])), _factor("x", x, (n, *cell)))
    else:
        for n in range(delta.shape[0]):
            yield _term(n, index, _factor("delta", delta, (n, *index)))


def _factor(name: str, array: Array, index: Index) -> Factor:
    return Factor(name, index, array[index])


def _term(sample: int, position: Index, *factors: Factor) -> Term:
    return Term(sample, position, None, factors, prod(factor.value for factor in factors))


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    """No arguments; raises RequestError for a kernel that does not fit what arrives."""
    kernel, sample = shapes["w"], shapes["x"][1:]
    if len(kernel) != 2:
        message = (
            f"the kernel has shape {shape_text(kernel)}, rank {len(kernel)}, but a dense kernel has rank 2, (out, in)"
        )
        raise RequestError(Problem(message, "check the brackets", ("kernel",)))
    if kernel[1] != prod(sample):
        sums = " x ".join(map(str, sample)) + (f" = {prod(sample)}" if len(sample) > 1 else "")
        takes = f"the kernel {shape_text(kernel)} takes {kernel[1]} numbers a sample (its second axis)"
        message = f"{takes}, but a sample of shape {shape_text(sample)} has {sums}"
        raise RequestError(Problem(message, "a dense kernel is (out, in)", ("kernel",)))
    return {}


def _flatten_terms(name: str, index: Index, delta: Array, x: Array) -> Iterator[Term]:
    source, shape = (delta, (x.shape[0], prod(x.shape[1:]))) if name == "x" else (x, x.shape)
    other = x.shape if name == "x" else (x.shape[0], prod(x.shape[1:]))
    cell = tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, other), shape))
    yield _term(cell[0], cell[1:], _factor("delta" if name == "x" else "x", source, cell))


def _flatten_back(delta: Array, x: Array) -> dict[str, Array]:
    return {"x": delta.reshape(x.shape)}


OPERATION = Operation(
    name="dense",
    prepare=prepare,
    output_shape=lambda shapes, arguments: (shapes["x"][0], shapes["w"][0]),
    forward=forward,
    backward=backward,
    overlay=whole_overlay(backward),
    positions=one_position,
    terms=terms,
)
FLATTEN = Operation(
    name="flatten",
    prepare=lambda shapes, settings: {},
    output_shape=lambda shapes, arguments: (shapes["x"][0], prod(shapes["x"][1:])),
    forward=_flat,
    backward=_flatten_back,
    overlay=whole_overlay(_flatten_back),
    positions=one_position,
    terms=_flatten_terms,
)
