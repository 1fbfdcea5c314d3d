"""A case or a network, and claims on it, become a report: our gradients, then somebody else's, then what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from convgrad.checking.ours import NOTHING_DIFFERENCED, difference
from convgrad.checking.report import CLAIM, Report, Reports
from convgrad.claims.claim import Claim
from convgrad.claims.excuses import Excuses, excuses_of
from convgrad.claims.findings import Finding, compare
from convgrad.claims.named import ARRAYS_OF_CASE, asked_of
from convgrad.claims.read import read_claims
from convgrad.claims.results import claimed
from convgrad.claims.summaries import apart, read_summaries
from convgrad.claims.winners import Winners, read_winners, winners_apart
from convgrad.diagnosis.agreed import in_common
from convgrad.diagnosis.counting import miscounted
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.diagnosis.judge import Judge
from convgrad.differences.run import Progress
from convgrad.errors import Problem, RequestError
from convgrad.passes.explanation import is_network
from convgrad.passes.subject import Subject, network, subject_of
from convgrad.subject.case import MISSING_DELTA, Case, as_case
from convgrad.subject.samples import is_kept

if TYPE_CHECKING:
    from convgrad.frameworks.watching import Watched

FORWARD = ("output", "indices")
"""What a claim may have that comes out of the forward pass."""
OPTIONS = ("claim_dtype", "accumulate", "algorithm", "printed", "sample", "seed", "every", "all_entries", "progress",
           "answer")  # fmt: skip


@overload
def check(case: Watched, **keywords: Any) -> Reports: ...
@overload
def check(case: Any = None, *given: Any, claim: Any = None, **keywords: Any) -> Report: ...
def check(case: Any = None, *given: Any, claim: Any = None, **keywords: Any) -> Report | Reports:
    """Our gradients by finite differences, and a claim's (output, dW, db, dX) entry by entry; of a case or a network.

    check(case, claim): `claim`, which may be a result or its `to_dict()`, and of a network goes by layer, and what is
    said of it (`claim_dtype`, `accumulate`, `algorithm`, `printed`) win over the document's; other keywords over its
    other keys, or they are all there is. check(layer, x, delta): a layer of another library or a chain of them; one of
    PyTorch is run, and what it computes is the claim where none is given. check(layers): what `watch` saw, a report
    each.
    `sample` differences so many entries, chosen by `seed`, `every` all of them: with a claim on a large layer it is
    else a sample, and the report says so. `all_entries` has the record name every wrong one. answer(findings,
    diagnosis) is called with what claims are, before anything is differenced, and progress(done, evaluations) then.
    Raises RequestError for a wrong request.
    """
    options = {name: keywords.pop(name) for name in OPTIONS if name in keywords}
    if isinstance(case, Subject | Case | Mapping) or case is None:
        claim = given[0] if given else claim
        document = case if isinstance(case, Mapping) else {}
        needed = needs_delta(document.get("claim") if claim is None else claim)
        return check_subject(as_subject(case, needed=needed, **keywords), claim, **options)
    from convgrad.checking.brought import check_brought  # here, so that documents are checked without

    return check_brought(case, *given, claim=claim, options=options, **keywords)


def needs_delta(claim: Any) -> bool:
    """Whether a delta is needed to check a claim: but for one on nothing that comes of the backward pass.

    >>> needs_delta({"output": [1]}), needs_delta({"output[0]": 1, "dX": [1]}), needs_delta(None)
    (False, True, True)
    """
    claim = claimed(claim)
    names = {str(name).partition("[")[0] for name in claim} if isinstance(claim, Mapping) else set()
    return not names or not names <= set(FORWARD)


def as_subject(case: Any, *, needed: bool = True, **keywords: Any) -> Subject:
    """What is to be checked, run, with a delta where that is needed; keywords win over the document's keys."""
    if isinstance(case, Subject):
        return case
    if not isinstance(case, Case) and is_network(case or keywords):
        return network(case, **keywords)
    return subject_of(as_case(case, needs_delta=needed, **keywords))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # data may be infinite where that was allowed
