"""The names of what is wrong with many cases: a few looked up in the whole catalogue, the rest in what these were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convgrad.catalogue.mistake import Form
from convgrad.catalogue.tables import forms, practised, right
from convgrad.core.arithmetic import Array
from convgrad.diagnosis.candidates import Bare
from convgrad.grading.answer import DIFFERS, REPLAYED
from convgrad.grading.inexact import checked, named
from convgrad.grading.outcome import Named, Outcome

LOOKED_UP = 8
"""Wrong arrays of a name (dW, …) that are looked up in the whole catalogue: the smallest."""
ENOUGH = 4
"""Numbers of an array from which on it is no chance that it is the answer to another case."""
LARGEST = 4_000
"""Numbers of a case up to which they are."""
Key = tuple[str, str]
Answered = tuple[str, str, bytes]


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
            known[outcome.array] += [
                one for one in names if one.mistake and one.mistake not in _ids(known[outcome.array])
            ]
        found[outcome.id, outcome.array] = outcome.but(named=names)
    told = [found.get((outcome.id, outcome.array), outcome) for outcome in outcomes]
    everywhere = list({one.mistake: one for names in known.values() for one in names}.values())
    return in_common([_with_those_of_others(outcome, everywhere) for outcome in told])


def _with_those_of_others(outcome: Outcome, everywhere: Iterable[Named]) -> Outcome:
    """A wrong array with mistakes that other arrays show and that give it too: what says too little by itself."""
    if outcome.verdict != DIFFERS or outcome.claim is None or outcome.trial.numbers > LARGEST:
        return outcome
    given = _as_before(outcome, [one for one in everywhere if one.mistake not in outcome.mistakes])
    given = tuple(replace(one, guessed=True) for one in given)
    if not outcome.mistakes or not given:
        return outcome.but(named=given or outcome.named)
    first, *rest = outcome.named
    first = replace(first, others=(*dict.fromkeys((*first.others, *(one.mistake or "" for one in given))),))
    return outcome.but(named=(first, *rest, *given))


def in_common(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Outcomes that several mistakes give, each with the one first that gives most arrays: one slip, not several."""
    outcomes, arrays = list(outcomes), dict[str, set[str]]()
    for outcome in outcomes:
        for name in outcome.mistakes:
            arrays.setdefault(name, set()).add(outcome.array)
    return [outcome.but(named=_most_common(outcome.named, arrays)) for outcome in outcomes]


def _most_common(names: tuple[Named, ...], arrays: Mapping[str, set[str]]) -> tuple[Named, ...]:
    rivals = {name for one in names[:1] for name in one.others}  # parts of one explanation are no rivals
    counts = [len(arrays.get(one.mistake or "", ())) * (number == 0 or one.mistake in rivals)
              for number, one in enumerate(names)]  # fmt: skip
    best = max(range(len(names)), key=lambda number: counts[number], default=0)
    rest = (*names[:best], *names[best + 1 :])
    return (*names[best : best + 1], *(one for one in rest if not one.guessed))


def _ids(names: Iterable[Named]) -> set[str | None]:
    return {one.mistake for one in names}


def _told_from_others(outcomes: list[Outcome]) -> list[Outcome]:
    """The outcomes, of which those that are the right answer to another case are called replayed."""
    answers: dict[Answered, str] = {}
    for outcome in outcomes:
        truth = outcome.trial.expected.get(outcome.array)
        if truth is not None and truth.any():
            answers.setdefault(_key(outcome, truth), outcome.id)
    return [_replayed(outcome, answers) for outcome in outcomes]


def _key(outcome: Outcome, array: Array) -> Answered:
    """An answer to a case of an operation: another's may have the same numbers, for what the two do not share."""
    return outcome.trial.case.operation.name, outcome.array, array.tobytes()


def _replayed(outcome: Outcome, answers: Mapping[Answered, str]) -> Outcome:
    if outcome.verdict != DIFFERS or outcome.claim is None or outcome.claim.size < ENOUGH:
        return outcome
    other = answers.get(_key(outcome, outcome.claim))
    return outcome if other is None else outcome.but(verdict=REPLAYED, detail=f"it is the answer to {other}", named=())


def _is_nameless(outcome: Outcome) -> bool:
    return outcome.verdict == DIFFERS and not outcome.named and outcome.claim is not None


def _as_before(outcome: Outcome, known: Iterable[Named]) -> tuple[Named, ...]:
    """The mistakes of other cases, or arrays, that give this one as well, each with the others as its rivals."""
    names = dict.fromkeys(one.mistake for one in known if one.mistake)
    given = [told for name in names if (told := _given(outcome, name)) is not None]
    return tuple(
        replace(one, others=tuple(other.mistake or "" for other in given if other is not one)) for one in given
    )


def _given(outcome: Outcome, mistake: str) -> Named | None:
    """A mistake of the catalogue, where planted in this very case it gives the array that came back."""
    case, array = outcome.trial.case, outcome.array
    tables = (forms(case.operation.name, array), practised(case.operation.name, array))
    bare, asked_for = Bare(), right(case, array)
    with np.errstate(all="ignore"):
        for form in (table[mistake] for table in tables if mistake in table):
            for variant, altered in form.alter(asked_for).items():
                claim: Any = outcome.claim
                if np.array_equal(bare.value(altered), claim):
                    return _told(mistake, form, variant)
    return None


def _told(mistake: str, form: Form, variant: str) -> Named:
    what = form.what.format(variant=variant, factor=variant) if variant else form.plain
    return Named(mistake, f"it is, in every entry, what comes out when {what} ({mistake})", form.fix)
