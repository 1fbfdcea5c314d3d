"""Claims on a part of an array: entries that are null, and slices by index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import FLOAT64, Array, natural
from convgrad.core.nested import Numbers, read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations.geometry import shape_text

SLICE = re.compile(r"(\w+)\[([-\d:,\s]+)\]")


class Given(NamedTuple):
    """What is claimed of an array: its numbers, and which entries are claimed (None: all of them)."""

    numbers: Numbers
    known: Array | None = None


class Slices(dict[str, Any]):
    """Claims on slices of an array, by their indices."""


def gathered(arrays: Any) -> Any:
    """Claims by array, those on slices of one together; RequestError for an array that is claimed both ways."""
    if not isinstance(arrays, Mapping) or not any(_sliced(key) for key in arrays):
        return arrays
    whole = {key: value for key, value in arrays.items() if not _sliced(key)}
    for key, value in arrays.items():
        if parts := _sliced(key):
            if not isinstance(whole.setdefault(parts[1], Slices()), Slices):
                raise RequestError(Problem(f"{parts[1]} is claimed as a whole as well", "give one of them", (key,)))
            whole[parts[1]][parts[2]] = value
    return whole


def _sliced(key: Any) -> re.Match[str] | None:
    return SLICE.fullmatch(key) if isinstance(key, str) else None


def given(value: Any, shape: tuple[int, ...]) -> Given:
    """What is claimed of an array of this shape. Raises RequestError for what is no claim."""
    return _merged(value, shape) if isinstance(value, Slices) else read_given(value)


def read_given(value: Any) -> Given:
    """An array in which null is an entry not claimed. Raises RequestError for what is no array."""
    try:
        return Given(read_numbers(value, nonfinite=True))
    except RequestError:
        filled, some = _without_nulls(value)
        if not some:
            raise
    numbers = read_numbers(filled, nonfinite=True)
    known = read_numbers(_marks(value), nonfinite=True).as_array(np.dtype(FLOAT64)) > 0
    if not known.any():
        raise RequestError(Problem("every entry is null: nothing is claimed", "leave the array out"))
    return Given(numbers, known)


def _without_nulls(value: Any) -> tuple[Any, bool]:
    """The same with 0 for every null, and whether there was any."""
    if isinstance(value, (list, tuple)):
        parts = [_without_nulls(part) for part in value]
        return [part for part, _ in parts], any(some for _, some in parts)
    return (0, True) if natural(value) is None else (value, False)


def _marks(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_marks(part) for part in value]
    return 0 if natural(value) is None else 1


def _merged(slices: Mapping[str, Any], shape: tuple[int, ...]) -> Given:
    """Slices of an array, by their indices, as the whole array with what is claimed of it."""
    places = np.arange(int(np.prod(shape))).reshape(shape)
    leaves: list[Any] = [0] * places.size
    known = np.zeros(shape, bool)
    for text, value in slices.items():
        part, at = read_given(value), _at(text, places)
        if part.numbers.shape != at.shape:
            has, needed = shape_text(part.numbers.shape), shape_text(at.shape)
            raise RequestError(Problem(f"the slice [{text}] has shape {needed}, but the claim of it has {has}"))
        values = part.numbers.values
        values = values.ravel().tolist() if isinstance(values, np.ndarray) else values
        for place, leaf in zip(at.ravel().tolist(), values, strict=True):
            leaves[place] = leaf
        known.flat[at.ravel()] = True if part.known is None else part.known.ravel()
    read = read_numbers(leaves, nonfinite=True)
    return Given(Numbers(read.values, shape, read.exact, read.finite), known)


def _at(text: str, places: Array) -> Array:
    """The places that an index names, as NumPy counts."""
    try:
        index = tuple(_part(part.strip()) for part in text.split(","))
        return np.asarray(places[index])
    except (ValueError, IndexError):
        message = f"there is no [{text}] in an array of shape {shape_text(places.shape)}"
        raise RequestError(Problem(message, "indices are counted from 0, as in dW[0,1] or dW[:,0]")) from None


def _part(text: str) -> Any:
    if ":" not in text:
        return int(text)
    return slice(*(int(part) if part.strip() else None for part in text.split(":")))
