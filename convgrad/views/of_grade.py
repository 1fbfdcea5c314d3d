"""What a grade says: how many of every array agree and fail, why, what that has in common, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from convgrad.grading.answer import AGREES, SKIPPED, UNTESTED
from convgrad.grading.grade import Grade, Group, is_failure
from convgrad.grading.reports import said
from convgrad.views.asked import Asked
from convgrad.views.block_kinds import Block, Facts, Item, Line, Prose, Section, Verdict, View, printable, shape_text

WIDEST = 200
"""Characters of a line of a program's that are shown."""
FEW = 6
"""Reasons, or mistakes, that a line names."""


def view(grade: Grade, asked: Asked) -> View:
    """The counts by array, then the failures, then what was not tested, and the verdict."""
    if not asked.quiet:
        yield _head(grade)
    yield Section(tuple(_counts(grade)))
    if grade.feedback != "counts":
        yield from _failures(grade)
    if not asked.quiet:
        yield Section(tuple(_remarks(grade)))
    yield Verdict(grade.verdict)


def _head(grade: Grade) -> Facts:
    kinds = dict.fromkeys(f"{o.trial.case.operation.name} {o.trial.case.dims}-D" for o in grade.outcomes)
    cases = f"{grade.cases} case{'s' * (grade.cases != 1)}"
    return Facts((", ".join(kinds), grade.dtype, cases, f"{grade.runs} runs each", printable(grade.target)))


def _counts(grade: Grade) -> Iterator[Block]:
    """A line an array: what agrees, what fails and how, what was skipped and why."""
    for array in grade.want:
        rows = [outcome for outcome in grade.outcomes if outcome.array == array]
        if not rows:
            continue
        agree = sum(row.verdict == AGREES and not is_failure(row) for row in rows)
        parts = [f"{array}: {agree} agree{'s' * (agree == 1)}"]
        parts += [said(group, grade.feedback) for group in grade.groups if group.array == array]
        passed = [row for row in rows if is_failure(row) and not row.failed]
        parts += (
            [f"{len(passed)} known to fail and agree: {', '.join(row.id for row in passed[:FEW])}"] if passed else []
        )
        known = sum(row.expected and row.failed for row in rows)
        parts += [f"{known} known to fail"] if known else []
        for verdict in (SKIPPED, UNTESTED):
            reasons = dict.fromkeys(row.detail for row in rows if row.verdict == verdict)
            count = sum(row.verdict == verdict for row in rows)
            told = ", ".join(list(reasons)[:FEW])
            parts += [f"{count} {verdict}{': ' * bool(told)}{told}"] if count else []
        yield Item(printable("; ".join(parts)))


def _failures(grade: Grade) -> View:
    """What is wrong with the first of every group of failures, and how to repeat it."""
    seen = set[tuple[str, str]]()
    for group in grade.groups:
        key = (group.mistake, group.first.id)
        if key not in seen:
            seen.add(key)
            yield Section(tuple(_failure(grade, group)))


def _failure(grade: Grade, group: Group) -> Iterator[Block]:
    smallest = group.smallest or group.first
    trial, detail = smallest.trial, printable(smallest.detail)
    shapes = ", ".join(f"{name} {shape_text(array.shape)}" for name, array in trial.operands.items())
    size = "smallest found" if group.smallest else "smallest"
    yield Prose(f"{group.array} {group.verdict}{': ' * bool(detail)}{detail}; {size}: {shapes}")
    if grade.feedback == "full":
        for one in group.first.named[:2]:
            yield Item(f"{group.first.id}: {one.message}", 1)
            if one.fix:
                yield Item(f"fix: {one.fix}", 1)
        yield from _last_words(group)
    yield Line(f"  {shlex.join(grade.reproduce(group.first))}")
    if (file := grade.kept.get((trial.id, smallest.array))) is not None:
        yield Line(f"  convgrad check {shlex.quote(file)}")


def _last_words(group: Group) -> Iterator[Block]:
    """The last line that the program wrote to standard error, where that is not told yet."""
    for line in group.first.said.strip().splitlines()[-1:]:
        if line.strip() and line[:WIDEST] not in group.first.detail:
            yield Item(f"it said: {printable(line[:WIDEST])}", 1)


def _remarks(grade: Grade) -> Iterator[Block]:
    planted, found = grade.planted
    yield Prose(f"control: {planted} planted mistake{'s' * (planted != 1)} {'found' if found == planted else 'MISSED'}")
    unseen = dict.fromkeys(outcome.unseen for outcome in grade.outcomes if outcome.unseen)
    yield from (Prose(f"not tested: {why}") for why in unseen)
    rounded = [outcome for outcome in grade.outcomes if outcome.verdict == AGREES and outcome.detail]
    for outcome in rounded[:FEW]:
        yield Prose(f"{outcome.id}, {outcome.array}: {outcome.detail}")
    covered = grade.coverage
    if covered["mistakes"]:
        blind = covered["blind_to"]
        named = ", ".join(blind[:FEW]) + (f", and {len(blind) - FEW} more" if len(blind) > FEW else "")
        text = f"{covered['could_be_seen']} of {covered['mistakes']} known mistakes could have been seen"
        yield Prose(text + (f"; not {named}" if blind else ""))
    if grade.stopped:
        yield Prose(f"stopped: {grade.stopped}; this is what there is so far")
