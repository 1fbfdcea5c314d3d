"""Layers without windows, as operations: a sample is one overlay, which covers it whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.operations.operation import Overlay, Shape


def one_position(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    """No position to choose: there is one overlay a sample."""
    return ()


def whole_overlay(backward: Callable[..., dict[str, Array]]) -> Callable[..., Overlay]:
    """The `overlay` of such a layer, from its `backward`: what one sample adds."""

    def overlay(
        delta: Array, x: Array, *rest: Array | None, sample: int, position: tuple[int, ...], **arguments: Any
    ) -> Overlay:
        one = slice(sample, sample + 1)
        found = backward(delta[one], x[one], *rest, **arguments)
        cells = tuple((0, length) for length in x.shape[2:])
        return Overlay(sample, position, cells, x[sample], found["x"][0], delta=delta[sample],
                       dw=found.get("w"), db=found.get("b"))  # fmt: skip

    return overlay
