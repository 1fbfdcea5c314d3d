"""Max pooling: the largest cell under the window takes delta; padding is never a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import EXACT, Array, zeros
from convgrad.core.planes import by_planes
from convgrad.core.unfold import ALL, add_at, patch, reduced
from convgrad.core.window import Window
from convgrad.operations.geometry import adaptive, pooling, refuse_lonely
from convgrad.operations.operation import Overlay, Shape, at_position
from convgrad.operations.pool import pool
from convgrad.operations.terms import pool_terms


def forward(x: Array, *, window: Window, ties: str) -> Array:
    """(N,C,*L) -> (N,C,*P)."""
    y = zeros((*x.shape[:2], *window.positions(x.shape[2:])), x.dtype)

    def maximum(part: Window, rows: slice, x: Array, y: Array) -> None:
        y[...] = _maxima(x, part)

    by_planes(maximum, window, [x], [y])
    return y


def backward(delta: Array, x: Array, *, window: Window, ties: str) -> dict[str, Array]:
    """(N,C,*P) -> dx (N,C,*L), by the rule for ties; sum dx = sum delta, except under `all`.

    `all` (Theano, dfdx) gives the whole delta to every tied cell, which is not a subgradient.
    """
    return {"x": gradients([delta], x, window=window, ties=ties)[0]}


def gradients(deltas: Sequence[Array], x: Array, *, window: Window, ties: str) -> list[Array]:
    """dx of several deltas over the same x, whose winners are found once."""
    dxs = [zeros(x.shape, delta.dtype) for delta in deltas]

    def give(part: Window, rows: slice, x: Array, *arrays: Array) -> None:
        found = winners(x, part, last=ties == "last")
        for dx, delta in zip(arrays[: len(dxs)], arrays[len(dxs) :], strict=True):
            _give(delta, x, part, ties, dx, *found)

    by_planes(give, window, [x, *dxs], deltas)
    return dxs


def _give(delta: Array, x: Array, window: Window, ties: str, dx: Array, y: Array, winner: Array) -> None:
    """Add delta to the winners: (N,C,*P) onto (N,C,*L)."""
    if ties in ("first", "last"):
        _give_to_one(delta, winner, window, dx)
        return
    share = delta / tied(x, y, winner, window) if ties == "split" else delta
    for number, (_, positions, cells) in enumerate(window.taps(x.shape[2:])):
        at = (*ALL, *positions)
        won = (winner[at] == number) | (x[(*ALL, *cells)] == y[at])
        add_at(dx, cells, np.where(won, share[at], zeros((), delta.dtype)))


def _give_to_one(delta: Array, winner: Array, window: Window, dx: Array) -> None:
    """Add delta to the tap that wins, all planes as one row: a single addition a window, where taps would take many."""
    planes, lengths = prod(dx.shape[:2]), dx.shape[2:]
    cells = _winning_cells(winner, window, lengths).reshape(planes, -1)
    cells += np.arange(planes)[:, None] * prod(lengths)
    won = winner.reshape(planes, -1) >= 0
    # a block is whole planes or a part of one: in either case one piece of memory, so that the row is a view
    add_at(dx.reshape(1, 1, -1), (cells[won],), delta.reshape(planes, -1)[won].reshape(1, 1, -1))


def indices(x: Array, *, window: Window, ties: str) -> Array:
    """Which cell of its plane wins, counted in row-major order: (N,C,*L) -> (N,C,*P); of several one that is first."""
    lengths = x.shape[2:]
    numbers = np.zeros((*x.shape[:2], *window.positions(lengths)), np.int64)
    for n, sample in enumerate(x):  # one by one, for the sake of memory
        _, winner = winners(sample[None], window, last=ties == "last")
        numbers[n] = _winning_cells(winner, window, lengths)[0]
    return numbers


def _winning_cells(winner: Array, window: Window, lengths: Sequence[int]) -> Array:
    """The cell of its plane, counted in row-major order, that the winning tap of each window meets: *P -> *P."""
    steps = [prod(lengths[number:]) for number in range(1, len(lengths) + 1)]
    starts, taps = [], []
    for axis, length, step in zip(window.axes, lengths, steps, strict=True):
        starts.append(step * axis.edges(length)[0])
        taps.append(step * np.arange(axis.size) * axis.under(0).step)
    cells: Array = reduce(np.add.outer, taps).take(winner)
    cells += reduce(np.add.outer, starts)
    return cells


def winners(x: Array, window: Window, *, last: bool) -> tuple[Array, Array]:
    """The maxima and the tap that wins: (N,C,*L) -> y, tap number (N,C,*P).

    -0.0 equals 0.0. A NaN beats every number, and the window's last NaN wins (PyTorch's rule).
    """
    y, taps = _maxima(x, window), list(enumerate(window.taps(x.shape[2:])))
    winner = np.full(y.shape, -1, np.min_scalar_type(-len(taps) - 1))
    for number, (_, positions, cells) in taps if last else reversed(taps):
        at = (*ALL, *positions)
        _set_where(winner, at, x[(*ALL, *cells)] == y[at], number)
    if (y != y).any():
        for number, (_, positions, cells) in taps:
            candidate = x[(*ALL, *cells)]
            _set_where(winner, (*ALL, *positions), candidate != candidate, number)
    y[winner < 0] = zeros((), x.dtype)[()]
    return y, winner


def _set_where(winner: Array, at: Any, won: Array, number: int) -> None:
    """The number where won: in arithmetic, which on small integers is five times as fast as np.where or np.copyto."""
    winner[at] += won * (winner.dtype.type(number) - winner[at])


def _maxima(x: Array, window: Window) -> Array:
    """The largest cell under every window, or NaN where there is one: (N,C,*L) -> (N,C,*P)."""
    return reduced(x, window, np.maximum, x.min() if x.dtype == EXACT else -np.inf)


def tied(x: Array, y: Array, winner: Array, window: Window) -> Array:
    """How many cells share the maximum of each window, as numbers that delta can be divided by."""
    count = np.zeros(y.shape, np.int64)
    for number, (_, positions, cells) in enumerate(window.taps(x.shape[2:])):
        at = (*ALL, *positions)
        count[at] += (x[(*ALL, *cells)] == y[at]) | (winner[at] == number)
    return count.astype(object if x.dtype == object else x.dtype)


def has_ties(x: Array, window: Window) -> bool:
    """Whether any window's maximum is that of several cells: where it is not, every rule for ties gives the same."""
    found: list[bool] = []

    def look(part: Window, rows: slice, x: Array, y: Array) -> None:
        won = (x[(*ALL, *cells)] == y[(*ALL, *positions)] for _, positions, cells in part.taps(x.shape[2:]))
        found.append(bool(sum(map(np.count_nonzero, won)) > np.count_nonzero(y == y)))

    by_planes(look, window, [x], [forward(x, window=window, ties="first")])
    return any(found)


