"""The check command: cases to reports, with an estimate and a progress bar where it lasts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from convgrad.case import Case
from convgrad.chain.explaining import is_network
from convgrad.checking import Report, check, estimate
from convgrad.cli.cases import Run, case_of, prepared
from convgrad.cli.errors import say
from convgrad.cli.network import as_network_request, network_of
from convgrad.cli.options import CASE, CLAIMED, CLAIMS
from convgrad.cli.requests import Request, requests
from convgrad.cli.results import GRAVEST, Result, deliver, deliver_one
from convgrad.errors import Place, Problem, RequestError

WEAK = 4
LASTS = 2
"""Seconds from which on it is said beforehand how long a check will take, and a bar shows how far it is."""


def run(options: Mapping[str, Any]) -> int:
    """Check what is asked for, or without arguments the installation; the exit code."""
    settings = prepared(options)
    given = ("case", *(option.name for option in (*CASE, *CLAIMS, *CLAIMED)))
    if all(options.get(name) is None for name in given):
        from convgrad.checking import verify_installation

        report = verify_installation()
        return deliver_one(settings.result(report, report.code), options)
    made, many = requests(options, exact=True)
    made = (as_network_request(request) if is_network(request.value) else request for request in made)
    return deliver(made, many, lambda request: _result(request, settings, options), options)


def _result(request: Request, settings: Run, options: Mapping[str, Any]) -> Result:
    return (_checked_network if is_network(request.value) else _checked)(request, settings, options)


def _checked(request: Request, settings: Run, options: Mapping[str, Any]) -> Result:
    case = case_of(request, settings)
    with _progress(case, quiet=bool(options.get("quiet"))) as progress:
        report = check(
            case,
            request.written_claim(),
            sample=options.get("sample"),
            seed=options.get("seed") or 0,
            all_entries=bool(options.get("all")),
            nonfinite=settings.nonfinite,
            progress=progress,
        )
    codes = {report.code, _weakness(report, options.get("min_strength"))}
    return settings.result(report, next(code for code in GRAVEST if code in codes))


def _weakness(report: Report, wanted: int | None) -> int:
    """The exit code for a case that could reveal fewer mistakes than was asked for, which is said."""
    if wanted is None or report.strength.catches >= wanted:
        return 0
    say(f"this case could reveal {report.strength.catches} mistakes, fewer than --min-strength {wanted}")
    return WEAK


def _checked_network(request: Request, settings: Run, options: Mapping[str, Any]) -> Result:
    """A network's check; there is no strength of one to ask for."""
    from convgrad.network_checking import check_network

    if options.get("min_strength") is not None:
        message = "a network's check does not count what it could have revealed"
        raise RequestError(Problem(message, "check a layer as a case", place=Place("--min-strength")))
    report = check_network(
        network_of(request, settings, options),
        request.written_claim(),
        sample=options.get("sample"),
        seed=options.get("seed") or 0,
        all_entries=bool(options.get("all")),
    )
    return settings.result(report, report.code)


@contextmanager
def _progress(case: Case, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """What to call as differences are made; a bar only on a terminal, and only for a check that lasts."""
    passes, seconds = estimate(case)
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
