"""What every pool's entry in the table has in common."""

from __future__ import annotations

from typing import Any

from convgrad.operations.operation import Operation, pooled_shape, windows_over_input


def pool(name: str, **functions: Any) -> Operation:
    """An operation of x alone, whose overlays are the windows over it: (N,C,*L) -> (N,C,*P)."""
    return Operation(name=name, output_shape=pooled_shape, positions=windows_over_input, **functions)
