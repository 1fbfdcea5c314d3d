"""The table of operations: a new one is its file, its name here, and its row of settings in the vocabulary."""

from __future__ import annotations

from convgrad.operations import (
    activations,
    average_pool,
    conv,
    conv_transpose,
    dense,
    fused,
    losses,
    lp_pool,
    max_pool,
    max_unpool,
)
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
        max_unpool.OPERATION,
    )
}
LAYERS: dict[str, Operation] = {
    operation.name: operation for operation in (dense.OPERATION, dense.FLATTEN, *activations.OPERATIONS)
}
"""What only a layer of a network can be, besides."""
NETWORK = fused.OPERATION
"""A convolution, bias and activation as one, which is only graded."""
LOSSES = losses.LOSSES

__all__ = ["LAYERS", "LOSSES", "NETWORK", "OPERATIONS", "Operation", "Overlay"]
