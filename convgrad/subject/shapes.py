"""Whether operands fit together: every shape error, with both shapes and the arithmetic between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from convgrad.core.window import Axis
from convgrad.errors import Problem, RequestError
from convgrad.operations import Operation
from convgrad.operations.geometry import added, shape_text, strided_axes
from convgrad.operations.operation import Shape
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED


def keep_lengths(operation: Operation, settings: dict[str, Any], lengths: Sequence[int]) -> None:
    """Put the input's own lengths in place of null in an output_size; RequestError where it is no adaptive pool's."""
    sizes = settings.get("output_size") or ()
    if None not in sizes:
        return
    if operation.family not in (MAXIMUM, MEAN):
        path = ("output_size", sizes.index(None))
        raise RequestError(Problem("null keeps a length in adaptive pools alone", "say how long", path))
    pairs = zip(sizes, lengths, strict=True)
    settings["output_size"] = tuple(own if size is None else size for size, own in pairs)


def full_input(shape: Shape, dims: int) -> Shape:
    """(N,C,*L) from any of the three ranks."""
    if not dims <= len(shape) <= dims + 2:
        raise RequestError(
            Problem(
                f"the input has shape {shape_text(shape)}, rank {len(shape)}, but with {dims} spatial axes "
                f"the rank must be {dims} (one sample, one channel), {dims + 1} (C, …) or {dims + 2} (N, C, …)",
                "check `dims` and the brackets",
                ("input",),
            )
        )
    full = (1,) * (dims + 2 - len(shape)) + shape
    if 0 in full[1:]:
        raise RequestError(
            Problem(f"the input is empty: its shape is {shape_text(shape)}", "only the batch may be empty", ("input",))
        )
    return full


def full_kernel(shape: Shape, dims: int) -> Shape:
    """(O,C/g,*K), from that or from (*K)."""
    if len(shape) not in (dims, dims + 2):
        raise RequestError(
            Problem(
                f"the kernel has shape {shape_text(shape)}, rank {len(shape)}, but with {dims} spatial axes "
                f"the rank must be {dims} (one channel in, one out) or {dims + 2} (out, in, …)",
                "check `dims` and the brackets",
                ("kernel",),
            )
        )
    if 0 in shape:
        raise RequestError(Problem(f"the kernel is empty: its shape is {shape_text(shape)}", "", ("kernel",)))
    return (1,) * (dims + 2 - len(shape)) + shape


def check_channels(operation: Operation, shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> None:
    """Groups divide both channel counts, and the kernel has its part of the input's channels."""
    if operation.family in _CHANNELS and (problems := _CHANNELS[operation.family](settings["groups"], shapes)):
        raise RequestError(problems)


def _plain_channels(groups: int, shapes: Mapping[str, Shape]) -> list[Problem]:
    channels, (filters, part) = shapes["x"][1], shapes["w"][:2]
    problems = _indivisible({"input channels": channels, "output channels": filters}, groups)
    if not problems and part * groups != channels:
        sums = f"{part} x {groups} = {part * groups}" if groups > 1 else str(part)
        problems.append(
            Problem(
                f"the kernel {shape_text(shapes['w'])} takes {sums} input channels (its second axis"
                + (" times groups" if groups > 1 else "")
                + f"), but the input {shape_text(shapes['x'])} has {channels}",
                "a kernel is (out, in/groups, …)"
                + (f"; groups: {channels // part} would fit" if channels % part == 0 != filters % part else ""),
                ("kernel",),
            )
        )
    return problems


def _transposed_channels(groups: int, shapes: Mapping[str, Shape]) -> list[Problem]:
    channels, first = shapes["x"][1], shapes["w"][0]
    problems = _indivisible({"input channels": channels}, groups)
    if first != channels:
        problems.append(
            Problem(
                f"the kernel {shape_text(shapes['w'])} takes {first} input channels (its first axis), "
                f"but the input {shape_text(shapes['x'])} has {channels}",
                "for conv-transpose a kernel is (in, out/groups, …)",
                ("kernel",),
            )
        )
    return problems


_CHANNELS = {CONVOLUTION: _plain_channels, TRANSPOSED: _transposed_channels}
"""By family; what a kernel of another must be, its own `prepare` says."""


