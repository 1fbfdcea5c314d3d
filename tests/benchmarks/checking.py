"""A check of every entry: how long it takes and how exact its differences are; and PyTorch's gradcheck beside it.

gradcheck (slow mode) perturbs one entry at a time. It takes a minute or more, so that it runs once, on one thread, and
on the first layer only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from convgrad.case import Case, make_case
from convgrad.checking import check
from convgrad.gradients import Gradients
from convgrad.verify.finite_differences import finite_differences
from tests.benchmarks.timing import seconds

try:
    import torch
except ImportError:
    torch = None

LAYERS = (((4, 8, 16, 16), 8), ((4, 8, 32, 32), 8), ((8, 16, 32, 32), 16))
"""Shapes of x, and how many 3x3 filters; the second has the first's channels, to see what a larger image costs."""


def rows(rounds: int, only: str) -> Iterator[dict[str, Any]]:
    """A row a layer, and one for gradcheck with the ratio."""
    times = {}
    for shape, filters in LAYERS:
        name = f"{'x'.join(map(str, shape))}, {filters} filters 3x3"
        if only in name:
            case = layer(shape, filters)
            times[name] = median(seconds(partial(check, case)) for _ in range(rounds))
            yield {"name": name, **_measured(case, times[name])}
    first = next(iter(times), None)
    if torch is None:
        yield {"name": "gradcheck: PyTorch is not installed (extra `oracle`)"}
    elif first and first.startswith("4x8x16x16"):
        spent = by_gradcheck(layer(*LAYERS[0]))
        yield {"name": f"gradcheck (slow mode), {first}", "seconds": spent, "times as long": spent / times[first]}


def layer(shape: tuple[int, ...], filters: int) -> Case:
    """A padded layer of normal numbers."""
    random = np.random.default_rng(0)
    return make_case({
        "input": random.standard_normal(shape), "kernel": random.standard_normal((filters, shape[1], 3, 3)),
        "bias": random.standard_normal(filters), "padding": 1,
        "delta": random.standard_normal((shape[0], filters, *shape[2:])),
    })  # fmt: skip


def _measured(case: Case, time: float) -> dict[str, Any]:
    report = check(case)
    entries = sum(finding.entries for finding in report.findings)
    return {
        "verdict": report.verdict, "entries": f"{entries} entries", "evaluations": f"{report.evaluations} evaluations",
        "ms": time * 1e3, "us an entry": time / entries * 1e6, "off by": f"{accuracy(case):.1e} of the largest",
    }  # fmt: skip


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
