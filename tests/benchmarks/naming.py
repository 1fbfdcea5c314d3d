"""Wrong claims named: a process that tells what is wrong with a hand-sized dW, and three claims on a trained layer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from convgrad.checking.judging import check
from convgrad.passes.gradients import Gradients
from convgrad.subject.case import Case, make_case
from tests.benchmarks.checking import answer
from tests.benchmarks.row import Row
from tests.benchmarks.timing import compiled, medians, process, seconds

HAND_SIZED = (((1, 1, 5, 5), 1), ((2, 3, 7, 7), 3))
TRAINED = ((16, 64, 56, 56), 64)
WHATEVER_ITS_CODE = "from convgrad.__main__ import main\ntry: main()\nexcept SystemExit: pass"
NUMPY = "import numpy"
NAMED, CHECKED = "judged and named", "judged and named, a sample of ours differenced"


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """Processes against one that imports NumPy, and processor time against one backward pass of ours."""
    with TemporaryDirectory() as folder, compiled() as environment:
        for shape, filters in HAND_SIZED:
            if only in (name := f"a wrong dW named, {name_of(shape, filters)}"):
                document = Path(folder, "claimed.json")
                document.write_text(json.dumps(rotated(shape, filters)))
                ours = partial(process, WHATEVER_ITS_CODE, "check", str(document), environment=environment)
                times = medians(ours, partial(process, NUMPY, environment=environment), rounds)
                yield Row(name, *times, f"python -c '{NUMPY}'", at_most=3)
    for named, call, most in ((NAMED, answer, 30), (CHECKED, check, None)):
        if only in (name := f"three claims without a sample {named}, {name_of(*TRAINED)}"):
            case = layer(*TRAINED)
            ours, peer = (partial(seconds, one, process_time)
                          for one in (partial(call, case, spoilt(case)), partial(backward, case)))  # fmt: skip
            yield Row(name, *medians(ours, peer, rounds), "one backward pass in float64, processor time", at_most=most)


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


def rotated(shape: tuple[int, ...], filters: int) -> dict[str, Any]:
    """A layer of two decimals whose dW is claimed upside down."""
    random = np.random.default_rng(0)
    out = (shape[0], filters, *(length - 2 for length in shape[2:]))
    shapes = {"input": shape, "kernel": (filters, shape[1], 3, 3), "delta": out}
    case = {key: random.normal(size=one).round(2).tolist() for key, one in shapes.items()}
    return {**case, "claim": {"dW": np.flip(Gradients(make_case(case)).by_array["dW"].astype(float), (2, 3)).tolist()}}


def spoilt(case: Case) -> dict[str, Any]:
    """Every array in float32, of which a sample was lost, and the right output."""
    delta = np.array(case.delta)
    delta[3] = 0
    wrong = Gradients(make_case({**case.document, "delta": delta})).by_array
    return {name: array.astype(np.float32) for name, array in wrong.items()}


def backward(case: Case) -> None:
    """All gradients, once."""
    assert Gradients(case).by_operand
