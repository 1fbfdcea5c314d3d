"""Case, claims -> Report: our gradients against differences, somebody else's against ours, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from convgrad.case import Case, as_case, is_hand_sized
from convgrad.core.arithmetic import Array
from convgrad.errors import Problem, RequestError
from convgrad.gradients import Gradients, head
from convgrad.layout import GRADIENTS
from convgrad.mistakes import Diagnosis, Planted, Strength, builtin_cases, control, diagnose, strength
from convgrad.operations.geometry import shape_text
from convgrad.verify.checksums import Checksum, checksums
from convgrad.verify.claims import Claim, claimable, expected_shape, read_claims
from convgrad.verify.findings import Finding, as_counted, compare
from convgrad.verify.finite_differences import Differences, evaluations, finite_differences
from convgrad.verify.kinks import Kink
from convgrad.verify.probe import probe
from convgrad.verify.results import Record, claimed
from convgrad.verify.rounding import Bounds, of_differences
from convgrad.verify.run import Progress, gradient_shapes, sampled

DIFFERENCES, CLAIM = "finite differences", "claim"
KINKS = 10
"""Windows with a kink that a record names when it is not asked for all."""
EXIT_CODES = {"agrees": 0, "differs": 1, "undecided": 3}


@dataclass(frozen=True)
class Sample:
    """Which entries were differenced, where not all: how many, of how many, and the seed that chose them."""

    entries: int
    of: int
    seed: int


class Judged:
    """What has a verdict, where nothing else is said by its findings, and so an exit code."""

    findings: Any

    @property
    def verdict(self) -> str:
        """It differs if anything does; with claims it is theirs, without that of the differences."""
        verdicts = {finding.verdict for finding in self.findings}
        if "differs" in verdicts:
            return "differs"
        claimed = {finding.verdict for finding in self.findings if finding.against == CLAIM}
        return "undecided" if "undecided" in (claimed or verdicts) else "agrees"

    @property
    def code(self) -> int:
        """The exit code that this verdict is."""
        return EXIT_CODES[self.verdict]


@dataclass(frozen=True)
class Report(Judged):
    """What a check found: one finding an array and `against`, and what the wrong claims come from.

    `truth` has the arrays that claims were judged by, in full shape; without `sample` every entry was differenced.
    """

    case: Case
    findings: tuple[Finding, ...]
    diagnosis: tuple[Diagnosis, ...]
    checksums: tuple[Checksum, ...]
    evaluations: int
    truth: Mapping[str, Array]
    truth_case: Case
    sample: Sample | None = None
    all_entries: bool = False

    def __repr__(self) -> str:
        wrong = [f"{one.array} {one.wrong} of {one.entries} wrong" for one in self.findings if one.wrong]
        named = [one.mistake for one in self.diagnosis if one.mistake]
        told = "; ".join(", ".join(dict.fromkeys(part)) for part in (wrong, named) if part)
        return f"Report({self.verdict}{': ' * bool(told)}{told})"

    @cached_property
    def strength(self) -> Strength:
        """How many of the catalogue's mistakes this case could reveal; worked out when asked for."""
        return strength(self.truth_case, self.truth)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        result = {"schema": "convgrad.check/1", **head(self.case), "verdict": self.verdict}
        result["evaluations"] = self.evaluations
        if self.sample:
            result["sample"] = vars(self.sample)
        result["findings"] = [finding.to_dict(self.all_entries) for finding in self.findings]
        result["diagnosis"] = [_diagnosis_dict(diagnosis) for diagnosis in self.diagnosis]
        result["strength"] = self.strength.to_dict()
        result["checksums"] = [checksum.to_dict() for checksum in self.checksums]
        return result


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # data may be infinite where that was allowed
def check(
    case: Mapping[str, Any] | Case, claim: Mapping[str, Any] | Record | None = None, *, claim_dtype: str | None = None,
    sample: int | None = None, seed: int = 0, all_entries: bool = False, progress: Progress | None = None,
    nonfinite: bool = False, **keywords: Any,
) -> Report:  # fmt: skip
    """Our gradients of a case by finite differences, and a claim's (output, dW, db, dX) entry by entry.

    `claim`, which may be a result or its `to_dict()`, and `claim_dtype` win over the document's; other keywords over
    its other keys. `sample` differences so many entries, chosen by `seed`; `all_entries` has the record name every
    wrong one. progress(done, evaluations) is called as differences are made. Raises RequestError for a wrong request.
    """
    case = as_case(case, **({"nonfinite": True} if nonfinite else {}), **keywords)
    claim = _given(case.document.get("claim") if claim is None else claim)
    claim_dtype = claim_dtype or case.document.get("claim_dtype")
    ours = Gradients(case)
    wanted, chosen = _sampled(case, sample, seed)
    differences = finite_differences(case, wanted, progress)
    kinks = tuple(as_counted(case, kink) for kink in islice(differences.kinks(), None if all_entries else KINKS))
    findings = list(_against_differences(case, ours, differences, wanted, kinks))
    truth_case, truth = _truth(case, ours)
    claims = read_claims(truth_case, claim, truth, dtype=claim_dtype, nonfinite=nonfinite)
    judged = {name: _against_truth(truth_case, one, truth[name]) for name, one in claims.items()}
    diagnosis = [part for name, one in claims.items() for part in _diagnosed(truth_case, truth, one, judged[name])]
    return Report(
        case, (*findings, *judged.values()), tuple(diagnosis), checksums(case, ours.by_operand, ours.y),
        differences.evaluations, truth, truth_case, chosen, all_entries,
    )  # fmt: skip


