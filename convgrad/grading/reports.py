"""A grade as other programs read it: JUnit, Markdown, CSV, Gradescope, PrairieLearn; foreign text is escaped."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from convgrad.documents import json_text
from convgrad.grading.answer import AGREES, CRASHED, SKIPPED, TIMED_OUT, UNTESTED
from convgrad.grading.grade import SUITE, Grade, Group, ids, is_failure
from convgrad.grading.outcome import Outcome

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
MARKED = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")
FEW = 3
"""Ids of cases that a line names."""


def plain(text: str) -> str:
    """Foreign text without what no format may hold."""
    return CONTROL.sub("�", text)


def marked(text: str) -> str:
    """Foreign text as Markdown shows it as it is, in one line.

    >>> marked("a_b <i>")
    'a\\\\_b \\\\<i\\\\>'
    """
    return MARKED.sub(r"\\\1", " ".join(plain(text).split()))


def said(group: Group, feedback: str) -> str:
    """A group of failures in a few words: how many, what, and in which cases."""
    count = len(group.outcomes)
    names = ids(group.outcomes)
    listed = ", ".join(names[:FEW]) + (f" and {len(names) - FEW} more" if len(names) > FEW else "")
    where = f"all cases with {group.where}" if group.where and group.where != "all cases" else group.where
    return f"{count} {words_of(group)} ({where or listed})" if feedback != "counts" else f"{count} fail"


VERBS = {
    "differs": ("differs", "differ"), "unwritten": ("is not all written", "are not all written"),
    "accumulates": ("adds to what was there", "add to what was there"),
    "overwrites": ("overwrites what was there", "overwrite what was there"),
    "unstable": ("differs from run to run", "differ from run to run"),
    "out-of-bounds": ("writes out of bounds", "write out of bounds"),
    "changed-input": ("changes its input", "change their input"),
    "replayed": ("replays an old answer", "replay an old answer"),
    "wrong-shape": ("has the wrong shape", "have the wrong shape"),
    "wrong-type": ("has the wrong type", "have the wrong type"),
    "crashed": ("crashes", "crash"), "timed-out": ("does not end in time", "do not end in time"),
    "no-answer": ("gives no answer", "give no answer"),
    "malformed": ("gives no readable answer", "give no readable answer"),
    "agrees": ("agrees", "agree"), "skipped": ("skipped", "skipped"), "untested": ("untested", "untested"),
}  # fmt: skip


def words_of(group: Group) -> str:
    """What fails in a group, as a verb, with the mistake's name or what the system said."""
    verb = VERBS[group.verdict][len(group.outcomes) > 1]
    if group.mistake != group.verdict:
        return f"{verb}: {group.mistake}"
    details = {outcome.detail for outcome in group.outcomes}
    ended = group.verdict in (CRASHED, "malformed", "wrong-shape", "wrong-type") and len(details) == 1
    return f"{verb}: {plain(details.pop())}" if ended else verb


# -- JUnit -------------------------------------------------------------------------------------------------------------


def junit(grade: Grade) -> str:
    """A testsuite for every array, a testcase for every case, a failure with the mistake's id as its type."""
    suites = "".join(_suite(grade, array) for array in grade.want if any(o.array == array for o in grade.outcomes))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="convgrad grade">\n{suites}</testsuites>\n'


def _suite(grade: Grade, array: str) -> str:
    rows = [outcome for outcome in grade.outcomes if outcome.array == array]
    errors = sum(is_failure(row) and row.verdict in (CRASHED, TIMED_OUT) for row in rows)
    failures = sum(map(is_failure, rows)) - errors
    skipped = sum(row.verdict in (SKIPPED, UNTESTED) for row in rows)
    head = f'<testsuite name="{array}" tests="{len(rows)}" failures="{failures}" errors="{errors}" skipped="{skipped}">'
    about = {"suite": SUITE, "seed": grade.seed, "dtype": grade.dtype}
    properties = "".join(f"<property name={quoteattr(name)} value={quoteattr(str(value))}/>"
                         for name, value in about.items())  # fmt: skip
    cases = "".join(_case(grade, row) for row in rows)
    return f" {head}\n  <properties>{properties}</properties>\n{cases} </testsuite>\n"


def _case(grade: Grade, row: Outcome) -> str:
    name = f"  <testcase classname={quoteattr(f'convgrad.{row.array}')} name={quoteattr(row.id)}"
    message = quoteattr(plain(_message(grade, row)))
    if row.verdict in (SKIPPED, UNTESTED):
        return f"{name}><skipped message={message}/></testcase>\n"
    if not is_failure(row):
        return f"{name}/>\n"
    tag = "error" if row.verdict in (CRASHED, TIMED_OUT) else "failure"
    kind = quoteattr(row.mistake if row.failed else "unexpected-pass")
    text = escape(plain(shlex.join(grade.reproduce(row))))
    return f"{name}><{tag} type={kind} message={message}>{text}</{tag}>{_said(grade, row)}</testcase>\n"


