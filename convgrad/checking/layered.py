"""Our gradients of a large network against differences layer by layer, and along directions through all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from convgrad.checking.report import DIFFERENCES
from convgrad.claims.differenced import of_differences
from convgrad.claims.findings import Finding, compare
from convgrad.claims.propagated import Propagated
from convgrad.claims.rounding import Bounds
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.differences.by_layer import LayerDifferences, Slope, differences_of, handed_on, slopes
from convgrad.differences.replayed import Operand
from convgrad.differences.roundoff import TYPES
from convgrad.differences.run import Progress
from convgrad.passes.subject import Part, Subject
from convgrad.subject.layout import GRADIENTS
from convgrad.vocabulary import SOFTMAX

FUNCTION = 64
"""Roundings that an activation's slope, by formula and by a complex step, is good for."""
Wanted = Mapping[Operand, Array]


def by_layers(subject: Subject, wanted: Wanted, progress: Progress | None, total: int) -> tuple[list[Finding], int]:
    """A finding for every gradient of every layer, and how many forward passes they took."""
    findings: list[Finding] = []
    done = 0

    def further(made: int, _: int) -> None:
        if progress:
            progress(done + made, total)

    refuted = _refuted(subject, further)
    done = len(refuted)
    for part in subject.parts:
        marks = {name: array for (number, name), array in wanted.items() if number == part.number}
        found = differences_of(part, marks, further)
        done += found.evaluations
        further(0, 0)
        findings += _of_part(subject, part, found, marks if wanted else None, refuted)
    return findings, done


def _of_part(
    subject: Subject, part: Part, found: LayerDifferences, marks: Mapping[str, Array] | None,
    refuted: Mapping[Operand, bool],
) -> Iterator[Finding]:  # fmt: skip
    """Our gradients of a layer, of the entries that were asked for."""
    allowed = _allowed(part, found)
    for array, name in GRADIENTS.items():
        if name not in found.gradients:
            continue
        ours = part.gradients.by_operand[name]
        theirs, undecided, outside = (each[name].reshape(ours.shape) for each in
                                      (found.gradients, found.undecided, found.outside))  # fmt: skip
        asked = np.ones(ours.shape, bool) if marks is None else marks[name].reshape(ours.shape)
        if asked.any():
            bound = allowed[name].reshape(ours.shape) if name in allowed else 0
            unknown = (undecided | ~np.isfinite(bound)) & asked
            matters = unknown & handed_on(subject, part.number) if name == "x" and unknown.any() else unknown
            ours = rounded(ours) if ours.dtype == EXACT != theirs.dtype else ours
            judge = partial(compare, part.case, part.place(array), array, DIFFERENCES, ours, theirs, bound,
                            compared=asked & ~unknown, undecided=int(matters.sum()))  # fmt: skip
            one = judge(refuted=outside & asked)
            # where a wrong entry says it already, the direction that it spoils says nothing of the others
            yield judge(refuted=asked) if refuted.get((part.number, name)) and not one.wrong else one


def _allowed(part: Part, found: LayerDifferences) -> Mapping[str, Array]:
    """What rounding leaves between the two; nothing where both are exact."""
    if found.case is None:
        return {"x": _of_function(part)}
    if found.case.arithmetic == "exact":
        return {}
    assert found.steps is not None
    return of_differences(Bounds(found.case), found.steps)


def _of_function(part: Part) -> Array:
    """Of slopes, which are of the size of 1, times delta."""
    delta, shape = abs(_floats(part.case.delta)), part.case.shapes["x"]
    if part.case.operation.family == SOFTMAX:
        delta = delta + delta.sum(axis=part.case.arguments["axes"], keepdims=True)
    unit = TYPES["float32" if part.case.arithmetic == "float32" else "float64"].unit
    steepest = max(1.0, abs(float(part.case.arguments.get("slope", 1))))
    bound: Array = FUNCTION * unit * steepest * delta.reshape(shape)
    return bound


def _refuted(subject: Subject, progress: Progress) -> dict[Operand, bool]:
    """The operands along whose direction the loss does not go as their gradient says."""
    bounds = Propagated(subject)
    return {place: _is_refuted(subject, bounds, place, one) for place, one in slopes(subject, progress).items()}


def _is_refuted(subject: Subject, bounds: Propagated, operand: Operand, slope: Slope) -> bool:
    part, name = subject.parts[operand[0]], operand[1]
    if slope.found is None:
        return False
    ours = _floats(part.gradients.by_operand[name]).reshape(slope.direction.shape)
    array = next(array for array, one in GRADIENTS.items() if one == name)
    kind = "float32" if part.case.arithmetic == "float32" else "float64"
    allowed: Any = 2 * bounds.bound(part.place(array), kind).sum()
    return not abs((ours * slope.direction).sum() - slope.found) <= allowed


def _floats(array: Array | None) -> Array:
    assert array is not None
    return rounded(array) if array.dtype == EXACT else array.astype(FLOAT64)
