"""The loop: a trial, its run, the rules; what breaks one is made small and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count, takewhile
from time import monotonic

from tests.fuzz import making, rules
from tests.fuzz.report import Figures
from tests.fuzz.rules import Failure
from tests.fuzz.running import Outcome, as_process, in_process, prepared
from tests.fuzz.shrinking import RUNS, shrunk
from tests.fuzz.trial import Trial

WORDS = 40
"""One trial in so many is read from the words of a command line."""
PROCESS = 2000
"""One in so many is also run as a process of its own, and so is every one that fails."""


def fuzz(
    seed: int,
    numbers: Iterable[int],
    *,
    process: int = PROCESS,
    shrink: int = RUNS,
    make: Callable[[int, int], Trial] = making.trial,
) -> Figures:
    """Run the trials of some numbers."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, prepared(folder):
        for number in numbers:
            _run(seed, number, figures, process, shrink, make)
    return figures


def within(seconds: float, numbers: Iterable[int] | None = None) -> Iterator[int]:
    """Numbers as long as there is time."""
    end = monotonic() + seconds
    return takewhile(lambda _: monotonic() < end, count() if numbers is None else numbers)


def _run(
    seed: int, number: int, figures: Figures, process: int, shrink: int, make: Callable[[int, int], Trial]
) -> None:
    trial = make(seed, number)
    by_words = number % WORDS == 0 or bool(trial.extra)
    outcome = in_process(trial, by_words)
    figures.add(trial, outcome, by_words)
    chosen = [rule for place, (rule, rarity) in enumerate(rules.RARE.items()) if number % rarity == place]
    figures.rules.update(rule.__name__ for rule in chosen)
    failures = list(_failures(trial, outcome, by_words, chosen))
    if failures or number % process == process - 1:
        figures.processes += 1
        failures += _as_process(trial, outcome)
    for failure in failures:
        if figures.is_new(failure, number):
            figures.broken[failure.kind].shell = _small(trial, failure, by_words, chosen, shrink).shell


def _failures(
    trial: Trial, outcome: Outcome, by_words: bool, chosen: Iterable[Callable[..., Iterator[Failure]]]
) -> Iterator[Failure]:
    yield from rules.always(trial, outcome, by_words)
    if outcome.code in rules.CODES:
        for rule in chosen:
            yield from rule(trial, outcome)


def _as_process(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """What is other in a process of its own: the bytes, or the code."""
    if outcome.code == -1:
        return
    other = as_process(trial)
    for name in ("code", "stdout", "stderr", "written"):
        if getattr(other, name) != getattr(outcome, name):
            yield Failure(
                f"another {name} as a process", f"{getattr(outcome, name)!r:.150} but {getattr(other, name)!r:.150}"
            )


def _small(
    trial: Trial, failure: Failure, by_words: bool, chosen: Iterable[Callable[..., Iterator[Failure]]], runs: int
) -> Trial:
    """The trial with what does not matter to the failure left out."""
    slow = failure.kind in ("slow", "memory", "not enough memory") or "process" in failure.kind

    def fails(other: Trial) -> bool:
        outcome = in_process(other, by_words)
        found = [
            *_failures(other, outcome, by_words, chosen),
            *(_as_process(other, outcome) if "process" in failure.kind else ()),
        ]
        return any(other.kind == failure.kind for other in found)

    if trial.valid is not None and ("valid" in failure.kind or "wrong" in failure.kind or "our own" in failure.kind):
        return trial  # what is left out of a valid case may make it another, and wrong
    return shrunk(replace(trial, valid=None), fails, runs // 20 if slow else runs)
