"""Case -> output, gradients and overlays, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from convgrad.case import Case, as_case
from convgrad.core.arithmetic import Array, nearest
from convgrad.operations import Overlay


@dataclass(frozen=True)
class Forward:
    """The output of a case: `.output`, in the rank and kind its user asked for."""

    case: Case

    @cached_property
    def y(self) -> Array:
        """(N,O,*P), in the kind it was computed in."""
        return self.case.operation.forward(*self.case.arrays, **self.case.arguments)

    @property
    def output(self) -> Array:
        return self.case.present("y", self.y)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        return {"schema": "convgrad.forward/1", **_head(self.case), "output": self.output}


@dataclass(frozen=True)
class Gradients(Forward):
    """The gradients of a case: `.dX`, and of a convolution `.dW` and `.db`; `.output` and `.overlays` on demand."""

    @cached_property
    def by_operand(self) -> dict[str, Array]:
        """dx (N,C,*L), dw (O,C/g,*K), db (O,), in the kind they were computed in."""
        case = self.case
        return case.operation.backward(case.delta, *case.arrays, **case.arguments)

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
    def overlays(self) -> Overlays:
        return Overlays(self.case)

    def to_dict(self, overlays: str | int | None = None) -> dict[str, Any]:
        """What the JSON says; of overlays ("all", "none" or how many) there is an iterator, so that they stream."""
        named = {"dW": self.dW, "db": self.db, "dX": self.dX}
        result = {"schema": "convgrad.backward/1", **_head(self.case), "output": self.output}
        result |= {name: array for name, array in named.items() if array is not None}
        if overlays not in (None, "none"):
            shown = islice(self.overlays, None if overlays == "all" else int(overlays or 0))
            result["overlays"] = (overlay_dict(self.case, overlay) for overlay in shown)
        return result


class Overlays:
    """Every placement of the window of a case, in row-major order, sample by sample; each made when asked for."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.shape = (case.shapes["x"][0], *case.positions)

    def __len__(self) -> int:
        return prod(self.shape)

    def __iter__(self) -> Iterator[Overlay]:
        for sample, *position in np.ndindex(self.shape):
            yield self.at(sample, tuple(position))

    def __getitem__(self, number: int) -> Overlay:
        sample, *position = (int(i) for i in np.unravel_index(number, self.shape))
        return self.at(sample, tuple(position))

    def at(self, sample: int, position: tuple[int, ...]) -> Overlay:
        """The overlay of a sample at a position."""
        case = self.case
        return case.operation.overlay(case.delta, *case.arrays, sample=sample, position=position, **case.arguments)


def overlay_dict(case: Case, overlay: Overlay) -> dict[str, Any]:
    """What the JSON says of an overlay: its arrays in the rank of their operands."""
    inside, outside = case.layout.channels_in, case.layout.channels_out
    over_input = overlay.x is None
    shown = {
        "window": _peeled(overlay.window, inside if over_input else outside),
        "delta": _peeled(overlay.delta, outside),
        "x": _peeled(overlay.x, inside),
        "dW": None if overlay.dw is None else case.layout.restored("w", overlay.dw),
        "db": _peeled(overlay.db, outside),
        "dX": _peeled(overlay.dx, inside),
    }
    head = {"sample": overlay.sample, "position": overlay.position, "cells": overlay.cells}
    arrays = {name: _rounded(case, array) for name, array in shown.items() if array is not None}
    return head | arrays | _selection(case, overlay)


def _peeled(array: Array | None, channels: bool) -> Array | None:
    return array if array is None or channels else array.reshape(array.shape[1:])


def _rounded(case: Case, array: Array) -> Array:
    """As `Case.present`, but the cells of a max pool's padding, which are None, stay so."""
    if not case.rounded:
        return array
    flat = [value if value is None else nearest(value) for value in array.flat]
    return np.array(flat, object if None in flat else float).reshape(array.shape)


def _selection(case: Case, overlay: Overlay) -> dict[str, Any]:
    """A pool's winner, a cell a channel, or several where a tie is shared; or its divisor."""
    if overlay.winners is not None:
        shared = case.settings["ties"] in ("split", "all")
        cells = [winners if shared else winners[0] for winners in overlay.winners]
        return {"winner": cells if case.layout.channels_in else cells[0]}
    return {} if overlay.divisor is None else {"divisor": overlay.divisor}


def forward(case: Mapping[str, Any] | Case, **keywords: Any) -> Forward:
    """The output of a case: a mapping as in a case document, or a Case; keywords win over it.

    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    return Forward(as_case(case, needs_delta=False, **keywords))


def backward(case: Mapping[str, Any] | Case, **keywords: Any) -> Gradients:
    """The gradients of a case: a mapping as in a case document, or a Case; keywords win over it.

    `arithmetic` is "auto", "exact", "float64" or "float32". Raises RequestError for a wrong request.
    """
    return Gradients(as_case(case, **keywords))


def _head(case: Case) -> dict[str, Any]:
    settings = {name: value for name, value in case.settings.items() if value is not None}
    if settings.get("padding_mode") == "zeros":
        del settings["padding_mode"]
    return {"id": case.id, "op": case.operation.name, "arithmetic": case.arithmetic, "settings": settings}
