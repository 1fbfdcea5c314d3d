"""Which array of what was asked: its name, and the part that it is of."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """An array by its name in documents, and the part that it is of: none where there is only one.

    >>> str(Place("dW", "conv2")), str(Place("dW"))
    ('conv2.dW', 'dW')
    """

    array: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.part}.{self.array}" if self.part else self.array