def estimate(case: Mapping[str, Any] | Case, **keywords: Any) -> tuple[int, float]:
    """How many forward passes a check takes, and about how many seconds, from the faster of two.

    The first pass of a process is slower than all that follow: memory and threads are new to it.
    """
    case = as_case(case, **keywords)
    found, count, spent = probe(case), evaluations(case), []
    for _ in range(2):
        start = perf_counter()
        found.forward(found.arrays["x"], found.arrays.get("w"))
        spent.append(perf_counter() - start)
    return count, count * min(spent)


# -- The installation --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verified:
    """A built-in case: the report of its check, and every mistake that was planted in it."""

    report: Report
    planted: tuple[Planted, ...]

    @property
    def missed(self) -> tuple[Planted, ...]:
        """Planted mistakes that were not named."""
        return tuple(one for one in self.planted if not one.caught)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong (a tie is undecided, and meant to be), and no mistake was missed."""
        sums = all(checksum.holds for checksum in self.report.checksums)
        return self.report.verdict != "differs" and sums and not self.missed

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        missed = [
            {"array": one.array, "mistake": one.id, "variant": one.variant, "named": one.named} for one in self.missed
        ]
        return {
            "id": self.report.case.id, "op": self.report.case.operation.name, "verdict": self.report.verdict,
            "evaluations": self.report.evaluations, "planted": len(self.planted), "missed": missed,
        }  # fmt: skip


@dataclass(frozen=True)
class Installation(Judged):
    """What the installation computes on built-in cases of every operation."""

    cases: tuple[Verified, ...]

    @property
    def verdict(self) -> str:
        return "agrees" if all(case.holds for case in self.cases) else "differs"

    def to_dict(self) -> dict[str, Any]:
        """What the JSON says."""
        cases = [case.to_dict() for case in self.cases]
        return {"schema": "convgrad.installation/1", "verdict": self.verdict, "cases": cases}


def verify_installation() -> Installation:
    """Every operation on built-in cases, and the negative control: every mistake, planted, is caught and named."""
    reports = [check(document) for document in builtin_cases()]
    return Installation(tuple(Verified(report, tuple(control(report.truth_case))) for report in reports))


# -- Our own gradients -------------------------------------------------------------------------------------------------


def _sampled(case: Case, sample: int | None, seed: int) -> tuple[dict[str, Array], Sample | None]:
    """By operand which entries to difference, and what to say of it; nothing where that is all."""
    shapes = gradient_shapes(case)
    entries = sum(map(prod, shapes.values()))
    if sample is None or sample >= entries:
        return {}, None
    if sample < 1:
        raise RequestError(Problem(f"sample must be at least 1, but is {sample}"))
    return sampled(shapes, sample, seed), Sample(sample, entries, seed)


def _against_differences(
    case: Case, ours: Gradients, differences: Differences, wanted: Mapping[str, Array], kinks: tuple[Kink, ...]
) -> Iterator[Finding]:
    allowed = {} if case.arithmetic == "exact" else of_differences(Bounds(case), differences.steps.sizes)
    for array, name in GRADIENTS.items():
        if name not in ours.by_operand:
            continue
        asked = wanted.get(name, np.ones(differences.gradients[name].shape, bool))
        if wanted and not asked.any():
            continue
        undecided = (differences.undecided[name] | ~np.isfinite(allowed.get(name, 0.0))) & asked
        yield compare(
            case, array, DIFFERENCES, ours.by_operand[name], differences.gradients[name], allowed.get(name, 0),
            compared=asked & ~undecided, refuted=differences.outside[name] & asked, undecided=int(undecided.sum()),
            kinks=kinks if name == "x" else (),
        )  # fmt: skip


# -- Somebody else's ---------------------------------------------------------------------------------------------------


def _given(claim: Any) -> Mapping[str, Any]:
    """A claim that is one; nothing for None. What claims nothing must not be said to agree."""
    if claim is None:
        return {}
    claim, names = claimed(claim), "a mapping with any of output, dW, db, dX"
    if not isinstance(claim, Mapping):
        raise RequestError(Problem(f"expected {names}", path=("claim",)))
    if not claim:
        raise RequestError(Problem("the claim is empty", f"give {names}", ("claim",)))
    return claim


def _truth(case: Case, ours: Gradients) -> tuple[Case, dict[str, Array]]:
    """The right arrays by the claims' names: exact where the case is or is hand-sized, else in float64."""
    judge = _judge(case)
    return judge, claimable(ours if judge is case else Gradients(judge))


