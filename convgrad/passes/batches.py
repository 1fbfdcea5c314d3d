"""A batch that does not fit memory, as cases with some of its samples each: dX piece by piece, dW and db summed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import DTYPES, Array
from convgrad.core.nested import Numbers
from convgrad.core.record import Record
from convgrad.errors import Problem, RequestError
from convgrad.passes.gradients import Forward, Gradients, head
from convgrad.passes.rows import Cut, Rows, add_up, why_uncut
from convgrad.subject.case import Case, make_case
from convgrad.vocabulary import INDICES

ROOM = 128 << 20
"""Bytes of x, delta and dX together that a part aims at; the parts' copies in another kind come on top."""

BATCHED = ("input", "delta")
"""The keys whose arrays have an axis of samples."""


@dataclass(frozen=True)
class Batch:
    """A case with all its samples, of which only shapes and settings count, and the parts that have the numbers."""

    whole: Case
    parts: Iterator[tuple[slice, Case]]
    """Some samples, and the case of these alone."""
    rows: Rows | None = None
    """How samples are cut, where one alone does not fit."""
    uncut: str = ""
    """Why they are not, where one alone does not fit."""

    @property
    def total(self) -> tuple[int, str]:
        """How many there are of what is done one after another, and what these are."""
        return (self.whole.shapes["x"][0], "samples") if self.rows is None else (self.rows.total, "rows of windows")


@dataclass(frozen=True)
class Saved(Record):
    """What is left to say of a case whose largest array went elsewhere: `name` of `shape`, in `file`; and the sums."""

    case: Case
    name: str
    file: str
    shape: tuple[int, ...]
    dtype: str
    dW: Array | None = None
    db: Array | None = None

    def __repr__(self) -> str:
        return f"Saved({self.name} {self.shape} {self.dtype} in {self.file})"

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        sums = {name: array for name, array in (("dW", self.dW), ("db", self.db)) if array is not None}
        saved = {self.name: {"file": self.file, "shape": list(self.shape), "dtype": self.dtype}}
        return {"schema": "convgrad.saved/1", **head(self.case), **sums, "saved": saved}


def lone(case: Case) -> Batch:
    """A case in one part."""
    return Batch(case, iter([(slice(None), case)]))


def batch_of(
    document: Mapping[str, Any], *, arithmetic: str, nonfinite: bool = False, needs_delta: bool = True,
    cut: Cut = lambda array, first, last: array[first:last], room: int = ROOM,
) -> Batch | None:  # fmt: skip
    """A mapping as of the schema `case` as a batch in parts; None where it fits into `room` bytes.

    Samples that do not fit alone are cut along their first spatial axis. `cut(array, first, last)` gets some entries
    of an array's first axis. Raises RequestError as `make_case` does, for the numbers of a part when it is reached.
    """
    if INDICES in document:  # which a part would have to be cut out of as well
        return None
    if not isinstance(document.get("input"), np.ndarray) or isinstance(document.get("delta"), (list, tuple)):
        return None
    kind = DTYPES.get(arithmetic, DTYPES["float64"])
    given = {key: document[key] for key in BATCHED if isinstance(document.get(key), np.ndarray)}
    outlined = {**document, **{key: outline(array, kind) for key, array in given.items()}}
    if needs_ones := isinstance(document.get("delta"), str):  # a word, which takes no memory until it is written out
        del outlined["delta"]
    whole = make_case(outlined, arithmetic=arithmetic, nonfinite=nonfinite, needs_delta=needs_delta and not needs_ones)
    count, each = whole.shapes["x"][0], kind.itemsize * (2 * prod(whole.shapes["x"][1:]) + prod(whole.output_shape[1:]))
    if not count or each * count <= room:
        return None
    uncut = why_uncut(whole, given) if each > room else ""
    if each > room and not uncut:
        return Batch(whole, iter(()), Rows(whole, given, cut, room, nonfinite))
    samples = max(room // each, 1)
    if count == 1 or whole.layout.data[:1] not in ((), (0,)):
        single = partial(make_case, document, arithmetic=whole.arithmetic, nonfinite=nonfinite, needs_delta=needs_delta)
        return Batch(whole, ((slice(None), make()) for make in (single,)), uncut=uncut) if uncut else None

    def parts() -> Iterator[tuple[slice, Case]]:
        for first in range(0, count, samples):
            last = min(first + samples, count)
            arrays = {key: cut(document[key], first, last) for key in given}
            try:
                case = make_case(
                    {**document, **arrays}, arithmetic=whole.arithmetic, nonfinite=nonfinite, needs_delta=needs_delta
                )
            except RequestError as error:
                raise RequestError(moved(problem, first) for problem in error.problems) from None
            yield slice(first, last), case

    return Batch(whole, parts(), uncut=uncut)


def outline(array: Any, kind: np.dtype[Any]) -> Numbers:
    """An array of that shape, of which nothing has to be read: a single zero stands for every number."""
    return Numbers(np.broadcast_to(np.zeros((), kind), array.shape), array.shape, exact=False)


def moved(problem: Problem, first: int, axis: int = 0) -> Problem:
    """A problem in a part's array, told where it is in the whole one, whose samples are this axis."""
    key, *index = problem.path or ("",)
    if key not in (*BATCHED, INDICES) or len(index) <= axis or not isinstance(at := index[axis], int):
        return problem
    return problem._replace(path=(key, *index[:axis], at + first, *index[axis + 1 :]))


def output_into(batch: Batch, target: Any) -> Iterator[int]:
    """Write y, part by part, to the target, in the rank the case came in; yields how much is done."""
    if batch.rows is not None:
        yield from batch.rows.output_into(target)
    for span, case in batch.parts:
        target[span] = Forward(case).output
        yield _done(span, case)


def gradients_into(batch: Batch, target: Any, sums: dict[str, Array]) -> Iterator[int]:
    """Write dX, part by part, to the target; dw (O,C/g,*K) and db (O,) add up in `sums`, under "w" and "b"."""
    if batch.rows is not None:
        yield from batch.rows.gradients_into(target, sums)
    for span, case in batch.parts:
        found = Gradients(case).by_operand
        target[span] = case.present("x", found["x"])
        add_up(sums, found)
        yield _done(span, case)


def _done(span: slice, case: Case) -> int:
    return span.stop or case.shapes["x"][0]
