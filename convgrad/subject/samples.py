"""Some samples of a case, and sums over all of them: so that a large case is worked out in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.threads import spans
from convgrad.subject.case import Case
from convgrad.subject.stored import Operands, part_of
from convgrad.vocabulary import CONVOLUTION, MAXIMUM, MEAN, NORM, TRANSPOSED

MOST = 1 << 20
"""Numbers of input and output together that are worked out at once: 8 MB of float64."""
APART = (CONVOLUTION, TRANSPOSED, MAXIMUM, MEAN, NORM)
"""The families of which no sample's output or input gradient hangs on another sample."""


def is_large(case: Case) -> bool:
    """Whether there are more samples than are worked out at once."""
    return case.operation.family in APART and len(spans_of(case)) > 1


def spans_of(case: Case) -> list[slice]:
    """The samples of a case, so many together as are worked out at once; all where there are few."""
    samples = case.shapes["x"][0]
    numbers = prod(case.shapes["x"]) + prod(case.output_shape)
    return spans(samples, -(numbers // -MOST)) if samples > 1 else [slice(0, samples)]


def some_of(case: Case, samples: slice) -> Case:
    """The case of some samples alone."""
    x, delta = case.stored["x"], case.stored_delta
    assert x is not None
    operands = {name: case.operands[name] for name in case.operands if name != "x"}
    delta = None if delta is None else part_of(delta, samples)
    return replace(case, operands={"x": part_of(x, samples), **operands}, delta=delta)


def is_kept(case: Case) -> bool:
    """Whether it is large and its arrays stay as they came, so that they had better be looked at in parts."""
    return isinstance(case.operands, Operands) and is_large(case)


def of_samples(case: Case, made: Callable[[Case], Array]) -> Array:
    """An array with an axis of samples, some of them made after others."""
    whole: Array | None = None
    for samples in spans_of(case):
        part = made(some_of(case, samples))
        whole = np.empty((case.shapes["x"][0], *part.shape[1:]), part.dtype) if whole is None else whole
        whole[samples] = part
    assert whole is not None
    return whole


def parts_of(case: Case) -> Iterator[Case]:
    """The cases of some samples each, which together are all."""
    yield from (some_of(case, samples) for samples in spans_of(case))
