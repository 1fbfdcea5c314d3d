"""An implementation graded: every case run and judged, what is wrong named, shrunk and kept, and all of it added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import Any

from convgrad.core.record import Record
from convgrad.grading.answer import (
    AGREES,
    CRASHED,
    DIFFERS,
    ENDED,
    GRAVEST,
    SKIPPED,
    TIMED_OUT,
    UNTESTED,
    Adapter,
    Stop,
)
from convgrad.grading.comparing import Asking, compared, outcomes
from convgrad.grading.keeping import keep
from convgrad.grading.naming import with_names
from convgrad.grading.outcome import Outcome, alike
from convgrad.grading.shared import shared
from convgrad.grading.shrinking import SECONDS, shrunk
from convgrad.suites.selection import VERSION, caught
from convgrad.suites.trial import Trial

SHRUNK = 3
"""Groups of failures of which the smallest case is looked for."""
SUITE = f"convgrad-cases {VERSION}"
Known = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Group:
    """Failures of one array that are called the same: by the mistake, else by the verdict."""

    array: str
    mistake: str
    outcomes: tuple[Outcome, ...]
    where: str = ""
    smallest: Outcome | None = None
    file: str = ""

    @property
    def verdict(self) -> str:
        return self.outcomes[0].verdict

    @property
    def first(self) -> Outcome:
        """The smallest of the cases."""
        return min(self.outcomes, key=lambda outcome: outcome.trial.numbers)


@dataclass(frozen=True)
class Grade(Record):
    """What came of it: an outcome for every array of every case, and the groups that failures fall into."""

    target: str
    dtype: str
    seed: int
    runs: int
    want: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    groups: tuple[Group, ...]
    planted: tuple[int, int]
    repeat: tuple[str, ...] = ()
    """The words of a command line that does this again, but for which cases."""
    feedback: str = "full"
    stopped: str = ""
    kept: dict[tuple[str, str], str] = field(default_factory=dict)

    def __repr__(self) -> str:
        told = ", ".join(dict.fromkeys(f"{group.array} {group.mistake}" for group in self.groups))
        return f"Grade({self.verdict}, {self.cases} cases{': ' * bool(told)}{told})"

    @property
    def verdict(self) -> str:
        """Agrees where something was run and nothing failed, else the gravest; a known failure that passes differs."""
        failed = {outcome.verdict if outcome.failed else DIFFERS for outcome in self.failures}
        return next((verdict for verdict in GRAVEST if verdict in failed), AGREES if self.cases else UNTESTED)

    @cached_property
    def failures(self) -> tuple[Outcome, ...]:
        """What failed and was not known to, and what was known to fail and did not."""
        return tuple(outcome for outcome in self.outcomes if is_failure(outcome))

    @property
    def cases(self) -> int:
        """How many cases were run."""
        return len({outcome.id for outcome in self.outcomes if outcome.verdict not in (SKIPPED, UNTESTED)})

    @property
    def counts(self) -> Counter[str]:
        """How often every verdict was given."""
        return Counter(outcome.verdict for outcome in self.outcomes)

    @cached_property
    def coverage(self) -> dict[str, Any]:
        """How many of the mistakes that the cases could show were put to the test; of the others, why they were not."""
        every = {name for outcome in self.outcomes for name in caught(outcome.trial, self.want)}
        tested = [outcome for outcome in self.outcomes if outcome.verdict not in (SKIPPED, UNTESTED, *ENDED)]
        seen = {name for outcome in tested for name in caught(outcome.trial, (outcome.array,))}
        return {"mistakes": len(every), "could_be_seen": len(seen), "blind_to": sorted(every - seen)}

    def reproduce(self, outcome: Outcome) -> tuple[str, ...]:
        """The words of a command line that repeats one case."""
        name = outcome.id.removesuffix("-smallest")
        seed = ("--seed", str(self.seed)) if self.seed else ()
        return ("convgrad", "grade", "--case", name, *seed, *self.repeat)

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        from convgrad.grading.records import record

        return record(self)


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome counts as a failure: what is known to fail is to go on failing."""
    if outcome.verdict in (SKIPPED, UNTESTED):
        return False
    return outcome.failed != outcome.expected


# -- Running -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wishes:
    """How to grade, beside what: what is asked of a case, and what is done with failures."""

    asking: Asking
    jobs: int = 1
    shrink: bool = True
    keep: Path | None = None
    known: Known = frozenset()
    feedback: str = "full"
    progress: Callable[[Outcome], None] | None = None


