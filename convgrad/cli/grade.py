"""The grade command: what is to be graded, what is written of it, and the exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator

from convgrad.cli.delivery import deliver_one, write
from convgrad.cli.exits import BUG, INTERRUPTED, say
from convgrad.cli.formats import format_of
from convgrad.cli.grade_typed import Grading
from convgrad.cli.shown import begun
from convgrad.cli.typed import Running, Writing
from convgrad.errors import Problem, RequestError
from convgrad.grading.asked import Asked
from convgrad.grading.door import run
from convgrad.grading.grade import Grade
from convgrad.grading.reports import REPORTS, junit

WEAK, FAILED = 4, 1
NOT_REPEATED = ("words", "case", "cases", "seed", "known", "keep", "jobs", "shrink", "feedback", "limit", "op", "dims")
"""What a command line that repeats one case does without."""


def of_target(asked: Grading) -> int:
    """Grade what the words of a command line name; the exit code."""
    if asked.template is not None:
        from convgrad.grading.templates import template

        write([template(asked.template)], asked.output)
        return 0
    if not asked.request.words:
        advice = "name module:function, file.py:function, or, after --, a command, as in -- ./kernel {dir}"
        raise RequestError(Problem("nothing to grade is given", advice))
    if len(asked.request.words) == 1 and os.path.isdir(asked.request.words[0]):
        from convgrad.cli.submissions import of_folder

        return of_folder(asked)
    form = _form(asked)
    if form not in REPORTS:
        format_of(_writing(asked, form))  # which refuses what is no format before anything is run
    grade = one_grade(asked.request)
    _write(grade, asked)
    return code_of(grade, asked)


def one_grade(request: Asked) -> Grade:
    """One target graded."""
    return run(request, _repeated(request))


def _repeated(asked: Asked) -> Iterator[str]:
    """The options that a single case is run with, where they are not the default."""
    for name, default in Asked._field_defaults.items():
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
    if not grade.cases:
        say("no case was run, so that nothing is known of it: see what is said of those that were not")
        return True
    weak = [(what, count, option, least) for what, count, option, least in rows if least is not None and count < least]
    for what, count, option, least in weak:
        say(f"{count} {what}, fewer than {option} {least}")
    return bool(weak)


def _write(grade: Grade, asked: Grading) -> None:
    if asked.junit is not None:
        write([junit(grade)], asked.junit)
    name = _form(asked)
    if name in REPORTS:
        write([REPORTS[name](grade)], asked.output)
        return
    writing = _writing(asked, name)
    deliver_one(begun(Running(writing)).of(grade), writing)


def _writing(asked: Grading, form: str) -> Writing:
    return Writing(form or None, asked.output, 6, asked.ascii, asked.color, asked.quiet)


def _form(asked: Grading) -> str:
    """The format that was named, or whose suffix says that it is one of a grade's own; empty where neither is so."""
    suffix = os.path.splitext(asked.output or "")[1].lower()
    return asked.format or {".md": "markdown", ".csv": "csv"}.get(suffix, "")
