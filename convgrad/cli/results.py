"""Results on their way out: which format, to where, one case or many, and the exit code that they add up to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any

from convgrad.cli.errors import bug_text, told
from convgrad.cli.requests import Request, each
from convgrad.cli.unfinished import Unfinished
from convgrad.documents import chunks, element
from convgrad.errors import Place, Problem, RequestError

SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".yaml": "yaml", ".yml": "yaml"}
FORMATS = ("table", "json", "jsonl", "yaml")
GATHERED = 1 << 16
PATIENCE = 0.1
"""Seconds that what is ready may wait for more before it is shown; the first part never waits."""
STREAMED = {"overlays": "overlay", "steps": "step"}
GRAVEST = (70, 2, 1, 4, 3, 0)


@dataclass
class Tally:
    """The exit codes of many cases, of which the gravest counts."""

    debug: bool = False
    codes: set[int] = field(default_factory=lambda: {0})

    @property
    def code(self) -> int:
        return next(code for code in GRAVEST if code in self.codes)


@dataclass(frozen=True)
class Result:
    """What became of one case: its record as a mapping, its view as text, and its exit code."""

    as_dict: Callable[[], Mapping[str, Any]]
    as_text: Callable[[], Iterator[str]]
    code: int = 0


FRAMES = {"json": ("[", ",\n ", "]\n"), "yaml": ("---\n", "---\n", ""), "table": ("", "\n", "")}
"""What stands before the first of many records, between two, and after the last."""
OUTPUT = Place("--output")
Outcome = tuple[Request, Result | None, Exception | None]


def suffix_of(options: Mapping[str, Any]) -> str:
    """What the output's name ends in, from the dot on; nothing where there is none."""
    return os.path.splitext(options.get("output") or "")[1].lower()


def format_of(options: Mapping[str, Any]) -> str:
    """The format asked for, else the output file's suffix, else a table."""
    chosen = options.get("format")
    if suffix_of(options) in (".npy", ".npz"):
        message = "NumPy's files hold no text: a .npy takes y of forward, or dX of backward"
        raise RequestError(Problem(message, "write other results to .json, .jsonl, .yaml or text", place=OUTPUT))
    if chosen is None:
        return SUFFIXES.get(suffix_of(options), "table")
    if chosen not in FORMATS:
        raise RequestError(Problem(f"unknown format '{chosen}'", f"one of {', '.join(FORMATS)}"))
    return str(chosen)


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


def deliver(
    made: Iterator[Request], many: bool, compute: Callable[[Request], Result], options: Mapping[str, Any]
) -> int:
    """Compute every case and write what comes of it; the exit code. Raises RequestError for a lone case refused."""
    form, tally = format_of(options), Tally(bool(options.get("debug")))
    outcomes = each(made, compute)
    text = _many(outcomes, form, tally) if many else _alone(next(outcomes), form, tally)
    write(text, options.get("output"))
    return tally.code


def deliver_one(result: Result, options: Mapping[str, Any]) -> int:
    """Write a result that is of no case; its exit code."""
    write(_text(result, format_of(options)), options.get("output"))
    return result.code


def _alone(outcome: Outcome, form: str, tally: Tally) -> Iterator[str]:
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


def _explained(request: Request, result: Result, form: str) -> Iterator[str]:
    """The text of a result; what goes wrong in making it is said of its request."""
    try:
        yield from _text(result, form)
    except Exception as error:
        raise request.explained(error) from None


def _text(result: Result, form: str) -> Iterator[str]:
    if form == "table":
        return result.as_text()
    return _lines(result.as_dict()) if form == "jsonl" else chunks(result.as_dict(), form)


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    """A record as one line; one with overlays or steps as a line each, and the rest, last."""
    streamed = {key: kind for key, kind in STREAMED.items() if key in record}
    if not streamed:
        yield from _gathered(chunks(record, "jsonl"))
        return
    for key, kind in streamed.items():
        for part in record[key]:
            yield from _gathered(chunks({"type": kind, **part}, "jsonl"))
    rest = {key: value for key, value in record.items() if key not in streamed}
    yield from _gathered(chunks({"type": "result", **rest}, "jsonl"))


def _gathered(parts: Iterator[str]) -> Iterator[str]:
    """Small parts of one record put together: a write each would cost more than making them."""
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > GATHERED:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _many(outcomes: Iterator[Outcome], form: str, tally: Tally) -> Iterator[str]:
    opening, between, ending = FRAMES.get(form, ("", "", ""))
    before = opening
    for outcome in outcomes:
        yield before
        yield from _one(outcome, form, tally)
        before, opening = between, ""
        sys.stdout.flush()
    if ending:
        yield opening + ending


def _one(outcome: Outcome, form: str, tally: Tally) -> Iterator[str]:
    """One case of many: its record, or its error, also where that comes to light in the middle of the record."""
    request, result, error = outcome
    record = Unfinished(form)
    if result is not None:
        tally.codes.add(result.code)
        try:
            yield from result.as_text() if form == "table" else record.follow(_among_others(result.as_dict(), form))
        except Exception as failure:
            error = request.explained(failure)
    if error is not None:
        refusal = _refused(request, error, tally)
        if form != "table":
            yield from record.ended(refusal["error"]) if record.is_cut else _among_others(refusal, form)


def _among_others(record: Mapping[str, Any], form: str) -> Iterator[str]:
    """A record as one of many, what is short of it all at once: if it fails, it has not been begun."""
    if form == "jsonl":
        return _lines(record)
    return _gathered(element(record) if form == "json" else chunks(record, form))


def _refused(request: Request, error: Exception, tally: Tally) -> Mapping[str, Any]:
    """A refused case in its place; what is wrong also goes to standard error."""
    tally.codes.add(told(error, tally.debug))
    if not isinstance(error, RequestError):
        return {"id": request.id, "error": {"message": bug_text(error), "line": request.line}}
    lines = [problem.place.line for problem in error.problems if problem.place and problem.place.line]
    message = "; ".join(_message(problem) for problem in error.problems)
    return {"id": request.id, "error": {"message": message, "line": lines[0] if lines else request.line}}


def _message(problem: Problem) -> str:
    return str(Problem(problem.message, problem.advice, problem.path))