def check_subject(
    subject: Subject, claim: Any = None, *, claim_dtype: str | None = None, accumulate: str | None = None,
    algorithm: str | None = None, printed: bool | None = None, sample: int | None = None, seed: int = 0,
    every: bool = False, all_entries: bool = False, progress: Progress | None = None,
    answer: Callable[[tuple[Finding, ...], tuple[Diagnosis, ...]], None] | None = None,
) -> Report:  # fmt: skip
    """Claims on the arrays of a subject, then every kernel, bias and input of it by differences of its forward pass.

    Each claim is judged against the truth; where it is wrong, also given the claims that it was made from. `answer` is
    called with what was found of them, before anything is differenced. Of a case without a delta only what comes out of
    the forward pass is looked at.
    """
    document = subject.chain.document
    claim = _given(subject, document.get("claim") if claim is None else claim)
    if subject.is_forward and needs_delta(claim):
        raise RequestError(Problem("the gradients of a case need `delta`, which is missing", MISSING_DELTA))
    judged = subject.judged()
    said = {"claim_dtype": claim_dtype, "accumulate": accumulate, "algorithm": algorithm, "printed": printed}
    said = {key: document.get(key) if value is None else value for key, value in said.items()}
    # of a large case what is worked out for the answer is let go of after it
    excuses = excuses_of(judged)
    told, diagnosis, count = _answered(Subject(judged.chain) if is_kept(judged.case) else judged, claim, said, excuses)
    if answer:
        answer(told, diagnosis)
    sparing = bool(count) and not every
    ours = NOTHING_DIFFERENCED
    if not subject.is_forward:
        known = excuses.bounds if judged is subject else None
        ours = difference(subject, sample, seed, known, sparing=sparing, all_kinks=all_entries, progress=progress)
    identities = () if subject.chain.alone is None else ours.checksums
    return Report(
        subject, (*ours.findings, *told), diagnosis, identities, ours.evaluations, ours.exact, judged,
        ours.sample, all_entries, ours.by_layer,
    )  # fmt: skip


def _answered(
    judged: Subject, claim: Any, said: Mapping[str, Any], excuses: Excuses
) -> tuple[tuple[Finding, ...], tuple[Diagnosis, ...], int]:
    """What became of claims, what the wrong ones come from, and how many arrays were claimed."""
    truth = judged.arrays()
    claim, summed = apart(judged, claim)
    claim, won = winners_apart(judged, claim)
    winners = [(one, _against_winners(one)) for one in read_winners(judged, won)]
    claims = read_claims(judged, claim, truth, asked_of(*said.values()), excuses)
    findings = {place: _against_truth(judged, one, one.found.correct if one.found else truth[place])
                for place, one in claims.items()}  # fmt: skip
    summaries = [_against_truth(judged, one, right) for one, right in read_summaries(judged, summed, truth)]
    judge = Judge(judged, truth, claims)
    diagnosis = in_common(part for place, one in claims.items() for part in judge.of(one, findings[place]))
    diagnosis += tuple(miscounted(one, finding.wrong_at) for one, finding in winners if finding.verdict == "differs")
    return (*findings.values(), *summaries, *(finding for _, finding in winners)), diagnosis, len(claims)


def _given(subject: Subject, claim: Any) -> Any:
    """A claim that is one; nothing for None. What claims nothing must not be said to agree."""
    if claim is None:
        return {}
    claim = claimed(claim)
    alone = subject.chain.alone is not None
    names = ARRAYS_OF_CASE if alone else "a mapping by layer, as in conv2: {dW: …}"
    if not isinstance(claim, Mapping):
        raise RequestError(Problem(f"expected {names}", path=("claim",)))
    if all(isinstance(part, Mapping) and not part for part in claim.values()):
        raise RequestError(Problem("the claim is empty", f"give {names}", ("claim",)))
    return claim


def _against_truth(judged: Subject, claim: Claim, truth: Any) -> Finding:
    part = judged.layer(claim.place.part)
    case = part.forward.case if claim.place.array == "output" and claim.place.part else part.case
    shapes = None if claim.fits else (claim.shape, claim.expected)
    known: dict[str, Any] = {} if claim.known is None else {"compared": claim.known}
    known |= {"wrong": claim.found.wrong_at, "tallied": claim.found.tally} if claim.found else {}
    return compare(case, claim.place, claim.like, CLAIM, claim.values, truth, claim.allowed, shapes=shapes,
                   rule=claim.rule, by=claim.by, told=claim.told, doubtful=claim.doubtful, **known)  # fmt: skip


def _against_winners(claim: Winners) -> Finding:
    """Numbers of cells are right as they stand, or wrong."""
    known = {} if claim.known is None else {"compared": claim.known}
    return compare(claim.part.forward.case, claim.place, "output", CLAIM, claim.values, claim.truth, 0,
                   shapes=claim.shapes, **known)  # fmt: skip
