"""Our own gradients against differences of the forward pass: coloured of one operation, else replayed or by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from math import prod
from typing import Any, NamedTuple

from convgrad.checking.expected import Expected, Operand, Wanted, expected, of_single, shapes_of
from convgrad.checking.in_samples import in_samples
from convgrad.checking.layered import by_layers
from convgrad.checking.report import DIFFERENCES, Sample
from convgrad.checking.sides import NAMES, both_sides, finding
from convgrad.claims.excuses import is_single
from convgrad.claims.findings import Finding, as_counted, compare
from convgrad.claims.propagated import Propagated
from convgrad.claims.rounding import Bounds
from convgrad.core.arithmetic import EXACT, Array, rounded
from convgrad.differences.by_layer import layer_shapes
from convgrad.differences.finite_differences import evaluations, finite_differences
from convgrad.differences.identities import Checksum, checksums
from convgrad.differences.replayed import ChainDifferences, replayed_differences
from convgrad.differences.run import Progress, sampled
from convgrad.errors import Problem, RequestError
from convgrad.passes.subject import Part, Subject

ENOUGH = 100
"""Entries of each array that a sample has which nobody asked for."""
MUCH = 1.5
"""Seconds of differencing, as they are counted, from which on a sample is enough beside a claim."""
KINKS = 10
"""Windows with a kink that a record names when it is not asked for all."""


class Differenced(NamedTuple):
    """What differences say of our gradients: the findings, how many forward passes they took, of which entries.

    And the identities that the gradients of one operation obey.
    """

    findings: tuple[Finding, ...]
    evaluations: int
    exact: bool
    sample: Sample | None
    checksums: tuple[Checksum, ...] = ()
    by_layer: bool = False


NOTHING_DIFFERENCED = Differenced((), 0, True, None)


def difference(
    subject: Subject, sample: int | None = None, seed: int = 0, bounds: Bounds | None = None, *, sparing: bool = False,
    all_kinks: bool = False, progress: Progress | None = None,
) -> Differenced:  # fmt: skip
    """Every entry of our gradients, or `sample` of them, chosen by `seed`, against differences.

    Where that is much work, `sparing` takes a sample by itself: how much is counted, so that it is the same everywhere.
    A network is differenced layer by layer where to run all of it for each entry would be much. `bounds` are those of
    the one operation, where they are known.
    """
    plan = _plan(subject, sample, seed, sparing)
    if is_single(subject):
        bounds = bounds or Bounds(subject.parts[0].case)
        return _coloured(subject.parts[0], of_single(plan.wanted), plan.sample, all_kinks, progress, bounds)
    if plan.by_layer:
        findings, count = by_layers(subject, plan.wanted, progress, plan.expected.passes)
        return Differenced(tuple(findings), count, False, plan.sample, by_layer=True)
    differences = replayed_differences(subject, plan.wanted or None, progress)
    findings = list(_of_chain(subject, differences))
    return Differenced(tuple(findings), differences.evaluations, differences.exact, plan.sample)


class _Plan(NamedTuple):
    """The sample, where it is one; which entries are in it, none for all; and how they are differenced."""

    sample: Sample | None
    wanted: Wanted
    by_layer: bool
    expected: Expected


def _plan(subject: Subject, sample: int | None, seed: int, sparing: bool) -> _Plan:
    if sample is not None and sample < 1:
        raise RequestError(Problem(f"sample must be at least 1, but is {sample}"))
    plan = _sampled(subject, shapes_of(subject), sample, seed, by_layer=False)
    if not is_single(subject) and plan.expected.seconds > MUCH:
        plan = _sampled(subject, layer_shapes(subject), sample, seed, by_layer=True)
    if sparing and sample is None and plan.expected.seconds > MUCH:
        shapes = layer_shapes(subject) if plan.by_layer else shapes_of(subject)
        count = sum(min(ENOUGH, prod(shape)) for shape in shapes.values())
        plan = _sampled(subject, shapes, count, seed, ENOUGH, by_layer=plan.by_layer)
    return plan


def _sampled(
    subject: Subject, shapes: Mapping[Operand, tuple[int, ...]], sample: int | None, seed: int, each: int = 1, *,
    by_layer: bool,
) -> _Plan:  # fmt: skip
    entries = sum(map(prod, shapes.values()))
    chosen = None if sample is None or sample >= entries else Sample(sample, entries, seed)
    wanted = sampled(shapes, chosen.entries, seed, each) if chosen else {}
    return _Plan(chosen, wanted, by_layer, expected(subject, wanted, by_layer=by_layer))


def estimate(subject: Subject, sample: int | None = None, seed: int = 0, *, sparing: bool = False) -> Expected:
    """How many forward passes that takes, and about how many seconds."""
    return _plan(subject, sample, seed, sparing).expected


def _coloured(
    part: Part, wanted: Mapping[str, Array], sampling: Sample | None, all_kinks: bool, progress: Progress | None,
    bounds: Bounds,
) -> Differenced:  # fmt: skip
    """Of a large case some samples after others, of another all at once."""
    case, most = part.case, None if all_kinks else KINKS
    if bounds.is_large and case.arithmetic != "exact":
        passes = evaluations(case, wanted)
        findings, identities = in_samples(part, wanted, most, passes, progress)
        return Differenced(findings, passes, False, sampling, identities)
    differences = finite_differences(case, wanted, progress)
    kinks = tuple(as_counted(case, kink) for kink in islice(differences.kinks(), most))
    compared = both_sides(case, part.gradients.by_operand, differences, wanted, bounds)
    findings = tuple(finding(part, name, sides, kinks) for name, sides in compared.items())
    identities = checksums(case, part.gradients.by_operand, part.forward.y)
    return Differenced(findings, differences.evaluations, differences.probe.exact, sampling, identities)


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
