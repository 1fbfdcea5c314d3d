"""Some samples of a case, and sums over all of them: so that a large case is worked out in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from convgrad.core.threads import spans
from convgrad.subject.case import Case

MOST = 1 << 21
"""Numbers of input and output together that are worked out at once: 16 MB of float64."""


def spans_of(case: Case) -> list[slice]:
    """The samples of a case, so many together as are worked out at once; all where there are few."""
    samples = case.shapes["x"][0]
    numbers = prod(case.shapes["x"]) + prod(case.output_shape)
    return spans(samples, -(numbers // -MOST)) if samples > 1 else [slice(0, samples)]


def some_of(case: Case, samples: slice) -> Case:
    """The case of some samples alone."""
    x = case.operands["x"]
    assert x is not None
    delta = None if case.delta is None else case.delta[samples]
    return replace(case, operands={**case.operands, "x": x[samples]}, delta=delta)


def parts_of(case: Case) -> Iterator[Case]:
    """The cases of some samples each, which together are all."""
    yield from (some_of(case, samples) for samples in spans_of(case))
