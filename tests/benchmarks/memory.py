"""What judging claims takes beside the arrays that it is given: the peak of a process that does nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from convgrad.passes.gradients import Gradients
from convgrad.subject.case import make_case
from tests.benchmarks.row import ALONE, Row
from tests.benchmarks.timing import SIZE, reported

SHAPE, FILTERS = (16, 64, 112, 112), 64
"""Of a layer of 3x3 in float32."""
MORE = 256
"""MB that judging may take beside the output."""
CLAIMS = {"right": (), "a wrong dW": ("dW",), "a wrong dX": ("dX",)}
MEASURED = f"""{SIZE}
import sys
import numpy as np
from convgrad.checking.judging import check

class Answered(Exception):
    pass

def leave(findings, diagnosis):
    differ = {{one.array for one in findings if one.verdict != "agrees"}}
    assert differ == set(sys.argv[2:]), differ
    raise Answered

loaded = {{name: np.load(f"{{sys.argv[1]}}/{{name}}.npy") for name in ("input", "kernel", "delta", "dW", "db", "dX")}}
for name in sys.argv[2:]:  # turned, or each row another's
    loaded[name] = np.ascontiguousarray(np.flip(loaded[name], (2, 3) if name == "dW" else 2))
claim = {{name: loaded.pop(name) for name in ("dW", "db", "dX")}}
before = size("VmHWM")
try:
    check({{**loaded, "padding": 1}}, claim, answer=leave)
except Answered:
    print(size("VmHWM") - before, file=sys.stderr)
"""


def memory(only: str = "") -> Iterator[Row]:
    """A row each for claims that are right, for a wrong dW and for a wrong dX."""
    names = {f"{_layer()}, {said}: memory beyond the arrays given": wrong for said, wrong in CLAIMS.items()}
    if not any(only in name for name in names):
        return
    with TemporaryDirectory() as folder:
        at_most = _written(folder) / (1 << 20) + MORE
        for name, wrong in names.items():
            if only in name:
                (peak,) = reported(MEASURED, folder, *wrong)
                yield Row(name, peak, figure=ALONE, at_most=round(at_most), unit="MB")


def _layer() -> str:
    return f"claims on {'x'.join(map(str, SHAPE))} float32, {FILTERS} filters 3x3"


def _written(folder: str) -> int:
    """The layer as files, with what it computes; the bytes of its output."""
    random = np.random.default_rng(0)
    shapes = {"input": SHAPE, "kernel": (FILTERS, SHAPE[1], 3, 3), "delta": (SHAPE[0], FILTERS, *SHAPE[2:])}
    case: dict[str, Any] = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    right = Gradients(make_case({**case, "padding": 1})).by_array
    for name, array in (case | {name: right[name].astype(np.float32) for name in ("dW", "db", "dX")}).items():
        np.save(f"{folder}/{name}.npy", array)
    return int(case["delta"].nbytes)
