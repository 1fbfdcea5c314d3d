"""The grade command: what is to be graded, on which cases, and what is written of it."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convgrad.cli.delivery import deliver_one, write
from convgrad.cli.exits import INTERRUPTED, say
from convgrad.cli.grade_typed import Grading
from convgrad.cli.shown import begun
from convgrad.cli.typed import Running, Writing
from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.answer import Adapter
from convgrad.grading.callables import TARGET
from convgrad.grading.callables import Callable as Function
from convgrad.grading.command import Command
from convgrad.grading.comparing import Asking
from convgrad.grading.grade import Grade, Known, Wishes, graded
from convgrad.grading.layouts import layout
from convgrad.grading.loop import Loop
from convgrad.grading.reports import REPORTS, junit
from convgrad.suites.facts import limit
from convgrad.suites.reading import suite_trials
from convgrad.suites.selection import SUITES, Wanted, trials
from convgrad.suites.trial import Trial

WEAK, FAILED, BUG = 4, 1, 70
NOT_REPEATED = (
    "words", "case", "cases", "seed", "junit", "known", "keep", "min_cases", "min_strength", "format", "output", "jobs",
    "shrink", "feedback", "ascii", "color", "quiet", "threads", "debug", "limit", "op", "dims",
)  # fmt: skip
"""Options that a command line which repeats one case does without."""


def of_target(asked: Grading) -> int:
    """Grade what the words of a command line name; the exit code."""
    if asked.template is not None:
        from convgrad.grading.templates import template

        write([template(asked.template)], asked.output)
        return 0
    if not asked.words:
        advice = "name module:function, file.py:function, or, after --, a command, as in -- ./kernel {dir}"
        raise RequestError(Problem("nothing to grade is given", advice))
    if len(asked.words) == 1 and os.path.isdir(asked.words[0]):
        from convgrad.cli.submissions import of_folder

        return of_folder(asked)
    grade = one_grade(asked)
    _write(grade, asked)
    return code_of(grade, asked)


def one_grade(asked: Grading) -> Grade:
    """One target graded."""
    asked = _with_axes(asked)
    adapter = adapter_of(asked)
    with _ended(adapter):
        cases = cases_of(asked, adapter.dtype)
        asking = Asking(_want(asked), asked.runs, asked.accumulate_into)
        keep = Path(asked.keep) if asked.keep else None
        wishes = Wishes(asking, _jobs(asked), asked.shrink, keep, known_failures(asked.known), asked.feedback)
        repeat = (*_repeated(asked), *(["--"] if _is_command(asked) else []), *asked.words)
        return graded(adapter, cases, wishes, target=shlex.join(asked.words), repeat=repeat)


def _with_axes(asked: Grading) -> Grading:
    """On as many axes as the layout has letters for, where it says."""
    axes = layout(asked.layout).dims
    return asked if axes is None else asked._replace(dims=(axes,))


def _want(asked: Grading) -> tuple[str, ...]:
    """The arrays wanted, in the order of reports; a pool has one gradient."""
    return tuple(name for name in ("dW", "db", "dX", "output") if name in asked.want)


def _jobs(asked: Grading) -> int:
    return asked.jobs if _is_command(asked) and not asked.loop else 1


def _is_command(asked: Grading) -> bool:
    return asked.loop or len(asked.words) > 1 or TARGET.fullmatch(asked.words[0]) is None


def adapter_of(asked: Grading) -> Adapter:
    """What runs the target, in the way that its words tell."""
    common: dict[str, Any] = {"layout": layout(asked.layout), "timeout": asked.timeout}
    if asked.loop:
        return Loop(asked.words, dtype=asked.dtype or "float32", start_timeout=asked.start_timeout, **common)
    if _is_command(asked):
        return Command(asked.words, dtype=asked.dtype or "float32", **common)
    dtype = asked.dtype or "float64"
    return Function(asked.words[0], dtype=dtype, kind=asked.kind, signature=asked.signature,
                    start_timeout=asked.start_timeout, **common)  # fmt: skip


def cases_of(asked: Grading, dtype: str) -> list[Trial]:
    """The cases that are asked for, of suites and of files."""
    limits = _limits(asked.limit)
    suites = [suite for suite in asked.cases if suite in SUITES]
    files = [suite for suite in asked.cases if suite not in SUITES]
    wanted = Wanted(asked.op, asked.dims, dtype, suites, limits, (), asked.seed, asked.case)
    found = trials(wanted) if suites or asked.case else []
    own = (trial for file in files for trial in suite_trials(file, dtype))
    found += [trial for trial in own if all(term.holds(trial.facts) for term in limits)]
    if not found:
        raise RequestError(Problem("no case is left to run", "a wider --limit, or another --op, --dims or --cases"))
    return found


def _limits(text: str) -> Any:
    try:
        return limit(text)
    except RequestError as error:
        raise error.at(Point("--limit")) from None


def known_failures(file: str | None) -> Known:
    """What is known to fail: an id a line, and an array where not all of it."""
    if file is None:
        return frozenset()
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(Problem(f"cannot be read: {error}", place=Point(file))) from None
    words = (line.partition("#")[0].split() for line in lines)
    return frozenset((row[0], row[1] if len(row) > 1 else "") for row in words if row)


def _repeated(asked: Grading) -> Iterator[str]:
    """The options that a single case is run with, where they are not the default."""
    for name, default in Grading._field_defaults.items():
        value = getattr(asked, name)
        if name in NOT_REPEATED or value == default:
            continue
        yield f"--{'as' if name == 'kind' else name.replace('_', '-')}"
        if not isinstance(value, bool):
            yield ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


# -- What comes of it --------------------------------------------------------------------------------------------------


def code_of(grade: Grade, asked: Grading) -> int:
    """The exit code: the gravest of what there is to say."""
    planted, found = grade.planted
    if planted != found:
        say("a bug in convgrad: a mistake that it planted was not found, so that nothing here can be believed")
        return BUG
    if grade.stopped == "interrupted":
        return INTERRUPTED
    if grade.failures:
        return FAILED
    return WEAK if _is_weak(grade, asked) else 0


def _is_weak(grade: Grade, asked: Grading) -> bool:
    """Whether too little was tested, which is said."""
    seen = grade.coverage["could_be_seen"]
    rows = (
        ("cases were run", grade.cases, "--min-cases", asked.min_cases),
        ("mistakes could have been seen", seen, "--min-strength", asked.min_strength),
    )
    weak = [(what, count, option, least) for what, count, option, least in rows if least is not None and count < least]
    for what, count, option, least in weak:
        say(f"{count} {what}, fewer than {option} {least}")
    return bool(weak)


def _write(grade: Grade, asked: Grading) -> None:
    if asked.junit is not None:
        write([junit(grade)], asked.junit)
    name = asked.format or _of_suffix(asked.output)
    if name is not None and name in REPORTS:
        write([REPORTS[name](grade)], asked.output)
        return
    writing = Writing(name, asked.output, 6, asked.ascii, asked.color, asked.quiet)
    deliver_one(begun(Running(writing)).of(grade), writing)


def _of_suffix(output: str | None) -> str | None:
    return {".md": "markdown", ".csv": "csv"}.get(os.path.splitext(output or "")[1].lower())


@contextmanager
def _ended(adapter: Adapter) -> Iterator[None]:
    """End what runs, also where this process is asked to end."""
    asked_to_end: Callable[..., Any] = _interrupt
    before = signal.signal(signal.SIGTERM, asked_to_end) if _is_main() else None
    try:
        yield
    finally:
        adapter.end()
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _is_main() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
