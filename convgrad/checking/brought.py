"""Checks of what is no document: layers of other libraries, and what was seen of them as a model ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convgrad.checking.judging import as_subject, check_subject
from convgrad.checking.report import Report, Reports
from convgrad.frameworks.layers import document_of, is_layer
from convgrad.frameworks.running import computed, runs
from convgrad.frameworks.watching import Watched
from convgrad.passes.subject import Subject
from convgrad.subject.case import arrays_of, make_case
from convgrad.vocabulary import INDICES


def check_brought(
    what: Any, input: Any = None, delta: Any = None, *, claim: Any = None, options: Mapping[str, Any], **keywords: Any
) -> Report | Reports:
    """A layer with its input and delta, and what it computes or is claimed of it; or what was watched, layer by layer.

    Raises RequestError for what is neither.
    """
    if isinstance(what, Watched):
        subjects = [as_subject(document, nonfinite=True) for document in what.documents()]
        return Reports(tuple(check_subject(subject, **options) for subject in subjects))
    if not is_layer(what):
        make_case(what)  # which says what it is and must be
    ends = "ones" if delta is None and "loss" not in keywords else delta
    document = document_of(what, keywords | arrays_of(input, ends))
    subject = as_subject(document)  # which refuses what does not fit, before it is run
    if claim is None and "claim" not in document and "loss" not in document and runs(what):
        document |= computed(what, input, document["delta"], *([keywords[INDICES]] if INDICES in keywords else []))
        return check_subject(as_subject(document), None, **options)
    return check_subject(subject, _by_layer(subject, claim), **options)


def _by_layer(subject: Subject, claim: Any) -> Any:
    """A claim on a layer that is no case, by the name that it has as a network."""
    layers = subject.chain.layers
    alone = isinstance(claim, Mapping) and subject.chain.alone is None and len(layers) == 1
    return {layers[0].name: claim} if alone and layers[0].name not in claim else claim
