"""How many of the catalogue's mistakes a case could reveal, which it is blind to, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.conditions import Condition, blindness, spots, unmet
from convgrad.catalogue.convolving import Convolution
from convgrad.catalogue.mistake import Mistake
from convgrad.catalogue.of_entries import ENTRIES
from convgrad.catalogue.tables import COMPUTATIONS, catalogue, is_practised, right
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.candidates import Bare, differs, floated
from convgrad.diagnosis.chance import as_float
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case

FEW = 2
"""Samples of a large batch that are looked at first."""

LARGE = 20_000
"""Entries of any array from which on a mistake in a single entry, or a term of one, and one of a family are taken to be
seen in whatever is not all zeros."""


class Blind(NamedTuple):
    """A mistake that a case cannot reveal, why not, and the smallest change of the case that would."""

    id: str
    why: str
    advice: str


class Strength(NamedTuple):
    """How many mistakes of those on the operation a case catches, and those that it is blind to.

    `spots` are what hides some of the ways in which mistakes happen, though none of them whole.
    """

    catches: int
    of: int
    blind_to: tuple[Blind, ...]
    spots: tuple[Condition, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        return {
            "catches": self.catches,
            "of": self.of,
            "blind_to": [blind.id for blind in self.blind_to],
            "spots": [spot.why for spot in self.spots],
        }


def strength(case: Case, truth: Mapping[str, Array]) -> Strength:
    """What the arrays of a case could reveal: a mistake is caught where any of them would come out different.

    Of an operation that the catalogue does not know nothing is counted.
    """
    if case.operation.family not in COMPUTATIONS:
        return Strength(0, 0, ())
    mistakes = [one for one in catalogue(case) if one.id != "misrounded" and set(one.forms) & set(truth)]
    with np.errstate(all="ignore"):  # data may hold infinities where they were allowed
        few, eye = _few_samples(case, truth), _Eye(case, truth)
        unseen = [mistake for mistake in mistakes if few is None or not few.sees(mistake)]
        looked = [mistake for mistake in unseen if few is None or not _hidden(case, mistake, truth)]
        blind = tuple(_blind(case, one, truth) for one in unseen if one not in looked or not eye.sees(one))
    return Strength(len(mistakes) - len(blind), len(mistakes), blind, spots(case))


def _few_samples(case: Case, truth: Mapping[str, Array]) -> _Eye | None:
    """The first samples of a large batch: what shows in them shows in all, and the sums over all hardly hide it."""
    x = case.operands["x"]
    assert x is not None
    if len(x) < 2 * FEW or x.size <= LARGE:
        return None
    shape = case.layout.outward("x", (FEW, *x.shape[1:])) if case.layout.batch else case.layout.input
    layout = replace(case.layout, input=shape)
    operands, delta = {**case.operands, "x": x[:FEW]}, None if case.delta is None else case.delta[:FEW]
    part = replace(case, operands=operands, delta=delta, layout=layout)
    return _Eye(part, {name: array for name, array in Gradients(part).by_array.items() if name in truth})


def _hidden(case: Case, mistake: Mistake, truth: Mapping[str, Array]) -> bool:
    """Whether a case lacks what a mistake needs to show in any array."""
    return all(unmet(case, form.needs) is not None for array, form in mistake.forms.items() if array in truth)


def _blind(case: Case, mistake: Mistake, truth: Mapping[str, Array]) -> Blind:
    """Of the arrays that it concerns, the first says why."""
    needs = next(form.needs for array, form in mistake.forms.items() if array in truth)
    return Blind(mistake.id, *blindness(case, needs))


class _Eye:
    """Sees whether a mistake would change an array; what is computed once serves them all."""

    def __init__(self, case: Case, truth: Mapping[str, Array]) -> None:
        self.case, self.truth, self.bare = case, truth, Bare()
        arrays = (*truth.values(), *case.operands.values())
        self.large = max(array.size for array in arrays if array is not None) > LARGE
        self.right: dict[str, Computation] = {array: _with_step(right(case, array)) for array in truth}

    def sees(self, mistake: Mistake) -> bool:
        return any(self._in(array, mistake) for array in mistake.forms if array in self.truth)

    def _in(self, array: str, mistake: Mistake) -> bool:
        truth = self.truth[array]
        if self.large and (mistake.id in ENTRIES or is_practised(self.case.operation.name, array, mistake.id)):
            return bool(as_float(truth).any()) and unmet(self.case, mistake.forms[array].needs) is None
        if truth.dtype == EXACT and self._shows(array, mistake):
            return True
        altered = mistake.forms[array].alter(self.right[array])
        return any(differs(truth, self.bare.value(computation)) for computation in altered.values())

    def _shows(self, array: str, mistake: Mistake) -> bool:
        """Whether an exact array comes out different in float64 already, by far more than that rounds."""
        start, truth, margin = self._floats[array]
        return any(
            value.shape == truth.shape and bool((abs(value - truth) > margin).any())
            for value in map(self._floated.value, mistake.forms[array].alter(start).values())
        )

    @cached_property
    def _floats(self) -> dict[str, tuple[Any, Array, float]]:
        """The right computation of each array in float64, what it comes to, and far more than what rounding is.

        A sum of n products is off by at most some n u of n times the largest product.
        """
        case = self.case
        arrays = [array for array in (*case.operands.values(), case.delta) if array is not None]
        largest = [max(1.0, float(abs(as_float(array)).max(initial=0))) for array in arrays]
        margin = 2.0**-40 * prod(largest) * sum(array.size for array in arrays)
        return {array: (floated(c), as_float(self.truth[array]), margin) for array, c in self.right.items()}

    @cached_property
    def _floated(self) -> Bare:
        return Bare()


def _with_step(computation: Computation) -> Computation:
    """With a stepped kernel, as a network has one: the learning rate does not matter for what can be seen."""
    if not isinstance(computation, Convolution) or computation.updated is not None:
        return computation
    stepped: Convolution = computation.but(updated=computation.w - computation.but(array="dW").value())
    return stepped


def planted(case: Case, truth: Mapping[str, Array]) -> Iterator[tuple[str, str, str, Array]]:
    """Every mistake of the catalogue that shows on a case: array, id, variant and the wrong array.

    Of a family of mistakes, the first variant that none of the others gives.
    """
    bare, given, name = Bare(), set[Any](), case.operation.name
    families: list[tuple[str, Mistake]] = []
    for mistake in catalogue(case):
        for array in (array for array in mistake.forms if array in truth):
            if is_practised(name, array, mistake.id):
                families.append((array, mistake))
                continue
            for variant, value in _shown(case, array, mistake, truth[array], bare):
                given.add(fingerprint(array, value))
                yield array, mistake.id, variant, value
    for array, mistake in families:
        variants = _shown(case, array, mistake, truth[array], bare)
        if (shown := _newest(array, variants, given)) is not None:
            given.add(fingerprint(array, shown[1]))
            yield array, mistake.id, *shown


def _newest(array: str, variants: Iterable[tuple[str, Array]], given: set[Any]) -> tuple[str, Array] | None:
    """The first variant that nothing else gives; where there is none, the first."""
    first = None
    for variant in variants:
        first = first or variant
        if fingerprint(array, variant[1]) not in given:
            return variant
    return first


def _shown(case: Case, array: str, mistake: Mistake, truth: Array, bare: Bare) -> Iterator[tuple[str, Array]]:
    for variant, altered in mistake.forms[array].alter(_with_step(right(case, array))).items():
        if differs(truth, value := bare.value(altered)):
            yield variant, value


def fingerprint(array: str, value: Array) -> Any:
    """What two equal arrays of one name have in common."""
    return array, value.shape, tuple(value.ravel().tolist())
