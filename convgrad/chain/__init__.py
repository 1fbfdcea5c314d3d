"""A chain of layers: forward through every one, the loss, the deltas back, and the step."""

from __future__ import annotations

from convgrad.chain.model import Chain, Layer, LossAt
from convgrad.chain.passes import LayerPass, Network, Step, network

__all__ = ["Chain", "Layer", "LayerPass", "LossAt", "Network", "Step", "network"]
