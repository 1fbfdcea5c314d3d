"""What a check found: findings, diagnoses, identities, and the verdict that they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from convgrad.claims.findings import Finding
from convgrad.core.arithmetic import Array
from convgrad.core.record import Record
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.diagnosis.strength import Strength, strength
from convgrad.differences.identities import Checksum
from convgrad.errors import Problem, RequestError
from convgrad.passes.gradients import head
from convgrad.passes.subject import Subject
from convgrad.subject.case import Case

DIFFERENCES, CLAIM = "finite differences", "claim"
EXIT_CODES = {"agrees": 0, "differs": 1, "undecided": 3}


class Sample(NamedTuple):
    """Which entries were differenced, where not all: how many, of how many, and the seed that chose them."""

    entries: int
    of: int
    seed: int


class Judged:
    """What has a verdict, where nothing else is said by its findings, and so an exit code."""

    findings: Any

    @property
    def verdict(self) -> str:
        """It differs if anything does; with claims it is theirs, without that of the differences."""
        verdicts = {finding.verdict for finding in self.findings}
        if "differs" in verdicts:
            return "differs"
        claimed = {finding.verdict for finding in self.findings if finding.against == CLAIM}
        return "undecided" if "undecided" in (claimed or verdicts) else "agrees"

    @property
    def code(self) -> int:
        """The exit code that this verdict is."""
        return EXIT_CODES[self.verdict]


@dataclass(frozen=True)
class Report(Judged, Record):
    """What a check found: one finding an array and `against`, and what the wrong claims come from.

    `judged` is the subject in the kind of number that claims are judged in; without `sample` every entry was
    differenced, and `exact` says that no difference was rounded, `by_layer` that each layer was differenced given its
    delta. A network has no identities of its own.
    """

    subject: Subject
    findings: tuple[Finding, ...]
    diagnosis: tuple[Diagnosis, ...]
    checksums: tuple[Checksum, ...]
    evaluations: int
    exact: bool
    judged: Subject
    sample: Sample | None = None
    all_entries: bool = False
    by_layer: bool = False

    def __repr__(self) -> str:
        wrong = [f"{one.place} {one.wrong} of {one.entries} wrong" for one in self.findings if one.wrong]
        told = "; ".join(", ".join(dict.fromkeys(part)) for part in (wrong, self.mistakes) if part)
        return f"Report({self.verdict}{': ' * bool(told)}{told})"

    @property
    def mistakes(self) -> tuple[str, ...]:
        """The ids of the mistakes that were named."""
        return tuple(dict.fromkeys(one.mistake for one in self.diagnosis if one.mistake))

    @property
    def case(self) -> Case:
        """The case; of a network the last layer, whose numbers the results are."""
        return self.subject.case

    @property
    def truth_case(self) -> Case:
        """The case in the kind of number that claims are judged in."""
        return self.judged.parts[0].case

    @property
    def truth(self) -> Mapping[str, Array]:
        """The arrays that a case's claims are judged by, in full shape; without a delta the output alone."""
        part = self.judged.parts[0]
        return {"output": part.forward.y} if self.judged.is_forward else part.gradients.by_array

    @cached_property
    def strength(self) -> Strength:
        """How many of the catalogue's mistakes a case could reveal; worked out when asked for."""
        return strength(self.truth_case, self.truth)

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        alone = self.subject.chain.alone
        record = self._head_of_network() if alone is None else {"schema": "convgrad.check/1", **head(alone)}
        record |= {"verdict": self.verdict, "evaluations": self.evaluations}
        if self.sample:
            record["sample"] = self.sample._asdict()
        record["findings"] = [finding.streamed(self.all_entries) for finding in self.findings]
        record["diagnosis"] = [diagnosis.streamed() for diagnosis in self.diagnosis]
        if alone is not None:
            record["strength"] = self.strength.to_dict()
            record["checksums"] = [checksum.to_dict() for checksum in self.checksums]
        return record

    def _head_of_network(self) -> dict[str, Any]:
        head = {"schema": "convgrad.network-check/1", "id": self.subject.chain.id}
        return head | {"arithmetic": self.subject.arithmetic}


@dataclass(frozen=True)
class Reports(Judged, Record):
    """The reports of several cases, such as the layers of a model: by name, by number, or one after another."""

    reports: tuple[Report, ...]

    def __repr__(self) -> str:
        wrong = [report for report in self.reports if report.verdict == "differs"]
        told = "; ".join(f"{report.subject.chain.id}: {', '.join(report.mistakes) or 'not named'}" for report in wrong)
        return f"Reports({len(self.reports)} layers, {self.verdict}{': ' * bool(told)}{told})"

    def __len__(self) -> int:
        return len(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def __getitem__(self, name: str | int) -> Report:
        if isinstance(name, int):
            return self.reports[name]
        for report in self.reports:
            if report.subject.chain.id == name:
                return report
        names = ", ".join(str(report.subject.chain.id) for report in self.reports)
        raise RequestError(Problem(f"there is no report of '{name}'", f"there are {names}"))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of all reports."""
        return tuple(finding for report in self.reports for finding in report.findings)

    @property
    def diagnosis(self) -> tuple[Diagnosis, ...]:
        """What became of the wrong claims of all reports."""
        return tuple(diagnosis for report in self.reports for diagnosis in report.diagnosis)

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        reports = [report.streamed() for report in self.reports]
        return {"schema": "convgrad.checks/1", "verdict": self.verdict, "checks": reports}
