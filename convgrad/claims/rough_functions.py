"""Functions entry by entry, and softmax, of numbers known to so many digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from convgrad.claims.known_roughly import EXCUSE, Rough, Roughs, floats, made_from, opened_by
from convgrad.core.arithmetic import Array
from convgrad.operations.activations import RULES, Rule
from convgrad.operations.operation import known
from convgrad.subject.case import Case


def output_of_bent(case: Case, operands: Roughs, sure: float) -> Rough:
    x = operands["x"]
    steep = np.where(_turns(case, x), _slopes(case).max(), _slope_at(case))
    return made_from(operands, abs(floats(case.operation.forward(case.operands["x"], **case.arguments))), x.off * steep)


def gradients_of_bent(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """Where 0 lies within what x may be, its slope may be the other one."""
    turns, slopes, own = _turns(case, operands["x"]), _slopes(case), _slope_at(case)
    moved = delta.off * np.where(turns, slopes.max(), own) + np.where(turns, delta.size * np.ptp(slopes), 0.0)
    opened = opened_by(turns, "the sign of {} of {} numbers")
    return {"x": made_from({"delta": delta, **(operands if opened else {})}, delta.size * own, moved, opened)}


def _turns(case: Case, x: Rough) -> Array:
    return np.asarray((x.size <= x.off) & (x.off > 0))


def _slopes(case: Case) -> Array:
    """Those on either side of the bend."""
    return abs(floats(_rule(case).slope(np.array([-1.0, 1.0]), **_plain(case))))


def _slope_at(case: Case) -> Array:
    return abs(floats(_rule(case).slope(floats(case.operands["x"]), **_plain(case))))


def _rule(case: Case) -> Rule:
    return known(RULES, case.operation, EXCUSE, by_name=True)


def _plain(case: Case) -> dict[str, Any]:
    return {name: float(value) for name, value in case.arguments.items()}


def output_of_smooth(case: Case, operands: Roughs, sure: float) -> Rough:
    x, bend = operands["x"], float(_rule(case).bend)
    y = floats(case.operation.forward(case.operands["x"], **case.arguments))
    return made_from(operands, abs(y), x.off * (_slope_at(case) + bend * x.off / 2))


def gradients_of_smooth(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """The slope is off by the second derivative times what x is off by."""
    bent, steep = float(_rule(case).bend) * operands["x"].off, _slope_at(case)
    moved = delta.off * (steep + bent) + delta.size * bent
    return {"x": made_from({"delta": delta, **operands}, delta.size * steep, moved)}


def shares_off(y: Array, x: Rough, axes: tuple[int, ...]) -> Array:
    """What the shares of a softmax, e^x over its sum, may be off by."""
    with np.errstate(over="ignore", invalid="ignore"):
        grown: Array = np.minimum(y * np.expm1(2 * x.off.max(axis=axes, keepdims=True, initial=0)), 1.0)
    return grown


def output_of_softmax(case: Case, operands: Roughs, sure: float) -> Rough:
    y = case.operation.forward(floats(case.operands["x"]), **case.arguments)
    return made_from(operands, y, shares_off(y, operands["x"], case.arguments["axes"]))


def gradients_of_softmax(case: Case, delta: Rough, operands: Roughs, sure: float) -> dict[str, Rough]:
    """y_i (delta_i - sum_j delta_j y_j), of magnitudes."""
    axes = case.arguments["axes"]
    y = case.operation.forward(floats(case.operands["x"]), **case.arguments)

    def at_most(y: Array, delta: Array) -> Array:
        size: Array = y * (delta + (delta * y).sum(axis=axes, keepdims=True))
        return size

    size = at_most(y, delta.size)
    moved = at_most(y + shares_off(y, operands["x"], axes), delta.size + delta.off) - size
    return {"x": made_from({"delta": delta, **operands}, size, moved)}
