"""A check of every entry: against PyTorch's gradcheck, and against itself on smaller images; wrong claims, named.

gradcheck (slow mode) perturbs one entry at a time. It takes minutes, so that it runs once, on one thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from convgrad.checking.judging import check
from convgrad.differences.finite_differences import finite_differences
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from tests.benchmarks.row import ALONE, FASTER, Row
from tests.benchmarks.timing import alternating, compiled, medians, process, seconds

try:
    import torch
except ImportError:
    torch = None

LARGE = ((8, 16, 32, 32), 16)
SMALL = ((4, 8, 16, 16), 8)
SIDES = (16, 32, 64, 128)
HAND_SIZED = (((1, 1, 5, 5), 1), ((2, 3, 7, 7), 3))
TRAINED = ((16, 64, 56, 56), 64)
WHATEVER_ITS_CODE = "from convgrad.__main__ import main\ntry: main()\nexcept SystemExit: pass"
NUMPY = "import numpy"
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

    yield from wrong_claims(rounds, only)


def wrong_claims(rounds: int, only: str) -> Iterator[Row]:
    """A process that names what is wrong with a hand-sized dW; processor time of three claims on a trained layer."""
    with TemporaryDirectory() as folder, compiled() as environment:
        for shape, filters in HAND_SIZED:
            if only in (name := f"a wrong dW named, {name_of(shape, filters)}"):
                document = Path(folder, "claimed.json")
                document.write_text(json.dumps(rotated(shape, filters)))
                ours = partial(process, WHATEVER_ITS_CODE, "check", str(document), environment=environment)
                times = medians(ours, partial(process, NUMPY, environment=environment), rounds)
                yield Row(name, *times, f"python -c '{NUMPY}'", at_most=3)
    if only in (name := f"three claims without a sample judged and named, {name_of(*TRAINED)}"):
        case = layer(*TRAINED)
        ours, peer = medians(partial(processor, partial(judged, case)), partial(processor, partial(Gradients, case)), 1)
        yield Row(name, ours, peer, "one backward in float64, processor time", at_most=30)


def rotated(shape: tuple[int, ...], filters: int) -> dict[str, Any]:
    """A layer of two decimals whose dW is claimed upside down."""
    random = np.random.default_rng(0)
    out = (shape[0], filters, *(length - 2 for length in shape[2:]))
    shapes = {"input": shape, "kernel": (filters, shape[1], 3, 3), "delta": out}
    case = {key: random.normal(size=one).round(2).tolist() for key, one in shapes.items()}
    return {**case, "claim": {"dW": np.flip(Gradients(make_case(case)).by_array["dW"].astype(float), (2, 3)).tolist()}}


def judged(case: Case) -> None:
    """Three arrays in float32 of which a sample was lost."""
    delta = np.array(case.delta)
    delta[3] = 0
    wrong = Gradients(make_case({**case.document, "delta": delta})).by_array
    check(case, {name: array.astype(np.float32) for name, array in wrong.items()})


def processor(call: Callable[[], Any]) -> float:
    """Seconds of this process on all processors."""
    started = process_time()
    made = call()
    if isinstance(made, Gradients):
        assert made.by_operand
    return process_time() - started


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
