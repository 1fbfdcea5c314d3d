"""A maximum looked for cell by cell, with a slip in the loop: the cell of every window that is taken then; families."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convgrad.catalogue.mistake import Variants
from convgrad.catalogue.pooling import Pool, nothing_like
from convgrad.core.arithmetic import Array
from convgrad.core.unfold import ALL
from convgrad.vocabulary import MAXIMUM

MOST_SCANNED = 200_000
"""Cells under all windows up to which they are looked through one after another."""
OUTSIDE = -1
"""What stands for a cell outside the input: less than the rank of any other."""


def scanned(c: Any) -> Variants:
    """The winner of a loop that stops early, does not keep the best, or compares with another cell."""
    if not isinstance(c, Pool) or c.family != MAXIMUM or c.array != "dX" or not c.delta.size:
        return {}
    if c.delta.size * prod(c.window().size) > MOST_SCANNED:
        return {}
    return {name: c.but(regroup=partial(given_to_taken, c=c, rule=rule)) for name, rule in RULES.items()}


def given_to_taken(given: Array, c: Pool, rule: Rule) -> Array:
    """Delta to the cells that are taken: n c k p."""
    size, ranks = c.window().size, ranks_of(c)
    taken = rule(ranks, size[-1])
    wins = (np.arange(len(ranks)).reshape(-1, *(1,) * taken.ndim) == taken) & (ranks != OUTSIDE)
    laid = np.where(wins, c.delta, nothing_like(c.delta))
    return np.moveaxis(laid, 0, 2).reshape(*c.delta.shape[:2], *size, *c.delta.shape[2:])


def ranks_of(c: Pool) -> Array:
    """The place of every cell in the order of all by size: (taps, N,C,*P)."""
    window, order = c.window(), np.unique(c.x if c.scores is None else c.scores, return_inverse=True)[1]
    ranks, x = np.full((prod(window.size), *c.delta.shape), OUTSIDE), order.reshape(c.x.shape)
    for row, (_, positions, cells) in zip(ranks, window.taps(c.lengths), strict=True):
        row[(*ALL, *positions)] = x[(*ALL, *cells)]
    return ranks


# -- Loops -------------------------------------------------------------------------------------------------------------

Rule = Callable[[Array, int], Array]
"""Which tap is taken of cells by rank, (taps, N,C,*P) -> (N,C,*P), where so many taps are a row."""


def _first(ranks: Array) -> Array:
    return np.asarray((ranks != OUTSIDE).argmax(axis=0))


def _last_where(condition: Array, otherwise: Array) -> Array:
    last = len(condition) - 1 - condition[::-1].argmax(axis=0)
    return np.where(condition.any(axis=0), last, otherwise)


def _larger_than_first(ranks: Array) -> Array:
    first = np.take_along_axis(ranks, _first(ranks)[None], axis=0)
    return np.asarray(ranks > first)


def _first_larger(ranks: Array, row: int) -> Array:
    larger = _larger_than_first(ranks)
    return np.where(larger.any(axis=0), larger.argmax(axis=0), _first(ranks))


def _larger_than_before(ranks: Array, row: int) -> Array:
    """The last that is larger than the cell before it."""
    before, rises = np.full(ranks.shape[1:], OUTSIDE), np.zeros(ranks.shape, bool)
    for rise, cell in zip(rises, ranks, strict=True):
        rise[...] = (cell > before) & (before != OUTSIDE)
        before = np.where(cell == OUTSIDE, before, cell)
    return _last_where(rises, _first(ranks))


def _of_each_row_the_first(ranks: Array, row: int) -> Array:
    """A row of taps is left with the first cell that is larger than all before it."""
    best, taken = np.full(ranks.shape[1:], OUTSIDE), np.zeros(ranks.shape[1:], int)
    for start in range(0, len(ranks), row):
        better = ranks[start : start + row] > best
        first = better.argmax(axis=0)
        cell = np.take_along_axis(ranks[start : start + row], first[None], axis=0)[0]
        best, taken = (np.where(better.any(axis=0), *pair) for pair in ((cell, best), (start + first, taken)))
    return taken


def _of_row(ranks: Array, row: int, *, last: bool) -> Array:
    """The largest of the first or the last row of taps that has any cell."""
    rows = np.arange(len(ranks)) // row
    held = rows[_last_where(ranks != OUTSIDE, _first(ranks)) if last else _first(ranks)]
    within = rows.reshape(-1, *(1,) * held.ndim) == held
    return np.asarray(np.where(within, ranks, OUTSIDE - 1).argmax(axis=0))


RULES: dict[str, Rule] = {
    "of each row of the window the first that is larger than all before": _of_each_row_the_first,
    "the first that is larger than the window's first": _first_larger,
    "the last that is larger than the window's first": lambda ranks, _: _last_where(
        _larger_than_first(ranks), _first(ranks)
    ),
    "the last that is larger than the one before it": _larger_than_before,
    "the window's first": lambda ranks, _: _first(ranks),
    "the window's last": lambda ranks, _: _last_where(ranks != OUTSIDE, _first(ranks)),
    "of the window's first row": partial(_of_row, last=False),
    "of the window's last row": partial(_of_row, last=True),
}
