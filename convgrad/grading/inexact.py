"""Claims of a type judged as `check` judges them, and wrong ones given the name of their mistake."""

from __future__ import annotations

from convgrad.checking.judging import check_subject
from convgrad.checking.report import CLAIM, Report
from convgrad.core.arithmetic import Array
from convgrad.grading.answer import AGREES, DIFFERS, UNTESTED
from convgrad.grading.outcome import Named, Outcome
from convgrad.suites.trial import Trial

NEAR = {"float64": 2.0**-46, "float32": 2.0**-17}
"""How far off whole numbers are at most, relative to the largest, where rounding is to blame: 128 units."""
SAMPLE = 1
"""Entries of our own gradients that are differenced beside: they are not what is asked about."""


def checked(trial: Trial, array: str, value: Array) -> Report:
    """The report of `check` on an array that came back; what went in was not rounded by a printer."""
    dtype = None if trial.is_exact else trial.dtype
    return check_subject(trial.subject, trial.claim({array: value}), claim_dtype=dtype, printed=False, sample=SAMPLE)


def by_another_algorithm(trial: Trial, array: str, value: Array) -> str:
    """That whole numbers are off by rounding, as of Winograd's algorithm or an FFT; nothing where they are wrong.

    Sums of products would be exact. A mistake is off by a step of the lattice, or by a factor of each entry.
    """
    truth, step = trial.expected[array], float(trial.lattice or 0)
    near = NEAR.get(trial.dtype, 0.0) * float(abs(truth).max(initial=0))
    if not (abs(value - truth) <= min(near, step / 1000)).all():
        return ""
    return f"{int((value != truth).sum())} of {truth.size} entries are off by rounding, as no sum of products would be"


def judged(trial: Trial, array: str, value: Array) -> Outcome:
    """The verdict on an array by what its type allows."""
    report = checked(trial, array, value)
    finding = next(one for one in report.findings if one.against == CLAIM)
    if finding.verdict == "undecided":
        return Outcome(trial, array, UNTESTED, f"{trial.dtype} is too coarse to tell")
    if finding.verdict == AGREES:
        return Outcome(trial, array, AGREES)
    detail = f"{finding.wrong} of {finding.entries} entries"
    return Outcome(trial, array, DIFFERS, detail, finding.wrong, value, named(report))


def named(report: Report) -> tuple[Named, ...]:
    """What a report diagnoses, in the order in which it does."""
    return tuple(
        Named(one.mistake, one.message, one.fix, tuple(one.details.get("alternatives", ()))) for one in report.diagnosis
    )
