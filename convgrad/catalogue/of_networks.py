"""Mistakes that only a chain of layers can have: an activation or its slope, a kernel that is ahead of its step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from convgrad.catalogue.of_activations import BENT_FORMS, GRADIENTS, Bent
from convgrad.operations.fused import activation_of
from convgrad.passes.subject import Change, Part, Subject
from convgrad.subject.place import Place
from convgrad.vocabulary import BENT, CONVOLUTION, ELEMENTWISE, PRODUCT, SOFTMAX, TRANSPOSED

SLOPED = (ELEMENTWISE, BENT, SOFTMAX)
"""The families that have a slope to forget."""
BIASED = (CONVOLUTION, TRANSPOSED, PRODUCT)


class ChainForm(NamedTuple):
    """A mistake in words, `{layer}` being where, `{variant}` how: what happened, what to do; and on which arrays."""

    what: str
    fix: str
    arrays: tuple[str, ...] = GRADIENTS
    needs: tuple[str, ...] = ()


class ChainMistake(NamedTuple):
    """A mistake, the layer concerned ("" for all that it can concern), how it alters the pass, and in which way."""

    id: str
    layer: str
    change: Change
    variant: str = ""


UPDATED = ChainForm(
    "dX is computed with the kernel of {layer} after its step",
    "compute every delta first, with the kernels of the forward pass, and step afterwards",
)
CHAIN_FORMS = {name: ChainForm(*one[:3], one.needs) for name, one in BENT_FORMS.items()} | {"updated-kernel": UPDATED}

FREQUENT = ("activation-derivative-missing", "updated-kernel")
"""Those that need no evidence beside that they give the whole array."""


def chain_mistakes(subject: Subject, place: Place) -> Iterator[ChainMistake]:
    """Every such mistake that shows at a place: in one layer, and in all."""
    bent = [part for part in subject.parts if part.layer.operation.family in SLOPED]
    for parts in _each_and_all(bent):
        yield from _of_activations(FREQUENT[0], parts, subject)
    for parts in _each_and_all([part for part in subject.parts if "kernel" in part.moved]):
        yield ChainMistake("updated-kernel", _name(parts), Change(ahead=_names(parts)))
    near = [part for part in bent if part.number >= subject.layer(place.part).number][:1]
    for name, form in BENT_FORMS.items() if near else ():
        if name not in FREQUENT and place.array in form.arrays:
            for parts in [near, *([bent] if len(bent) > 1 else [])]:
                yield from _of_activations(name, parts, subject)


def _of_activations(name: str, parts: list[Part], subject: Subject) -> Iterator[ChainMistake]:
    """A mistake in the same way in each of some activations."""
    form, each = BENT_FORMS[name], {part.name: _bent(part, subject) for part in parts}
    altered = {layer: form.alter(bent) for layer, bent in each.items()}
    for variant in dict.fromkeys(variant for ways in altered.values() for variant in ways):
        chosen = {layer: ways[variant] for layer, ways in altered.items() if variant in ways}
        functions = {layer: one.function for layer, one in chosen.items()
                     if one.function is not each[layer].right.function}  # fmt: skip
        outside = frozenset(chosen) if form.outside else frozenset()
        change = Change(functions=functions, handing={layer: one.handed for layer, one in chosen.items()},
                        outside=outside)  # fmt: skip
        yield ChainMistake(name, _name(parts), change, variant)


def _bent(part: Part, subject: Subject) -> Bent:
    """An activation with the bias of the layer before it."""
    case, before = part.case, subject.parts[part.number - 1] if part.number else None
    biased = before is not None and before.layer.operation.family in BIASED
    z = case.operands["x"]
    assert z is not None
    bias = before.forward.case.operands["b"] if biased and before is not None else None
    return Bent.of(activation_of(case.operation, case.arguments), bias, z)


def _each_and_all(parts: list[Part]) -> Iterator[list[Part]]:
    yield from ([part] for part in parts)
    if len(parts) > 1:
        yield parts


def _name(parts: list[Part]) -> str:
    return parts[0].name if len(parts) == 1 else ""


def _names(parts: Iterable[Part]) -> frozenset[str]:
    return frozenset(part.name for part in parts)
