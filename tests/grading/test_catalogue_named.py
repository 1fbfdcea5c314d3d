"""Each mistake of the catalogue, planted as an implementation, fails on `core` and is named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from convgrad.catalogue.tables import forms, is_practised, right
from convgrad.diagnosis.candidates import Bare, differs
from convgrad.diagnosis.strength import _with_step
from convgrad.grading.answer import DIFFERS, Answer
from convgrad.grading.comparing import Asking, outcomes
from convgrad.grading.naming import with_names
from convgrad.suites.core import core
from convgrad.suites.trial import Trial, of_sketch

OPS = ("conv", "max-pool", "average-pool", "network")
GENERAL = ("misrounded", "truncated", "operand-narrow", "term-missing", "term-sign", "term-doubled", "entries-swapped")
"""What happens to single entries, or to numbers that are not whole, and is no way to compute an array."""


class Planted:
    """An implementation that makes one variant of a mistake in one array, into buffers of ours."""

    dtype, allocates = "float32", False

    def __init__(self, array: str, mistake: str, variant: str) -> None:
        self.array, self.mistake, self.variant = array, mistake, variant

    def refusal(self, trial: Trial) -> str | None:
        return None

    def run(self, trial: Trial, want: Sequence[str], poison: float) -> Answer:
        arrays = {name: trial.expected[name] for name in want}
        form = forms(trial.case.operation.name, self.array)[self.mistake]
        with np.errstate(all="ignore"):
            altered = form.alter(_with_step(right(trial.case, self.array)))
            if self.variant in altered:
                value = Bare().value(altered[self.variant])
                if value.shape == arrays[self.array].shape:
                    arrays[self.array] = value
        return Answer(arrays, filled=True)

    def end(self) -> None:
        """Nothing runs."""


def variant_of(op: str, array: str, mistake: str) -> str | None:
    """The variant that shows in most cases of core."""
    counts: dict[str, int] = {}
    for sketch in core(op, 2):
        trial, bare = of_sketch(sketch, "float32"), Bare()
        truth = trial.expected[array]
        altered = forms(op, array)[mistake].alter(_with_step(right(trial.case, array)))
        for name, computation in list(altered.items())[:12]:
            value = bare.value(computation)
            counts[name] = counts.get(name, 0) + (value.shape == truth.shape and differs(truth, value))
    return max(counts, key=lambda name: counts[name]) if any(counts.values()) else None


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS)
def test_a_mistake_planted_as_an_implementation_is_named_on_core(op: str) -> None:
    missed, planted = [], 0
    trials = [of_sketch(sketch, "float32") for sketch in core(op, 2)]
    for array in ("dW", "db", "dX"):
        for mistake in forms(op, array):
            if array not in trials[0].expected or mistake in GENERAL:
                continue
            with np.errstate(all="ignore"):
                variant = variant_of(op, array, mistake)
            if variant is None:
                continue
            adapter, asking = Planted(array, mistake, variant), Asking((array,), 1)
            wrong = [one for trial in trials for one in outcomes(adapter, trial, asking) if one.failed]
            told = with_names(wrong)
            names = {name for one in told for named in one.named for name in (named.mistake, *named.others)}
            names |= {part for name in names if name for part in name.split(" and ")}
            planted += 1
            if not told or not (mistake in names or {one.verdict for one in told} - {DIFFERS}):
                missed.append((array, mistake, variant, sorted(filter(None, names))))
    print(op, planted, missed)
    families = [row for row in missed if not is_practised(op, row[0], row[1])]
    assert planted > 20
    assert families == []
    assert len(missed) <= planted / 10
