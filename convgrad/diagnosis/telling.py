"""A diagnosis in words: what happened, what to do, the sum with its term marked, what would tell mistakes apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from convgrad.catalogue.changes import changed
from convgrad.catalogue.of_entries import ENTRIES, Repair
from convgrad.catalogue.tables import forms, right
from convgrad.core.arithmetic import Array, decimal_text
from convgrad.diagnosis.candidates import Bare, differs
from convgrad.diagnosis.diagnosis import Names
from convgrad.operations.terms import Term
from convgrad.subject.case import Case

SHOWN_TERMS = 12
"""Terms of a sum up to which all are written out."""


def evidence_text(evidence: Mapping[str, int] | None, matches: int, entries: int) -> str:
    """In how many entries: of those that tell, where not all do; nothing to say of a single one."""
    if entries == 1:
        return ""
    tell, match = (evidence["tell"], evidence["match"]) if evidence else (entries, matches)
    if tell == entries:
        match = matches
    noun = "entries" if tell > 1 or tell == entries else "entry"
    if tell != entries:
        noun += " that tells" if tell == 1 else " that tell"
    if tell == 1:
        return f", in the only {noun},"
    return f", in all {tell} {noun}," if match == tell else f", in {match} of {tell} {noun},"


def also_text(details: Mapping[str, Any]) -> str:
    """What else gives the same numbers here; that a factor is also a plain factor goes without saying."""
    others = [name for name in details.get("alternatives", ()) if name != "scaled"]
    return f"; here {' and '.join(others)} would give the same" if others else ""


def number_text(value: Any) -> str:
    """A number as people write it: a decimal where it is a short one."""
    if isinstance(value, Fraction):
        text = decimal_text(value)
        return text if len(text) <= 12 else f"{float(value):.6g}"
    return f"{float(value):.6g}"


def sum_text(terms: Sequence[Term], marked: Term) -> str:
    """The sum with the term marked: 0.1 x 0.02 + [0.3 x 0.15] + ..."""
    at = next(number for number, term in enumerate(terms) if term is marked)
    first = max(0, min(at - SHOWN_TERMS // 2, len(terms) - SHOWN_TERMS))
    shown = list(enumerate(terms))[first : first + SHOWN_TERMS]
    parts = [f"[{term_text(term)}]" if number == at else term_text(term) for number, term in shown]
    parts = (["..."] if first else []) + parts + (["..."] if first + SHOWN_TERMS < len(terms) else [])
    return " + ".join(parts)


def term_text(term: Term) -> str:
    factors = [factor for factor in term.factors if factor.value is not None and factor.name != "divisor"]
    text = " x ".join(number_text(factor.value) for factor in factors)
    product = np.prod([factor.value for factor in factors]) if factors else None
    return text if len(factors) > 1 or product == term.value else number_text(term.value)


def repair_text(names: Names, repair: Repair, base: Array, values: Array) -> str:
    """What happened to one entry."""
    name = names.entry(repair.index, base.shape)
    claimed = number_text(values[repair.index])
    if repair.id == "entries-swapped":
        assert repair.other is not None
        return f"{name} and {names.entry(repair.other, base.shape)} are exchanged (entries-swapped)"
    if repair.id == "misrounded":
        others = f"; {' or '.join(repair.also)} would give it too" if repair.also else ""
        return f"{name} is rounded wrongly: {number_text(base[repair.index])} became {claimed} (misrounded{others})"
    assert repair.term is not None
    what = ENTRIES[repair.id].what
    total = f"{sum_text(repair.terms, repair.term)} = {number_text(base[repair.index])}"
    others = f"; {' or '.join(repair.also)} would give it too" if repair.also else ""
    return f"{name} is {claimed}, which fits: {what}, the one in brackets of {total} ({repair.id}{others})"


# -- What would tell mistakes apart ------------------------------------------------------------------------------------


def tell_apart(case: Case, array: str, ids: Sequence[str]) -> str | None:
    """The smallest change of a case under which the first of several mistakes differs from all others that can."""
    best, told = None, 0
    for advice, other in changed(case):
        count = _separated(other, array, ids)
        if count > told:
            best, told = advice, count
        if told == len(ids) - 1:
            break
    return best


def _separated(case: Case, array: str, ids: Sequence[str]) -> int:
    """From how many of the others the first differs here, in all variants."""
    bare, start = Bare(), right(case, array)
    table = forms(case.operation.name, array)
    truth = bare.value(start)
    made = [_arrays(table, name, start, bare) for name in ids]
    if not any(differs(truth, value) for value in made[0]):
        return 0
    return sum(_apart(made[0], others, truth, name) for name, others in zip(ids[1:], made[1:], strict=True))


def _arrays(table: Any, name: str, start: Any, bare: Bare) -> list[Array]:
    return [bare.value(altered) for altered in table[name].alter(start).values()]


def _apart(ones: list[Array], others: list[Array], truth: Array, name: str) -> bool:
    if name == "scaled":
        return not any(_multiple(value, truth) for value in ones)
    return all(differs(a, b) for a in ones for b in others)


def _multiple(value: Array, truth: Array) -> bool:
    """Whether an array is a multiple of the right one."""
    if value.shape != truth.shape or not truth.any():
        return False
    place = np.unravel_index(int(np.argmax(abs(truth))), truth.shape)
    return not differs(value * truth[place], truth * value[place])
