"""Many small cases as JSON Lines in one run, against PyTorch on the same lines; their order, and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.benchmarks.row import MORE, RATE, Row
from tests.benchmarks.timing import SIZE, medians, reported

CASES = 10_000
FEW = 10
"""What part of the cases memory is compared with."""
KINDS = (("float64", 2000), ("exact", None))
MEASURED = f"""{SIZE}
import sys, time
from convgrad.cli import run
from tests.benchmarks.many import by_torch
if sys.argv[1] == "theirs":
    import torch
start = time.perf_counter()
run(["backward", *sys.argv[2:]]) if sys.argv[1] == "ours" else by_torch(*sys.argv[2:])
print(time.perf_counter() - start, size("VmHWM"), file=sys.stderr)
"""


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """How many cases a second, by arithmetic; and memory, against that of fewer cases."""
    with TemporaryDirectory() as folder:
        cases, some = _written(Path(folder, "many.jsonl"), CASES), _written(Path(folder, "few.jsonl"), CASES // FEW)
        for arithmetic, target in KINDS:
            name = f"{CASES} cases of 5x5 and 3x3, {arithmetic}"
            if only in name:
                yield _speed(name, cases, arithmetic, target, rounds)
        name = f"{CASES} cases: memory of the process"
        if only in name:
            sizes = medians(partial(_size, cases), partial(_size, some), rounds)
            yield Row(name, *sizes, f"{CASES // FEW} cases", MORE, at_most=1.1, unit="MB")


def _written(path: Path, count: int) -> Path:
    """A file of cases, each with its number as its id."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        for number in range(count):
            x, w, delta = (random.standard_normal(shape).tolist() for shape in ((5, 5), (3, 3), (3, 3)))
            file.write(json.dumps({"id": number, "input": x, "kernel": w, "delta": delta}) + "\n")
    return path


def _speed(name: str, cases: Path, arithmetic: str, target: float | None, rounds: int) -> Row:
    """Cases a second; raises where results come in another order than their cases."""
    ours, theirs = cases.with_name("ours.jsonl"), cases.with_name("theirs.jsonl")
    ours_spent = partial(_seconds, "ours", str(cases), "--arithmetic", arithmetic, "--output", str(ours))
    if find_spec("torch"):
        times = medians(ours_spent, partial(_seconds, "theirs", str(cases), str(theirs)), rounds)
    else:
        times = (median(ours_spent() for _ in range(rounds)), None)
    with ours.open() as results:
        if [json.loads(line)["id"] for line in results] != list(range(CASES)):
            raise AssertionError("the results are not in the order of their cases")
    against = "" if times[1] is None else "json and PyTorch in float64, line by line"
    return Row(name, *times, against, RATE, at_least=target, count=CASES)


def _seconds(side: str, *arguments: str) -> float:
    return reported(MEASURED, side, *arguments)[0]


def _size(path: Path) -> float:
    """MB of a process that computes the cases."""
    return reported(MEASURED, "ours", str(path), "--arithmetic", "float64", "--format", "jsonl")[1]


def by_torch(cases: str, output: str) -> None:
    """The same gradients as a loop of one's own would have them."""
    import torch

    torch.set_num_threads(1)  # there is nothing to share out in a case so small
    with open(cases) as lines, open(output, "w") as file:
        for line in lines:
            case = json.loads(line)
            arrays = (torch.tensor([[case[name]]], dtype=torch.float64) for name in ("input", "kernel", "delta"))
            file.write(json.dumps({"id": case["id"], **_gradients(*arrays)}) + "\n")


def _gradients(x: Any, w: Any, delta: Any) -> dict[str, Any]:
    from torch.nn.functional import conv2d

    y = conv2d(x.requires_grad_(), w.requires_grad_())
    y.backward(delta)
    return {name: array[0, 0].tolist() for name, array in (("output", y), ("dW", w.grad), ("dX", x.grad))}
