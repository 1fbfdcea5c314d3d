"""A check of every entry: against PyTorch's gradcheck, and against itself on smaller images.

gradcheck (slow mode) perturbs one entry at a time. It takes minutes, so that it runs once, on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from convgrad.checking.judging import check
from convgrad.differences.finite_differences import finite_differences
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from tests.benchmarks.row import ALONE, FASTER, Row
from tests.benchmarks.timing import alternating, seconds

try:
    import torch
except ImportError:
    torch = None

LARGE = ((8, 16, 32, 32), 16)
SMALL = ((4, 8, 16, 16), 8)
SIDES = (16, 32, 64, 128)
GRADCHECK = "torch.autograd.gradcheck"


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A large layer's time, what an entry takes by the image's size, and gradcheck's time for a small one."""
    if only in (name := name_of(*LARGE)):
        case = layer(*LARGE)
        yield Row(name, _median(case, rounds), figure=ALONE, at_most=1, note=_told(case))
    for side in SIDES[1:]:
        if only in (name := f"an entry of {name_of((1, 4, side, side), 4)}"):
            yield _an_entry(name, side, rounds)
    if torch is not None and only in (name := f"{GRADCHECK}: {name_of(*SMALL)}"):
        case = layer(*SMALL)
        ours = _median(case, rounds)
        yield Row(name, ours, by_gradcheck(case), GRADCHECK, FASTER, at_least=300, note=_told(case))


def name_of(shape: tuple[int, ...], filters: int) -> str:
    return f"{'x'.join(map(str, shape))}, {filters} filters 3x3"


def layer(shape: tuple[int, ...], filters: int) -> Case:
    """A padded layer of normal numbers."""
    random = np.random.default_rng(0)
    return make_case({
        "input": random.standard_normal(shape), "kernel": random.standard_normal((filters, shape[1], 3, 3)),
        "bias": random.standard_normal(filters), "padding": 1,
        "delta": random.standard_normal((shape[0], filters, *shape[2:])),
    })  # fmt: skip


def _median(case: Case, rounds: int) -> float:
    return median(seconds(partial(check, case)) for _ in range(rounds))


def _an_entry(name: str, side: int, rounds: int) -> Row:
    """The time of one entry, beside one of the smallest image; the count of evaluations is noted."""
    case, smallest = layer((1, 4, side, side), 4), layer((1, 4, SIDES[0], SIDES[0]), 4)
    ours, peer = alternating(partial(check, case), partial(check, smallest), rounds)
    against = f"an entry of {SIDES[0]}x{SIDES[0]}: {check(smallest).evaluations} passes"
    return Row(name, ours / _entries(case), peer / _entries(smallest), against, at_most=1, note=_told(case))


def _entries(case: Case) -> int:
    return sum(array.size for array in case.arrays if array is not None)


def _told(case: Case) -> str:
    report = check(case)
    return f"{report.verdict}: {report.evaluations} passes, {_entries(case)} entries, off by {accuracy(case):.0e}"


def accuracy(case: Case) -> float:
    """The largest difference from the gradients, in parts of each array's largest entry."""
    ours, found = Gradients(case).by_operand, finite_differences(case).gradients
    return max(float(abs(found[name] - ours[name]).max() / abs(ours[name]).max()) for name in ours)


def by_gradcheck(case: Case) -> float:
    """Seconds of torch.autograd.gradcheck in slow mode on the same layer."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # its passes are tiny: threads cost it more than they bring
    operands = tuple(torch.tensor(array, requires_grad=True) for array in case.arrays)
    try:
        return seconds(lambda: torch.autograd.gradcheck(_conv, operands))
    finally:
        torch.set_num_threads(threads)


def _conv(x: Any, w: Any, b: Any) -> Any:
    return torch.nn.functional.conv2d(x, w, b, padding=1)
