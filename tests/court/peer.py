"""PyTorch's gradients, where it is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from tests import definitions

torch: Any = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
Arrays = dict[str, np.ndarray]


def by_torch(case: dict[str, Any], dtype: str) -> Arrays:
    """By autograd on the CPU; nothing where this PyTorch has no such operation in the type."""
    held = {key: _tensor(case[key], dtype) for key in ("input", "kernel", "bias", "delta") if key in case}
    asked = {"dX": "input", "dW": "kernel", "db": "bias"}
    try:
        (_forward(case, held) * held["delta"].detach()).sum().backward()  # which hands each entry its delta
    except (RuntimeError, NotImplementedError):
        return {}
    return {name: _array(held[key].grad, dtype) for name, key in asked.items() if key in held}


def _tensor(values: np.ndarray, dtype: str) -> Any:
    return torch.tensor(values).to(getattr(torch, dtype)).requires_grad_()


def _array(tensor: Any, dtype: str) -> np.ndarray:
    return (tensor.float() if dtype == "bfloat16" else tensor).numpy()


def _forward(case: dict[str, Any], held: dict[str, Any]) -> Any:
    x, dims = held["input"], case["dims"]
    functional = torch.nn.functional
    if "output_size" in case:
        name = {"adaptive-max-pool": "adaptive_max_pool", "adaptive-average-pool": "adaptive_avg_pool"}[case["op"]]
        return getattr(functional, f"{name}{dims}d")(x, case["output_size"])
    strides = definitions.strides(case)
    if "window" in case:
        padding = [before for before, _ in definitions.paddings(case)]
        name = {"max-pool": "max_pool", "average-pool": "avg_pool"}[case["op"]]
        return getattr(functional, f"{name}{dims}d")(x, case["window"], strides, padding)
    dilations = definitions.per_axis(case, "dilation", 1)
    settings = {"stride": strides, "dilation": dilations, "groups": case.get("groups", 1)}
    if case["op"] == "conv-transpose":
        settings["padding"] = [before for before, _ in definitions.paddings(case)]
        return getattr(functional, f"conv_transpose{dims}d")(x, held["kernel"], held["bias"], **settings)
    sides = [side for pair in reversed(definitions.paddings(case)) for side in pair]
    return getattr(functional, f"conv{dims}d")(functional.pad(x, sides), held["kernel"], held["bias"], **settings)
