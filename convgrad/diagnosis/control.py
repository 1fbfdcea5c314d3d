"""Cases that show the catalogue's mistakes and keep them apart, and the control that each, planted, is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from math import prod
from random import Random
from typing import Any

import numpy as np

from convgrad.catalogue.tables import FIRST, catalogue, is_practised
from convgrad.claims.claim import Claim
from convgrad.core.arithmetic import EXACT, Array
from convgrad.diagnosis.chance import as_float
from convgrad.diagnosis.diagnoser import Diagnoser
from convgrad.diagnosis.strength import fingerprint, planted, strength
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from convgrad.subject.place import Place

SEEDED: tuple[tuple[int, Mapping[str, Any]], ...] = (
    (0, {
        "id": "conv", "op": "conv", "input": (2, 4, 3, 3), "kernel": (4, 2, 2, 2), "bias": (4,), "groups": 2,
        "stride": [1, 2], "padding": [1, 2], "dilation": [1, 3], "delta": (2, 4, 4, 2),
    }),
    (2, {
        "id": "conv with a remainder", "op": "conv", "dims": 1, "input": (2, 2, 10), "kernel": (2, 2, 3), "bias": (2,),
        "stride": 3, "padding": [[1, 0]], "mode": "convolution", "delta": (2, 2, 3),
    }),
    (0, {
        "id": "conv with copied padding", "op": "conv", "dims": 1, "input": (2, 2, 6), "kernel": (2, 2, 3),
        "padding": 2, "padding_mode": "reflect", "delta": (2, 2, 8),
    }),
    (0, {
        "id": "conv in three axes", "op": "conv", "input": (1, 2, 3, 3, 4), "kernel": (2, 2, 2, 2, 2),
        "stride": [1, 2, 2], "padding": [1, 1, 0], "delta": (1, 2, 4, 2, 2),
    }),
    (0, {
        "id": "conv-transpose", "op": "conv-transpose", "input": (2, 4, 3, 3), "kernel": (4, 2, 2, 3), "bias": (4,),
        "groups": 2, "stride": [3, 2], "padding": [1, 0], "dilation": [2, 1], "output_padding": [1, 1],
        "delta": (2, 4, 8, 8),
    }),
    (7, {
        "id": "max-pool", "op": "max-pool", "input": (2, 2, 6, 8), "window": 3, "stride": 2,
        "padding": [[1, 0], [0, 0]], "ties": "first", "delta": (2, 2, 3, 3),
    }),
    (2, {
        "id": "max-pool with dilation", "op": "max-pool", "dims": 1, "input": (2, 2, 10), "window": 3, "stride": 3,
        "dilation": 2, "padding": [[1, 0]], "ties": "split", "delta": (2, 2, 3),
    }),
    (0, {
        "id": "average-pool", "op": "average-pool", "input": (2, 2, 7, 8), "window": [3, 2], "stride": [2, 3],
        "padding": [[1, 0], [0, 0]], "dilation": [2, 1], "ceil_mode": True, "delta": (2, 2, 3, 3),
    }),
    (0, {
        "id": "average-pool without padding counted", "op": "average-pool", "dims": 1, "input": (2, 2, 9), "window": 3,
        "stride": 2, "padding": [[1, 0]], "count_include_pad": False, "delta": (2, 2, 4),
    }),
    (0, {
        "id": "lp-pool", "op": "lp-pool", "input": (2, 2, 6, 8), "window": 3, "stride": 2, "padding": [[1, 0], [0, 0]],
        "dilation": [1, 2], "norm": 2, "delta": (2, 2, 3, 2),
    }),
    (0, {"id": "adaptive-max-pool", "op": "adaptive-max-pool", "input": (2, 2, 5, 7), "output_size": 3,
         "delta": (2, 2, 3, 3)}),
    (0, {"id": "adaptive-average-pool", "op": "adaptive-average-pool", "input": (2, 2, 5, 7), "output_size": 3,
         "delta": (2, 2, 3, 3)}),
    (0, {"id": "max-unpool", "op": "max-unpool", "input": (2, 2, 2, 3), "output_size": [3, 4], "delta": (2, 2, 3, 4),
         "indices": [[[[0, 5, 2], [8, 10, 7]], [[11, 1, 3], [4, 9, 6]]],
                     [[[1, 6, 3], [9, 4, 11]], [[0, 2, 7], [8, 5, 10]]]]}),
)  # fmt: skip
"""Cases with shapes for arrays, and the seed of their numbers: the first that shows and separates what it can."""
MORE: tuple[tuple[int, Mapping[str, Any]], ...] = (
    (4, {"id": "lp-pool of numbers with their signs", "op": "lp-pool", "input": (2, 2, 6, 8), "window": 3, "stride": 2,
         "padding": [[1, 0], [0, 0]], "norm": 1, "signed": True, "delta": (2, 2, 3, 3)}),
)  # fmt: skip
"""Cases of what the others leave out, which need not show every mistake."""
LARGEST = 4
TENTHS = (
    "conv with a remainder", "conv-transpose", "max-pool with dilation", "average-pool without padding counted",
    "lp-pool", "adaptive-max-pool", "adaptive-average-pool", "max-unpool",
)  # fmt: skip
"""The cases whose numbers are not whole, so that one sees them cut."""


def builtin_cases() -> list[dict[str, Any]]:
    """Case documents of every operation in which, together, every mistake of the catalogue shows."""
    return [filled(sketch, seed) for seed, sketch in SEEDED]


def more_cases() -> list[dict[str, Any]]:
    """Case documents of operations and settings that those have not."""
    return [filled(sketch, seed) for seed, sketch in MORE]


def filled(sketch: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A case document from one with shapes: small whole numbers, or tenths, the same in every version of Python."""
    random, tenths = Random(seed), sketch.get("id") in TENTHS
    return {
        key: _numbers(value, random, tenths) if isinstance(value, tuple) else value for key, value in sketch.items()
    }