def overlay(delta: Array, x: Array, *, sample: int, position: tuple[int, ...], window: Window, ties: str) -> Overlay:
    """One window: which cells win, and what they are given."""
    under = window.under(position)
    patched = patch(x[sample], under)
    inside = np.ix_(*(_inside(span, length) for span, length in zip(under, x.shape[2:], strict=True)))
    e, dx = at_position(delta, sample, position), zeros(patched.shape, delta.dtype)
    won: list[list[tuple[int, ...]]] = []
    for values, gradient, share in zip(patched, dx, e, strict=True):
        taps = _winning_taps(values[inside], inside, ties)
        for tap in taps:
            gradient[tap] = share / len(taps) if ties == "split" else share
        won.append([tuple(span[t] for span, t in zip(under, tap, strict=True)) for tap in taps])
    return Overlay(sample, position, window.cells(position), _blanked(patched, inside), dx, delta=e, winners=won)


def _blanked(patched: Array, inside: tuple[Any, ...]) -> Array:
    """The window with None for its cells in the padding, which hold no number."""
    outside = np.ones(patched.shape, bool)
    outside[(slice(None), *inside)] = False
    none: Any = None
    return np.where(outside, none, patched) if outside.any() else patched


def _inside(span: range, length: int) -> list[int]:
    return [tap for tap, cell in enumerate(span) if 0 <= cell < length]


def _winning_taps(values: Array, inside: tuple[Any, ...], ties: str) -> list[tuple[int, ...]]:
    """The winning taps of one channel's window, in row-major order."""
    nans = np.argwhere(values != values)
    hits = nans[-1:] if len(nans) else np.argwhere(values == values.max())
    kept = {"first": hits[:1], "last": hits[-1:]}.get(ties, hits)
    return [tuple(int(taps.flat[i]) for taps, i in zip(inside, hit, strict=True)) for hit in kept]


def prepare(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    lengths = shapes["x"][2:]
    window = pooling(settings, lengths)
    refuse_lonely(window, lengths, "padding is never a candidate, so it has no maximum")
    return {"window": window, "ties": settings["ties"]}


def prepare_adaptive(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"window": adaptive(shapes["x"][2:], settings["output_size"]), "ties": settings["ties"]}


def share(laid: Overlay, value: Any, note: str) -> Any:
    """A cell is the output where it wins."""
    return value if note == "wins" else None


OPERATION = pool(
    "max-pool", prepare=prepare, forward=forward, backward=backward, overlay=overlay,
    terms=pool_terms(overlay, share), indices=indices,
)  # fmt: skip
ADAPTIVE = OPERATION._replace(name="adaptive-max-pool", prepare=prepare_adaptive)
