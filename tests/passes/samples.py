"""The samples of networks, as documents."""

from __future__ import annotations

from typing import Any

from convgrad.documents import read, source
from tests.program import SAMPLES


def document(name: str) -> Any:
    """A sample with the text of every number."""
    return next(iter(read(source(str(SAMPLES / f"network-{name}.yaml"))))).value
