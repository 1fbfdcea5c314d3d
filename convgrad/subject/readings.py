"""Arrays that may be read in more than one way: what is asked, and what would fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convgrad.core.nested import Numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations import Operation
from convgrad.operations.geometry import shape_text
from convgrad.operations.operation import Shape
from convgrad.subject.layout import common_layouts
from convgrad.subject.settings import listed_dims
from convgrad.vocabulary import CONVOLUTION


def refuse_two_readings(given: Mapping[str, Any], numbers: Mapping[str, Numbers], operation: Operation | None) -> None:
    """Ask where a kernel of rank 3 may be filters over one axis with channels, or over two, and delta does not say."""
    kernel, x = numbers["w"].shape, numbers["x"].shape if "x" in numbers else ()
    if operation is None or operation.family != CONVOLUTION or (len(kernel), len(x)) != (3, 2) or 0 in kernel:
        return
    groups = given.get("groups", 1)
    over_one = x[0] == kernel[1] * (groups if isinstance(groups, int) else 1)
    over_two = kernel[1] <= x[0] and kernel[2] <= x[1]
    rank = len(numbers["delta"].shape) if "delta" in numbers else 0
    if over_two and rank != 2 and (not over_one or rank == 3 or listed_dims(given) == 2):
        raise RequestError(_two_readings(kernel, x))


def _two_readings(kernel: Shape, x: Shape) -> Problem:
    filters, channels, length = kernel
    return Problem(
        f"a kernel {shape_text(kernel)} on an input {shape_text(x)} may be {filters} filters of {channels} channels "
        f"over one axis, or {filters} filters {channels}x{length} over two",
        f"say `dims: 1`; or `dims: 2`, with the kernel as {shape_text((filters, 1, channels, length))} and the input "
        f"as {shape_text((1, *x))}", ("kernel",),
    )  # fmt: skip


def suspected(fit: Callable[..., Any], given: Mapping[str, Any], numbers: Mapping[str, Numbers], dims: int) -> str:
    """A layout in which arrays of these shapes, that do not fit as they are, would."""
    outlines = {name: part.outline() for name, part in numbers.items()}
    with_kernel = "w" in numbers and len(numbers["w"].shape) > dims
    for letters in common_layouts(dims, with_kernel):
        try:
            fit({**given, "layout": letters.split(",")}, outlines)
        except RequestError:
            continue
        return letters
    return ""


def advised(error: RequestError, letters: str) -> RequestError:
    """The error, with the layout in which there would be none."""
    first, *others = error.problems
    advice = first.advice.partition("; with --layout")[0]  # of a layer alone, where it is one of several
    advice += f"; with --layout {letters} they fit" if letters else ""
    return RequestError([first._replace(advice=advice.removeprefix("; ")), *others])
