"""What the installation computes: built-in cases of every operation, with every mistake planted in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convgrad.checking.judging import check_subject
from convgrad.checking.report import Judged, Report
from convgrad.core.record import Mapped, Record
from convgrad.diagnosis.control import Planted, builtin_cases, control, more_cases
from convgrad.passes.subject import subject_of
from convgrad.subject.case import make_case


@dataclass(frozen=True)
class Verified(Mapped):
    """A built-in case: the report of its check, and every mistake that was planted in it."""

    report: Report
    planted: tuple[Planted, ...]

    def __repr__(self) -> str:
        return f"Verified({self.report.case.operation.name}: {self.report.verdict}, {len(self.missed)} missed)"

    @property
    def missed(self) -> tuple[Planted, ...]:
        """Planted mistakes that were not named."""
        return tuple(one for one in self.planted if not one.caught)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong (a tie is undecided, and meant to be), and no mistake was missed."""
        sums = all(checksum.holds for checksum in self.report.checksums)
        return self.report.verdict != "differs" and sums and not self.missed

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        missed = [
            {"array": one.array, "mistake": one.id, "variant": one.variant, "named": one.named} for one in self.missed
        ]
        return {
            "id": self.report.case.id, "op": self.report.case.operation.name, "verdict": self.report.verdict,
            "evaluations": self.report.evaluations, "planted": len(self.planted), "missed": missed,
        }  # fmt: skip


@dataclass(frozen=True)
class Installation(Judged, Record):
    """What the installation computes on built-in cases of every operation.

    `every` says that all mistakes were planted wherever they show, and not each in one case.
    """

    cases: tuple[Verified, ...]
    every: bool = False

    def __repr__(self) -> str:
        return f"Installation({self.verdict}: {len(self.cases)} cases)"

    @property
    def verdict(self) -> str:
        return "agrees" if all(case.holds for case in self.cases) else "differs"

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        cases = [case.streamed() for case in self.cases]
        head = {"schema": "convgrad.installation/1", "verdict": self.verdict, "every": self.every}
        return {**head, "cases": cases}


def verify_installation(*, every: bool = False) -> Installation:
    """Every operation on built-in cases, and the negative control: a mistake, planted, is caught and named.

    Of each mistake one is planted in the smallest case that shows it, and one at least in each case; `every` plants all
    of them wherever they show, in every array.
    """
    documents = (*builtin_cases(), *more_cases())
    reports = [check_subject(subject_of(make_case(document))) for document in documents]
    planted: dict[int, tuple[Planted, ...]] = {}
    known: set[str] = set()
    for number in sorted(range(len(reports)), key=lambda number: _size(reports[number])):
        planted[number] = tuple(control(reports[number].truth_case, but=None if every else known))
        known |= {one.id for one in planted[number]}
    return Installation(tuple(Verified(report, planted[number]) for number, report in enumerate(reports)), every)


def _size(report: Report) -> int:
    """How many numbers a case has."""
    return sum(array.size for array in report.case.arrays if array is not None)
