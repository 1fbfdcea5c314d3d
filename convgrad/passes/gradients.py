"""Case -> output, gradients and overlays, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.record import Record
from convgrad.operations.cells import numbered
from convgrad.passes.overlays import Overlays, PresentedOverlays
from convgrad.subject.case import HAND_SIZED, Case, arrays_of, as_case, as_document, products_of
from convgrad.subject.layout import GRADIENTS
from convgrad.subject.samples import is_kept, of_samples
from convgrad.vocabulary import INDICES

UNSAID = {"padding_mode": "zeros", "return_indices": False, "counted": "plane"}
"""Settings that are not told where they are so."""
BRIEF = 12
"""Entries of an array that a `repr` shows."""


@dataclass(frozen=True)
class Forward(Record):
    """The output of a case: `.output`, in the rank and kind its user asked for."""

    case: Case

    def __repr__(self) -> str:
        return _repr(self, "output", made="y")

    @cached_property
    def y(self) -> Array:
        """(N,O,*P), in the kind it was computed in; of arrays that stay as they came some samples after others."""
        if is_kept(self.case):
            return of_samples(self.case, lambda part: Forward(part).y)
        return self.case.operation.forward(*self.case.arrays, **self.case.arguments)

    @property
    def output(self) -> Array:
        return self.case.present("y", self.y)

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        return {"schema": "convgrad.forward/1", **head(self.case), "output": self.output, **self.asked_indices}

    @cached_property
    def winning(self) -> Array | None:
        """Of a max pool the number of the cell of its plane that wins in every window, (N,C,*P); None of another."""
        find = self.case.operation.indices
        return None if find is None else find(*self.case.arrays, **self.case.arguments)

    @property
    def indices(self) -> Array | None:
        """The same in the rank of the output, counted as was asked for."""
        return None if self.counted is None else self.case.layout.restored("y", self.counted)

    @property
    def counted(self) -> Array | None:
        """The numbers of the winning cells, counted as was asked for, (N,C,*P)."""
        case, winning = self.case, self.winning
        return None if winning is None else numbered(winning, case.shapes["x"][2:], case.settings["counted"])

    @property
    def asked_indices(self) -> dict[str, Array]:
        """The indices by their name, where they were asked for."""
        indices = self.indices if self.case.settings.get("return_indices") else None
        return {} if indices is None else {INDICES: indices}


@dataclass(frozen=True)
class Gradients(Forward):
    """The gradients of a case: `.dX`, and of a convolution `.dW` and `.db`; `.output` and `.overlays` on demand."""

    def __repr__(self) -> str:
        return _repr(self, "dW", "db", "dX", made="by_operand")

    @cached_property
    def by_operand(self) -> dict[str, Array]:
        """dx (N,C,*L), dw (O,C/g,*K), db (O,), in the kind they were computed in."""
        case = self.case
        if is_kept(case):
            return _added_up(case)
        return case.operation.backward(case.delta, *case.arrays, **case.arguments)

    @property
    def by_array(self) -> dict[str, Array]:
        """dW, db and dX as far as there are, and output, in full shape, in the kind they were computed in."""
        arrays = {array: self.by_operand[name] for array, name in GRADIENTS.items() if name in self.by_operand}
        return arrays | {"output": self.y}

    @property
    def dX(self) -> Array:
        return self.case.present("x", self.by_operand["x"])

    @property
    def dW(self) -> Array | None:
        return self.case.present("w", self.by_operand["w"]) if "w" in self.by_operand else None

    @property
    def db(self) -> Array | None:
        return self.case.present("b", self.by_operand["b"]) if "b" in self.by_operand else None

    @property
    def overlays(self) -> PresentedOverlays:
        """Every overlay with its arrays in the ranks that came in, each made when it is asked for."""
        return PresentedOverlays(self.case)

    @property
    def full_overlays(self) -> Overlays:
        """The same in full shapes, in the kind that they are computed in."""
        return Overlays(self.case)

    def streamed(self, overlays: str | int | None = None) -> dict[str, Any]:
        """What the JSON says; of overlays ("all", "none" or how many) there is an iterator, so that they stream."""
        named = {"dW": self.dW, "db": self.db, "dX": self.dX}
        result = {"schema": "convgrad.backward/1", **head(self.case), "output": self.output, **self.asked_indices}
        result |= {name: array for name, array in named.items() if array is not None}
        if overlays not in (None, "none"):
            shown = islice(self.overlays, None if overlays == "all" else int(overlays or 0))
            result["overlays"] = (overlay.streamed() for overlay in shown)
        return result


def _added_up(case: Case) -> dict[str, Array]:
    """The gradients by operand, some samples after others: those of kernel and bias are sums over samples."""
    sums: dict[str, Array] = {}

    def dx(part: Case) -> Array:
        made = Gradients(part).by_operand
        sums.update({name: sums.get(name, 0) + array for name, array in made.items() if name != "x"})
        return made["x"]

    whole = of_samples(case, dx)
    return {"x": whole, **sums}


def forward(case: Any = None, input: Any = None, **keywords: Any) -> Forward:
    """The output of a case: a mapping as in a case document, or a Case; keywords win over it, or make it alone.

    In its place there may be a layer of another library, such as a module of PyTorch, with its input next. Of Dask
    arrays the result is a Dask array, too.
    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    made: Forward = _made(Forward, case, keywords | arrays_of(input))
    return made