def _judge(case: Case) -> Case:
    """The case in the kind of number that claims are judged in."""
    if case.arithmetic == "exact":
        return case
    finite = all(np.isfinite(array).all() for array in (*case.arrays, case.delta) if array is not None)
    if finite and is_hand_sized(case):
        return replace(as_case(case, arithmetic="exact"), rounded=True)  # to be shown in the user's kind of number
    return as_case(case, arithmetic="float64", nonfinite=not finite) if case.arithmetic == "float32" else case


def _against_truth(case: Case, claim: Claim, truth: Array) -> Finding:
    shapes = None if claim.fits else (claim.shape, expected_shape(case, claim.array, truth))
    return compare(case, claim.array, CLAIM, claim.values, truth, claim.allowed, shapes=shapes, rule=claim.rule)


def _diagnosed(case: Case, truth: Mapping[str, Array], claim: Claim, finding: Finding) -> Iterator[Diagnosis]:
    """What became of a wrong claim."""
    if finding.shapes and finding.comparable:
        yield _axes_of_one(claim, finding)
    if finding.wrong:
        yield from diagnose(case, truth, {claim.array: claim})


def _axes_of_one(claim: Claim, finding: Finding) -> Diagnosis:
    """A claim of as many numbers as there should be, with axes of length 1 too many or too few."""
    assert finding.shapes is not None
    given, needed = finding.shapes
    kept = len(given) > len(needed)
    message = (
        f"it has shape {shape_text(given)}, but {claim.array} has {shape_text(needed)}: "
        f"the batch or a channel axis {'was kept' if kept else 'is missing'}"
    )
    fix = f"{'drop' if kept else 'add'} the axes of length 1: a gradient has the rank that its operand came in"
    mistake = "axis-kept" if kept else "axis-missing"
    return Diagnosis(claim.array, mistake, finding.entries - finding.wrong, finding.entries, message, fix)


def _diagnosis_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    names = ("array", "mistake", "matches", "entries", "message", "fix")
    return {name: getattr(diagnosis, name) for name in names} | dict(diagnosis.details)
