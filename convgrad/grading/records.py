"""A grade as machines read it: JSON, and the lines of JSON that it is written in."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from convgrad.grading.answer import AGREES, DIFFERS, SKIPPED, UNTESTED
from convgrad.grading.outcome import Outcome

if TYPE_CHECKING:
    from convgrad.grading.grade import Grade, Group

SCHEMA = "convgrad.grade/1"


def record(grade: Grade) -> dict[str, Any]:
    """A whole grade."""
    from convgrad.grading.grade import SUITE

    planted, found = grade.planted
    counts = dict.fromkeys((AGREES, DIFFERS, SKIPPED, UNTESTED), 0) | dict(grade.counts)
    head = {
        "schema": SCHEMA, "verdict": grade.verdict, "target": grade.target, "suite": SUITE, "seed": grade.seed,
        "dtype": grade.dtype, "runs": grade.runs, "cases": grade.cases,
        "control": {"planted": planted, "found": found}, "counts": counts,
    }  # fmt: skip
    if grade.stopped:
        head["stopped"] = grade.stopped
    shared = [{"array": group.array, "verdict": group.verdict, "where": group.where}
              for group in grade.groups if group.where]  # fmt: skip
    smallest = [_smallest(grade, group) for group in grade.groups if group.smallest is not None]
    results = [] if grade.feedback == "counts" else [result(grade, outcome) for outcome in grade.outcomes]
    return {**head, "shared": shared, "smallest": smallest, "results": results, "coverage": grade.coverage}


def result(grade: Grade, outcome: Outcome) -> dict[str, Any]:
    """One array of one case."""
    row: dict[str, Any] = {"id": outcome.id, "array": outcome.array, "verdict": outcome.verdict}
    if outcome.detail and grade.feedback == "full":
        row["detail"] = outcome.detail
    if outcome.unseen:
        row["untested"] = outcome.unseen
    if outcome.expected:
        row["known"] = True
    if grade.feedback == "full":
        said = {"stderr": outcome.said, "stdout": outcome.noise}
        row |= {name: text for name, text in said.items() if text}
    if outcome.named:
        names = [one.to_dict() for one in outcome.named]
        row["diagnosis"] = names if grade.feedback == "full" else [{"mistake": one["mistake"]} for one in names]
    if outcome.failed:
        row["reproduce"] = shlex.join(grade.reproduce(outcome))
        if (outcome.id, outcome.array) in grade.kept:
            row["file"] = grade.kept[outcome.id, outcome.array]
    return row


def _smallest(grade: Grade, group: Group) -> dict[str, Any]:
    assert group.smallest is not None
    trial = group.smallest.trial
    row = {"array": group.array, "mistake": group.mistake, "id": trial.id, "numbers": trial.numbers}
    shapes = {name: list(array.shape) for name, array in trial.operands.items()}
    row |= {"shapes": shapes}
    file = grade.kept.get((trial.id, group.smallest.array))
    return row | ({"file": file} if file else {})
