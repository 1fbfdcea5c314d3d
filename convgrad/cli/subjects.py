"""From a request to its case or network; where it is to be exact, from the text of every number."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from convgrad.cli.requests import Request
from convgrad.cli.typed import Running
from convgrad.errors import Problem, RequestError
from convgrad.subject.case import Case, is_hand_sized, make_case

if TYPE_CHECKING:
    from convgrad.passes.subject import Subject


def subject_asked(request: Request, running: Running, *, of_layers: bool, needs_delta: bool = True) -> Subject:
    """What a request asks for: a network, or a case as one of a single part."""
    from convgrad.passes.subject import subject_of  # here, so that forward and backward do without networks

    return network_of(request, running) if of_layers else subject_of(case_of(request, running, needs_delta))


def case_of(request: Request, running: Running, needs_delta: bool = True) -> Case:
    """The case that a request asks for."""
    kind = running.kind
    read = partial(make_case, arithmetic=kind, nonfinite=running.allow_nonfinite, needs_delta=needs_delta)
    case = read(request.value)
    return read(request.exact()) if request.is_long and _is_exact(kind, [case]) else case


def network_of(request: Request, running: Running) -> Subject:
    """The network that a request asks for."""
    from convgrad.passes.subject import network

    if request.document is None:
        advice = "name a network document; to explain an entry of a case, leave out the layer"
        raise RequestError(Problem("options make a case, which has no layers", advice))
    read = partial(network, arithmetic=running.arithmetic, nonfinite=running.allow_nonfinite)
    subject = read(request.value)
    cases = (part.forward.case for part in subject.layers if part.layer.windowed) if request.is_long else ()
    return read(request.exact()) if request.is_long and _is_exact(subject.chain.arithmetic, cases) else subject


def _is_exact(arithmetic: str, cases: Iterable[Case]) -> bool:
    return arithmetic == "exact" or (arithmetic == "auto" and all(map(is_hand_sized, cases)))
