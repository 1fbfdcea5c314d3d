"""For other people's test suites: their gradients checked in one line, with the diagnosis as the failure's message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from convgrad.checking.judging import check_subject
from convgrad.checking.report import CLAIM, Report
from convgrad.claims.findings import Finding
from convgrad.core.arithmetic import EXACT, FLOAT64, Array, rounded
from convgrad.diagnosis.diagnosis import Diagnosis
from convgrad.operations.geometry import shape_text
from convgrad.passes.explanation import bracketed
from convgrad.passes.subject import subject_of
from convgrad.subject.case import Case, as_case
from convgrad.subject.layout import GRADIENTS

NAMES = {operand: array for array, operand in GRADIENTS.items()}


def assert_gradients(
    function: Callable[..., Any], case: Mapping[str, Any] | Case, *, claim_dtype: str | None = None,
    sample: int | None = None, every: bool = False, **keywords: Any,
) -> Report:  # fmt: skip
    """Call function(delta, x, w, b), for a pool function(delta, x), and compare what it returns with the gradients.

    Arguments are NumPy arrays in the shapes that the case has them in (b is zeros where it has none), so that
    `lambda delta, x, w, b: my_backward(delta, x, w, b, stride=2)` will do. It returns a mapping with any of dX, dW, db
    and output, or the gradients in the order of x, w, b: arrays, or tensors of any library that NumPy can read. Their
    type says what rounding may excuse (`claim_dtype` overrides). Our own gradients are differenced in `sample` entries,
    or in `every` one; without either in all, or of a large layer in some. Other keywords win over the case's keys.

    Raises AssertionError with the diagnosis as its message; returns the report of the check.

    >>> case = {"input": [1, 2, 3], "kernel": [1, 10], "delta": [1, 2]}
    >>> assert_gradients(lambda delta, x, w, b: {"db": delta.sum()}, case).verdict
    'agrees'
    """
    case = as_case(case, **keywords)
    claims = _claims(function(*_arguments(case)), case)
    if not claims:
        raise AssertionError("the function returned no gradient")
    types = {dtype for dtype in map(_type, claims.values()) if dtype}
    report = check_subject(subject_of(case), {name: _array(name, value) for name, value in claims.items()},
                           claim_dtype=claim_dtype or (types.pop() if len(types) == 1 else None),
                           sample=sample, every=every)  # fmt: skip
    if report.verdict == "differs":
        raise AssertionError("\n".join(_said(report)))
    return report


def _arguments(case: Case) -> Iterator[Array]:
    """delta and the operands, in the shapes and the order that the function takes."""
    assert case.delta is not None
    yield case.layout.restored("y", _floats(case.delta))
    for name in case.operation.operands:
        array = case.operands[name]
        given = np.zeros(case.output_shape[1]) if array is None else _floats(array)
        yield case.layout.restored(name, given)


def _floats(array: Array) -> Array:
    """A copy: somebody else's function may write into it."""
    return rounded(array) if array.dtype == EXACT else array.copy()


def _claims(returned: Any, case: Case) -> dict[str, Any]:
    """What the function returned, by the claims' names."""
    if isinstance(returned, Mapping):
        return {name: value for name, value in returned.items() if value is not None}
    names = [NAMES[operand] for operand in case.operation.operands]
    values = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(values) > len(names):
        raise TypeError(f"the function returned {len(values)} gradients, but {case.operation.name} has {names}")
    return {name: value for name, value in zip(names, values, strict=False) if value is not None}


def _type(value: Any) -> str | None:
    """bfloat16, which NumPy has no type for; other types are the array's own."""
    return "bfloat16" if str(getattr(value, "dtype", "")).endswith("bfloat16") else None


def _array(name: str, value: Any) -> Array:
    """A tensor of another library, or numbers, as an array of its own type."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if _type(value) else value
    try:
        array = np.asarray(value)
        if array.dtype.kind in "cSUmM" or (array.dtype == EXACT and any(part is None for part in array.flat)):
            raise TypeError(f"it has the type {array.dtype}")
        if _type(array):
            return array.astype(np.float32)
        return array if array.dtype.kind in "iuf" else array.astype(FLOAT64)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the function returned no array of real numbers as {name}: {error}") from error


# -- What went wrong ---------------------------------------------------------------------------------------------------


def _said(report: Report) -> Iterator[str]:
    for finding in report.findings:
        if finding.verdict == "differs":
            yield _difference(finding)
            if finding.against == CLAIM:
                told = (one for one in report.diagnosis if one.array == finding.array)
                yield from (f"  {line}" for one in told for line in _lines(one))


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
