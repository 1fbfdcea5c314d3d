"""What an operation is to the rest of the program: its name, operands, settings and a few functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from convgrad.core.arithmetic import Array
from convgrad.core.window import Window
from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import row_of

Shape = tuple[int, ...]
T = TypeVar("T")


class Overlay(NamedTuple):
    """One placement of the window, and what it adds.

    `cells` is per axis the first cell under the window and one past the last, padding counted. Shapes: window and dx
    (C,*K), delta and db (O,), dw that of the kernel. A pool has `winners` (per channel the cells of x that delta goes
    to) or a `divisor`. In a transposed convolution one cell x (C,) of the input is laid on the output: window is delta
    there, (O,*K), and dx is (C,).
    """

    sample: int
    position: tuple[int, ...]
    cells: tuple[tuple[int, int], ...]
    window: Array
    dx: Array
    delta: Array | None = None
    dw: Array | None = None
    db: Array | None = None
    x: Array | None = None
    winners: list[list[tuple[int, ...]]] | None = None
    divisor: Any = None


def _always(settings: Mapping[str, Any]) -> bool:
    return True


class Operation(NamedTuple):
    """A layer's forward and backward as stateless functions of its operands x (w, b) and settings.

    Its family, operands and settings are those of its name in the vocabulary.
    forward(*operands, **arguments) -> y; backward(delta, *operands, **arguments) -> {"x": dx, "w": dw, "b": db};
    overlay(delta, *operands, sample, position, **arguments) -> Overlay, in constant work.
    `prepare(shapes, settings)` makes the arguments, a Window among them, from the resolved settings, raising
    RequestError for impossible geometry; `output_shape(shapes, arguments)` is (N,O,*P).
    """

    name: str
    prepare: Callable[[Mapping[str, Shape], Mapping[str, Any]], dict[str, Any]]
    output_shape: Callable[[Mapping[str, Shape], Mapping[str, Any]], Shape]
    forward: Callable[..., Array]
    backward: Callable[..., dict[str, Array]]
    overlay: Callable[..., Overlay]
    positions: Callable[[Mapping[str, Shape], Mapping[str, Any]], Shape]
    terms: Callable[..., Iterator[Any]]
    """terms(name, index, delta, *operands, **arguments): the terms of one entry of y, x, w or b, as `Term`s."""
    indices: Callable[..., Array] | None = None
    """indices(x, **arguments): of a maximum which cell of its plane wins in every window, (N,C,*L) -> (N,C,*P)."""
    rational: Callable[[Mapping[str, Any]], bool] = _always
    """Whether the operation stays within the rationals, so that exact arithmetic is possible."""

    def __reduce__(self) -> tuple[Callable[[str], Operation], tuple[str]]:
        """A pickle holds its name: functions are those of the program that reads it."""
        return _named, (self.name,)

    @property
    def family(self) -> str:
        """What it is to those who must know more than its functions: the key of their tables."""
        return row_of(self.name).family

    @property
    def operands(self) -> tuple[str, ...]:
        """x, and for some w and b, in the order in which its functions take them."""
        return row_of(self.name).operands

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Its settings in documents, and what each is where it is left out."""
        return row_of(self.name).settings


def _named(name: str) -> Operation:
    from convgrad.operations import LAYERS, NETWORK, OPERATIONS  # which are made of this

    return {**OPERATIONS, **LAYERS, NETWORK.name: NETWORK}[name]


def known(table: Mapping[str, T], operation: Operation, what: str, *, by_name: bool = False) -> T:
    """What a table has for an operation's family, or name. Raises RequestError, which says so, where it has nothing."""
    key = operation.name if by_name else operation.family
    if key in table:
        return table[key]
    message = f"{what} is not known for {operation.name}, of the family {operation.family}"
    raise RequestError(Problem(message, f"it is known for: {', '.join(table)}"))


def at_position(array: Array, sample: int, position: tuple[int, ...]) -> Array:
    """The channels of one sample at one position: (N,C,*P) -> (C,)."""
    index: Any = (sample, slice(None), *position)
    channels: Array = array[index]
    return channels


def windows_over_input(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    """The positions of the window over the input, which are the overlays of all but the transposed convolution."""
    window: Window = arguments["window"]
    return window.positions(shapes["x"][2:])


def pooled_shape(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    """A pool's output: (N,C,*P)."""
    return (*shapes["x"][:2], *windows_over_input(shapes, arguments))
