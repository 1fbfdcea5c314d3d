"""What convgrad says of a claim, array by array, and whether that is just."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import convgrad
from convgrad.documents import reading
from tests.court.brought import Brought

OUTCOMES = (
    "agreed", "accused", "acquitted", "undecided", "not named", "listed", "named rightly", "named wrongly", "crash",
)  # fmt: skip
"""Of a right array: agreed, accused or undecided. Of a wrong one: acquitted, undecided, or how it was named; listed
where names are told that are not earned (of blindly spoilt implementations alone).

A refusal or a traceback is a crash.
"""
BAD = ("accused", "acquitted", "named wrongly", "crash")
"""What may never be."""


@dataclass(frozen=True)
class Judgement:
    """The outcome for one array; `told` are the names, the first one first, and `right` those that would be right."""

    kind: str
    name: str
    array: str
    outcome: str
    told: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    entries: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def judged(brought: Brought) -> Iterator[Judgement]:
    """One judgement for each array that is claimed."""
    try:
        report = _report(brought)
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        yield Judgement(brought.kind, brought.name, "/".join(brought.claim), "crash", (said,))
        return
    for finding in report.findings:
        if finding.against == "claim":
            yield _of_array(brought, report, finding)


def _report(brought: Brought) -> Any:
    options = {"sample": 1, **brought.options}
    if brought.text:
        return convgrad.check(reading.value(brought.text, brought.name, 1), **options)
    return convgrad.check(brought.case, brought.claim, **options)


def _of_array(brought: Brought, report: Any, finding: Any) -> Judgement:
    told = tuple(_told(report, finding.array))
    right = brought.wrong.get(finding.array, ())
    outcome = _outcome(finding.verdict, told, right, finding.array in brought.wrong)
    entries = f"{finding.wrong} of {np.size(finding.correct)}"
    return Judgement(brought.kind, brought.name, finding.array, outcome, told, tuple(right), entries)


def _outcome(verdict: str, told: tuple[str, ...], right: Any, wrong: bool) -> str:
    if verdict == "undecided":
        return verdict
    if not wrong:
        return {"agrees": "agreed", "differs": "accused"}[verdict]
    if verdict == "agrees":
        return "named rightly" if "agrees" in right else "acquitted"
    if not told:
        return "not named"
    return "named rightly" if _is_right(told, right) else "named wrongly"


def _is_right(told: tuple[str, ...], right: Any) -> bool:
    """Whether one of the mistakes that are told as giving this array is right; of a pair, both."""
    return any({*name.split(" and ")} <= {*right} for name in told)


def _told(report: Any, array: str) -> Iterator[str]:
    """The names for an array: what it was first given, then what gives the same numbers."""
    for diagnosis in report.diagnosis:
        if diagnosis.array == array and diagnosis.mistake:
            also = diagnosis.details.get("also")
            yield diagnosis.mistake + (f" and {also}" if also else "")
            yield from diagnosis.details.get("alternatives", ())
