"""What a fuzzing run adds up to: figures, and every kind of failure with a command that repeats it."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from tests.fuzz.rules import Failure
from tests.fuzz.running import Outcome
from tests.fuzz.trial import Trial


@dataclass
class Broken:
    """Failures of one kind: how many, and the first, made small."""

    count: int = 0
    number: int = 0
    detail: str = ""
    shell: str = ""


@dataclass
class Figures:
    """Counts of what was tried and of what came of it."""

    start: float = field(default_factory=monotonic)
    runs: int = 0
    documents: int = 0
    by_words: int = 0
    processes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Broken] = field(default_factory=dict)
    resident: list[int] = field(default_factory=list)

    def add(self, trial: Trial, outcome: Outcome, through_words: bool) -> None:
        """Count a run."""
        self.runs += 1
        self.documents += trial.documents
        self.by_words += through_words
        self.kinds[trial.kind] += 1
        self.commands[trial.command] += 1
        self.codes[outcome.code] += 1
        if self.runs % 1000 == 1:
            self.resident.append(_resident())

    def is_new(self, failure: Failure, number: int) -> bool:
        """Count a failure; whether it is the first of its kind."""
        known = self.broken.setdefault(failure.kind, Broken(number=number, detail=failure.detail))
        known.count += 1
        return known.count == 1

    def join(self, other: Figures) -> None:
        """Add the figures of a process that ran beside."""
        for name in ("runs", "documents", "by_words", "processes", "kinds", "commands", "codes", "rules", "resident"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, broken in other.broken.items():
            known = self.broken.setdefault(kind, Broken(0, broken.number, broken.detail, broken.shell))
            known.count += broken.count

    def lines(self) -> Iterator[str]:
        """The figures, and then the failures."""
        seconds = monotonic() - self.start
        yield f"{self.documents:,} documents in {self.runs:,} runs, {seconds:,.0f} s: {self.documents / seconds:,.0f} a second"
        yield f"{self.by_words:,} by the words of a command line, the others by the command's function; {self.processes:,} also as a process"
        for name, counts in (
            ("kinds", self.kinds),
            ("commands", self.commands),
            ("exit codes", self.codes),
            ("also held to", self.rules),
        ):
            yield f"{name}: " + ", ".join(
                f"{key} {count:,}" for key, count in sorted(counts.items(), key=lambda pair: -pair[1])
            )
        if self.resident:
            yield f"resident: {self.resident[0] >> 20} MB at first, {self.resident[-1] >> 20} MB at last"
        yield f"failures: {sum(broken.count for broken in self.broken.values()):,} of {len(self.broken)} kinds"
        for kind, broken in sorted(self.broken.items(), key=lambda pair: -pair[1].count):
            yield f"\n{broken.count:,} times {kind}, first number {broken.number}" + (
                f": {broken.detail}" if broken.detail else ""
            )
            yield broken.shell


def _resident() -> int:
    """Bytes resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
