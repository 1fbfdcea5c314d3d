"""The check command: cases and networks to reports, with an estimate and a progress bar where it lasts."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from convgrad.checking.expected import Expected
from convgrad.checking.judging import check_subject, needs_delta
from convgrad.checking.ours import estimate
from convgrad.checking.report import Report
from convgrad.claims.findings import Finding
from convgrad.cli.delivery import GRAVEST, deliver, deliver_one
from convgrad.cli.exits import say
from convgrad.cli.formats import Result
from convgrad.cli.requests import Request, requests
from convgrad.cli.shown import Results, begun
from convgrad.cli.subjects import subject_asked
from convgrad.cli.typed import Checking, Reading, Running
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.errors import Point, Problem, RequestError
from convgrad.passes.explanation import is_network
from convgrad.passes.subject import Subject

if TYPE_CHECKING:
    from rich.progress import Progress

WEAK = 4
LASTS = 2
"""Seconds from which on it is said beforehand how long a check will take, and a bar shows how far it is."""


def of_installation(running: Running, *, every: bool) -> int:
    """Verify what the installation computes, with each mistake planted once or wherever it shows; the exit code."""
    from convgrad.checking.installation import verify_installation

    results, report = begun(running), verify_installation(every=every)
    return deliver_one(results.of(report, report.code), running.writing)


def of_subjects(reading: Reading, checking: Checking, running: Running) -> int:
    """Check every case and network that is asked for; the exit code."""
    results, asked = begun(running, document=reading.document), requests(reading, running, exact=True)
    return deliver(asked, lambda request: _result(request, checking, running, results), running)


def _result(request: Request, checking: Checking, running: Running, results: Results) -> Result:
    of_layers = is_network(request.value)
    if of_layers and checking.min_strength is not None:
        message = "a network's check does not count what it could have revealed"
        raise RequestError(Problem(message, "check a layer as a case", place=Point("--min-strength")))
    claim = request.written_claim()
    of_forward = checking.function is None and not needs_delta(claim)
    subject = subject_asked(request, running, of_layers=of_layers, needs_delta=of_layers or not of_forward)
    if checking.function is not None:
        from convgrad.cli.functions import claimed_by

        claim = claimed_by(checking.function, subject)
    lasts = None if running.writing.quiet else _lasting(subject, checking, sparing=claim is not None)
    with lasts or nullcontext():
        report = check_subject(
            subject, claim, sample=checking.sample, seed=checking.seed, every=checking.every, all_entries=checking.all,
            progress=lasts.progress if lasts else None, answer=lasts.answer if lasts else None,
        )  # fmt: skip
    codes = {report.code, _weakness(report, checking.min_strength)}
    return results.of(report, next(code for code in GRAVEST if code in codes))


def _weakness(report: Report, wanted: int | None) -> int:
    """The exit code for a case that could reveal fewer mistakes than was asked for, which is said."""
    if wanted is None or report.strength.catches >= wanted:
        return 0
    say(f"this case could reveal {report.strength.catches} mistakes, fewer than --min-strength {wanted}")
    return WEAK


def _lasting(subject: Subject, checking: Checking, *, sparing: bool) -> Lasting | None:
    """How far a check is, where it takes long enough to be told."""
    if subject.is_forward:
        return None
    expected = estimate(subject, checking.sample, checking.seed, sparing=sparing and not checking.every)
    return Lasting(expected) if expected.seconds >= LASTS else None


class Lasting:
    """A check that lasts: on a terminal the answer on claims at once; then how long the rest takes, and a bar."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self.bar: Progress | None = None
        self.task: Any = None
        self.seen = sys.stderr.isatty()

    def answer(self, findings: tuple[Finding, ...], diagnosis: tuple[Diagnosis, ...]) -> None:
        """What was found of claims, and that our own gradients are now differenced."""
        if self.seen:
            from convgrad.views.findings_said import answered

            for line in answered(findings, diagnosis):
                say(line)
        say(f"{self.expected.passes} forward passes, about {self.expected.seconds:.0f} s")
        if self.seen:
            self._begin()

    def progress(self, done: int, total: int) -> None:
        """How far the differences are."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=total)

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.bar = Progress(console=Console(stderr=True), transient=True)
        self.bar.start()
        self.task = self.bar.add_task("finite differences", total=self.expected.passes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if self.bar is not None:
            self.bar.stop()
