"""A sample that does not fit memory, cut along its first spatial axis: some windows at a time, and what they reach.

Windows of two parts may meet the same cells: dX, or of a transposed convolution y, is added up there before it goes
out; dW and db add up over all parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import DTYPES, Array, zeros
from convgrad.core.nested import read_numbers
from convgrad.core.window import Axis, Window
from convgrad.errors import Problem, RequestError
from convgrad.operations.conv import biased, channel_sums
from convgrad.passes.gradients import Forward, Gradients
from convgrad.subject.case import Case
from convgrad.vocabulary import TRANSPOSED

Cut = Callable[[Array, int, int], Array]
"""Some entries of an array's first axis."""


class Span(NamedTuple):
    """Rows of an array, from `first` to before `last`; those from `whole` on belong to the next part as well."""

    first: int
    last: int
    whole: int


class Piece(NamedTuple):
    """Windows of one sample by their positions on the first axis, and the rows that go with them."""

    sample: int
    near: Span
    far: Span


def why_uncut(case: Case, arrays: Mapping[str, Array]) -> str:
    """Why the samples of a case cannot be cut, in words; empty where they can."""
    if case.layout.data:
        return "the axes are in another order than samples, channels, space"
    if not all(array.flags.c_contiguous for array in arrays.values()):
        return "an array is not in C order"
    axis = case.arguments["window"].axes[0]
    if not isinstance(axis, Axis):
        return "adaptive windows do not divide the first axis evenly"
    if case.settings.get("padding_mode", "zeros") != "zeros" and any(pad > 0 for pad in case.settings["padding"][0]):
        return f"padding_mode {case.settings['padding_mode']} copies cells along the first axis"
    return "" if case.positions[0] > 1 else "there is a single window along the first axis"


