"""Large arrays of numbers in a text, read in chunks without looking at every number in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LARGE = 20_000


def lifted(text: str, read: Callable[[str], Any]) -> tuple[Any] | None:
    return None
