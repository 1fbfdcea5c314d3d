"""Our own gradients against differences of the forward pass: coloured where it is one operation, else replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from convgrad.checking.report import DIFFERENCES, Sample
from convgrad.claims.excuses import is_single
from convgrad.claims.findings import Finding, as_counted, compare
from convgrad.claims.propagated import Propagated
from convgrad.claims.rounding import Bounds, of_differences
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.differences.finite_differences import Differences, evaluations, finite_differences
from convgrad.differences.kinks import Kink
from convgrad.differences.probe import channels_together, probe
from convgrad.differences.replayed import ChainDifferences, Replay, operands_of, replayed_differences
from convgrad.differences.run import Progress, gradient_shapes, sampled
from convgrad.errors import Problem, RequestError
from convgrad.passes.subject import Part, Subject
from convgrad.subject.case import products_of
from convgrad.subject.layout import GRADIENTS

ENOUGH = 100
"""Entries of each array that a sample has which nobody asked for."""
MUCH, PASS = 4_000_000_000, 20_000
"""Products from which on so much is differenced that a claim's judge need not wait for it; what a pass has at least."""
KINKS = 10
"""Windows with a kink that a record names when it is not asked for all."""
NAMES = {operand: array for array, operand in GRADIENTS.items()}
Wanted = Mapping[tuple[int, str], Array]
"""Which entries are differenced, by the number of a part and its operand, as marks of its shape."""


@dataclass(frozen=True)
class Differenced:
    """What differences say of our gradients: the findings, how many forward passes they took, of which entries."""

    findings: tuple[Finding, ...]
    evaluations: int
    exact: bool
    sample: Sample | None


NOTHING_DIFFERENCED = Differenced((), 0, True, None)


def difference(
    subject: Subject, sample: int | None = None, seed: int = 0, *, sparing: bool = False, all_kinks: bool = False,
    progress: Progress | None = None,
) -> Differenced:  # fmt: skip
    """Every entry of our gradients, or `sample` of them, chosen by `seed`, against differences.

    Where that is much work, `sparing` takes a sample by itself: how much is counted, so that it is the same everywhere.
    """
    if sample is not None and sample < 1:
        raise RequestError(Problem(f"sample must be at least 1, but is {sample}"))
    sampling, wanted = _sampling(subject, sample, seed, sparing)
    if is_single(subject):
        return _coloured(subject.parts[0], _of_single(wanted), sampling, all_kinks, progress)
    differences = replayed_differences(subject, wanted or None, progress)
    findings = tuple(_of_chain(subject, differences))
    return Differenced(findings, differences.evaluations, differences.exact, sampling)


def _sampling(subject: Subject, sample: int | None, seed: int, sparing: bool) -> tuple[Sample | None, Wanted]:
    """The sample, where it is one, and which entries are in it; none says all."""
    shapes = _shapes(subject)
    entries, each = sum(map(prod, shapes.values())), 1
    if sample is None and sparing and _work(subject) > MUCH:
        each, sample = ENOUGH, sum(min(ENOUGH, prod(shape)) for shape in shapes.values())
    if sample is None or sample >= entries:
        return None, {}
    return Sample(sample, entries, seed), sampled(shapes, sample, seed, each)


def _work(subject: Subject) -> int:
    """The products of differencing every entry."""
    passes, _ = _passes(subject, {})
    products = sum(max(products_of(part.forward.case), PASS) for part in subject.parts)
    return passes * products // (channels_together(subject.parts[0].case) if is_single(subject) else 1)


def _of_single(wanted: Wanted) -> dict[str, Array]:
    return {name: marks for (_, name), marks in wanted.items()}


