"""Which cases are wanted: of which operations, suites and limits, or the fewest that catch some mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from convgrad.errors import Problem, RequestError
from convgrad.subject.foreign_words import did_you_mean
from convgrad.suites.core import core
from convgrad.suites.edges import edges
from convgrad.suites.facts import Term
from convgrad.suites.sketch import Sketch
from convgrad.suites.trial import Trial, of_sketch
from convgrad.vocabulary import GRADED

VERSION = "2026.1"
SUITES = ("core", "edges")
BESIDE_CORE = ("relu", "plain", "bare")
"""Kinds of cases that show mistakes and belong to `edges`, for whom has few settings."""
OPS, DIMS, MOST_DIMS = ("conv",), (2,), 3


class Wanted(NamedTuple):
    """What cases are asked for; ids, where there are any, pick single ones."""

    ops: Sequence[str] = OPS
    dims: Sequence[int] = DIMS
    dtype: str = "float64"
    suites: Sequence[str] = SUITES
    limits: Sequence[Term] = ()
    need: Sequence[str] = ()
    seed: int = 0
    ids: Sequence[str] = ()
    real: bool = False


def sketches(ops: Iterable[str], dims: Iterable[int], suites: Iterable[str]) -> Iterator[Sketch]:
    """The cases of some suites, in order: of `edges` the plain ones first, for whom has few settings."""
    for op in ops:
        for count in dims:
            for suite in suites:
                if suite == "core":
                    yield from core(op, count)
                else:
                    yield from (sketch for kind in BESIDE_CORE for sketch in core(op, count, kind))
                    yield from edges(op, count)


def trials(wanted: Wanted) -> list[Trial]:
    """The cases that are wanted, with their numbers, also those that the type does not hold."""
    rows = list(sketches(wanted.ops, wanted.dims, wanted.suites))
    if wanted.ids:
        rows = list(_by_id(wanted.ids))
    rows = [sketch.with_reals() for sketch in rows] if wanted.real else rows
    made = (of_sketch(sketch, wanted.dtype, wanted.seed) for sketch in rows)
    fitting = [trial for trial in made if all(term.holds(trial.facts) for term in wanted.limits)]
    return _fewest(fitting, wanted.need) if wanted.need else fitting


def _by_id(ids: Iterable[str]) -> Iterator[Sketch]:
    known = {sketch.id: sketch for sketch in sketches(GRADED, range(1, MOST_DIMS + 1), SUITES)}
    for name in ids:
        if name not in known:
            raise RequestError(Problem(f"there is no case '{name}'{did_you_mean(name, known)}", "`convgrad cases`"))
        yield known[name]


def caught(trial: Trial, want: Iterable[str] | None = None) -> set[str]:
    """The ids of the mistakes that show on a case, in any array, or in those wanted."""
    catches = (trial.sketch.catches if trial.sketch else None) or {}
    arrays = catches if want is None else [array for array in want if array in catches]
    return {name for array in arrays for name in catches[array]}


def _fewest(fitting: Sequence[Trial], need: Iterable[str]) -> list[Trial]:
    """The fewest cases that together catch some mistakes, the smaller first where they do as well."""
    left, chosen = set(need), list[Trial]()
    known = {name for trial in fitting for name in caught(trial)}
    if missing := sorted(left - known):
        hint = did_you_mean(missing[0], known)
        advice = "a wider --limit, or another --op" if not hint else ""
        raise RequestError(Problem(f"no such case catches {', '.join(missing)}{hint}", advice))
    while left:
        chosen.append(max(fitting, key=lambda trial: (len(left & caught(trial)), -trial.numbers)))
        left -= caught(chosen[-1])
    return [trial for trial in fitting if trial in chosen] if len(chosen) > 1 else chosen
