"""Gradients by differences of the forward pass: every entry, at the price of few evaluations.

Entries whose windows do not meet are perturbed together (Curtis, Powell and Reid, 1974), as are all samples, all groups
and all filters: in exact numbers, on either side, 2 (C/groups) prod(min(i, K rounded up to s)) evaluations for dX,
2 (C/groups) prod(k) for dW and 2 for db, whatever the batch, the image and the number of filters; in floats from one
side, each channel once as it is. An output is a sum over channels, so each evaluation is one of the channel alone that
is moved, patch by patch: together they cost some tens of backward passes. Outputs are formed one by one; where they are
paired with delta first, at either end, and then differenced, all of them read the cell that is moved. That the sum over
channels is what the whole forward pass gives, and that outputs which the perturbed entries cannot reach do not change,
is looked at with entries moved anyhow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from convgrad.core.arithmetic import EXACT, Array
from convgrad.differences.inputs import input_passes, perturb_input
from convgrad.differences.kernels import kernel_passes, perturb_bias, perturb_kernel
from convgrad.differences.kinks import Kink, Steps
from convgrad.differences.parts import look_at_parts
from convgrad.differences.probe import Probe, one_sided, probe
from convgrad.differences.run import Progress, Run, Wanted, wants
from convgrad.differences.whole_passes import look_at_sums
from convgrad.subject.case import Case


class Differences(NamedTuple):
    """Gradients by operand, from differences alone, and where there are none.

    `undecided` marks entries at a kink, `outside` those whose perturbation changed outputs that it cannot reach, or
    left one as it was that it must change.
    """

    gradients: dict[str, Array]
    undecided: dict[str, Array]
    outside: dict[str, Array]
    evaluations: int
    probe: Probe
    steps: Steps

    def kinks(self) -> Iterator[Kink]:
        """The windows that leave entries undecided, with the cells concerned."""
        return self.steps.named(self.probe)


def finite_differences(case: Case, wanted: Wanted | None = None, progress: Progress | None = None) -> Differences:
    """Differences for the entries wanted (all by default); progress(done, evaluations) is called as they are made."""
    wanted = wanted or {}
    run = Run(probe(case), wanted, progress, passes(case, wanted))
    with np.errstate(all="ignore"):  # data may hold infinities where they were allowed
        steps = perturb_input(run)
        look_at_sums(run)
        look_at_parts(run)
        if "w" in case.operands:
            perturb_kernel(run)
            perturb_bias(run)
        lost = {name: _not_finite(sums) for name, sums in run.sums.items()}
        gradients = {name: _quotients(run, name) for name in run.sums}
    for name, marks in lost.items():
        marks |= _not_finite(gradients[name])
        # exact numbers are finite, and so are their sums, unless the forward pass divides by what is no divisor
        (run.outside if run.probe.exact else run.undecided)[name] |= marks
    return Differences(gradients, run.undecided, run.outside, sum(run.passes.values()), run.probe, steps)


def evaluations(case: Case, wanted: Wanted | None = None) -> int:
    """How many forward passes the differences take, each of one channel of the input."""
    return sum(passes(case, wanted or {}).values())


def passes(case: Case, wanted: Wanted) -> dict[str, int]:
    """The same by operand: of every group of entries that is moved, and of a channel as it is."""
    found = {"x": _both_ends(case, input_passes(case, wanted.get("x")))}
    if "w" in case.shapes:
        found |= {"w": _both_ends(case, kernel_passes(case, wanted.get("w"))), "b": 2 * wants(wanted, "b", ...)}
    return found


def _both_ends(case: Case, moved: Sequence[int]) -> int:
    """For so many groups of entries moved, channel by channel."""
    return sum(moved) + (sum(map(bool, moved)) if one_sided(case) else sum(moved))


def _quotients(run: Run, name: str) -> Array:
    """Sums over steps, in the units of the case: exact, or float64."""
    sums, unit = run.sums[name], run.probe.unit(name)
    if name not in run.steps:
        return sums
    step = run.steps[name]
    if not run.probe.exact:
        quotient: Array = np.divide(sums, np.where(step == 0, 1, step), out=sums).real
        quotient[step == 0] = 0
        np.ldexp(quotient, -run.probe.exponent(name), out=quotient)
        return quotient
    result = np.empty(sums.size, EXACT)
    pairs = zip(np.where(_not_finite(sums), 0, sums).ravel().tolist(), step.ravel().tolist(), strict=True)
    result[:] = [Fraction(total) / (Fraction(by) * unit) if by else Fraction(0) for total, by in pairs]
    return result.reshape(sums.shape)


def _not_finite(sums: Array) -> Array:
    return np.zeros(sums.shape, bool) if sums.dtype == EXACT else ~np.isfinite(sums)
