"""What became of one array of one case: a verdict, in what, and the name of the mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convgrad.core.arithmetic import Array
from convgrad.grading.answer import DIFFERS, HARMLESS
from convgrad.suites.trial import Trial


@dataclass(frozen=True)
class Named:
    """A mistake that a wrong array was recognised as, others that give the same, and what is said of it.

    It may be `guessed`: what other arrays show, and gives this one as well.
    """

    mistake: str | None
    message: str
    fix: str
    others: tuple[str, ...] = ()
    guessed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        return {"mistake": self.mistake, "message": self.message, "fix": self.fix}


@dataclass(frozen=True)
class Outcome:
    """The verdict on one array of a case; `wrong` of its entries are, and `claim` is what was given in its place.

    `unseen` says what could not be told of it, and why. `said` and `noise` are what a program that failed wrote to
    standard error, and to standard output beside its answers.
    """

    trial: Trial
    array: str
    verdict: str
    detail: str = ""
    wrong: int = 0
    claim: Array | None = None
    named: tuple[Named, ...] = ()
    unseen: str = ""
    expected: bool = False
    """Whether it was known to fail, as `--known` says."""
    said: str = ""
    noise: str = ""

    @property
    def id(self) -> str:
        return self.trial.id

    @property
    def failed(self) -> bool:
        return self.verdict not in HARMLESS

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The ids of the mistakes that it was recognised as."""
        return tuple(one.mistake for one in self.named if one.mistake)

    @property
    def mistake(self) -> str:
        """The mistake's id where it has a name, else the verdict."""
        return self.mistakes[0] if self.mistakes and self.verdict == DIFFERS else self.verdict

    def but(self, **changes: Any) -> Outcome:
        """The same with other fields."""
        return replace(self, **changes)


def alike(trial: Trial, want: Sequence[str], verdict: str, detail: str) -> list[Outcome]:
    """One verdict on every array of a case."""
    return [Outcome(trial, array, verdict, detail) for array in want]
