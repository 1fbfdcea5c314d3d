"""A suite of cases as a record: what `cases` writes as JSON, and what every other format is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convgrad.claims.named import asked_of
from convgrad.claims.read import read_claims
from convgrad.core.arithmetic import Array
from convgrad.core.record import Record
from convgrad.suites.selection import VERSION, caught
from convgrad.suites.trial import Trial
from convgrad.vocabulary import FUSED

SCHEMA, NAME = "convgrad.cases/1", "convgrad-cases"
EXACT = (
    "Operands are small whole numbers, or halves of them; every partial sum, in any order, is a multiple of the "
    "smallest step and smaller than the largest whole number of steps that the type counts, so that no rounding "
    "ever happens and any order of summation gives these bits. Where `allowed` is above 0 they are off by that much."
)
CONVENTIONS = {
    "order": "C", "input": "N,C,*L", "kernel": "O,C/groups,*K; conv-transpose: C,O/groups,*K", "bias": "O",
    "delta": "N,O,*P, the upstream gradient dL/dy", "mode": "cross-correlation: the kernel is not turned",
    "ties": "first: of equal cells the first in row-major order takes delta",
}  # fmt: skip
OF_NETWORKS = {
    "network": "y = f(z), z = conv(x, w) + b, as one; dX, dW, db are those of the convolution, output is y",
    "activation": "the slope of relu and leaky-relu at exactly 0 is the one below 0",
}
NOTES = {
    "core": "of the fewest that show every mistake of the catalogue",
    "relu": "no activation but ReLU",
    "plain": "one stride and one padding for all axes, and nothing else",
    "bare": "no setting but the window of a pool",
    "trigger": "a shape that a public bug needed, see `source`",
    "drawn": "sizes drawn from either side of what machines like",
    "yours": "a shape that was asked for",
}
RESULTS = ("output", "dX", "dW", "db")


@dataclass(frozen=True)
class Table(Record):
    """Cases to be shown: ids, what they catch, how many numbers they have."""

    trials: tuple[Trial, ...]
    dtype: str

    def __repr__(self) -> str:
        return f"Table({len(self.trials)} cases, {self.dtype})"

    def streamed(self) -> dict[str, Any]:
        """What the JSON says."""
        return suite(self.trials, self.dtype)


def suite(trials: Sequence[Trial], dtype: str) -> dict[str, Any]:
    """A suite with all its numbers."""
    flags = dict.fromkeys(flag for trial in trials for flag in flags_of(trial))
    return {
        "schema": SCHEMA, "suite": NAME, "version": VERSION, "dtype": dtype, "conventions": conventions(trials),
        "exact": EXACT,
        "notes": {flag: NOTES[flag] for flag in flags}, "withdrawn": [],
        "cases": [case_record(trial) for trial in trials],
    }  # fmt: skip


def conventions(trials: Sequence[Trial]) -> dict[str, str]:
    """What is meant by arrays and settings; of networks only where there are any."""
    return CONVENTIONS | (OF_NETWORKS if any(trial.case.operation.family == FUSED for trial in trials) else {})


def case_record(trial: Trial) -> dict[str, Any]:
    """One case: its document, what must come out, and how far off that may be."""
    sketch = trial.sketch
    row: dict[str, Any] = {"id": trial.id, "comment": sketch.comment if sketch else "", "flags": list(flags_of(trial))}
    if sketch is not None and sketch.source:
        row["source"] = sketch.source
    row["catches"] = sorted(caught(trial))
    row["case"] = trial.document()
    row["expected"] = {name: trial.expected[name] for name in RESULTS if name in trial.expected}
    row["allowed"] = {name: allowed(trial, name) for name in row["expected"]}
    return row


def flags_of(trial: Trial) -> tuple[str, ...]:
    """The flags of a case."""
    return trial.sketch.flags if trial.sketch else ()


def allowed(trial: Trial, array: str) -> float:
    """How far any entry of a right array may be off: 0 where every sum is exact."""
    if trial.is_exact:
        return 0.0
    judged, claim = trial.subject.judged(), trial.claim({array: trial.expected[array]})
    claims = read_claims(judged, claim, judged.arrays(), asked_of(trial.dtype, None, None, None))
    return max(float(np.max(claim.allowed)) for claim in claims.values())


def arrays_of(trial: Trial) -> Iterator[tuple[str, Array]]:
    """Every array of a case by its name: operands, then what must come out."""
    yield from trial.operands.items()
    yield from ((name, trial.expected[name]) for name in RESULTS if name in trial.expected)
