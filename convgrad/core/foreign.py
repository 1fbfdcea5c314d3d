"""Arrays of other libraries (tensors, device arrays) as NumPy's, and of which type they are; none is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Problem, RequestError

MARKS = ("__array__", "__dlpack__", "detach")
WIDER = {"bfloat16": "float"}
"""Types that NumPy has none of, and the method of a tensor that holds their numbers."""


def is_foreign(value: Any) -> bool:
    """Whether a value is an array of another library."""
    own = isinstance(value, (np.ndarray, np.generic, type))
    return not own and any(hasattr(value, mark) for mark in MARKS)


def type_name(value: Any) -> str:
    """The name of an array's type, as in bfloat16; nothing for what has none."""
    return str(getattr(value, "dtype", "")).rpartition(".")[2]


def as_numpy(value: Any) -> tuple[Array, str]:
    """An array of any library as NumPy's, without a copy where that can be, and the name of the type it is of.

    Tensors are detached and brought to the CPU's memory; bfloat16, which NumPy has none of, comes as float32, which
    holds all its numbers. Raises RequestError for what cannot be read.
    """
    name = type_name(value)
    try:
        with np.errstate(all="ignore"):
            array = np.asanyarray(_read(_near(value, name)))
    except Exception as error:  # whatever another library raises about its own arrays
        raise RequestError(_unreadable(value, error)) from None
    if hasattr(array, "mask"):  # NumPy's masked arrays, whose module takes a while to import
        raise RequestError(Problem("expected numbers, found a masked array", "give the numbers, as by .filled(0)"))
    array = np.asarray(array)
    return (array.astype(np.float32) if array.dtype.name in WIDER else array), name


def _near(value: Any, name: str) -> Any:
    """A tensor that needs no gradient, in the CPU's memory, in a type that NumPy has."""
    for method in ("detach", "cpu", WIDER.get(name, "")):
        if callable(found := getattr(value, method, None)):
            value = found()
    return value


def _read(value: Any) -> Any:
    """By the first way that the library offers."""
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("numpy", lambda: value.numpy()),
        ("__array__", lambda: value),
        ("__dlpack__", lambda: np.from_dlpack(value)),
    ]
    for mark, read in ways:
        if callable(getattr(value, mark, None)):
            return read()
    return value


def _unreadable(value: Any, error: Exception) -> Problem:
    what = f"{type(value).__module__.partition('.')[0]}'s {type(value).__name__}"
    kind = f" of {type_name(value)}" if type_name(value) else ""
    reason = (str(error).splitlines() or [""])[0].rstrip(".!")
    return Problem(f"expected numbers, but NumPy cannot read {what}{kind}: {reason}", "give it as a NumPy array")
