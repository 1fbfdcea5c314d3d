"""How people's numbers come to be text: PyTorch's print, NumPy's, `tolist`, and JSON with so many digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Writer = Callable[[np.ndarray], list[str]]


def by_torch(values: np.ndarray) -> list[str]:
    """As PyTorch prints a tensor: four decimals, or four in scientific notation where the array spans too much."""
    sizes = abs(values[values != 0].astype(float))
    whole = bool((values == np.round(values)).all())
    if not sizes.size:
        return [f"{value:.0f}" for value in values.flat]
    wide = sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or (not whole and sizes.min() < 1e-4)
    return [f"{value:{'.4e' if wide else '.0f' if whole else '.4f'}}" for value in values.flat]


def by_numpy(values: np.ndarray) -> list[str]:
    """As NumPy prints an array: eight digits at most, or scientific notation."""
    text = np.array2string(values.ravel(), threshold=values.size + 1, max_line_width=10**9)
    return [re.sub(r"\.(?=e|$)", "", token) for token in re.findall(r"[^\s\[\]]+", text)]


def by_tolist(values: np.ndarray) -> list[str]:
    """As `json.dumps(array.tolist())`: float64's shortest text of the very value."""
    return [repr(float(value)) for value in values.flat]


def to_decimals(count: int) -> Writer:
    """As `json.dumps(round(v, count))`: a last zero is dropped, a small number has an exponent."""
    return lambda values: [repr(round(float(value), count)) for value in values.flat]


def to_digits(count: int) -> Writer:
    """As `%.{count}g`."""
    return lambda values: [f"{value:.{count}g}" for value in values.flat]


def document(
    case: Mapping[str, Any], claim: Mapping[str, np.ndarray], writer: Writer, claimed_by: Writer | None = None,
    **more: Any,
) -> str:  # fmt: skip
    """A case and a claim as JSON text, the claim by a writer of its own where it has one."""
    parts = [f'"{key}": {_text(value, writer)}' for key, value in {**case, **more}.items()]
    claims = [f'"{name}": {_text(value, claimed_by or writer)}' for name, value in claim.items()]
    return "{" + ", ".join([*parts, '"claim": {' + ", ".join(claims) + "}"]) + "}"


def _text(value: Any, writer: Writer) -> str:
    if isinstance(value, np.ndarray):
        return _nested(iter(writer(value)), value.shape)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else _plain(value)


def _plain(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).replace("(", "[").replace(")", "]")


def _nested(tokens: Iterable[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return next(iter(tokens))
    return "[" + ", ".join(_nested(tokens, shape[1:]) for _ in range(shape[0])) + "]"
