"""The largest array of a case into a .npy file, part by part, with word on how far it is; what is left is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic

from convgrad.cli.delivery import deliver_one
from convgrad.cli.exits import say
from convgrad.cli.formats import format_of
from convgrad.cli.options import refuse
from convgrad.cli.requests import Request, Requests, each
from convgrad.cli.shown import Results
from convgrad.cli.subjects import case_of
from convgrad.cli.typed import Overlays, Running
from convgrad.core.arithmetic import DTYPES, FLOAT64, Array
from convgrad.passes.batches import Batch, Saved, batch_of, gradients_into, lone, output_into

LASTS = 2
"""Seconds after which it is said how far it is."""
SILENT = 10
"""Seconds between two lines of that, where no terminal shows a bar."""


def save(asked: Requests, backward: bool, running: Running, results: Results) -> int:
    """Write dX, or without `backward` y, of the one case that is asked for, and show the rest; the exit code."""
    _refuse_what_it_cannot_hold(results.overlays, running, asked.are_many)
    shown = running.writing._replace(output=None)
    format_of(shown)  # what is wrong with it is said before the work
    ((_, saved, error),) = each(asked.each, lambda request: _saved(request, backward, running))
    if error is not None:
        raise error
    return deliver_one(replace(results, writing=shown).of(saved), shown)


def _refuse_what_it_cannot_hold(overlays: Overlays, running: Running, are_many: bool) -> None:
    for name, value in overlays._asdict().items():
        if value is not None and value is not False:
            refuse("--output", f"--{name} shows what a .npy file does not hold", "leave it out")
    if running.kind == "exact":
        advice = "leave out --arithmetic exact: auto gives the nearest float64"
        refuse("--output", "a .npy file holds no fractions", advice)
    if are_many:
        refuse("--output", "a .npy file holds the result of one case", "these are many")


def _saved(request: Request, backward: bool, running: Running) -> Saved:
    from convgrad.documents.output import array_file

    writing = running.writing
    assert writing.output is not None
    batch = _batch(request, running, backward)
    case = batch.whole
    if batch.uncut and not writing.quiet:
        say(f"one sample takes much memory, and is not cut: {batch.uncut}")
    sums: dict[str, Array] = {}
    dtype = FLOAT64 if case.rounded else DTYPES[case.arithmetic]
    shape = case.layout.input if backward else case.layout.output(case.output_shape)
    with array_file(writing.output, shape, dtype) as target, ExitStack() as stack:
        told = (lambda done: None) if writing.quiet else Progress(*batch.total, stack)
        for done in gradients_into(batch, target, sums) if backward else output_into(batch, target):
            told(done)
    dW, db = (case.present(name, sums[name]) if name in sums else None for name in ("w", "b"))
    return Saved(case, "dX" if backward else "output", writing.output, shape, dtype.name, dW, db)


def _batch(request: Request, running: Running, backward: bool) -> Batch:
    """The case in parts, or where it is small whole."""
    from convgrad.documents.binary import part

    parts = batch_of(
        request.value, arithmetic=running.kind, nonfinite=running.allow_nonfinite, needs_delta=backward, cut=part
    )
    return parts or lone(case_of(request, running, backward))


class Progress:
    """Word on how many of several samples are done, if it lasts: a bar on a terminal, else a line now and then."""

    def __init__(self, total: int, what: str, stack: ExitStack) -> None:
        self.total, self.what, self.stack, self.start, self.next = total, what, stack, monotonic(), float(LASTS)
        self.bar: Callable[[int], None] | None = None

    def __call__(self, done: int) -> None:
        spent = monotonic() - self.start
        if not done or spent < self.next:
            return
        if sys.stderr.isatty():
            self.bar = self.bar or self._bar()
            self.bar(done)
        else:
            left = spent / done * (self.total - done)
            say(f"{done:,} of {self.total:,} {self.what}, {spent:.0f} s, about {left:.0f} s left")
            self.next = spent + SILENT

    def _bar(self) -> Callable[[int], None]:
        from rich import progress
        from rich.console import Console

        bar = self.stack.enter_context(progress.Progress(console=Console(stderr=True), transient=True))
        task = bar.add_task(self.what, total=self.total)
        return lambda done: bar.update(task, completed=done)
