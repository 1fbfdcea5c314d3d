"""What every pool's entry in the table has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.operations.operation import Operation, Overlay, pooled_shape, windows_over_input
from convgrad.operations.terms import pool_terms


def pool(
    name: str, prepare: Callable[..., dict[str, Any]], *, forward: Callable[..., Array],
    backward: Callable[..., dict[str, Array]], overlay: Callable[..., Overlay], **more: Any,
) -> Operation:  # fmt: skip
    """An operation of x alone, whose overlays are the windows over it: (N,C,*L) -> (N,C,*P)."""
    return Operation(
        name=name, prepare=prepare, output_shape=pooled_shape, forward=forward, backward=backward, overlay=overlay,
        positions=windows_over_input, **{"terms": pool_terms(overlay), **more},
    )  # fmt: skip
