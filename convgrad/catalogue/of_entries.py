"""Mistakes in single entries: a term missing, doubled or of the wrong sign, entries exchanged, a number misrounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import isfinite, ulp
from typing import Any

import numpy as np

from convgrad.catalogue.computation import Computation
from convgrad.catalogue.mistake import Form, Variants
from convgrad.catalogue.sums import terms_of
from convgrad.core.arithmetic import Array, floated
from convgrad.operations.terms import Index, Term
from convgrad.vocabulary import OPERATIONS, UNPOOLING

EFFECTS: dict[str, int] = {"term-missing": -1, "term-sign": -2, "term-doubled": 1}
"""How many times the term the entry is off by."""

CLOSE = Fraction(1, 2**20)
"""How far a sum may be from its entry, in relation to the sizes of its terms: all rounding, in float32 too."""
MOST_PLACES = 4
"""Entries in which a mistake in a single one is planted."""
UNWRITTEN = "left-at-zero"
"""What a single 0 may be as well, whatever the terms of its sum."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What explains one entry: the mistake, the sum with its term, or the entry that it was exchanged with."""

    id: str
    index: Index
    term: Term | None = None
    terms: Sequence[Term] = ()
    other: Index | None = None
    also: tuple[str, ...] = ()
    chance: float = 0
    """How likely some term is to explain an arbitrary number: high where a claim has few digits and many terms."""


def planted_term(c: Computation, effect: int) -> Variants:
    """One term of one entry missing, doubled or of the wrong sign, in a few entries spread over the array."""
    bare = c.bare()
    variants: dict[str, Computation] = {}
    for index in _spread_places(bare):
        kept = [term for term in terms_of(c, index, bare.shape) if term.value != 0]
        if kept:
            term = kept[len(kept) // 2]
            variants[f"{list(index)}"] = c.then(partial(_off_by, index=index, amount=effect * term.value))
    return variants


def planted_exchange(c: Computation) -> Variants:
    """Two neighbouring entries exchanged."""
    bare = c.bare()
    for index in _spread_places(bare):
        following = np.unravel_index((np.ravel_multi_index(index, bare.shape) + 1) % bare.size, bare.shape)
        other = tuple(int(i) for i in following)
        if bare[index] != bare[other]:
            return {f"{list(index)} and {list(other)}": c.then(partial(_exchanged, index=index, other=other))}
    return {}


def _spread_places(array: Array) -> list[Index]:
    """A few entries spread over the array, of those that are not 0 where there are any."""
    places = np.flatnonzero(array) if array.any() else np.arange(array.size)
    count = min(len(places), MOST_PLACES)
    numbers = dict.fromkeys(int(places[(2 * k + 1) * len(places) // (2 * count)]) for k in range(count))
    return [tuple(int(i) for i in np.unravel_index(number, array.shape)) for number in numbers]


def _off_by(array: Array, index: Index, amount: Any) -> Array:
    result = array.copy()
    result[index] += amount
    return result


def _exchanged(array: Array, index: Index, other: Index) -> Array:
    result = array.copy()
    result[index], result[other] = array[other], array[index]
    return result


def never(c: Computation) -> Variants:
    """A misrounded entry shows in the claim's digits, not in the case."""
    return {}


# -- Finding them ------------------------------------------------------------------------------------------------------

Allows = Callable[[Index, Any], bool]


def repairs(
    c: Computation, base: Array, values: Array, wrong: Sequence[Index], allows: Allows, unit: Any
) -> list[Repair]:
    """What explains each of the entries that a base array does not; those that nothing explains are left out."""
    exchanged = dict(_exchanges(base, values, wrong, allows))
    found = []
    for index in wrong:
        if index in exchanged:
            found.append(Repair("entries-swapped", index, other=exchanged[index]))
        elif (repair := _repair(c, base, values, index, allows, unit)) is not None:
            found.append(repair)
    return found


def all_exchanged(found: Sequence[Repair]) -> bool:
    """Whether nothing but exchanges explains them: those need no majority of right entries."""
    return all(repair.id == "entries-swapped" for repair in found)


def _exchanges(base: Array, values: Array, wrong: Sequence[Index], allows: Allows) -> Iterator[tuple[Index, Index]]:
    """Pairs of wrong entries that are right in each other's place."""
    free = list(wrong)
    while free:
        index = free.pop(0)
        for other in free:
            if allows(index, base[other]) and allows(other, base[index]):
                free.remove(other)
                yield from ((index, other), (other, index))
                break


def _repair(c: Computation, base: Array, values: Array, index: Index, allows: Allows, unit: Any) -> Repair | None:
    margin = unit / 2 if unit else 0
    terms = [term for term in terms_of(c, index, base.shape) if term.value != 0]
    if not _adds_up(terms, base[index], _factor(c, base)):
        terms = []
    found = []
    for name, effect in EFFECTS.items():
        for term in terms:
            candidate = base[index] + effect * term.value * _factor(c, base)
            if allows(index, candidate):
                found.append((abs(candidate - values[index]), name, term))
    found.sort(key=lambda row: row[0])  # the closest first, and of equals the first in the table
    names = tuple(dict.fromkeys(name for _, name, _ in found))
    if is_misrounded(base[index], values[index], unit):
        return Repair("misrounded", index, also=names)
    if not found:
        return None
    if values[index] == 0 and len(terms) > 1:  # as easily an entry that was never written
        names = (*names, UNWRITTEN)
    largest = floated(max(abs(term.value) for term in terms)) or ulp(0.0)
    chance = len(EFFECTS) * len(terms) * floated(margin) / (2 * largest)  # each hits 2 margins of a range of 4 largest
    return Repair(names[0], index, found[0][2], terms, also=names[1:], chance=chance)


def _adds_up(terms: Sequence[Term], entry: Any, factor: Any) -> bool:
    """Whether terms are those of an entry: an altered computation may have made it in another way."""
    total, size = sum(term.value for term in terms) * factor, sum(abs(term.value) for term in terms) * abs(factor)
    return bool(abs(total - entry) <= CLOSE * size)


def _factor(c: Computation, base: Array) -> Any:
    return c.factor if base.dtype == object else base.dtype.type(float(c.factor))


def is_misrounded(right: Any, claimed: Any, unit: Any) -> bool:
    """Off by less than two units of the last digit, where the right number needed rounding at all."""
    if not unit or not (isfinite(floated(right / unit)) and isfinite(floated(claimed))):
        return False
    needed = right / unit != round(right / unit)
    return bool(needed and abs(claimed - right) < 2 * unit)


SUMS = tuple(name for name, row in OPERATIONS.items() if row.family != UNPOOLING)
"""The operations whose entries are sums of terms."""


def _form(what: str, fix: str, alter: Callable[[Computation], Variants], operations: tuple[str, ...] = ()) -> Form:
    return Form(what, fix, alter, operations=operations)


ENTRIES: dict[str, Form] = {
    "term-missing": _form(
        "one term of its sum is missing", "add the term that is marked", partial(planted_term, effect=-1), SUMS
    ),
    "term-sign": _form(
        "one term of its sum has the wrong sign", "check the sign of the term that is marked",
        partial(planted_term, effect=-2), SUMS,
    ),
    "term-doubled": _form(
        "one term of its sum is added twice", "add the term that is marked once", partial(planted_term, effect=1), SUMS
    ),
    "entries-swapped": _form("two entries are exchanged", "exchange them", planted_exchange),
    "misrounded": _form("it is rounded wrongly", "round it to the nearest", never),
}  # fmt: skip
