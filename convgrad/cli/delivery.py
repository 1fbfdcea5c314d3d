"""Results on their way out: to where, one or many, and the exit code that they add up to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic

from convgrad.cli.exits import bug_text, told
from convgrad.cli.formats import Format, Result, format_of
from convgrad.cli.requests import Request, Requests, each
from convgrad.cli.typed import Running, Writing
from convgrad.errors import Problem, RequestError

PATIENCE = 0.1
"""Seconds that what is ready may wait for more before it is shown; the first part never waits."""
GRAVEST = (70, 2, 1, 4, 3, 0)
Outcome = tuple[Request, Result | None, Exception | None]


@dataclass
class Tally:
    """The exit codes of many cases, of which the gravest counts."""

    debug: bool = False
    codes: set[int] = field(default_factory=lambda: {0})

    @property
    def code(self) -> int:
        return next(code for code in GRAVEST if code in self.codes)


def deliver(asked: Requests, compute: Callable[[Request], Result], running: Running) -> int:
    """Compute every request and write what comes of it; the exit code. Raises RequestError for a lone one refused."""
    form, tally = format_of(running.writing), Tally(running.debug)
    outcomes = each(asked.each, compute)
    text = _many(outcomes, form, tally) if asked.are_many else _alone(next(outcomes), form, tally)
    write(text, running.writing.output)
    return tally.code


def deliver_one(result: Result, writing: Writing) -> int:
    """Write a result that is of no request; its exit code."""
    write(format_of(writing).alone(result), writing.output)
    return result.code


def write(text: Iterable[str], output: str | None) -> None:
    """To a file, whole or not at all, or to standard output as it comes."""
    if output is not None and output != "-":
        from convgrad.documents import write_atomically

        write_atomically(output, text)
        return
    shown = 0.0
    for part in text:
        sys.stdout.write(part)
        if monotonic() - shown > PATIENCE:
            sys.stdout.flush()
            shown = monotonic()
    sys.stdout.flush()


def _alone(outcome: Outcome, form: Format, tally: Tally) -> Iterator[str]:
    request, result, error = outcome
    if error is not None:
        raise error
    assert result is not None
    tally.codes.add(result.code)
    return _started(_explained(request, result, form))


def _started(text: Iterator[str]) -> Iterator[str]:
    """The same text, its first part made already: what can go wrong does so before anything is written."""
    first = next(text, "")
    return chain((first,), text)


def _explained(request: Request, result: Result, form: Format) -> Iterator[str]:
    """The text of a result; what goes wrong in making it is said of its request."""
    try:
        yield from form.alone(result)
    except Exception as error:
        raise request.explained(error) from None


def _many(outcomes: Iterator[Outcome], form: Format, tally: Tally) -> Iterator[str]:
    before, opening = form.opening, form.opening
    for outcome in outcomes:
        yield before
        yield from _one(outcome, form, tally)
        before, opening = form.between, ""
        sys.stdout.flush()
    if form.ending:
        yield opening + form.ending


def _one(outcome: Outcome, form: Format, tally: Tally) -> Iterator[str]:
    """One case of many: its record, or its error, also where that comes to light in the middle of the record."""
    request, result, error = outcome
    record = form.unfinished()
    if result is not None:
        tally.codes.add(result.code)
        try:
            yield from record.follow(form.among(result))
        except Exception as failure:
            error = request.explained(failure)
    if error is not None:
        refusal = _refused(request, error, tally)
        yield from record.ended(refusal.as_dict()["error"]) if record.is_cut else form.among(refusal)


def _refused(request: Request, error: Exception, tally: Tally) -> Result:
    """A refused case in its place; what is wrong also goes to standard error, and so is no text of a table."""
    tally.codes.add(told(error, tally.debug))
    message, line = _said(error), request.line
    if isinstance(error, RequestError):
        line = next((one.place.line for one in error.problems if one.place and one.place.line), line)
    refusal = {"id": request.id, "error": {"message": message, "line": line}}
    return Result(lambda: refusal, lambda: iter(()))


def _said(error: Exception) -> str:
    if not isinstance(error, RequestError):
        return bug_text(error)
    return "; ".join(str(Problem(one.message, one.advice, one.path)) for one in error.problems)