def estimate(subject: Subject, sample: int | None = None, seed: int = 0, *, sparing: bool = False) -> tuple[int, float]:
    """How many forward passes that takes, and about how many seconds, from the faster of two.

    The first pass of a process is slower than all that follow: memory and threads are new to it.
    """
    count, run = _passes(subject, _sampling(subject, sample, seed, sparing)[1])
    spent = []
    for _ in range(2):
        start = perf_counter()
        run()
        spent.append(perf_counter() - start)
    return count, count * min(spent)


def _passes(subject: Subject, wanted: Wanted) -> tuple[int, Any]:
    """How many forward passes there will be, and one such pass."""
    if is_single(subject):
        case = subject.parts[0].case
        return evaluations(case, _of_single(wanted)), lambda: probe(case).once()
    replay = Replay(subject)
    entries = sum(int(marks.sum()) for marks in wanted.values()) or sum(map(prod, _shapes(subject).values()))
    return entries * (3 if replay.exact else 1), lambda: replay.run((0, "x"), replay.operand((0, "x")))


def _shapes(subject: Subject) -> dict[tuple[int, str], tuple[int, ...]]:
    """The shapes of what is differenced, by the number of a part and its operand."""
    if is_single(subject):
        return {(0, name): shape for name, shape in gradient_shapes(subject.parts[0].case).items()}
    replay = Replay(subject)
    return {operand: replay.operand(operand).shape for operand in operands_of(subject)}


def _coloured(
    part: Part, wanted: Mapping[str, Array], sampling: Sample | None, all_kinks: bool, progress: Progress | None
) -> Differenced:
    case = part.case
    differences = finite_differences(case, wanted, progress)
    kinks = tuple(as_counted(case, kink) for kink in islice(differences.kinks(), None if all_kinks else KINKS))
    findings = tuple(_of_part(part, differences, wanted, kinks))
    return Differenced(findings, differences.evaluations, differences.probe.exact, sampling)


def _of_part(
    part: Part, differences: Differences, wanted: Mapping[str, Array], kinks: tuple[Kink, ...]
) -> Iterator[Finding]:
    case, ours = part.case, part.gradients.by_operand
    allowed = {} if case.arithmetic == "exact" else of_differences(Bounds(case), differences.steps.sizes)
    for array, name in GRADIENTS.items():
        if name not in ours:
            continue
        asked = wanted.get(name, np.ones(differences.gradients[name].shape, bool))
        if wanted and not asked.any():
            continue
        undecided = (differences.undecided[name] | ~np.isfinite(allowed.get(name, 0.0))) & asked
        yield compare(
            case, part.place(array), array, DIFFERENCES, ours[name], differences.gradients[name], allowed.get(name, 0),
            compared=asked & ~undecided, refuted=differences.outside[name] & asked, undecided=int(undecided.sum()),
            kinks=kinks if name == "x" else (),
        )  # fmt: skip


def _of_chain(subject: Subject, differences: ChainDifferences) -> Iterator[Finding]:
    """Our gradients; in float64 both sides may be off by what rounding excuses."""
    bounds = None if differences.exact else Propagated(subject)
    in_order = sorted(differences.gradients.items(), key=lambda item: (item[0][0], item[0][1] != "w"))
    for (number, name), found in in_order:
        part = subject.parts[number]
        asked, undecided = differences.compared[number, name], differences.undecided[number, name]
        if not asked.any():
            continue
        ours, place = _alike(part.gradients.by_operand[name].reshape(found.shape), found), part.place(NAMES[name])
        allowed: Any = 0 if bounds is None else 2 * bounds.bound(place, _kind(part)).reshape(found.shape)
        yield compare(part.case, place, NAMES[name], DIFFERENCES, ours, found, allowed,
                      compared=asked & ~undecided, undecided=int((undecided & asked).sum()))  # fmt: skip


def _alike(ours: Array, found: Array) -> Array:
    """An exact gradient as float64, where its differences are."""
    return rounded(ours) if ours.dtype == EXACT != found.dtype else ours


def _kind(part: Part) -> str:
    return "float32" if part.case.arithmetic == "float32" else "float64"
