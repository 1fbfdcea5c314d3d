"""How a function takes what it needs: (delta, x, w, b) and settings by name, or as a course has it.

`'dZ, (A_prev, W, b, hparameters)'` is a call of two arguments, the second a tuple: names of operands as people write
them, and a mapping of settings where a name ends in `param`, `params` or `parameters`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

CALLED: Mapping[str, str] = {
    "x": "x", "input": "x", "a_prev": "x", "a": "x", "inputs": "x",
    "w": "w", "kernel": "w", "weight": "w", "weights": "w", "filters": "w",
    "b": "b", "bias": "b",
    "indices": "indices", "switches": "indices", "mask": "indices",
}  # fmt: skip
"""Operands as people call them, in small letters; what is none of these, and no settings, is delta."""
OURS = {"x": "input", "w": "kernel", "b": "bias", "delta": "delta", "indices": "indices"}
SETTINGS = ("param", "params", "parameters")
ORDER = ("delta", "input", "kernel", "bias")
RESULTS = {"x": "dX", "w": "dW", "b": "db"}


def tree(signature: str) -> Any:
    """A signature as names and tuples of names; ValueError where it is none."""
    try:
        parsed = ast.parse(f"({signature},)", mode="eval").body
    except SyntaxError:
        raise ValueError(signature) from None
    return _names(parsed)


def _names(node: Any) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Tuple):
        return tuple(_names(part) for part in node.elts)
    raise ValueError(ast.unparse(node))


def role(name: str) -> str:
    """What a name stands for: input, kernel, bias, delta, indices, or settings.

    >>> role("A_prev"), role("dZ"), role("conv_param")
    ('input', 'delta', 'settings')
    """
    if name.lower().endswith(SETTINGS):
        return "settings"
    return OURS[CALLED.get(name.lower(), "delta")]


def roles(names: Any) -> Iterator[str]:
    """What all the names of a signature stand for."""
    for part in names:
        if isinstance(part, tuple):
            yield from roles(part)
        else:
            yield role(part)


def arguments_of(
    signature: str, operands: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The positional arguments of a call, and those by name."""
    if not signature:
        named = {name: operands[name] for name in operands if name not in ORDER}
        return [operands[name] for name in ORDER if name in operands], {**settings, **named}
    return [_argument(part, operands, settings) for part in tree(signature)], {}


def _argument(part: Any, operands: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    if isinstance(part, tuple):
        return tuple(_argument(inner, operands, settings) for inner in part)
    stands_for = role(part)
    return course_settings(settings, operands) if stands_for == "settings" else operands.get(stands_for)


def course_settings(settings: Mapping[str, Any], operands: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as courses name them, beside our own names."""
    window = settings.get("window")
    high, wide = window if isinstance(window, (list, tuple)) else (window, window)
    named: dict[str, Any] = {**settings, "pad": settings.get("padding", 0)}
    return named | ({} if window is None else {"pool_height": high, "pool_width": wide, "f": high})


def results_of(returned: Any, order: list[str]) -> dict[str, Any]:
    """What a function returned, by name: a mapping, or arrays in the order of x, w, b."""
    if returned is None:
        return {}
    if isinstance(returned, Mapping):
        return dict(returned)
    values = returned if isinstance(returned, (tuple, list)) else [returned]
    if len(values) > len(order):
        raise TypeError(f"the function returned {len(values)} arrays, but there are {', '.join(order)}")
    return dict(zip(order, values, strict=False))