def _said(grade: Grade, row: Outcome) -> str:
    """What the program wrote beside its answers."""
    texts = {"system-out": row.noise, "system-err": row.said} if grade.feedback == "full" else {}
    return "".join(f"<{tag}>{escape(plain(text))}</{tag}>" for tag, text in texts.items() if text)


def _message(grade: Grade, row: Outcome) -> str:
    if grade.feedback == "counts":
        return "fails" if is_failure(row) else row.verdict
    if is_failure(row) and not row.failed:
        return "this was known to fail, and agrees: take it out of the known failures"
    parts = [row.verdict, row.detail] if grade.feedback == "full" else [row.mistake]
    if grade.feedback == "full":
        parts += [part for one in row.named[:1] for part in (one.message, f"fix: {one.fix}" if one.fix else "")]
    return "; ".join(filter(None, parts))


# -- For people and courses --------------------------------------------------------------------------------------------


def markdown(grade: Grade) -> str:
    """A table of counts, then every group of failures."""
    lines = [f"**{grade.verdict}**: {marked(grade.target)}, {grade.dtype}, {grade.cases} cases, {grade.runs} runs each",
             "", "| array | agree | fail | skipped | untested |", "|---|--:|--:|--:|--:|"]  # fmt: skip
    for array, row in counts_of(grade):
        lines.append(f"| {array} | {row[AGREES]} | {row['fail']} | {row[SKIPPED]} | {row[UNTESTED]} |")
    lines += ["", *(f"* {group.array}: {marked(said(group, grade.feedback))}" for group in grade.groups)]
    return "\n".join(lines).rstrip() + "\n"


def counts_of(grade: Grade) -> Iterator[tuple[str, dict[str, int]]]:
    """How many agree, fail, were skipped and untested, by array."""
    for array in grade.want:
        rows = [outcome for outcome in grade.outcomes if outcome.array == array]
        counted = {name: sum(row.verdict == name for row in rows) for name in (AGREES, SKIPPED, UNTESTED)}
        if rows:
            yield array, {**counted, "fail": sum(map(is_failure, rows))}


def scores(grade: Grade) -> Iterator[tuple[str, int, int, str]]:
    """Of every array how many cases agree, of how many that count, and what is wrong."""
    for array, row in counts_of(grade):
        told = [said(group, grade.feedback) for group in grade.groups if group.array == array]
        yield array, row[AGREES], row[AGREES] + row["fail"], "; ".join(map(plain, told)) or "agrees"


def gradescope(grade: Grade) -> str:
    """results.json of a Gradescope autograder: a test for every array."""
    tests = [{"name": array, "score": right, "max_score": of, "status": "passed" if right == of else "failed",
              "output": told, "output_format": "text"} for array, right, of, told in scores(grade)]  # fmt: skip
    return json_text({"output": f"convgrad grade: {grade.verdict}", "tests": tests}) + "\n"


def prairielearn(grade: Grade) -> str:
    """results.json of a PrairieLearn external grader: a score from 0 to 1, and a test for every array."""
    rows = list(scores(grade))
    right, of = sum(row[1] for row in rows), sum(row[2] for row in rows)
    tests = [{"name": array, "points": points, "max_points": most, "output": told}
             for array, points, most, told in rows]  # fmt: skip
    return json_text({"gradable": True, "score": right / of if of else 0, "tests": tests}) + "\n"


HEADINGS = ("submission", "verdict", "cases", "agree", "fail", "skipped", "untested", "mistakes")


def row_of(grade: Grade) -> dict[str, Any]:
    """A grade in one row."""
    counts = [row for _, row in counts_of(grade)]
    total = {name: sum(row[name] for row in counts) for name in (AGREES, "fail", SKIPPED, UNTESTED)}
    mistakes = " ".join(dict.fromkeys(f"{group.array}:{group.mistake}" for group in grade.groups))
    values = (grade.target, grade.verdict, grade.cases, total[AGREES], total["fail"], total[SKIPPED], total[UNTESTED])
    return dict(zip(HEADINGS, (*values, mistakes if grade.feedback != "counts" else ""), strict=True))


def table_of(rows: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]) -> str:
    """Rows as CSV; a text that a spreadsheet would compute is quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADINGS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


REPORTS: Mapping[str, Callable[[Grade], str]] = {
    "markdown": markdown,
    "csv": lambda grade: table_of([row_of(grade)]),
    "gradescope": gradescope,
    "prairielearn": prairielearn,
}
"""Formats beside the table and JSON, by name."""
