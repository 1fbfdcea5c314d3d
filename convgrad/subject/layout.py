"""In which shapes and in which order of axes the operands came, so that results go back in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.nested import Numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations import Operation
from convgrad.operations.operation import Shape
from convgrad.vocabulary import TRANSPOSED

GRADIENTS = {"dW": "w", "db": "b", "dX": "x"}
"""The gradients by their names in documents, and the operand that each is shaped as."""
OPERANDS = {**GRADIENTS, "output": "y"}
"""The same of all arrays that a result holds, and a claim may."""

Order = tuple[int, ...]
"""Of each axis that came the axis that it is here, samples and channels counted; none where all are as here."""
IMAGES, KERNELS = "NC", "OI"
"""The letters that are no spatial axes, in the order of (N,C,*L) and (O,C/g,*K)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The spatial axes, the shapes of input, kernel and bias as given, and the orders of their axes."""

    dims: int
    input: Shape
    kernel: Shape | None
    bias: Shape | None
    data: Order = field(default=(), kw_only=True)
    filters: Order = field(default=(), kw_only=True)

    @property
    def batch(self) -> bool:
        """Whether the input came with a batch axis."""
        return len(self.input) == self.dims + 2

    @property
    def channels_in(self) -> bool:
        """Whether the input came with a channel axis."""
        return len(self.input) > self.dims

    @property
    def channels_out(self) -> bool:
        """Whether the output has a channel axis: when the input or the kernel came with any."""
        return self.channels_in or self.kernel_channels

    @property
    def kernel_channels(self) -> bool:
        return self.kernel is not None and len(self.kernel) > self.dims

    def shape(self, name: str, full: Shape) -> Shape:
        """The shape in which x, w, b, y or delta, of this full shape, came, or would have."""
        if name in ("x", "w"):
            return self.input if name == "x" else self.kernel or ()
        return self.vector(full[0]) if name == "b" else self.output(full)

    def restored(self, name: str, array: Array) -> Array:
        """x, w, b, y or delta from its full shape to that in which it came, or would have."""
        return self.bare(name, array).transpose(self.order(name, len(self.shape(name, array.shape))))

    def bare(self, name: str, array: Array) -> Array:
        """x, w, b, y or delta from its full shape to the rank in which it came, its axes in the order here."""
        shape = self.shape(name, array.shape)
        return array.reshape(tuple(shape[axis] for axis in inverse(self.order(name, len(shape)))))

    def arranged(self, name: str, numbers: Numbers) -> Numbers:
        """The numbers of x, w, b, y or delta with their axes in the order that they have here."""
        order = self.order(name, len(numbers.shape))
        return numbers.transposed(inverse(order))

    def inward(self, name: str, array: Array) -> Array:
        """The same of an array."""
        return array.transpose(inverse(self.order(name, array.ndim)))  # one of another rank is told of later

    def order(self, name: str, rank: int) -> Order:
        """The axes of an array of this rank as it came, by what they are here."""
        axes = () if name == "b" else self.filters if name == "w" else self.data
        return ordered(axes, rank) if axes and self.dims <= rank <= len(axes) else tuple(range(rank))

    def index(self, name: str, full: tuple[int, ...], rank: int) -> tuple[int, ...]:
        """The index, as its user counts, of an entry whose full index this is, in an array of this rank."""
        kept = full[len(full) - rank :]
        return tuple(kept[axis] for axis in self.order(name, rank))

    def full_index(self, name: str, index: tuple[int, ...], rank: int) -> tuple[int, ...]:
        """The full index, of this rank, of an entry as its user counts."""
        here = inverse(self.order(name, len(index)))
        return (0,) * (rank - len(index)) + tuple(index[axis] for axis in here)

    def laid(self, array: Array | None) -> Array | None:
        """What lies under a window, (C,*K) or (*K), with its axes in the order of the input's."""
        if array is None or not self.data or array.ndim not in (self.dims, self.dims + 1):
            return array
        return array.transpose(self.order("x", array.ndim))

    def outward(self, name: str, shape: Shape) -> Shape:
        """A shape whose axes are in the order here, in that in which it came, or would have."""
        return tuple(shape[axis] for axis in self.order(name, len(shape)))

    def vector(self, channels: int) -> Shape:
        """The shape of db: that of the bias, without one a number for a bare kernel, else (O,)."""
        if self.bias is not None:
            return self.bias
        return (channels,) if self.kernel_channels else ()

    def output(self, full: Shape) -> Shape:
        """(N,O,*P) without the axes that the output has not, in the order of the input's."""
        return self.outward("y", full[2 - self.batch - self.channels_out :])