def backward(case: Any = None, input: Any = None, delta: Any = None, **keywords: Any) -> Gradients:
    """The gradients of a case: a mapping as in a case document, or a Case; keywords win over it, or make it alone.

    In its place there may be a layer of another library, such as a module of PyTorch, with input and delta next. Of
    Dask arrays the gradients are Dask arrays, too.
    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    made: Gradients = _made(Gradients, case, keywords | arrays_of(input, delta))
    return made


def _made(kind: type[Forward], case: Any, keywords: dict[str, Any]) -> Any:
    """The record of a case; of Dask arrays one that is as lazy as they are."""
    needs_delta = kind is not Forward
    values = [*keywords.values(), *(case.values() if isinstance(case, Mapping) else ())]
    if any(type(value).__module__.partition(".")[0] == "dask" for value in values):
        from convgrad.passes.lazy import lazy_of

        options = {name: keywords.pop(name) for name in ("arithmetic", "nonfinite") if name in keywords}
        return lazy_of(as_document(case, keywords), needs_delta=needs_delta, **options)
    return kind(as_case(case, needs_delta=needs_delta, **keywords))


def _repr(record: Forward, *names: str, made: str) -> str:
    """A record in one line: its arrays, where they are there already or soon made."""
    case = record.case
    told = [case.operation.name]
    if made in vars(record) or products_of(case) <= HAND_SIZED:
        arrays = {name: getattr(record, name) for name in names}
        told += [f"{name}={_brief(array)}" for name, array in arrays.items() if array is not None]
    return f"{type(record).__name__}({', '.join(told)})"


def _brief(array: Any) -> str:
    """An array in one line, or of a large one, which has no such line, the shape."""
    array = np.asarray(array)
    if array.ndim > 1 and array.size > BRIEF:
        return f"array of shape {array.shape}"
    if array.ndim == 0:
        return _short(array.item())
    text = np.array2string(array, threshold=BRIEF, edgeitems=2, separator=", ", formatter={"all": _short})
    return " ".join(text.split())


def _short(value: Any) -> str:
    return str(value) if isinstance(value, Fraction) else f"{value:.6g}"


def head(case: Case) -> dict[str, Any]:
    """What every output says of its case first."""
    settings = {name: value for name, value in case.settings.items() if value is not None}
    for name, default in UNSAID.items():
        if settings.get(name) == default:
            del settings[name]
    return {"id": case.id, "op": case.operation.name, "arithmetic": case.arithmetic, "settings": settings}
