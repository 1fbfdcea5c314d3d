"""Large arrays of narrow types: they stay as they came, and what is computed with is made of them when it is asked for.

So a layer of float32 numbers takes no float64 copy of them all where some samples after others are worked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from convgrad.core.arithmetic import FLOAT64, Array

LARGE = 1 << 20
"""Numbers from which on an array stays as it came: 8 MB of float64."""


class Stored(NDArrayOperatorsMixin):
    """An array of numbers that float64 holds as they are; float64 numbers of all are shared while anyone has them.

    A part of it is such numbers at once, and so is what NumPy makes of it.
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self._whole: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return FLOAT64

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    def __len__(self) -> int:
        return len(self.array)

    def copy(self) -> Array:
        """Float64 numbers of all of it that nobody else has."""
        made: Array = self.array.astype(FLOAT64)
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.whole(), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.copy() if copy else self.whole().astype(dtype or FLOAT64, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return getattr(ufunc, method)(*(opened(part) for part in inputs), **keywords)

    def __getitem__(self, at: Any) -> Array | Stored:
        """A part of the numbers; a large one stays as it came."""
        part = self.array[at]
        return Stored(part) if part.ndim and part.size >= LARGE else self.part(at)

    def part(self, at: Any) -> Array:
        """A part to compute with."""
        made: Array = self.array[at].astype(FLOAT64)
        return made

    def reshape(self, *shape: Any) -> Stored:
        """The same numbers in another shape; the same of them in the same."""
        return self._seen(self.array.reshape(*shape))

    def transpose(self, *axes: Any) -> Stored:
        """The same numbers with their axes in another order."""
        return self._seen(self.array.transpose(*axes))

    def _seen(self, array: Array) -> Stored:
        same = (array.shape, array.strides) == (self.array.shape, self.array.strides)
        return self if same else Stored(array)

    def whole(self) -> Array:
        made: Array | None = self._whole and self._whole()
        if made is None:
            made = self.copy()
            self._whole = ref(made)
        return made

    def __getstate__(self) -> Array:
        return self.array

    def __setstate__(self, array: Array) -> None:
        self.array, self._whole = array, None


def like(array: Array | Stored, numbers: Array) -> Any:
    """Numbers of the type in which an array is kept, as that array is."""
    return Stored(numbers) if isinstance(array, Stored) else numbers


def part_of(array: Array | Stored, at: Any) -> Array:
    """A part of an array to compute with."""
    return array.part(at) if isinstance(array, Stored) else array[at]


def is_narrow(values: Any) -> bool:
    """Whether an array stays as it came: a large one of a type that is narrower than float64, and held by it."""
    return (
        isinstance(values, np.ndarray) and values.size >= LARGE and values.dtype.itemsize < FLOAT64.itemsize
        and np.can_cast(values.dtype, FLOAT64)
    )  # fmt: skip


def opened(array: Array | Stored | None) -> Array | None:
    """An array to compute with."""
    return array.whole() if isinstance(array, Stored) else array


def as_came(array: Array | Stored) -> Array:
    """An array of which single numbers are looked at, in the type that it is kept in."""
    return array.array if isinstance(array, Stored) else array


class Operands(Mapping[str, Any]):
    """Arrays by name, each to compute with when it is asked for, or None; `stored` ones as they are kept."""

    __slots__ = ("stored",)

    def __init__(self, stored: Mapping[str, Array | Stored | None]) -> None:
        self.stored: dict[str, Any] = dict(stored)

    def __getitem__(self, name: str) -> Any:
        return opened(self.stored[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


class Delta:
    """The delta of a case, to compute with when it is asked for."""

    def __get__(self, case: Any, owner: type | None = None) -> Array | None:
        if case is None:
            raise AttributeError("a case has a delta, and its class has none")
        return opened(case.__dict__["delta"])

    def __set__(self, case: Any, delta: Array | Stored | None) -> None:
        case.__dict__["delta"] = delta
