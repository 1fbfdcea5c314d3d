"""A layer of PyTorch run forward and back by itself: what it computes becomes the claim on it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from convgrad.core.arithmetic import FLOAT64
from convgrad.core.nested import read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.frameworks.layers import is_known, layer_name, named
from convgrad.frameworks.watching import Watched, copied


def computed(module: Any, input: Any, delta: Any, *others: Any) -> dict[str, Any]:
    """A module of PyTorch run forward and back: input and delta as it took them, and as the claim what it computed.

    `others` are whole numbers that it takes besides its input.

    No `.grad` is touched. Raises RequestError where it fails.
    """
    torch = sys.modules["torch"]
    with Watched(module) as seen, torch.enable_grad():
        try:
            x = _tensor(torch, input, next(module.parameters(), None)).detach().clone().requires_grad_()
            y = module(x.clone(), *(_tensor(torch, one, None).long() for one in others))  # x may be changed in place
            y = y[0] if isinstance(y, tuple) else y
            delta = torch.ones_like(y) if isinstance(delta, str) else _tensor(torch, delta, y).detach()
            asked = [x, *(parameter for parameter in module.parameters() if parameter.requires_grad)]
            torch.autograd.grad(y, asked, delta, allow_unused=True)
        except (RuntimeError, TypeError, ValueError) as error:
            raise RequestError(Problem(f"{named(module)} fails on it: {str(error).splitlines()[0]}")) from None
    claims: dict[str, Any] = {}
    for document in seen.documents():
        alone = "layers" in document or is_known(module)
        claims |= document["claim"] if alone else {layer_name(document["id"]): document["claim"]}
    return {"input": copied(x), "delta": copied(delta), "claim": claims}


def _tensor(torch: Any, array: Any, like: Any) -> Any:
    """An array as a tensor, of the type and on the device of another."""
    array = array if hasattr(array, "detach") else torch.from_numpy(np.array(read_numbers(array).as_array(FLOAT64)))
    return array if like is None else array.to(dtype=like.dtype, device=like.device)


def runs(layer: Any) -> bool:
    """Whether a layer can be run by itself, forward and back."""
    return "torch" in sys.modules and isinstance(layer, sys.modules["torch"].nn.Module)
