"""Three runs of a case become verdicts: what differs between them, what buffers held before, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.grading.answer import (
    ACCUMULATES,
    AGREES,
    CHANGED,
    DIFFERS,
    OUT_OF_BOUNDS,
    OVERWRITES,
    REPLAYED,
    UNSTABLE,
    UNTESTED,
    UNWRITTEN,
    Adapter,
    Answer,
)
from convgrad.grading.child import KEPT
from convgrad.grading.inexact import by_another_algorithm, judged
from convgrad.grading.outcome import Outcome, alike
from convgrad.suites.trial import Trial, is_held


class Asking(NamedTuple):
    """What is asked of a case: which arrays, how many runs, and whether results are to be added to what is there."""

    want: tuple[str, ...]
    runs: int = 3
    accumulate: bool = False


def poisons(trial: Trial, runs: int, accumulate: bool) -> list[float]:
    """What the buffers hold before each run: NaN, then a number, and that again.

    NaN alone would not do: a comparison by `difference > tolerance` passes it, and so may a kernel that multiplies it
    by 0; nor would a huge number, which swallows what is added to it. To add to NaN tells nothing.
    """
    first = [] if accumulate else [nan]
    return (first + [trial.poison] * max(runs, 1))[: max(runs, 1)]


def outcomes(adapter: Adapter, trial: Trial, asking: Asking) -> list[Outcome]:
    """Run a case so many times, then one of the same shape with other numbers; a verdict for every array."""
    want = [array for array in asking.want if array in trial.expected]
    if reason := f"{trial.dtype} does not hold it" if not is_held(trial) else adapter.refusal(trial):
        return alike(trial, want, UNTESTED, reason)
    answers: list[Answer] = []
    for poison in poisons(trial, asking.runs, asking.accumulate):
        answers.append(adapter.run(trial, want, poison))
        if answers[-1].ended:
            return _with_words(alike(trial, want, answers[-1].ended, answers[-1].detail), answers)
    told = _with_words([_of_array(trial, array, answers, asking) for array in want], answers)
    if all(outcome.failed for outcome in told):
        return told
    return _replayed(adapter, trial, want, told, asking)


def _with_words(told: list[Outcome], answers: Sequence[Answer]) -> list[Outcome]:
    """The outcomes, those that failed with what the program said beside its answers."""
    said, noise = ("".join(dict.fromkeys(texts))[:KEPT] for texts in (
        [answer.said for answer in answers], [answer.noise for answer in answers],
    ))  # fmt: skip
    return [outcome.but(said=said, noise=noise) if outcome.failed else outcome for outcome in told]


def _of_array(trial: Trial, array: str, answers: Sequence[Answer], asking: Asking) -> Outcome:
    for answer in answers:
        if array in answer.outside or any(name in answer.outside for name in ("x", "w", "b", "delta")):
            return Outcome(trial, array, OUT_OF_BOUNDS, f"wrote past the memory of {', '.join(answer.outside)}")
        if answer.changed:
            return Outcome(trial, array, CHANGED, f"wrote to {', '.join(answer.changed)}")
        if array in answer.faults:
            return Outcome(trial, array, *answer.faults[array])
    given = [answer.arrays[array] for answer in answers]
    filled = answers[-1].filled
    outcome = _of_values(trial, array, given, asking, filled)
    if not filled and outcome.verdict == AGREES:
        return outcome.but(unseen="buffers: it allocates its own")
    return outcome


def _of_values(trial: Trial, array: str, given: list[Array], asking: Asking, filled: bool) -> Outcome:
    truth, last = trial.expected[array], given[-1]
    finite = given if asking.accumulate else given[1:]
    if any(not np.array_equal(one, last, equal_nan=True) for one in (finite if filled else given)):
        entries = int(np.any([_unlike(one, last) for one in given], axis=0).sum())
        return Outcome(trial, array, UNSTABLE, f"{entries} entries differ between runs", entries, last)
    if filled and (outcome := _of_buffers(trial, array, given, asking)) is not None:
        return outcome
    return compared(trial, array, last - trial.poison if asking.accumulate and filled else last, truth)


def _unlike(one: Array, other: Array) -> Array:
    unlike: Array = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return unlike


def _of_buffers(trial: Trial, array: str, given: list[Array], asking: Asking) -> Outcome | None:
    """What the content of the buffers before the run shows; nothing where it shows nothing."""
    truth, last, poison = trial.expected[array], given[-1], trial.poison
    count = truth.size
    if asking.accumulate:
        plain = last == truth
        return Outcome(trial, array, OVERWRITES, "", int(plain.sum()), last) if count and plain.all() else None
    if len(given) == 1:  # which held NaN before
        empty = np.isnan(last) & ~np.isnan(truth)
        told = Outcome(trial, array, UNWRITTEN, _where(empty, "not written"), int(empty.sum()), last)
        return told if empty.any() else None
    with_nan = given[0]
    added = _close(trial, last, truth + poison) & np.isnan(with_nan)
    # where the truth is 0, what is added to is what is not written: others tell which it is
    if (added & (truth != 0)).any() and (added | _close(trial, last, truth)).all():
        return Outcome(trial, array, ACCUMULATES, _where(added, "added to what was there"), int(added.sum()), last)
    kept = (last == poison) & np.isnan(with_nan) & (truth != poison)
    if kept.any():
        return Outcome(trial, array, UNWRITTEN, _where(kept, "not written"), int(kept.sum()), last)
    read = np.isnan(with_nan) & ~np.isnan(last)
    if read.any():
        return Outcome(trial, array, ACCUMULATES, _where(read, "depend on what was there"), int(read.sum()), last)
    return None


def _close(trial: Trial, value: Array, other: Array) -> Array:
    if trial.is_exact:
        equal: Array = value == other
        return equal
    close: Array = np.isclose(value, other, rtol=1e-2, atol=1e-3)
    return close


def _where(marks: Array, what: str) -> str:
    """How many entries, and what they share where it is easily said."""
    count, shape = int(marks.sum()), marks.shape
    if marks.all():
        return f"all {count} entries {what}"
    for axis, name in enumerate(_axes(shape)):
        others = tuple(other for other in range(len(shape)) if other != axis)
        lines: Any = marks.any(axis=others)
        whole: Any = marks.all(axis=others)
        if whole[lines].all() and lines.any() and not lines.all():
            picked = np.flatnonzero(lines).tolist()
            which = "the last" if picked == [shape[axis] - 1] else ", ".join(map(str, picked[:5]))
            return f"{count} of {marks.size} entries {what}: {name} {which}"
    return f"{count} of {marks.size} entries {what}"


def _axes(shape: tuple[int, ...]) -> list[str]:
    spatial = ["plane", "row", "column"][3 - (len(shape) - 2) :] if len(shape) > 2 else []
    return (["first index", "second index", *spatial])[: len(shape)]


def compared(trial: Trial, array: str, value: Array, truth: Array) -> Outcome:
    """An array against the truth: to the bit where every sum is exact, else by what its type allows."""
    if not trial.is_exact:
        return judged(trial, array, value)
    wrong = int((value != truth).sum())
    if not wrong:
        return Outcome(trial, array, AGREES)
    if how := by_another_algorithm(trial, array, value):
        return Outcome(trial, array, AGREES, how)
    return Outcome(trial, array, DIFFERS, f"{wrong} of {truth.size} entries", wrong, value)


def _replayed(adapter: Adapter, trial: Trial, want: list[str], told: list[Outcome], asking: Asking) -> list[Outcome]:
    """Whether the answer to other numbers is another, and right as well."""
    other = trial.again()
    answer = adapter.run(other, want, other.poison)
    if answer.ended:
        return _with_words(alike(trial, want, answer.ended, answer.detail), [answer])
    first = {outcome.array: outcome for outcome in told}
    again = [_once_more(first[array], trial, other, array, answer, asking) for array in want]
    return [one if one.said or one.noise else _with_words([one], [answer])[0] for one in again]


def _once_more(before: Outcome, trial: Trial, other: Trial, array: str, answer: Answer, asking: Asking) -> Outcome:
    if before.failed or before.verdict == UNTESTED:
        return before
    again = _of_array(other, array, [answer, answer], asking)
    if again.verdict == DIFFERS and again.claim is not None and _same(trial, array, again.claim):
        return Outcome(trial, array, REPLAYED, "the answer to other numbers was the same", again.wrong, again.claim)
    return again if again.failed else before


def _same(trial: Trial, array: str, claim: Array) -> bool:
    return bool(_close(trial, claim, trial.expected[array]).all())
