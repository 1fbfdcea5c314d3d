"""The table of operations: a new one is a file and its name here."""

from __future__ import annotations

from convgrad.operations import average_pool, conv, conv_transpose, lp_pool, max_pool
from convgrad.operations.operation import Operation, Overlay

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        conv.OPERATION,
        conv_transpose.OPERATION,
        max_pool.OPERATION,
        average_pool.OPERATION,
        lp_pool.OPERATION,
        max_pool.ADAPTIVE,
        average_pool.ADAPTIVE,
    )
}

__all__ = ["OPERATIONS", "Operation", "Overlay"]
