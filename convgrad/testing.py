"""For other people's test suites: their gradients checked in one line, with the diagnosis as the failure's message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from convgrad.checking.called import arguments_of, claims_of
from convgrad.checking.judging import check_subject
from convgrad.checking.report import CLAIM, Report
from convgrad.claims.findings import Finding
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.operations.geometry import shape_text
from convgrad.passes.explanation import bracketed
from convgrad.passes.subject import subject_of
from convgrad.subject.case import Case, as_case


def assert_gradients(
    function: Callable[..., Any], case: Mapping[str, Any] | Case, *, claim_dtype: str | None = None,
    accumulate: str | None = None, arrays: Callable[[Any], Any] | None = None, sample: int | None = None,
    every: bool = False, **keywords: Any,
) -> Report:  # fmt: skip
    """Call function(delta, x, w, b), for a pool function(delta, x), and compare what it returns with the gradients.

    Arguments are NumPy arrays in the shapes, and the layout, that the case has them in (b is zeros where it has none),
    so that `lambda delta, x, w, b: my_backward(delta, x, w, b, stride=2)` will do; `arrays` makes of each what the
    function takes, such as torch.from_numpy. It returns a mapping with any of dX, dW, db and output, or the gradients
    in the order of x, w, b: arrays of any library. Their type says what rounding may excuse (`claim_dtype` overrides),
    with sums held in it or in `accumulate`. Our own gradients are differenced in `sample` entries, or in `every` one;
    without either in all, or of a large layer in some. Other keywords win over the case's keys.

    Raises AssertionError with the diagnosis as its message; returns the report of the check.

    >>> case = {"input": [1, 2, 3], "kernel": [1, 10], "delta": [1, 2]}
    >>> assert_gradients(lambda delta, x, w, b: {"db": delta.sum()}, case).verdict
    'agrees'
    """
    __tracebackhide__ = True  # pytest shows the line that called it
    case = as_case(case, **keywords)
    given = arguments_of(case)
    returned = function(*(given if arrays is None else map(arrays, given)))
    try:
        claims = claims_of(returned, case)
    except ValueError as error:
        raise AssertionError(str(error)) from error
    report = check_subject(subject_of(case), claims, claim_dtype=claim_dtype, accumulate=accumulate,
                           sample=sample, every=every)  # fmt: skip
    if report.verdict == "differs":
        raise AssertionError("\n".join(_said(report)))
    return report


# -- What went wrong ---------------------------------------------------------------------------------------------------


def _said(report: Report) -> Iterator[str]:
    wrong = dict.fromkeys(finding.array for finding in report.findings if finding.verdict == "differs")
    yield "wrong: " + ", ".join(f"{array} ({_mistakes(report, array)})" for array in wrong)
    for finding in report.findings:
        if finding.verdict == "differs":
            yield _difference(finding)
            if finding.against == CLAIM:
                told = (one for one in report.diagnosis if one.array == finding.array)
                yield from (f"  {line}" for one in told for line in _lines(one))


def _mistakes(report: Report, array: str) -> str:
    named = dict.fromkeys(one.mistake for one in report.diagnosis if one.array == array and one.mistake)
    return ", ".join(named) or "no known mistake"


def _difference(finding: Finding) -> str:
    name = finding.array
    if finding.shapes and not (finding.comparable and finding.wrong):
        given, needed = map(shape_text, finding.shapes)
        return f"{name} has shape {given}, but must have {needed}"
    text = f"{name} differs from the {'gradient' if finding.against == CLAIM else finding.against}"
    text += f" in {finding.wrong} of {finding.entries} entries"
    if (worst := finding.worst) is None:
        return text
    at = name + bracketed(worst.index)
    claimed, correct, error, allowed = map(float, (worst.claimed, worst.correct, worst.error, worst.allowed))
    rule = f" ({finding.rule})" if finding.rule else ""
    numbers = f"claimed {_number(claimed)}, correct {_number(correct)}"
    numbers += f", off by {error:.3g} where {allowed:.3g} is allowed" if isfinite(error) else ""
    return f"{text}; the worst, {at}: {numbers}{rule}"


def _number(value: float) -> str:
    return f"{value:.10g}" if isfinite(value) else str(value).replace("nan", "NaN").replace("inf", "Infinity")


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield diagnosis.message
    if diagnosis.fix:
        yield f"fix: {diagnosis.fix}"