def control(trials: Sequence[Trial], want: Sequence[str]) -> tuple[int, int]:
    """Plant a mistake in a right answer, and put both to the comparison: how many were planted, how many found.

    Without a case there is nothing to plant in.
    """
    for trial in trials:
        for array in want:
            truth = trial.expected.get(array)
            if truth is not None and truth.any():
                right, wrong = compared(trial, array, truth, truth), compared(trial, array, -truth, truth)
                return 1, int(right.verdict == AGREES and wrong.verdict == DIFFERS)
    return 0, 0


def graded(
    adapter: Adapter, trials: Sequence[Trial], wishes: Wishes, *, target: str, repeat: Sequence[str] = ()
) -> Grade:
    """Run an implementation on cases; interrupted, it says what there is so far."""
    planted = control(trials, wishes.asking.want)
    told, stopped = list[Outcome](), ""
    try:
        for some in _each(adapter, trials, wishes):
            told += some
            for outcome in some if wishes.progress else ():
                wishes.progress(outcome)  # type: ignore[misc]
    except KeyboardInterrupt:
        stopped = "interrupted"
    except Stop:
        stopped = "it died three times in a row"
    rest = {outcome.id for outcome in told}
    for trial in trials if stopped else ():
        if trial.id not in rest:
            told += alike(trial, [array for array in wishes.asking.want if array in trial.expected], UNTESTED, stopped)
    told = [outcome.but(expected=_is_known(outcome, wishes.known)) for outcome in told]
    try:
        named = with_names(told)
    except KeyboardInterrupt:
        named, stopped = told, "interrupted"
    deadline = 0.0 if stopped or not wishes.shrink else monotonic() + SECONDS
    groups = tuple(_groups(adapter, named, wishes.asking, deadline))
    kept = keep(wishes.keep, groups) if wishes.keep else {}
    return Grade(
        target, adapter.dtype, trials[0].seed if trials else 0, wishes.asking.runs, wishes.asking.want, tuple(named),
        groups, planted, tuple(repeat), wishes.feedback, stopped, kept,
    )  # fmt: skip


def _is_known(outcome: Outcome, known: Known) -> bool:
    return bool({(outcome.id, outcome.array), (outcome.id, "")} & known)


def _each(adapter: Adapter, trials: Sequence[Trial], wishes: Wishes) -> Iterator[list[Outcome]]:
    """The outcomes of every case in order, some at a time where that is asked for; hanging once is enough."""
    run = partial(outcomes, adapter, asking=wishes.asking)
    if wishes.jobs == 1:
        yield from map(run, trials)
        return
    with ThreadPoolExecutor(wishes.jobs) as pool:
        try:
            yield from pool.map(run, trials)
        except BaseException:  # an interrupt, or whoever asked for the outcomes was interrupted
            adapter.end()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _groups(adapter: Adapter, told: Sequence[Outcome], asking: Asking, deadline: float) -> Iterator[Group]:
    """Failures by array and name, the gravest first, with what they share and the smallest case of the first few."""
    by_name: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in told:
        if is_failure(outcome) and outcome.failed:
            by_name.setdefault((outcome.array, outcome.mistake), []).append(outcome)
    rows = sorted(by_name.items(), key=lambda item: (GRAVEST.index(item[1][0].verdict), -len(item[1])))
    alone: dict[str, Outcome | None] = {}
    for (array, mistake), failing in rows:
        passing = [outcome.trial for outcome in told if outcome.array == array and _is_told(outcome)]
        where = shared([outcome.trial for outcome in failing], passing)
        group = Group(array, mistake, tuple(failing), where)
        ended = group.verdict in (CRASHED, TIMED_OUT)
        key = group.verdict + group.first.id if ended else array + mistake
        if key not in alone:
            soon = monotonic() < deadline and len(alone) < SHRUNK
            alone[key] = _smallest(adapter, group, asking, deadline) if soon else None
        yield Group(array, mistake, tuple(failing), where, alone[key])


def _is_told(outcome: Outcome) -> bool:
    """Whether a case shows that it is done right; one whose result is all zeros hardly shows anything."""
    return outcome.verdict == AGREES and bool(outcome.trial.expected[outcome.array].any())


def _smallest(adapter: Adapter, group: Group, asking: Asking, deadline: float) -> Outcome | None:
    try:
        found = shrunk(adapter, group.first, asking, deadline)
    except (KeyboardInterrupt, Stop):
        return None
    return with_names([found])[0] if found else None


def ids(outcomes: Iterable[Outcome]) -> list[str]:
    """The ids of cases, each once."""
    return list(dict.fromkeys(outcome.id for outcome in outcomes))
