"""In which order of axes somebody else's program has its arrays: NCHW and OIHW, or as it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import INDICES, TRANSPOSED

SPATIAL = "DHW"
OPERANDS = {"input": "x", "kernel": "w", "bias": "b", "delta": "delta", INDICES: INDICES}
KERNELS, VECTORS = ("kernel", "dW"), ("bias", "db")


@dataclass(frozen=True)
class Layout:
    """The letters of input and output, and of the kernel; without any, those of PyTorch."""

    data: str = ""
    kernel: str = ""

    @property
    def dims(self) -> int | None:
        """How many spatial axes it is of; None where it is of any."""
        return len(self.data or self.kernel) - 2 if self.data or self.kernel else None

    def order(self, name: str, rank: int, family: str) -> tuple[int, ...]:
        """Of every axis of an array as the program has it, which axis of ours it is."""
        letters = self.kernel if name in KERNELS else "" if name in VECTORS else self.data
        if not letters:
            return tuple(range(rank))
        first = ("IO" if family == TRANSPOSED else "OI") if name in KERNELS else "NC"
        ours = first + SPATIAL[3 - (rank - 2) :]
        return tuple(ours.index(letter) for letter in letters)

    def given(self, name: str, array: Array, family: str) -> Array:
        """An array of ours as the program has it."""
        if not self.data and not self.kernel:
            return np.ascontiguousarray(array)
        return np.ascontiguousarray(array.transpose(self.order(name, array.ndim, family)))

    def shape(self, name: str, shape: tuple[int, ...], family: str) -> tuple[int, ...]:
        """A shape of ours as the program has it."""
        return tuple(shape[axis] for axis in self.order(name, len(shape), family))

    def ours(self, name: str, array: Array, family: str) -> Array:
        """An array of the program's in our order of axes."""
        if not self.data and not self.kernel:
            return np.ascontiguousarray(array)
        return np.ascontiguousarray(array.transpose(np.argsort(self.order(name, array.ndim, family))))


def layout(text: str | None) -> Layout:
    """A layout as it is typed: NHWC,HWIO; either may be left out."""
    data = kernel = ""
    for word in filter(None, map(str.strip, (text or "").split(","))):
        if set(word) >= set("NC"):
            data = _checked(word, "NC")
        elif set(word) >= set("OI"):
            kernel = _checked(word, "OI")
        else:
            raise RequestError(Problem(f"'{word}' is no layout", "as in NHWC,HWIO"))
    if data and kernel and len(data) != len(kernel):
        raise RequestError(Problem(f"{data} and {kernel} have different numbers of axes", "as in NHWC,HWIO"))
    return Layout(data, kernel)


def _checked(word: str, first: str) -> str:
    spatial = SPATIAL[3 - (len(word) - 2) :]
    if len(word) not in (3, 4, 5) or sorted(word) != sorted(first + spatial):
        message = f"'{word}' is no layout: it must have {first[0]}, {first[1]} and the last of D, H, W, each once"
        raise RequestError(Problem(message, "as in NHWC,HWIO"))
    return word
