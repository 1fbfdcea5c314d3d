"""Whether a name that a spoilt implementation is given holds on other numbers of the same geometry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import convgrad
from convgrad.catalogue.tables import forms, practised, tried_last
from convgrad.catalogue.tables import right as right_of
from convgrad.subject.case import make_case
from tests.court.judged import Judgement
from tests.court.spoilt import Arrays, Spoilt, differs, spoilt

KEYS = ("variant", "also", "parts", "index", "other", "added")
"""What of a diagnosis must come again; numbers that were fitted, but for their last digits."""
FITTED = ("factor", "rate")


def spoilt_and_judged(seed: int, count: int) -> Iterator[Judgement]:
    """A judgement for each array of implementations that were spoilt blindly."""
    for one in spoilt(seed, count):
        yield from of(one)


def of(one: Spoilt) -> Iterator[Judgement]:
    try:
        first, second = (_report(*pair) for pair in zip(one.cases, one.claims, strict=True))
    except Exception as error:
        yield Judgement(one.implementation, one.name, "/".join(one.claims[0]), "crash", (str(error)[:200],))
        return
    for finding in first.findings:
        if finding.against == "claim":
            yield _of_array(one, first, second, finding)


def _report(case: dict[str, Any], claim: Arrays) -> Any:
    return convgrad.check(case, {name: array.tolist() for name, array in claim.items()}, sample=1)


def _of_array(one: Spoilt, first: Any, second: Any, finding: Any) -> Judgement:
    told = [diagnosis for diagnosis in first.diagnosis if diagnosis.array == finding.array]
    outcome = _outcome(one, second, finding, told)
    named = tuple(f"{each.mistake} [{each.message}]" for each in told if each.mistake)
    also = tuple(name for each in told for name in each.details.get("alternatives", ()))
    again = tuple(str(each.mistake) for each in second.diagnosis if each.array == finding.array)
    entries = f"{finding.wrong} of {np.size(finding.correct)}"
    return Judgement(one.implementation, one.name, finding.array, outcome, (*named, *also), again, entries)


def _outcome(one: Spoilt, second: Any, finding: Any, told: list[Any]) -> str:
    array, verdict = finding.array, finding.verdict
    if verdict == "undecided":
        return verdict
    if array not in one.wrong:
        return {"agrees": "agreed", "differs": "accused"}[verdict]
    if verdict == "agrees":
        return "acquitted"
    named = [each for each in told if each.mistake]
    if not named:
        return "listed" if any(each.details.get("alternatives") for each in told) else "not named"
    return "named rightly" if _holds(one, second, array, named) else "named wrongly"


def _holds(one: Spoilt, second: Any, array: str, named: list[Any]) -> bool:
    """Whether a name that is told comes again with the other numbers, or its alteration gives them."""
    again = [each for each in second.diagnosis if each.array == array]
    ids = {name for each in again for name in (each.mistake, *each.details.get("alternatives", ()))}
    known = {_key(each) for each in again}
    return any(
        _key(each) in known
        or _altered(one, array, each.mistake, each.details.get("variant", ""))
        or bool({*each.details.get("alternatives", ())} & ids)
        for each in named
    )


def _key(diagnosis: Any) -> str:
    details = diagnosis.details
    fitted = [f"{float(details[name]):.4g}" for name in FITTED if name in details]
    return str((diagnosis.mistake, *(str(details.get(name)) for name in KEYS), *fitted))


def _altered(one: Spoilt, array: str, mistake: str, variant: str) -> bool:
    """Whether the mistake's alteration of the other case gives what the implementation gives there."""
    case, claim = make_case(one.cases[1]), one.claims[1][array]
    name, start = case.operation.name, right_of(make_case(one.cases[1]), array)
    for table in (forms(name, array), practised(name, array), tried_last(name, array)):
        altered = table[mistake].alter(start) if mistake in table else {}
        if variant in altered:
            value = np.asarray(altered[variant].value(), float)
            return not differs(value.reshape(claim.shape) if value.size == claim.size else value, claim)
    return False
