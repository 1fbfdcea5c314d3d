"""The road that every command takes: a request becomes a case or a network, a record, and a result that is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from convgrad.cli.delivery import deliver, deliver_one
from convgrad.cli.formats import Result, is_array_file
from convgrad.cli.requests import Request, requests
from convgrad.cli.shown import Results, begun
from convgrad.cli.subjects import case_of, network_of, subject_asked
from convgrad.cli.typed import Listing, Opened, Overlays, Reading, Running, Terms, Writing
from convgrad.errors import Point, Problem, RequestError
from convgrad.passes.gradients import Forward

if TYPE_CHECKING:
    from convgrad.passes.subject import Subject


def of_cases(kind: type[Forward], reading: Reading, running: Running, overlays: Overlays | None = None) -> int:
    """The output, or the gradients, of each case that is asked for; the exit code."""
    results = begun(running, overlays, document=reading.document)
    asked = requests(reading, running, exact=_may_be_exact(running))
    if is_array_file(running.writing):
        from convgrad.cli.saving import save

        return save(asked, kind is not Forward, running, results)
    needs_delta = kind is not Forward
    return deliver(asked, lambda request: results.of(kind(case_of(request, running, needs_delta))), running)


def of_entry(entry: str, reading: Reading, running: Running, terms: Terms) -> int:
    """One entry of a case or of a network's layer, NAME.dW[0,1], as a sum; the exit code."""
    from convgrad.passes.explanation import LOSS, explain_entry, needs_gradients  # here, so that others start without
    from convgrad.passes.loss_terms import explain_loss

    _refuse_swapped(entry, reading.document)
    of_loss = entry.strip() == LOSS
    of_layers = of_loss or "." in entry.partition("[")[0]
    needs_delta = of_layers or needs_gradients(entry)
    results = begun(running, terms=terms, document=reading.document)

    def compute(request: Request) -> Result:
        subject = subject_asked(request, running, of_layers=of_layers, needs_delta=needs_delta)
        return results.of(explain_loss(subject) if of_loss else explain_entry(subject, entry))

    return deliver(requests(reading, running, exact=of_layers or _may_be_exact(running)), compute, running)


def of_networks(opened: Opened, reading: Reading, running: Running, overlays: Overlays) -> int:
    """Each network that is asked for, whole or one layer of it, and its steps; the exit code."""
    from convgrad.passes.shown import Shown

    results = begun(running, overlays, document=reading.document)

    def compute(request: Request) -> Result:
        subject = network_of(request, running)
        _require(opened, subject)
        return results.of(Shown(subject, opened.layer, opened.steps))

    return deliver(requests(reading, running, exact=True), compute, running)


def of_mistakes(listing: Listing, writing: Writing) -> int:
    """The mistakes that are asked for; the exit code."""
    from convgrad.catalogue.listed import mistakes

    try:
        record = mistakes(listing.id, op=listing.op)
    except RequestError as error:
        raise RequestError(
            one._replace(path=(), place=Point("--op")) if one.path else one for one in error.problems
        ) from None
    return deliver_one(Results(writing, Overlays(), Terms()).of(record), writing)


def _may_be_exact(running: Running) -> bool:
    """Whether the text of numbers may matter, and not only their nearest float64."""
    return running.kind in ("auto", "exact")


def _require(opened: Opened, subject: Subject) -> None:
    """A layer that there is not, or a step that cannot be made, is refused before anything is written."""
    if opened.layer is not None:
        try:
            subject.layer(opened.layer)
        except RequestError as error:
            raise error.at(Point("--layer")) from None
    if opened.steps is not None:
        _require_steps(subject, opened.steps)


def _require_steps(subject: Subject, count: int) -> None:
    """What refuses a step does so before anything is written: a missing rate, an exact number grown too large."""
    for step in subject.steps(count if subject.arithmetic == "exact" else 1):
        step.streamed()


def _refuse_swapped(entry: str, case: str | None) -> None:
    """An entry where the case goes, which would be a file that there is not."""
    from convgrad.passes.explanation import is_entry

    if case is not None and is_entry(case.rpartition(".")[2]) and not os.path.exists(case):
        advice = f"convgrad explain '{case}' {entry}"
        raise RequestError(Problem("the entry comes first, and then the case", advice, place=Point(case)))
