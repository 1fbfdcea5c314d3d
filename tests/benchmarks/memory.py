"""What a check takes beside the arrays that it is given: the peak of a process that does nothing else."""

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
"""MB that a check may take beside the output."""
CLAIMS = {"right": (), "a wrong dW": ("dW",), "a wrong dX": ("dX",)}
MEASURED = f"""{SIZE}
import sys
import numpy as np
from convgrad.checking.judging import check

def answered(findings, diagnosis):
    differ = {{one.array for one in findings if one.verdict != "agrees"}}
    assert differ == set(sys.argv[2:]), differ
    taken.append(size("VmHWM") - before)

read = {{name: f"wrong_{{name}}" if name in sys.argv else name for name in ("dW", "db", "dX")}}
case = {{name: np.load(f"{{sys.argv[1]}}/{{name}}.npy") for name in ("input", "kernel", "delta")}}
claim = {{name: np.load(f"{{sys.argv[1]}}/{{file}}.npy") for name, file in read.items()}}
taken, before = [], size("VmHWM")
check({{**case, "padding": 1}}, claim, answer=answered)
print(*taken, size("VmHWM") - before, file=sys.stderr)
"""


def memory(only: str = "") -> Iterator[Row]:
    """Rows for claims that are right, for a wrong dW and a wrong dX: until they are answered, and to the end."""
    names = {f"{_layer()}, {said}: memory beyond the arrays given": wrong for said, wrong in CLAIMS.items()}
    if not any(only in name for name in names):
        return
    with TemporaryDirectory() as folder:
        at_most = _written(folder) / (1 << 20) + MORE
        for name, wrong in names.items():
            if only in name:
                answered, whole = reported(MEASURED, folder, *wrong)
                note = f"{answered:.0f} MB until the claims are answered"
                yield Row(name, whole, figure=ALONE, at_most=round(at_most), unit="MB", note=note)


def _layer() -> str:
    return f"claims on {'x'.join(map(str, SHAPE))} float32, {FILTERS} filters 3x3"


def _written(folder: str) -> int:
    """The layer as files, with what it computes; the bytes of its output."""
    random = np.random.default_rng(0)
    shapes = {"input": SHAPE, "kernel": (FILTERS, SHAPE[1], 3, 3), "delta": (SHAPE[0], FILTERS, *SHAPE[2:])}
    case: dict[str, Any] = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    right = Gradients(make_case({**case, "padding": 1})).by_array
    made = case | {name: right[name].astype(np.float32) for name in ("dW", "db", "dX")}
    made["wrong_dW"], made["wrong_dX"] = np.flip(made["dW"], (2, 3)), np.flip(made["dX"], 2)  # each row another's
    for name, array in made.items():
        np.save(f"{folder}/{name}.npy", array)
    return int(case["delta"].nbytes)
