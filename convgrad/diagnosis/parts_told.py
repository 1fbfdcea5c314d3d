"""How often parts of a sum count, in words: which samples, rows, channels or taps are missing, or doubled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.diagnosis.along import Way

PAIR = 2
"""Positions of which one is the only one, and the other the only one that is missing."""
LISTED = 4
"""Parts that are listed one by one."""
AXES = {1: ("position",), 2: ("row", "column"), 3: ("plane", "row", "column")}
"""What the positions along the spatial axes are called."""
TIMES: dict[Any, tuple[str, str]] = {
    0: ("is missing", "are missing"), 2: ("counts twice", "count twice"), -1: ("is subtracted", "are subtracted"),
}  # fmt: skip
FIXES = {
    "positions": "let every position count once: `+=`, not `=`, and a loop that ends with the last",
    "sample": "add over all samples: `+=`, not `=`, and no return inside the loop over the batch",
    "channel": "let the loop over channels run over all of them: range(C), and add: `+=`, not `=`",
    "taps": "let the loop over taps run over all of them",
    "cells": "write every row and column of the result",
    "phase": "write every cell, those between the stride's steps too",
}


class Told(NamedTuple):
    """What parts that count otherwise are called: the mistake, what happened, what to do, and the parts for JSON.

    `also` are mistakes that say the same of so few parts.
    """

    id: str
    what: str
    fix: str
    parts: list[dict[str, Any]]
    also: tuple[str, ...] = ()


def told(way: Way, weights: Array, dims: int) -> Told:
    """The weights of the parts along a way, in words."""
    name = _name(way, weights)
    fix = FIXES[next(key for key in FIXES if key in way.kind)]
    also = ("rows-missing",) if name == "one-overlay-only" and weights.size == PAIR else ()
    return Told(name, _what(way, weights, dims), fix, _parts(way, weights), also)


def _parts(way: Way, weights: Array) -> list[dict[str, Any]]:
    """The parts by their weight; those that have the commonest are the rest."""
    flat = weights.ravel().tolist()
    common = max(sorted(set(flat)), key=flat.count)
    listed = [
        {"along": way.kind, "weight": float(value), "at": [list(map(int, at)) for at in np.argwhere(weights == value)]}
        for value in sorted(set(flat) - {common})
    ]
    return [*listed, {"along": way.kind, "weight": float(common), "rest": True}]


def _values(weights: Array) -> list[Fraction]:
    return sorted({weight for weight in weights.ravel().tolist() if weight != 1})


# -- The name ----------------------------------------------------------------------------------------------------------


def _name(way: Way, weights: Array) -> str:
    values = _values(weights)
    if values != [0]:
        return "counted-twice" if values == [2] else "parts-negated" if values == [-1] else "parts-scaled"
    kept = np.argwhere(weights == 1)
    if way.kind in ("sample",):
        return "sample-missing" if len(kept) == 1 else "samples-missing"
    if way.kind.endswith("channel"):
        return "channel-missing" if len(kept) == 1 and kept[0, 0] == len(weights) - 1 else "channels-missing"
    if "positions" in way.kind:
        return _of_positions(way, weights, kept)
    if way.kind.startswith("phase"):
        return "phase-missing"
    return "taps-missing" if "taps" in way.kind else "rows-missing"


def _of_positions(way: Way, weights: Array, kept: Array) -> str:
    """One overlay alone; all but the last row, column or position; or some rows."""
    spatial = [axis for axis, length in enumerate(weights.shape) if length > 1 and way.axes[axis] > 1]
    at_end = len(kept) > 0 and all({*kept[:, axis].tolist()} <= {0, weights.shape[axis] - 1} for axis in spatial)
    each = weights if way.axes[0] == 0 else weights[None]
    alone = all((part == 1).sum() <= 1 for part in each) or len(kept) == 1
    if alone and at_end and (len(way.axes) > 1 or weights.ndim == 1):
        return "one-overlay-only"
    missing = np.argwhere(weights == 0)
    if len(missing) == 1 and (missing[0] == np.array(weights.shape) - 1).all():
        return "overlay-missing"
    return "rows-missing"


# -- The words ---------------------------------------------------------------------------------------------------------


def _what(way: Way, weights: Array, dims: int) -> str:
    values, kept = _values(weights), np.argwhere(weights == 1)
    missing = np.argwhere(weights == 0)
    if values == [0] and 0 < len(kept) <= len(missing):
        one = len(kept) == 1 and not way.step
        return f"only {_called(way, kept, weights.shape, dims)} count{'s' if one else ''}"
    return ", and ".join(_clause(way, weights, value, dims) for value in values)


def _clause(way: Way, weights: Array, value: Fraction, dims: int) -> str:
    at = np.argwhere(weights == value)
    has = ("has factor {}", "have factor {}")
    verb = TIMES.get(value, has)[len(at) > 1 or way.step > 0].format(_number(value))
    return f"{_called(way, at, weights.shape, dims)} {verb}"


def _number(value: Fraction) -> str:
    small = value.denominator <= 100 and 10**6 % value.denominator
    return f"{value.numerator}/{value.denominator}" if small else f"{float(value):.6g}"


def _called(way: Way, at: Array, lengths: Sequence[int], dims: int) -> str:
    """Parts by name: samples 3 and 7, row 2 of positions, rows 10 to 16 of positions of sample 4, position (2,1)."""
    kinds = _kinds(way, dims)
    if way.step:
        return f"cells with {_listed([_remainders(kinds, row, way.step) for row in at.tolist()], ' or ')}"
    if len(kinds) == 1:
        return _along(kinds[0], at[:, 0].tolist())
    each = [sorted(set(at[:, axis].tolist())) for axis in range(at.shape[1])]
    if len(at) == np.prod([len(one) for one in each]) and not _is_place(kinds, each):
        full = [len(one) == length for one, length in zip(each, lengths, strict=True)]
        named = [_along(kind, one) for kind, one, all_of in zip(kinds, each, full, strict=True) if not all_of]
        return " of ".join(reversed(named)) if named else "everything"
    return _places(kinds, at)


def _is_place(kinds: Sequence[str], each: Sequence[Sequence[int]]) -> bool:
    """Whether it is one position, tap or cell."""
    spatial = [one for kind, one in zip(kinds, each, strict=True) if " of " in kind]
    return len(spatial) > 1 and all(len(one) == 1 for one in spatial)


def _places(kinds: Sequence[str], at: Array) -> str:
    """Several indices of each part: position (2,1) of sample 0."""
    spatial = [axis for axis, kind in enumerate(kinds) if " of " in kind]
    whole = len(spatial) > 1
    noun = kinds[spatial[0]].split(" of ")[1][:-1] if whole else "part"
    axes = spatial if whole else range(len(kinds))
    rest = [axis for axis in range(len(kinds)) if axis not in axes]
    names = [
        f"({','.join(str(row[axis]) for axis in axes)})" + "".join(f" of {kinds[axis]} {row[axis]}" for axis in rest)
        for row in at.tolist()
    ]
    of = "" if whole else f" ({', '.join(kinds)})"
    return f"{noun}{'s' if len(names) > 1 else ''}{of} {_listed(names)}"


def _kinds(way: Way, dims: int) -> list[str]:
    """What each axis of a way counts."""
    names = AXES.get(dims, tuple(f"axis-{axis} place" for axis in range(dims)))
    return [_kind(way, axis, names) for axis in way.axes]


def _kind(way: Way, axis: int, names: Sequence[str]) -> str:
    if axis > 1:
        spatial = names[axis - 2]
        if "taps" in way.kind:
            return "tap" if len(names) == 1 else f"{spatial} of taps"
        if way.operand == "result" and ("cells" in way.kind or way.step):
            return "cell" if len(names) == 1 else f"{spatial} of cells"
        return "position" if len(names) == 1 else f"{spatial} of positions"
    if way.kind.startswith("sample") and axis == 0:
        return "sample"
    return next((kind for kind in ("output channel", "input channel") if kind in way.kind), "channel")


def _remainders(kinds: Sequence[str], at: Sequence[int], step: int) -> str:
    """an even row and an odd column; row % 3 = 1"""
    nouns = [kind.split(" of ")[0] for kind in kinds]
    if step == 2:
        return " and ".join(f"an {('even', 'odd')[i]} {noun}" for noun, i in zip(nouns, at, strict=True))
    return " and ".join(f"{noun} % {step} = {i}" for noun, i in zip(nouns, at, strict=True))


def _along(kind: str, places: list[int]) -> str:
    """row 2 of positions; samples 3 and 7; rows 10 to 16 of positions."""
    noun, _, rest = kind.partition(" of ")
    plural = noun + ("s" if len(places) > 1 else "")
    return f"{plural} {_listed(list(_runs(places)))}" + (f" of {rest}" if rest else "")


def _runs(places: list[int]) -> Iterator[str]:
    """Neighbours as a run: 10 to 16."""
    while places:
        length = next((n for n in range(1, len(places)) if places[n] != places[0] + n), len(places))
        if length > 2:
            yield f"{places[0]} to {places[length - 1]}"
        else:
            yield from map(str, places[:length])
        places = places[length:]


def _listed(names: Sequence[str], last: str = " and ") -> str:
    if len(names) > LISTED + 1:
        return f"{', '.join(names[:LISTED])} and {len(names) - LISTED} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}{last}{names[-1]}"
