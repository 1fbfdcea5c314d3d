"""What came back from one run of somebody else's program, and the programs that can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from convgrad.core.arithmetic import Array
from convgrad.suites.trial import Trial
from convgrad.vocabulary import GRADE_VERDICTS

AGREES, DIFFERS, SKIPPED, UNTESTED = "agrees", "differs", "skipped", "untested"
UNWRITTEN, ACCUMULATES, OVERWRITES, UNSTABLE = "unwritten", "accumulates", "overwrites", "unstable"
OUT_OF_BOUNDS, CHANGED, REPLAYED = "out-of-bounds", "changed-input", "replayed"
WRONG_SHAPE, WRONG_TYPE = "wrong-shape", "wrong-type"
CRASHED, TIMED_OUT, NO_ANSWER, MALFORMED = "crashed", "timed-out", "no-answer", "malformed"
ENDED = (CRASHED, TIMED_OUT, NO_ANSWER, MALFORMED)
"""What ends a case, whatever its arrays are."""
GRAVEST = GRADE_VERDICTS
"""Every verdict, the gravest first."""
HARMLESS = (AGREES, SKIPPED, UNTESTED)
"""Verdicts that are no failure."""


@dataclass(frozen=True)
class Answer:
    """What one run gave: `ended` says why there are no arrays, with `detail`.

    `arrays` are in full shape; `faults` says of an array that has none what is wrong with it, in a verdict and in
    words; `changed` names inputs that were written to, `outside` arrays written past either end. `filled` says that
    arrays were written into buffers of ours, so that what these held before can be told. `said` is what was written to
    standard error, `noise` what was to standard output and is no answer.
    """

    arrays: Mapping[str, Array] = field(default_factory=dict)
    ended: str = ""
    detail: str = ""
    faults: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    changed: Sequence[str] = ()
    outside: Sequence[str] = ()
    filled: bool = False
    said: str = ""
    noise: str = ""

    def but(self, **changes: Any) -> Answer:
        """The same with other fields."""
        return replace(self, **changes)


class Stop(Exception):
    """A run is not to go on: it is over, or the adapter has died too often in a row."""


class Adapter(Protocol):
    """Somebody else's program, one run at a time."""

    dtype: str

    @property
    def allocates(self) -> bool:
        """Whether it makes its results itself, so that nothing can be told of what their memory held before."""

    def refusal(self, trial: Trial) -> str | None:
        """Why it is not asked a case, in a word or two; None where it is."""

    def run(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        """One run, with results that hold a poison before."""

    def end(self) -> None:
        """End whatever runs, and leave nothing behind."""
