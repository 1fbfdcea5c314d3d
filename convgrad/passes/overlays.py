"""Every placement of the window of a case: as computed, in full shapes, and as its user gets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array, nearest
from convgrad.core.record import Mapped
from convgrad.operations import Overlay
from convgrad.subject.case import Case


@dataclass(frozen=True, slots=True)
class PresentedOverlay(Mapped):
    """One placement of the window, and what it adds, with arrays in the rank of their operands.

    `cells` is per axis the first cell under it and one past the last, padding counted. `window` is what lies under it
    (C,*K) or (*K); `delta` and `db` are (O,) or a number; `dW` has the kernel's shape, `dX` that of `window`. A max
    pool has its `winner`, per channel a cell of x, or several where a tie is shared; an average pool its `divisor`. In
    a transposed convolution one cell `x` of the input is laid on the output: `window` is delta there.
    """

    sample: int
    position: tuple[int, ...]
    cells: tuple[tuple[int, int], ...]
    window: Array
    delta: Array | None
    x: Array | None
    dW: Array | None
    db: Array | None
    dX: Array
    winner: Any = None
    divisor: Any = None

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if value is not None}


class Overlays:
    """Every overlay of a case, in row-major order, sample by sample; each made when asked for."""

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


class PresentedOverlays:
    """Every overlay of a case as its user gets it, in the same order, and as lazily."""

    def __init__(self, case: Case) -> None:
        self._full = Overlays(case)

    def __len__(self) -> int:
        return len(self._full)

    def __iter__(self) -> Iterator[PresentedOverlay]:
        return (presented(self._full.case, overlay) for overlay in self._full)

    def __getitem__(self, number: int) -> PresentedOverlay:
        return presented(self._full.case, self._full[range(len(self))[number]])


def presented(case: Case, overlay: Overlay) -> PresentedOverlay:
    """An overlay with its arrays in the rank of their operands, and rounded where the case is."""
    inside, outside = case.layout.channels_in, case.layout.channels_out
    shown = {
        "window": _peeled(overlay.window, inside if overlay.x is None else outside),
        "delta": _peeled(overlay.delta, outside),
        "x": _peeled(overlay.x, inside),
        "dW": None if overlay.dw is None else case.layout.restored("w", overlay.dw),
        "db": _peeled(overlay.db, outside),
        "dX": _peeled(overlay.dx, inside),
    }
    shown |= {name: case.layout.laid(shown[name]) for name in ("window", "dX")}
    arrays: dict[str, Any] = {name: None if array is None else _rounded(case, array) for name, array in shown.items()}
    return PresentedOverlay(
        overlay.sample, overlay.position, overlay.cells, **arrays, winner=_winner(case, overlay),
        divisor=overlay.divisor,
    )  # fmt: skip


def _peeled(array: Array | None, channels: bool) -> Array | None:
    return array if array is None or channels else array.reshape(array.shape[1:])


def _rounded(case: Case, array: Array) -> Array:
    """As `Case.present`, but the cells of a max pool's padding, which are None, stay so."""
    if not case.rounded:
        return array
    flat = [value if value is None else nearest(value) for value in array.flat]
    return np.array(flat, object if None in flat else float).reshape(array.shape)


def _winner(case: Case, overlay: Overlay) -> Any:
    """A max pool's winner: a cell a channel, or several where a tie is shared."""
    if overlay.winners is None:
        return None
    shared = case.settings.get("ties") in ("split", "all")
    cells = [winners if shared else winners[0] for winners in overlay.winners]
    return cells if case.layout.channels_in else cells[0]
