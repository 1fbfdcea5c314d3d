"""Transposed convolution: the adjoint of the convolution with the same kernel, (C,O/g,*K)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import add
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.core.bilinear import spread, spread_gradients
from convgrad.core.unfold import patch
from convgrad.core.window import Axis, Window
from convgrad.errors import Problem, RequestError
from convgrad.operations.conv import bias_term, biased, channel_sums, oriented, outer
from convgrad.operations.geometry import raise_all, strided_axes
from convgrad.operations.operation import Operation, Overlay, Shape, at_position
from convgrad.operations.terms import Bilinear, Term, of_bias


def forward(
    x: Array, w: Array, b: Array | None = None, *, window: Window, lengths: Shape, groups: int, mode: str
) -> Array:
    """Lay w, times each cell of x, on the output: (N,C,*I), (C,O/g,*K), (O,) -> (N,O,*L)."""
    return biased(spread(x, oriented(w, mode), window=window, groups=groups, lengths=lengths), b)


def backward(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, window: Window, lengths: Shape, groups: int, mode: str
) -> dict[str, Array]:
    """(N,O,*L) -> dx (N,C,*I), dw (C,O/g,*K), db (O,): the convolution's maps with x and delta exchanged."""
    dx, dw = spread_gradients(delta, x, oriented(w, mode), window=window, groups=groups)
    return {"x": dx, "w": oriented(dw, mode), "b": channel_sums(delta)}


def overlay(
    delta: Array, x: Array, w: Array, b: Array | None = None, *, sample: int, position: tuple[int, ...],
    window: Window, lengths: Shape, groups: int, mode: str,
) -> Overlay:  # fmt: skip
    """One cell of the input laid on the output: dw += x W, dx = <w, W>, with W the delta that lies under it."""
    value = at_position(x, sample, position)
    under = patch(delta[sample], window.under(position))
    dw = outer(value, under, groups)
    kernel = oriented(w, mode).reshape(groups, -1, *w.shape[1:])
    dx = (kernel * under.reshape(groups, 1, *w.shape[1:])).sum(axis=tuple(range(2, kernel.ndim))).ravel()
    return Overlay(sample, position, window.cells(position), under, dx, dw=oriented(dw, mode), x=value)


def terms(
    name: str, index: tuple[int, ...], delta: Array, x: Array, w: Array, b: Array | None = None, *,
    window: Window, lengths: Shape, groups: int, mode: str,
) -> Iterator[Term]:  # fmt: skip
    """The terms of one entry of y, x (dx), w (dw) or b (db)."""
    relation = Bilinear(x, delta, w, "x", "delta", window, groups, mode)
    if name == "b":
        yield from of_bias(delta, index[0])
    elif name == "y":
        yield from relation.of_far(index)
        yield from bias_term(b, index[1])
    else:
        yield from (relation.of_near if name == "x" else relation.of_kernel)(index)


def resolve_output_size(settings: dict[str, Any], sizes: Sequence[int], inputs: Sequence[int]) -> None:
    """Put the output padding that gives a wanted output_size in its place; RequestError where none does."""
    wanted = settings.pop("output_size")
    if wanted is None:
        return
    if any(settings["output_padding"]):
        raise RequestError(Problem("output_size says how much output_padding is needed", "give one of them", _ASKED))
    least = _lengths(strided_axes(sizes, settings), inputs)
    settings["output_padding"] = tuple(length - own for length, own in zip(wanted, least, strict=True))
    most = map(max, settings["stride"], settings["dilation"])
    rows = enumerate(zip(wanted, least, most, strict=True))
    raise_all(_out_of_reach(axis, *row) for axis, row in rows if not 0 <= row[0] - row[1] < row[2])


_ASKED = ("output_size",)


def _out_of_reach(axis: int, wanted: int, least: int, most: int) -> Problem:
    lengths = f"from {least} to {least + most - 1}" if most > 1 else f"{least} alone"
    message = f"output_size {wanted} on axis {axis} cannot be had by output_padding, which must be below {most}: "
    return Problem(f"{message}(i-1)s - lo - hi + K = {least}, so lengths are {lengths}",
                   "use other padding, below 0 for a longer output", _ASKED)  # fmt: skip


def _lengths(axes: Sequence[Axis], inputs: Sequence[int]) -> list[int]:
    """The output's lengths without output padding: (i-1)s - lo - hi + K."""
    pairs = zip(axes, inputs, strict=True)
    return [(length - 1) * axis.stride - axis.before - axis.after + axis.extent for axis, length in pairs]


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    axes, inputs = strided_axes(shapes["w"][2:], settings), shapes["x"][2:]
    raise_all(_excess(settings))
    lengths = tuple(map(add, _lengths(axes, inputs), settings["output_padding"]))
    raise_all(_vanished(number, length) for number, length in enumerate(lengths) if length < 1)
    # the last tap of the last window ends at (i-1)s + K: what output padding uncovers beyond that has no window
    window = Window(tuple(a.fitted(length, count) for a, length, count in zip(axes, lengths, inputs, strict=True)))
    return {"window": window, "lengths": lengths, "groups": settings["groups"], "mode": settings["mode"]}


def _excess(settings: Mapping[str, Any]) -> list[Problem]:
    rows = enumerate(zip(settings["output_padding"], settings["stride"], settings["dilation"], strict=True))
    return [
        Problem(
            f"output_padding {more} on axis {axis} must be below max(stride, dilation) = {max(stride, dilation)}",
            f"use at most {max(stride, dilation) - 1}",
            ("output_padding",),
        )
        for axis, (more, stride, dilation) in rows
        if more >= max(stride, dilation)
    ]


def _vanished(axis: int, length: int) -> Problem:
    message = f"the output length on axis {axis} would be (i-1)s - lo - hi + K + output_padding = {length}, below 1"
    return Problem(message, "use less padding", ("padding",))


def output_shape(shapes: Mapping[str, Shape], arguments: Mapping[str, Any]) -> Shape:
    return (shapes["x"][0], shapes["w"][1] * arguments["groups"], *arguments["lengths"])


def refuse_words(padding: Any) -> None:
    """`same` and `causal` have no agreed meaning for a transposed convolution."""
    if padding in ("same", "same-lower", "causal"):
        raise RequestError(
            Problem(
                f"padding {padding} has no agreed meaning for conv-transpose",
                "give the padding in cells",
                ("padding",),
            )
        )


OPERATION = Operation(
    name="conv-transpose",
    prepare=prepare,
    output_shape=output_shape,
    forward=forward,
    backward=backward,
    overlay=overlay,
    positions=lambda shapes, arguments: shapes["x"][2:],
    terms=terms,
)
