"""A batch beyond memory: 8 GB of input as a sparse .npy through `backward`, dX into another; 24 GB of disk, minutes.

Not one of those that run by default: `python -m tests.benchmarks scale`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

BYTES = 8 << 30
SAMPLE = (16, 64, 64)
MOST = 1024
"""MB that may be resident."""


def rows(rounds: int, only: str) -> Iterator[dict[str, Any]]:
    """One row: seconds, and the peak of resident memory; a single run, whatever the rounds."""
    name = f"backward of {BYTES >> 30} GB, 16 filters 3x3"
    if only not in name:
        return
    with tempfile.TemporaryDirectory() as folder:
        _sparse(f"{folder}/x.npy", (BYTES // (8 * prod(SAMPLE)), *SAMPLE))
        np.save(f"{folder}/w.npy", np.random.default_rng(0).standard_normal((16, 16, 3, 3)))
        seconds, peak = _run(
            folder, "--input=x.npy", "--kernel=w.npy", "--delta=ones", "--padding=1", "--output=dX.npy"
        )
        written = os.path.getsize(f"{folder}/dX.npy") / 2**30
    yield {"name": name, "seconds": seconds, "resident MB": round(peak), "may be": MOST, "dX GB": round(written, 1)}


def _sparse(path: str, shape: tuple[int, ...]) -> None:
    """Zeros that take no room on the disk; what is computed takes the same time as with any other numbers."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 8 * prod(shape))


def _run(folder: str, *arguments: str) -> tuple[float, float]:
    """Seconds and MB of the whole process."""
    command = [sys.executable, "-m", "convgrad", "backward", *arguments, "--output=dX.npy", "--quiet"]
    root = Path(__file__).resolve().parents[2]
    started = perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit("the run failed")
    return perf_counter() - started, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
