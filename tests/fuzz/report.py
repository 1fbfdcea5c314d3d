"""What a run of the fuzzer adds up to: figures, and every kind of failure with a command that repeats it."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic, process_time

from tests.fuzz.rules import Failure, Rule
from tests.fuzz.running import Outcome
from tests.fuzz.trial import Trial

COUNTED = ("runs", "documents", "by_words", "processes", "processor", "kinds", "commands", "codes", "rules", "resident")


@dataclass
class Broken:
    """Failures of one kind: how many, and the first, made small."""

    number: int
    detail: str
    count: int = 0
    shell: str = ""


@dataclass
class Figures:
    """Counts of what was tried and of what came of it."""

    start: float = field(default_factory=monotonic)
    spent: float = field(default_factory=process_time)
    processor: float = 0.0
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

    def add(self, trial: Trial, outcome: Outcome, by_words: bool, rules: Iterable[Rule]) -> None:
        """Count a run."""
        self.runs += 1
        self.documents += trial.documents
        self.by_words += by_words
        self.kinds[trial.kind] += 1
        self.commands[trial.command] += 1
        self.codes[outcome.code] += 1
        self.rules.update(rule.__name__ for rule in rules)
        self.processor = process_time() - self.spent
        if self.runs % 1000 == 1:
            self.resident.append(_resident())

    def is_new(self, failure: Failure, number: int) -> bool:
        """Count a failure; whether it is the first of its kind."""
        known = self.broken.setdefault(failure.kind, Broken(number, failure.detail))
        known.count += 1
        return known.count == 1

    def join(self, other: Figures) -> None:
        """Add the figures of a process that ran beside."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, broken in other.broken.items():
            known = self.broken.setdefault(kind, Broken(broken.number, broken.detail, 0, broken.shell))
            known.count += broken.count

    def lines(self) -> Iterator[str]:
        """The figures, and then the failures."""
        seconds = monotonic() - self.start
        yield f"{self.documents:,} documents in {self.runs:,} runs: {self.documents / seconds:,.0f} documents a second"
        yield f"{seconds:,.0f} s, {self.processor:,.0f} s of the processor"
        yield f"{self.by_words:,} by the words of a command line, the others by the command's function"
        yield f"{self.processes:,} also as processes"
        named = {"kinds": self.kinds, "commands": self.commands, "exit codes": self.codes, "rare rules": self.rules}
        yield from (f"{name}: {_listed(counts)}" for name, counts in named.items())
        if self.resident:
            yield f"resident: {self.resident[0] >> 20} MB at first, {self.resident[-1] >> 20} MB at last"
        yield f"failures: {sum(broken.count for broken in self.broken.values()):,} of {len(self.broken)} kinds"
        for kind, broken in sorted(self.broken.items(), key=lambda pair: -pair[1].count):
            yield f"\n{broken.count:,} times {kind}; first number {broken.number}: {broken.detail}".rstrip(": ")
            yield broken.shell


def _listed(counts: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{key} {count:,}" for key, count in counts.most_common())


def _resident() -> int:
    """Bytes resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
