"""The loop: a trial, its run, the rules; what breaks one is made small and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from time import monotonic

from tests.fuzz import making, rules
from tests.fuzz.report import Figures
from tests.fuzz.rules import Failure
from tests.fuzz.running import Outcome, as_process, in_process, prepared
from tests.fuzz.shrinking import shrunk
from tests.fuzz.trial import Trial

WORDS = 40
"""One trial in so many is read from the words of a command line."""
PROCESS = 2000
"""One in so many is also run as a process of its own, and so is every one that fails; 0 is none."""
SHRINKING = 20.0
"""Seconds in which a failure is made small."""
KEPT_WHOLE = ("a sound request", "our own", "forward gives", "backward gives", "explain gives")
"""How failures begin that are about a valid case: without a part it may be another case, or none."""


def within(seconds: float, numbers: Iterable[int]) -> Iterator[int]:
    """Numbers as long as there is time."""
    end = monotonic() + seconds
    return takewhile(lambda _: monotonic() < end, numbers)


@dataclass
class Fuzzer:
    """What is tried, and what has come of it."""

    seed: int
    process: int = PROCESS
    shrinking: float = SHRINKING
    make: Callable[[int, int], Trial] = making.trial
    figures: Figures = field(default_factory=Figures)

    def run(self, numbers: Iterable[int]) -> Figures:
        """The figures of the trials of some numbers."""
        with tempfile.TemporaryDirectory() as folder, prepared(folder):
            for number in numbers:
                self._try(number, self.make(self.seed, number))
        return self.figures

    def _try(self, number: int, trial: Trial) -> None:
        attempt = Attempt(trial, number)
        outcome, failures = attempt.made()
        self.figures.add(trial, outcome, attempt.by_words, attempt.rules)
        if self.process and (failures or number % self.process == self.process - 1):
            self.figures.processes += 1
            failures += compared(trial, outcome)
        for failure in failures:
            if self.figures.is_new(failure, number):
                self.figures.broken[failure.kind].shell = self._small(attempt, failure).shell

    def _small(self, attempt: Attempt, failure: Failure) -> Trial:
        """The trial with what does not matter to the failure left out."""
        if failure.kind.startswith(KEPT_WHOLE):
            return attempt.trial
        end = monotonic() + self.shrinking
        whole = replace(attempt.trial, valid=None, sound=False)
        return shrunk(whole, lambda trial: replace(attempt, trial=trial).fails(failure.kind), lambda: monotonic() < end)


@dataclass(frozen=True)
class Attempt:
    """A trial as it is run: which way, and held to which of the rules that cost more than a run."""

    trial: Trial
    number: int

    @property
    def by_words(self) -> bool:
        return self.number % WORDS == 0 or bool(self.trial.extra)

    @property
    def rules(self) -> list[rules.Rule]:
        return [rule for place, (rule, rarity) in enumerate(rules.RARE.items()) if (self.number - place) % rarity == 0]

    def made(self) -> tuple[Outcome, list[Failure]]:
        """What comes of it, and every rule that is broken."""
        outcome = in_process(self.trial, self.by_words)
        return outcome, list(self._failures(outcome))

    def fails(self, kind: str) -> bool:
        """Whether a rule is broken in this way."""
        outcome = in_process(self.trial, self.by_words)
        failures = compared(self.trial, outcome) if kind.startswith(ANOTHER) else self._failures(outcome)
        return any(failure.kind == kind for failure in failures)

    def _failures(self, outcome: Outcome) -> Iterator[Failure]:
        yield from rules.always(self.trial, outcome, self.by_words)
        if outcome.code in rules.CODES:
            for rule in self.rules:
                yield from rule(self.trial, outcome)


ANOTHER = "as a process, another"


def compared(trial: Trial, outcome: Outcome) -> Iterator[Failure]:
    """What is other in a process of its own: the bytes, or the code."""
    if outcome.code < 0:
        return
    other = as_process(trial)
    for name in ("code", "stdout", "stderr", "written"):
        here, there = getattr(outcome, name), getattr(other, name)
        if here != there:
            yield Failure(f"{ANOTHER} {name}", f"{here!r:.150}, there {there!r:.150}")
