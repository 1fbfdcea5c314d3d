"""A batch beyond memory: 8 GB of input as a sparse .npy through `backward`, dX into another; 24 GB of disk, minutes.

Not one of those that run by default: `python -m tests.benchmarks scale`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import prod
from tempfile import TemporaryDirectory

import numpy as np

from tests.benchmarks.row import ALONE, Row
from tests.benchmarks.timing import SIZE, reported

BYTES = 8 << 30
SAMPLE = (16, 64, 64)
MOST = 1024
"""MB that may be resident."""
MEASURED = f"""{SIZE}
import sys, time
from convgrad.cli import run
start = time.perf_counter()
code = run(sys.argv[1:])
print(time.perf_counter() - start, size("VmHWM"), file=sys.stderr)
sys.exit(code)
"""


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """Two rows: seconds, and the peak of resident memory; of a single run, whatever the rounds."""
    name = f"backward of {BYTES / (1 << 30):g} GB, 16 filters 3x3"
    if only in name:
        with TemporaryDirectory() as folder:
            seconds, peak = _run(folder)
            note = f"dX has {os.path.getsize(f'{folder}/dX.npy') / (1 << 30):.2g} GB"
        yield Row(name, seconds, figure=ALONE, note=note)
        yield Row(f"{name}: memory of the process", peak, figure=ALONE, at_most=MOST, unit="MB")


def _run(folder: str) -> list[float]:
    """Seconds and MB of a process that computes it."""
    _sparse(f"{folder}/x.npy", (BYTES // (8 * prod(SAMPLE)), *SAMPLE))
    np.save(f"{folder}/w.npy", np.random.default_rng(0).standard_normal((16, 16, 3, 3)))
    given = [f"--input={folder}/x.npy", f"--kernel={folder}/w.npy", "--delta=ones", "--padding=1"]
    return reported(MEASURED, "backward", *given, f"--output={folder}/dX.npy", "--quiet")


def _sparse(path: str, shape: tuple[int, ...]) -> None:
    """Zeros that take no room on the disk; what is computed takes the same time as with any other numbers."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 8 * prod(shape))