def _indivisible(counts: Mapping[str, int], groups: int) -> list[Problem]:
    return [
        Problem(f"{groups} groups do not divide the {count} {what}: {count} mod {groups} = {count % groups}",
                "use a divisor of both channel counts", ("groups",))
        for what, count in counts.items()
        if count % groups
    ]  # fmt: skip


def check_bias(bias: Shape | None, channels: int) -> None:
    """A bias is (O,), or one number where O is 1."""
    if bias is None or bias == (channels,) or (bias == () and channels == 1):
        return
    raise RequestError(
        Problem(
            f"the bias has shape {shape_text(bias)}, but there are {channels} output channels, "
            f"so it must be ({channels},)" + (" or one number" if channels == 1 else ""),
            "",
            ("bias",),
        )
    )


def check_delta(
    operation: Operation, shape: Shape, expected: Shape, shapes: Mapping[str, Shape], settings: Mapping[str, Any],
    outward: Callable[[Shape], Shape] = tuple,
) -> None:  # fmt: skip
    """delta has the output's shape, in the rank the output has; `outward` gives a shape as its user has it."""
    if shape == expected:
        return
    raise RequestError(
        Problem(
            f"delta has shape {shape_text(outward(shape))}, but the output has {shape_text(outward(expected))}"
            + _told(_differing(operation, shape, expected, shapes, settings)),
            _suggestions(operation, shape, expected, shapes, settings),
            ("delta",),
        )
    )


def _told(parts: Iterable[str]) -> str:
    text = ", ".join(dict.fromkeys(parts))
    return f": {text}" if text else ""


def _differing(
    operation: Operation, shape: Shape, expected: Shape, shapes: Mapping[str, Shape], settings: Mapping[str, Any]
) -> Iterator[str]:
    """Samples, channels and spatial axes that differ, or of another rank every axis, by how the length comes about."""
    dims, alike = settings["dims"], len(shape) == len(expected)
    if alike:
        names = ("sample", "channel")[dims + 2 - len(expected) :]
        counts = zip(names, shape[:-dims], expected[:-dims], strict=True)
        yield from (f"{n} {what}{'s' * (n != 1)}, not {given}" for what, given, n in counts if given != n)
    lengths = _output_arithmetic(operation, shapes, settings)
    yield from (text for axis, text in enumerate(lengths, -dims) if not alike or shape[axis] != expected[axis])


def _output_arithmetic(operation: Operation, shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> list[str]:
    """How the output's lengths come about, axis by axis."""
    if _LENGTHS.get(operation.family) is not _plain_length or "stride" not in settings or settings.get("ceil_mode"):
        return []
    return [
        f"floor(({added(length, axis.before, axis.after, -axis.extent)})/{axis.stride}) + 1 = {axis.positions(length)}"
        for axis, length in zip(_axes(shapes, settings), shapes["x"][2:], strict=True)
    ]


def _axes(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> list[Axis]:
    return list(strided_axes(shapes["w"][2:] if "w" in shapes else settings["window"], settings))


def _suggestions(
    operation: Operation, shape: Shape, expected: Shape, shapes: Mapping[str, Shape], settings: Mapping[str, Any]
) -> str:
    """Up to three strides or paddings with which the output would have delta's shape."""
    dims, length = settings["dims"], _LENGTHS.get(operation.family)
    if length is None or "stride" not in settings or len(shape) != len(expected) or shape[:-dims] != expected[:-dims]:
        return "delta must have the output's shape"
    pairs = list(zip(_axes(shapes, settings), shapes["x"][2:], strict=True))
    paddings = range(max(axis.extent for axis, _ in pairs))
    found = [
        f"stride {stride} with padding {padding}"
        for stride, padding in sorted(product(range(1, 5), paddings), key=sum)
        if tuple(length(axis, cells, stride, padding) for axis, cells in pairs) == shape[-dims:]
    ][:3]
    return f"{' or '.join(found)} would fit" if found else "delta must have the output's shape"


def _plain_length(axis: Axis, cells: int, stride: int, pad: int) -> int:
    return Axis(axis.size, stride, axis.dilation, pad, pad).positions(cells)


def _transposed_length(axis: Axis, cells: int, stride: int, pad: int) -> int:
    return (cells - 1) * stride - 2 * pad + axis.extent


_LENGTHS = {**dict.fromkeys((CONVOLUTION, MAXIMUM, MEAN, NORM), _plain_length), TRANSPOSED: _transposed_length}
"""The output's length with another stride and padding, by family; of another nothing is suggested."""
