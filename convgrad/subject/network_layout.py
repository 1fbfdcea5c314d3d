"""The layout of a network, and of each of its kernels: letters become orders of axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convgrad.core.nested import Numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations import Operation
from convgrad.subject.layout import IMAGES, Order, orders, read_layout
from convgrad.vocabulary import CONVOLUTION, TRANSPOSED


def letters_in(value: Any) -> tuple[str, ...]:
    """The letters of a layout, of images and perhaps of kernels."""
    return tuple(word for word in read_layout(value) if word)


def own_letters(given: Mapping[str, Any], letters: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a layer, which may say that its kernel is in another order than those of the network."""
    if "layout" not in given:
        return letters
    own = letters_in(given["layout"])
    if own[:1] != letters[:1]:
        message = f"the layer says {own[0]}, but the network {letters[0] if letters else 'has no layout'}"
        raise RequestError(Problem(message, "say it of the network: only kernels may differ", ("layout",)))
    return own


def filters_of(operation: Operation, letters: tuple[str, ...], arrays: Mapping[str, Numbers]) -> Order:
    """The order in which the axes of a convolution's kernel come; none where it is as here."""
    rank = len(arrays["kernel"].shape) if "kernel" in arrays else 0
    if operation.family not in (CONVOLUTION, TRANSPOSED) or not letters or rank != len(letters[0]):
        return ()
    if len(letters) < 2:
        message = f"{letters[0]} is the layout of the input: that of the kernel is not told"
        raise RequestError(Problem(message, f"say it, as in [{letters[0]}, {letters[0][1:-1]}IO]", ("layout",)))
    return orders(*letters, kernel_first="IO" if operation.family == TRANSPOSED else "OI")[1]


def order_of(given: Mapping[str, Any]) -> Order:
    """The order of axes in which the input of a network comes; none where it is as here."""
    if "layout" not in given:
        return ()
    data = read_layout(given["layout"])[0]
    return orders(data, "OI" + "".join(letter for letter in data if letter not in IMAGES), kernel_first="OI")[0]


def dims_of(given: Mapping[str, Any], told: int | None, rank: int) -> tuple[int, bool]:
    """The spatial axes of an input of a rank, and whether it has a batch axis. RequestError where others are told."""
    letters = read_layout(given["layout"])[0]
    dims = len(letters) - 2
    if told not in (None, dims):
        message = f"{letters} has {dims} spatial axes, but there are {told}"
        raise RequestError(Problem(message, "check `layout` and `dims`", ("layout",)))
    if not dims <= rank <= dims + 2:
        message = f"the input has rank {rank}, but with {letters} it must be {dims} to {dims + 2}"
        raise RequestError(Problem(message, "check `layout` and the brackets", ("input",)))
    return dims, rank == dims + 2
