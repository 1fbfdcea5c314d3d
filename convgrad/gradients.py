"""Case -> output, gradients and overlays, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from convgrad.case import Case, as_case
from convgrad.core.arithmetic import Array
from convgrad.overlays import Overlays, PresentedOverlays


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
    def overlays(self) -> PresentedOverlays:
        """Every overlay with its arrays in the ranks that came in, each made when it is asked for."""
        return PresentedOverlays(self.case)

    @property
    def full_overlays(self) -> Overlays:
        """The same in full shapes, in the kind that they are computed in."""
        return Overlays(self.case)

    def to_dict(self, overlays: str | int | None = None) -> dict[str, Any]:
        """What the JSON says; of overlays ("all", "none" or how many) there is an iterator, so that they stream."""
        named = {"dW": self.dW, "db": self.db, "dX": self.dX}
        result = {"schema": "convgrad.backward/1", **_head(self.case), "output": self.output}
        result |= {name: array for name, array in named.items() if array is not None}
        if overlays not in (None, "none"):
            shown = islice(self.overlays, None if overlays == "all" else int(overlays or 0))
            result["overlays"] = (overlay.to_dict() for overlay in shown)
        return result


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
