"""The check command: cases and networks to reports, with an estimate and a progress bar where it lasts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from convgrad.checking.judging import check_subject
from convgrad.checking.ours import estimate
from convgrad.checking.report import Report
from convgrad.cli.delivery import GRAVEST, deliver, deliver_one
from convgrad.cli.exits import say
from convgrad.cli.formats import Result
from convgrad.cli.requests import Request, requests
from convgrad.cli.shown import Results, begun
from convgrad.cli.subjects import subject_asked
from convgrad.cli.typed import Checking, Reading, Running
from convgrad.errors import Point, Problem, RequestError
from convgrad.passes.explanation import is_network
from convgrad.passes.subject import Subject

WEAK = 4
LASTS = 2
"""Seconds from which on it is said beforehand how long a check will take, and a bar shows how far it is."""


def of_installation(running: Running) -> int:
    """Verify what the installation computes; the exit code."""
    from convgrad.checking.installation import verify_installation

    results, report = begun(running), verify_installation()
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
    subject = subject_asked(request, running, of_layers=of_layers)
    claim = request.written_claim()
    if checking.function is not None:
        from convgrad.cli.functions import claimed_by

        claim = claimed_by(checking.function, subject)
    with _progress(subject, checking, claimed=claim is not None, quiet=running.writing.quiet) as progress:
        report = check_subject(
            subject, claim, sample=checking.sample, seed=checking.seed, every=checking.every, all_entries=checking.all,
            progress=progress,
        )  # fmt: skip
    codes = {report.code, _weakness(report, checking.min_strength)}
    return results.of(report, next(code for code in GRAVEST if code in codes))


def _weakness(report: Report, wanted: int | None) -> int:
    """The exit code for a case that could reveal fewer mistakes than was asked for, which is said."""
    if wanted is None or report.strength.catches >= wanted:
        return 0
    say(f"this case could reveal {report.strength.catches} mistakes, fewer than --min-strength {wanted}")
    return WEAK


@contextmanager
def _progress(
    subject: Subject, checking: Checking, *, claimed: bool, quiet: bool
) -> Iterator[Callable[[int, int], None] | None]:
    """What to call as differences are made; a bar only on a terminal, and only for a check that lasts."""
    passes, seconds = estimate(subject, checking.sample, checking.seed, sparing=claimed and not checking.every)
    if quiet or seconds < LASTS:
        yield None
        return
    say(f"{passes} forward passes, about {seconds:.0f} s")
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("finite differences", total=passes)
        yield lambda done, total: bar.update(task, completed=done, total=total)
