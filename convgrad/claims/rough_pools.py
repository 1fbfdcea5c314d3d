"""Pools of numbers known to so many digits: where it hangs on them which cell is the largest, the whole delta does."""

from __future__ import annotations

import numpy as np

from convgrad.claims.known_roughly import UNKNOWN, Rough, Roughs, floats, made_from, opened_by
from convgrad.core.arithmetic import Array
from convgrad.core.unfold import ALL, add_at
from convgrad.operations.lp_pool import slope
from convgrad.subject.case import Case


def output_of_mean(case: Case, operands: Roughs, sure: float) -> Rough:
    x = operands["x"]
    size, off = (abs(case.operation.forward(part, **case.arguments)) for part in (x.size, x.off))
    return made_from(operands, size, off)


def gradients_of_mean(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Each cell's share does not hang on what it is."""
    size, off = (abs(case.operation.backward(part, operands["x"].size, **case.arguments)["x"])
                 for part in (delta.size, delta.off))  # fmt: skip
    return {"x": made_from({"delta": delta}, size, off)}


def output_of_largest(case: Case, operands: Roughs, sure: float) -> Rough:
    """A maximum, or a norm, moves by no more than that of what its cells do."""
    size = abs(floats(case.operation.forward(case.operands["x"], **case.arguments)))
    return made_from(operands, size, case.operation.forward(operands["x"].off, **case.arguments))


def gradients_of_maximum(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The winner's delta; where another cell may be the winner, each of them may have all of it, or nothing."""
    x, window, off = floats(case.operands["x"]), case.arguments["window"], operands["x"].off
    size, moved = (abs(case.operation.backward(part, x, **case.arguments)["x"]) for part in (delta.size, delta.off))
    low, high = x - off, x + off
    least = case.operation.forward(low, **case.arguments)
    count, widest, taps = np.zeros(least.shape, int), np.zeros(least.shape), list(window.taps(x.shape[2:]))
    for _, positions, cells in taps:
        at = (*ALL, *positions)
        may = high[(*ALL, *cells)] >= least[at]
        count[at] += may
        widest[at] = np.maximum(widest[at], off[(*ALL, *cells)] * may)
    unsure = (count > 1) & (widest > 0)
    for _, positions, cells in taps:
        at = (*ALL, *positions)
        may = (high[(*ALL, *cells)] >= least[at]) & unsure[at]
        add_at(moved, cells, np.where(may, (delta.size + delta.off)[at], 0.0))
    opened = opened_by(unsure, "which cell is the largest under {} of {} windows")
    return {"x": made_from({"delta": delta, **(operands if opened else {})}, size, moved, opened)}


def output_of_norm(case: Case, operands: Roughs, sure: float) -> Rough:
    """Signed powers that cancel move a root by more: between what it is of the least and the largest x."""
    y = floats(case.operation.forward(case.operands["x"], **case.arguments))
    if case.settings["norm"] == 1 or not case.arguments.get("signed", False):
        return output_of_largest(case, operands, sure)
    x, off = floats(case.operands["x"]), operands["x"].off
    low, high = (case.operation.forward(x + sign * off, **case.arguments) for sign in (-1, 1))
    return made_from(operands, np.nan_to_num(y), np.maximum(high - y, np.nan_to_num(y - low, nan=UNKNOWN)))


def _signed_slopes(y: Array, wide: Array, x: Array, off: Array, p: float) -> tuple[Array, Array]:
    """Of a cell of a signed norm (x/y)^(p-1), and how far from another: of a sum 0 or 1 where that may be 0."""
    middle, reaches = slope(abs(x), y, p, True), (y <= wide) & (wide > 0)
    if p == 1:
        return middle, np.where(reaches, 1.0, 0.0)
    most = np.where(reaches, UNKNOWN, slope(abs(x) + off, np.maximum(y - wide, 0), p, True))
    least = slope(np.maximum(abs(x) - off, 0), y + wide, p, True)
    return np.nan_to_num(middle), np.nan_to_num(np.maximum(most - middle, middle - least))


def _gradients_of_signed_norm(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Of each cell the slope, between what it is for the least and the largest x and y."""
    x, window, p = floats(case.operands["x"]), case.arguments["window"], float(case.arguments["norm"])
    y = abs(floats(case.operation.forward(case.operands["x"], **case.arguments)))
    wide, size, moved = output_of_norm(case, operands, sure).off, np.zeros(x.shape), np.zeros(x.shape)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, cell = (*ALL, *positions), (*ALL, *cells)
        middle, change = _signed_slopes(y[at], wide[at], x[cell], operands["x"].off[cell], p)
        add_at(size, cells, delta.size[at] * middle)
        add_at(moved, cells, delta.size[at] * change + delta.off[at] * (middle + change))
    return {"x": made_from({"delta": delta, **operands}, size, moved)}


def gradients_of_norm(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Of each cell the slope, sign(x) (|x|/y)^(p-1), between what it is for the least and the largest |x| and y."""
    if case.arguments.get("signed", False):
        return _gradients_of_signed_norm(case, delta, operands, sure)
    x, window, p = floats(case.operands["x"]), case.arguments["window"], float(case.arguments["norm"])
    off, y = operands["x"].off, floats(case.operation.forward(case.operands["x"], **case.arguments))
    wide = case.operation.forward(off, **case.arguments)
    size, moved = np.zeros(x.shape), np.zeros(x.shape)
    for _, positions, cells in window.taps(x.shape[2:]):
        at, cell = (*ALL, *positions), (*ALL, *cells)
        middle = abs(slope(x[cell], y[at], p))
        most = np.minimum(1.0, slope(abs(x[cell]) + off[cell], np.maximum(y[at] - wide[at], 0), p))
        most = np.where((y[at] <= wide[at]) & (off[cell] > 0), 1.0, most)
        least = slope(np.maximum(abs(x[cell]) - off[cell], 0), y[at] + wide[at], p)
        turns = (abs(x[cell]) <= off[cell]) & (off[cell] > 0)
        change = np.maximum(most - middle, np.where(turns, most + middle, middle - least))
        add_at(size, cells, delta.size[at] * middle)
        add_at(moved, cells, delta.size[at] * change + delta.off[at] * (middle + change))
    return {"x": made_from({"delta": delta, **operands}, size, moved)}
