"""Mistakes that only a chain of layers can have: a slope that is not multiplied, a kernel that is ahead of its step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from convgrad.passes.subject import Change, Part, Subject
from convgrad.vocabulary import BENT, ELEMENTWISE, SOFTMAX

SLOPED = (ELEMENTWISE, BENT, SOFTMAX)
"""The families that have a slope to forget."""


class ChainForm(NamedTuple):
    """A mistake in words, `{layer}` being where: what happened, and what to do."""

    what: str
    fix: str


class ChainMistake(NamedTuple):
    """A mistake, the layer concerned ("" for all that it can concern), and how it alters the pass."""

    id: str
    layer: str
    change: Change


CHAIN_FORMS = {
    "activation-derivative-missing": ChainForm(
        "delta is handed on through {layer} without the slope of the activation",
        "multiply delta by dy/dx at the activation's input, entry by entry",
    ),
    "updated-kernel": ChainForm(
        "dX is computed with the kernel of {layer} after its step",
        "compute every delta first, with the kernels of the forward pass, and step afterwards",
    ),
}


def chain_mistakes(subject: Subject) -> Iterator[ChainMistake]:
    """Every such mistake, in one layer and in all."""
    bent = [part for part in subject.parts if part.layer.operation.family in SLOPED]
    for parts in _each_and_all(bent):
        yield ChainMistake("activation-derivative-missing", _name(parts), Change(slopeless=_names(parts)))
    for parts in _each_and_all([part for part in subject.parts if "kernel" in part.moved]):
        yield ChainMistake("updated-kernel", _name(parts), Change(ahead=_names(parts)))


def _each_and_all(parts: list[Part]) -> Iterator[list[Part]]:
    yield from ([part] for part in parts)
    if len(parts) > 1:
        yield parts


def _name(parts: list[Part]) -> str:
    return parts[0].name if len(parts) == 1 else ""


def _names(parts: Iterable[Part]) -> frozenset[str]:
    return frozenset(part.name for part in parts)
