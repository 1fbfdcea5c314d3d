"""Dask arrays: gradients that are computed part by part along samples, wherever the user's scheduler has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convgrad.core.arithmetic import DTYPES, Array
from convgrad.errors import Problem, RequestError
from convgrad.operations.cells import LAST, PLANE
from convgrad.operations.operation import Shape
from convgrad.passes.batches import BATCHED, moved, outline
from convgrad.passes.gradients import Forward, Gradients
from convgrad.subject.case import Case, make_case
from convgrad.vocabulary import INDICES, PARAMETERS

SPLIT = 8
"""Sums of parts that are added at a time."""


@dataclass(frozen=True)
class Lazy:
    """Gradients as Dask arrays: `.dX` cut along samples as the input is, `.dW` and `.db` sums; `.output` on demand.

    Nothing is computed before `.compute()`; `dask.compute(lazy.dX, lazy.dW, lazy.db)` goes through the samples once.
    `case` has shapes and settings, and no numbers.
    """

    case: Case
    document: Mapping[str, Any]
    kind: np.dtype[Any]
    options: Mapping[str, Any]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.case.shapes.items())
        return f"Lazy({self.case.operation.name}, {shapes}, in {len(self._samples)} parts)"

    @property
    def dX(self) -> Any:
        return self._cut("dX", self._whole("input").shape)

    @property
    def dW(self) -> Any:
        return self._sum("dW", "w")

    @property
    def db(self) -> Any:
        return self._sum("db", "b")

    @property
    def output(self) -> Any:
        return self._cut("output", self.case.layout.output(self.case.output_shape))

    # -- Parts ---------------------------------------------------------------------------------------------------------

    def _whole(self, key: str) -> Any:
        """An array of the batch as a Dask array, cut along samples alone, and as the input is."""
        import dask.array

        array = self.document[key]
        array = array if is_lazy(array) else dask.array.from_array(np.asarray(array))
        samples = array.chunks[self._axis] if key == "input" else self._samples
        return array.rechunk({axis: samples if axis == self._axis else -1 for axis in range(array.ndim)})

    @cached_property
    def _axis(self) -> int:
        """Which axis the samples are, as the arrays come."""
        return self.case.layout.order("x", len(self.case.layout.input)).index(0)

    @cached_property
    def _samples(self) -> tuple[int, ...]:
        """How many are in each part."""
        found: tuple[int, ...] = self._whole("input").chunks[self._axis]
        return found

    def _parts(self, compute: Callable[..., Any]) -> list[Any]:
        """What is computed of each part, when it is asked for."""
        import dask

        keys = [key for key in (*BATCHED, INDICES) if _is_array(self.document.get(key))]
        blocks = {key: self._whole(key).to_delayed(optimize_graph=False).ravel() for key in keys}
        rest = {key: value for key, value in self.document.items() if key not in keys}
        known = {key: _lone(rest.pop(key)) for key in (*PARAMETERS, "delta") if _is_array(rest.get(key))}
        firsts = np.cumsum((0, *self._samples))[:-1].tolist()
        return [
            dask.delayed(compute, pure=False)(
                rest,
                {key: block[number] for key, block in blocks.items()},
                known,
                (first, self._axis),
                dict(self.options),
            )
            for number, first in enumerate(firsts)
        ]

    @cached_property
    def _gradients(self) -> list[Any]:
        return self._parts(_gradients_of)

    @cached_property
    def _outputs(self) -> list[Any]:
        return self._parts(_output_of)

    def _cut(self, name: str, shape: Shape) -> Any:
        """An array with an axis of samples, part after part."""
        import dask.array

        parts = self._outputs if name == "output" else self._gradients
        shapes = ((*shape[: self._axis], count, *shape[self._axis + 1 :]) for count in self._samples)
        blocks = [dask.array.from_delayed(part[name], own, self.kind) for part, own in zip(parts, shapes, strict=True)]
        return dask.array.concatenate(blocks, axis=self._axis)

    def _sum(self, name: str, operand: str) -> Any:
        """What every part adds to; None for an operation without it."""
        import dask.array

        if operand not in self.case.operation.operands:
            return None
        full = self.case.shapes["w"] if operand == "w" else self.case.output_shape[1:2]
        shape = self.case.layout.shape(operand, full)
        blocks = [dask.array.from_delayed(part[name], shape, self.kind)[None] for part in self._gradients]
        return dask.array.concatenate(blocks).sum(axis=0, split_every=SPLIT)


def is_lazy(value: Any) -> bool:
    """Whether a value is a Dask array; Dask is not imported for it."""
    return type(value).__module__.partition(".")[0] == "dask" and hasattr(value, "chunks")


def lazy_of(document: Mapping[str, Any], *, needs_delta: bool = True, arithmetic: str = "auto", **options: Any) -> Lazy:
    """The gradients of a case whose arrays are Dask's; shapes and settings are checked at once, numbers part by part.

    Raises RequestError as `make_case` does, and for arrays that cannot be cut along samples.
    """
    if arithmetic == "exact":
        raise RequestError(Problem("Dask arrays are computed in float64 or float32", "leave out arithmetic: exact"))
    arithmetic = "float64" if arithmetic == "auto" else arithmetic
    kind = DTYPES.get(arithmetic, DTYPES["float64"])
    _refuse_unknown(document)
    _refuse_cells(document)
    delta = document.get("delta")
    ones = isinstance(delta, str) and delta == "ones"  # a word, which takes no memory until it is written out
    outlined = {
        key: outline(value, kind) if is_lazy(value) else value
        for key, value in document.items() if key != "delta" or not ones
    }  # fmt: skip
    case = make_case(outlined, arithmetic=arithmetic, needs_delta=needs_delta and not ones, **options)
    if not case.layout.batch:
        shape, axes = case.layout.input, case.dims + 2
        message = f"the input has shape {shape}, and no axis of samples to be cut along"
        raise RequestError(Problem(message, f"give it {axes} axes (N, C, …), or compute it first", ("input",)))
    return Lazy(case, document, kind, {"arithmetic": arithmetic, **options})


def _refuse_unknown(document: Mapping[str, Any]) -> None:
    """Lengths that Dask does not know yet."""
    for key, value in document.items():
        if is_lazy(value) and any(length != length for length in value.shape):
            advice = "say it: compute_chunk_sizes() of the array"
            raise RequestError(Problem("the length of an axis is not known before it is computed", advice, (key,)))


def _refuse_cells(document: Mapping[str, Any]) -> None:
    """Cells that cannot be looked at before they are computed, or counted in a part as they are in the whole."""
    if is_lazy(document.get(INDICES)):
        message = "indices say what goes where, and so are looked at before anything is computed"
        raise RequestError(Problem(message, "give them as an array in memory: indices.compute()", (INDICES,)))
    if INDICES in document and str(document.get("counted", PLANE)) not in (PLANE, LAST):
        message = "cells are counted over the whole batch, which is cut along its samples"
        raise RequestError(Problem(message, f"count them in each plane: `counted: {PLANE}`", ("counted",)))


def _is_array(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def _lone(array: Any) -> Any:
    """A whole array as one thing to be computed or sent, once for all parts."""
    import dask

    return dask.delayed(array.rechunk(-1).to_delayed().item() if is_lazy(array) else array)


def _gradients_of(rest: Any, blocks: Any, known: Any, place: tuple[int, int], options: Any) -> dict[str, Array | None]:
    """dX of some samples, and what they add to dW and db."""
    found = Gradients(_case(rest, blocks, known, place, options, needs_delta=True))
    return {"dX": found.dX, "dW": found.dW, "db": found.db}


def _output_of(rest: Any, blocks: Any, known: Any, place: tuple[int, int], options: Any) -> dict[str, Array]:
    return {"output": Forward(_case(rest, blocks, known, place, options, needs_delta=False)).output}


def _case(rest: Any, blocks: Any, known: Any, place: tuple[int, int], options: Any, *, needs_delta: bool) -> Case:
    """The case of some samples; `place` is the number of their first, and the axis of samples."""
    try:
        return make_case({**rest, **known, **blocks}, needs_delta=needs_delta, **options)
    except RequestError as error:
        raise RequestError(moved(problem, *place) for problem in error.problems) from None