def ordered(axes: Order, rank: int) -> Order:
    """The order of an array with fewer axes than `axes`, of which the first here are missing.

    >>> ordered((0, 2, 3, 1), 4), ordered((0, 2, 3, 1), 3), ordered((0, 2, 3, 1), 2)
    ((0, 2, 3, 1), (1, 2, 0), (0, 1))
    """
    missing = len(axes) - rank
    return tuple(axis - missing for axis in axes if axis >= missing)


def inverse(order: Order) -> Order:
    """The order that undoes another."""
    return tuple(int(axis) for axis in np.argsort(order))


def layout_of(operation: Operation, given: Mapping[str, Any], numbers: Mapping[str, Numbers], dims: int) -> Layout:
    """The shapes that came, and the orders of their axes."""
    kernel, bias = (numbers[name].shape if name in numbers else None for name in ("w", "b"))
    layout = Layout(dims, numbers["x"].shape, kernel, bias)
    if "layout" not in given:
        return layout
    data, filters = read_layout(given["layout"])
    if len(data) != dims + 2:
        message = f"{data} has {len(data) - 2} spatial axes, but there are {dims}"
        raise RequestError(Problem(message, "check `layout` and `dims`", ("layout",)))
    if not filters and kernel is not None and len(kernel) > dims:
        message = f"{data} is the layout of the input: that of the kernel is not told"
        raise RequestError(Problem(message, f"say it, as in [{data}, {data[1:-1]}IO]", ("layout",)))
    first = "IO" if operation.family == TRANSPOSED else "OI"
    order = orders(data, filters or first + data.replace("N", "").replace("C", ""), kernel_first=first)
    return replace(layout, data=order[0], filters=order[1])


def letters_of(given: Mapping[str, Any], layout: Layout) -> tuple[str, ...]:
    """The letters of a layout that is not the one here."""
    if not layout.data and not layout.filters:
        return ()
    return tuple(word for word in read_layout(given["layout"]) if word)


# -- Letters -----------------------------------------------------------------------------------------------------------


def read_layout(value: Any) -> tuple[str, str]:
    """The letters of input and output, and of the kernel where they are told: [NHWC, HWIO], or NHWC alone.

    Raises RequestError for what is no layout.
    """
    words = [str(word) for word in value] if isinstance(value, (list, tuple)) else [value]
    if not 1 <= len(words) <= 3 or not all(isinstance(word, str) for word in words):
        _refuse("a layout is a word or two of letters")
    if len(words) == 3 and words[2] != words[0]:
        _refuse(f"the output has the layout of the input, {words[0]}, not {words[2]}")
    data, filters = _lettered(words[0], IMAGES, "N and C"), ""
    if len(words) > 1:
        filters = _lettered(words[1], KERNELS, "O and I")
        if set(filters) - set(KERNELS) != set(data) - set(IMAGES):
            _refuse(f"{data} and {filters} have other spatial axes")
    return data, filters


def common_layouts(dims: int, with_kernel: bool) -> list[str]:
    """Layouts other than the one here that people have: their letters, as options have them."""
    spatial = "DHW"[-dims:] if dims <= 3 else ""
    if not spatial:
        return []
    data = f"N{spatial}C"
    return [f"{data},{spatial}IO", f"{data},OI{spatial}", f"{data},O{spatial}I", f"NC{spatial},{spatial}IO",
            ] if with_kernel else [data]  # fmt: skip


def _lettered(word: str, own: str, said: str) -> str:
    """A word in which every letter is there once, and its own two are among them."""
    letters = word.upper()
    spatial = [letter for letter in letters if letter not in own]
    if len(set(letters)) < len(letters) or not set(own) <= set(letters) or not spatial or not letters.isalpha():
        _refuse(f"'{word}' is no layout: it has {said}, and a letter for every spatial axis, each once")
    return letters


def _refuse(message: str) -> None:
    raise RequestError(Problem(message, "write it like [NHWC, HWIO], or NHWC for a pool", ("layout",)))


def orders(data: str, filters: str, *, kernel_first: str) -> tuple[Order, Order]:
    """The orders of input and kernel by their letters; `kernel_first` is what a kernel here begins with: OI, or IO.

    >>> orders("NHWC", "HWIO", kernel_first="OI"), orders("NWHC", "WHOI", kernel_first="IO")
    (((0, 2, 3, 1), (2, 3, 1, 0)), ((0, 2, 3, 1), (2, 3, 1, 0)))
    """
    spatial = "".join(letter for letter in data if letter not in IMAGES)
    return _order(data, IMAGES + spatial), _order(filters, kernel_first + spatial)


def _order(letters: str, here: str) -> Order:
    order = tuple(here.index(letter) for letter in letters)
    return () if order == tuple(range(len(order))) else order
