"""Rows and arrays that a program printed, and so may have rounded, with which program that was."""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.core.arithmetic import (
    Array,
)


class PrintedRows(list[Any]):
    """Rows that a program printed, and so may have rounded; `by` says which."""

    def __init__(self, rows: list[Any], by: str) -> None:
        super().__init__(rows)
        self.by = by


class PrintedArray(np.ndarray[Any, Any]):
    """The same of many numbers, as an array, which takes less."""

    by: str = ""

    def __array_finalize__(self, source: Any) -> None:
        self.by = getattr(source, "by", "")

    def __reduce__(self) -> Any:
        return printed_array, (np.asarray(self), self.by)


def printed_array(array: Array, by: str) -> PrintedArray:
    """An array as one that a program printed."""
    made = array.view(PrintedArray)
    made.by = by
    return made


def printed_by(value: Any) -> str:
    """Which program printed an array; nothing of one that none did."""
    return value.by if isinstance(value, PrintedRows | PrintedArray) else ""