def _numbers(shape: tuple[int, ...], random: Random, tenths: bool) -> Any:
    """From -4 to 4, or a tenth of that; Python promises random()'s sequence for a seed, and nothing beyond it."""
    values = [int(random.random() * (2 * LARGEST + 1)) - LARGEST for _ in range(prod(shape))]
    return np.array([f"{value}/10" for value in values] if tenths else values).reshape(shape).tolist()


def truth_of(case: Case) -> dict[str, Array]:
    """The right arrays by the names that claims have."""
    return Gradients(case).by_array


def claim_of(array: str, values: Array, truth: Array) -> Claim:
    """An array as a claim without rounding, or but for that of a float."""
    excuse: Any = 0
    if truth.dtype != EXACT:
        excuse = 2.0**-44 * float(max(abs(as_float(part)).max(initial=0) for part in (values, truth)))
    return Claim(Place(array), values, excuse, values.shape == truth.shape, 0, excuse)


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake planted in a case, and what it was taken for: first, or among several that give the same array."""

    case: Any
    array: str
    id: str
    variant: str
    named: str | None
    others: tuple[str, ...]

    @property
    def caught(self) -> bool:
        return self.named == self.id or self.id in self.others


def control(case: Case, *, variants: bool = False, but: Collection[str] | None = None) -> Iterator[Planted]:
    """The negative control: every mistake that a case shows, planted and diagnosed; once an array, or all variants.

    With `but` only those of other ids, once each, and at least one. There is none to plant where no mistakes are known.
    """
    if case.operation.family not in FIRST:
        return
    truth, seen, givers = truth_of(case), set[tuple[str, str]](), dict[Any, list[str]]()
    left = None if but is None else {mistake.id for mistake in catalogue(case)} - set(but)
    diagnosers = {array: Diagnoser(case, array, right, advise=False) for array, right in truth.items()}
    for array, name, variant, wrong in planted(case, truth):
        same = givers.setdefault(fingerprint(array, wrong), [])
        same.append(name)
        if ((array, name) in seen and not variants) or (left is not None and seen and name not in left):
            continue
        seen.add((array, name))
        if left is not None:
            left.discard(name)
        found = diagnosers[array].of(claim_of(array, wrong, truth[array]))
        first = found[0] if found else None
        others = tuple(first.details.get("alternatives", ())) if first else ()
        if first and first.mistake in same:  # of a family, that comes after what gives the same
            others = (*others, name)
        yield Planted(case.id, array, name, variant, first.mistake if first else None, others)


def confusions(case: Case) -> set[tuple[str, ...]]:
    """Mistakes that give the same array on a case, families apart: the array's name, then their ids."""
    same: dict[Any, set[str]] = {}
    for array, name, _, wrong in planted(case, truth_of(case)):
        if not is_practised(case.operation.name, array, name):
            same.setdefault(fingerprint(array, wrong), set()).add(name)
    return {(key[0], *sorted(names)) for key, names in same.items() if len(names) > 1}


def separating_seed(sketch: Mapping[str, Any], allowed: int, seeds: int = 1000) -> int:
    """The first seed with which a case shows as many mistakes as any of ten, and confuses at most `allowed`."""
    best = max(_shown(filled(sketch, seed)) for seed in range(10))
    for seed in count():
        case = make_case(filled(sketch, seed))
        if seed >= seeds or (_shown(filled(sketch, seed)) >= best and len(confusions(case)) <= allowed):
            return seed
    raise AssertionError


def _shown(document: Mapping[str, Any]) -> int:
    case = make_case(document)
    return strength(case, truth_of(case)).catches
