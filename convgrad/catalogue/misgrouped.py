"""Groups that read, or write, other channels than theirs; families of changed computations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Variants
from convgrad.core.arithmetic import Array, zeros

INTERLEAVED = ("filter m*G+g", "channel i*G+g", "filter m*G+g, channel i*G+g")
"""Of what follows, what is another order of channels, and no wrong offset."""


def groups_misread(c: Any) -> Variants:
    """Groups that read, or write, other channels than theirs."""
    return {name: made for name, made in routed(c).items() if name not in INTERLEAVED}


def routed(c: Any) -> dict[str, Any]:
    """Groups that read other channels than theirs: an offset by the wrong length, a remainder for a quotient."""
    if not isinstance(c, Convolution) or c.groups == 1:
        return {}
    near, far = c.near.shape[1], c.far.shape[1]
    groups, each, inner = c.groups, near // c.groups, far // c.groups
    filters: dict[str, Callable[[int, int], int]] = {
        "g*M+m": lambda g, m: g * each + m, "m*G+g": lambda g, m: m * groups + g,
        "g*I+m": lambda g, m: g * inner + m, "g+m": lambda g, m: g + m,
    }  # fmt: skip
    owner: dict[str, Callable[[int], int]] = {
        "o%G": lambda o: o % groups, "0 for all": lambda o: 0,
    }  # fmt: skip
    channels: dict[str, Callable[[int, int], int]] = {
        "g*I+i": lambda g, i: g * inner + i, "i*G+g": lambda g, i: i * groups + g,
        "g*M+i": lambda g, i: g * each + i, "g+i": lambda g, i: g + i,
    }  # fmt: skip
    found: dict[str, Any] = {}
    for (row, number), (column, channel) in product(filters.items(), channels.items()):
        if (row, column) != ("g*M+m", "g*I+i"):
            triples = [(number(g, m), i, channel(g, i)) for g, m, i in np.ndindex(groups, each, inner)]
            named = [f"filter {row}"] * (row != "g*M+m") + [f"channel {column}"] * (column != "g*I+i")
            found[", ".join(named)] = _through(c, triples)
            if c.array in ("dW", "db"):
                found[", ".join([*named, "the last kept"])] = _kept(c, triples)
    for label, group in owner.items():
        triples = [(o, i, group(o) * inner + i) for o in range(near) for i in range(inner)]
        found[f"group {label}"] = _through(c, triples)
    return {name: made for name, made in found.items() if made is not None}


def _through(c: Convolution, triples: list[tuple[int, int, int]]) -> Any:
    """The computation with one group, filter o's tap for its channel i laid on channel k for every o, i, k."""
    near, far, inner = c.near.shape[1], c.far.shape[1], c.w.shape[1]
    if max(o for o, _, _ in triples) >= near or max(k for _, _, k in triples) >= far:
        return None
    if c.array == "db":
        counts = np.bincount([o for o, _, _ in triples], minlength=near) // inner
        return None if c.transposed or (counts == 1).all() else c.but(delta=_weighted(c.delta, counts))
    if c.array == "dW":
        return c.but(groups=1).then(partial(_collected, triples=triples, inner=inner))
    w = zeros((near, far, *c.w.shape[2:]), c.w.dtype)
    for o, i, k in triples:
        w[o, k] += c.w[o, i]
    return c.but(groups=1, w=w)


def _kept(c: Convolution, triples: list[tuple[int, int, int]]) -> Any:
    """dW or db where groups that write to one filter replace each other, and filters that none writes to stay at 0."""
    near, far = c.near.shape[1], c.far.shape[1]
    if max(o for o, _, _ in triples) >= near or max(k for _, _, k in triples) >= far:
        return None
    if c.array == "dW":
        return c.but(groups=1).then(partial(_collected, triples=triples, inner=c.w.shape[1], kept=True))
    written = np.bincount([o for o, _, _ in triples], minlength=near) > 0
    return None if c.transposed or written.all() else c.but(delta=_weighted(c.delta, written))


def _collected(dw: Array, triples: list[tuple[int, int, int]], inner: int, kept: bool = False) -> Array:
    result = zeros((dw.shape[0], inner, *dw.shape[2:]), dw.dtype)
    for o, i, k in triples:
        result[o, i] = dw[o, k] if kept else result[o, i] + dw[o, k]
    return result


def _weighted(delta: Array, counts: Array) -> Array:
    weights = zeros((len(counts),), delta.dtype) + counts
    return np.asarray(delta * weights.reshape(1, -1, *(1,) * (delta.ndim - 2)))