@dataclass(frozen=True)
class Rows:
    """A case without numbers, and the arrays that have them: all that is needed to compute it piece by piece.

    Windows sit `far`, on x, and have their positions `near`, on y; of a transposed convolution it is the other way.
    """

    case: Case
    arrays: Mapping[str, Array]
    cut: Cut
    room: int
    nonfinite: bool = False

    @cached_property
    def total(self) -> int:
        """How many rows of windows there are, over all samples."""
        return self.case.shapes["x"][0] * self.case.positions[0]

    def output_into(self, target: Any) -> Iterator[int]:
        """Write y to the target, an array as its user gets it; yields how many rows of windows are done."""
        laid, b = _Laid(target, self.case.output_shape), self.case.operands.get("b")
        for piece in self._pieces():
            case = self._case_of(piece, ("input",))
            y = Forward(replace(case, operands={**case.operands, "b": None}) if b is not None else case).y
            laid.add(piece.sample, self._span(piece, "y"), y, lambda rows: biased(rows, b))
            yield self._done(piece)

    def gradients_into(self, target: Any, sums: dict[str, Array]) -> Iterator[int]:
        """Write dX to the target; dw (O,C/g,*K) and db (O,) add up in `sums`, under "w" and "b"."""
        laid, counted = _Laid(target, self.case.shapes["x"]), 0
        for piece in self._pieces():
            case, span = self._case_of(piece, ("input", "delta")), self._span(piece, "y")
            found = Gradients(case).by_operand
            laid.add(piece.sample, self._span(piece, "x"), found.pop("x"))
            counted = counted if piece.near.first else 0
            if "b" in found and counted > span.first:  # rows of delta that the part before had as well
                assert case.delta is not None
                found["b"] = channel_sums(case.delta[:, :, counted - span.first :])
            counted = span.last
            add_up(sums, found)
            yield self._done(piece)

    def _done(self, piece: Piece) -> int:
        return piece.sample * self.case.positions[0] + piece.near.last

    # -- Which rows ----------------------------------------------------------------------------------------------------

    @property
    def _is_transposed(self) -> bool:
        return self.case.operation.family == TRANSPOSED

    def _span(self, piece: Piece, array: str) -> Span:
        """The rows of x or y."""
        return piece.far if (array == "x") != self._is_transposed else piece.near

    @property
    def _length(self) -> int:
        """Of the first axis, on which the windows sit."""
        return (self.case.output_shape if self._is_transposed else self.case.shapes["x"])[2]

    @cached_property
    def _axis(self) -> Axis:
        axis: Axis = self.case.arguments["window"].axes[0]
        return axis

    @cached_property
    def _rows(self) -> int:
        """How many rows of windows a part has."""
        x, y = (prod((shape[1], *shape[3:])) for shape in (self.case.shapes["x"], self.case.output_shape))
        far, near = (y, 2 * x) if self._is_transposed else (2 * x, y)
        each = DTYPES[self.case.arithmetic].itemsize * (far * self._axis.stride + near)
        return max(self.room // max(each, 1), 1)

    def _spans(self) -> Iterator[tuple[Span, Span]]:
        """Positions, and the cells that their windows reach; each cell is in some part."""
        count, reached = self.case.positions[0], 0
        for first in range(0, count, self._rows):
            last = min(first + self._rows, count)
            start, end = self._start(first, reached), self._axis.cells(last - 1)[1]
            reached = self._length if last == count else min(max(end, reached, start + 1), self._length)
            whole = reached if last == count else self._start(last, reached)
            yield Span(first, last, last), Span(start, reached, whole)

    def _start(self, first: int, reached: int) -> int:
        """The first cell of a part, given how far the part before it reached."""
        return min(max(min(self._axis.start(first), reached), 0), self._length - 1)

    def _pieces(self) -> Iterator[Piece]:
        for sample in range(self.case.shapes["x"][0]):
            yield from (Piece(sample, near, far) for near, far in self._spans())

    # -- Their numbers -------------------------------------------------------------------------------------------------

    def _case_of(self, piece: Piece, keys: tuple[str, ...]) -> Case:
        """The case of a piece alone, with the numbers of its arrays."""
        x = self._read("input", piece.sample, self._span(piece, "x"), self.case.shapes["x"])
        delta, span = None, self._span(piece, "y")
        if "delta" in keys:
            shape = self.case.output_shape
            delta = (self._read("delta", piece.sample, span, shape) if "delta" in self.arrays
                     else zeros((1, shape[1], span.last - span.first, *shape[3:]), x.dtype) + 1)  # fmt: skip
        operands = {**self.case.operands, "x": x}
        return replace(self.case, operands=operands, delta=delta, arguments=self._arguments(piece))

    def _arguments(self, piece: Piece) -> dict[str, Any]:
        """What the operation takes, counted from the first row that is there."""
        (first, last, _), (start, end, _), axis = piece.near, piece.far, self._axis
        own = replace(axis, before=axis.before - first * axis.stride + start).fitted(end - start, last - first)
        arguments = dict(self.case.arguments)
        arguments["window"] = Window((own, *arguments["window"].axes[1:]))
        if "counted" in arguments:
            (least, most), *others = arguments["counted"]
            arguments["counted"] = ((least - start, most - start), *others)
        if "lengths" in arguments:
            arguments["lengths"] = (end - start, *arguments["lengths"][1:])
        return arguments

    def _read(self, key: str, sample: int, span: Span, shape: tuple[int, ...]) -> Array:
        """Rows of one sample, (1,C,rows,*rest), in the kind that is computed in."""
        flat = self.arrays[key].reshape(-1, *shape[3:])
        firsts = ((sample * shape[1] + channel) * shape[2] + span.first for channel in range(shape[1]))
        rows = np.stack([self.cut(flat, first, first + span.last - span.first) for first in firsts])
        try:
            numbers = read_numbers(rows, nonfinite=self.nonfinite)
            return numbers.as_array(DTYPES[self.case.arithmetic])[None]
        except RequestError as error:
            rank = self.arrays[key].ndim
            raise RequestError(_moved(one, key, (sample, 0, span.first), rank) for one in error.problems) from None


class _Laid:
    """An array of a known full shape that is filled row by row; what the next part adds to is kept until then."""

    def __init__(self, target: Any, shape: tuple[int, ...]) -> None:
        self.flat, self.shape, self.kept = target.reshape((-1, *shape[3:])), shape, np.zeros((1, shape[1], 0))

    def add(self, sample: int, span: Span, rows: Array, change: Callable[[Array], Array] = lambda rows: rows) -> None:
        """Rows (1,C,rows,*rest), which begin where those that are kept do; they are changed as they go out."""
        kept, count = self.kept.shape[2], span.whole - span.first
        if kept:
            rows[:, :, :kept] += self.kept
        self.kept = rows[:, :, count:].copy()
        for channel, plane in enumerate(change(rows[:, :, :count])[0]):
            first = (sample * self.shape[1] + channel) * self.shape[2] + span.first
            self.flat[slice(first, first + count)] = plane


def add_up(sums: dict[str, Array], found: Mapping[str, Array]) -> None:
    """Add what was found of dw and db to the sums."""
    for name in ("w", "b"):
        if name in found:
            sums[name] = sums[name] + found[name] if name in sums else found[name]


def _moved(problem: Problem, key: str, start: tuple[int, int, int], rank: int) -> Problem:
    """A problem in the rows of a part, told where it is in the whole array."""
    if not problem.path:
        return problem.under(key)
    full: list[Any] = [0, *problem.path]
    for axis, first in enumerate(start):
        full[axis] += first
    return problem._replace(path=(key, *full[len(full) - rank :]))
