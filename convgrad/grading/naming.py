"""The names of what is wrong with many cases: a few looked up in the whole catalogue, the rest in what these were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from convgrad.catalogue.tables import forms, practised, right
from convgrad.diagnosis.candidates import Bare
from convgrad.grading.answer import DIFFERS, REPLAYED
from convgrad.grading.inexact import checked, named
from convgrad.grading.outcome import Named, Outcome

LOOKED_UP = 8
"""Wrong arrays of a name (dW, …) that are looked up in the whole catalogue: the smallest."""
LARGEST = 4_000
"""Numbers of a case up to which they are."""
Key = tuple[str, str]
Answered = tuple[str, bytes]


def with_names(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes in their order, wrong ones with the mistake that they are recognised as."""
    outcomes = _told_from_others(list(outcomes))
    found: dict[Key, Outcome] = {}
    known: dict[str, list[Named]] = {}
    budget: dict[str, int] = {}
    for outcome in sorted(filter(_is_nameless, outcomes), key=lambda one: one.trial.numbers):
        names = _as_before(outcome, known.setdefault(outcome.array, []))
        if not names and outcome.trial.numbers <= LARGEST and budget.setdefault(outcome.array, LOOKED_UP):
            budget[outcome.array] -= 1
            assert outcome.claim is not None
            names = named(checked(outcome.trial, outcome.array, outcome.claim))
            known[outcome.array] += [one for one in names[:1] if one.mistake and one not in known[outcome.array]]
        found[outcome.id, outcome.array] = outcome.but(named=names)
    return [found.get((outcome.id, outcome.array), outcome) for outcome in outcomes]


def _told_from_others(outcomes: list[Outcome]) -> list[Outcome]:
    """The outcomes, of which those that are the right answer to another case are called replayed."""
    answers: dict[Answered, str] = {}
    for outcome in outcomes:
        truth = outcome.trial.expected.get(outcome.array)
        if truth is not None and truth.any():
            answers.setdefault((outcome.array, truth.tobytes()), outcome.id)
    return [_replayed(outcome, answers) for outcome in outcomes]


def _replayed(outcome: Outcome, answers: Mapping[Answered, str]) -> Outcome:
    if outcome.verdict != DIFFERS or outcome.claim is None:
        return outcome
    other = answers.get((outcome.array, outcome.claim.tobytes()))
    return outcome if other is None else outcome.but(verdict=REPLAYED, detail=f"it is the answer to {other}", named=())


def _is_nameless(outcome: Outcome) -> bool:
    return outcome.verdict == DIFFERS and not outcome.named and outcome.claim is not None


def _as_before(outcome: Outcome, known: Iterable[Named]) -> tuple[Named, ...]:
    """The mistake of another case that gives this array as well."""
    for one in known:
        if one.mistake and _gives(outcome, one.mistake):
            return (one,)
    return ()


def _gives(outcome: Outcome, mistake: str) -> bool:
    """Whether a mistake of the catalogue, planted in this very case, gives the array that came back."""
    case, array = outcome.trial.case, outcome.array
    tables = (forms(case.operation.name, array), practised(case.operation.name, array))
    bare, asked_for = Bare(), right(case, array)
    with np.errstate(all="ignore"):
        altered = (one for table in tables if mistake in table for one in table[mistake].alter(asked_for).values())
        claim: Any = outcome.claim
        return any(np.array_equal(bare.value(computation), claim) for computation in altered)
