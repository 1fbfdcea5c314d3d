"""Run benchmarks: `python -m tests.benchmarks [layers ...] [--rounds N] [--only TEXT] [--json]`.

A benchmark is a module here with `rows(rounds, only) -> Iterator[dict]`: each row is a line of the table.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from convgrad.core.threads import blas_libraries, threads

NOT_BENCHMARKS = {"__init__", "__main__", "timing"}


def main() -> None:
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Speed, measured and printed.")
    parser.add_argument("names", nargs="*", metavar="benchmark", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--rounds", type=int, default=9, help="timed runs of each side; the median counts")
    parser.add_argument("--only", default="", help="only lines whose name holds this text")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args()
    emit = _json if asked.json else _text
    emit({"machine": machine()})
    for name in asked.names or known:
        for row in import_module(f"tests.benchmarks.{name}").rows(asked.rounds, asked.only):
            emit({"benchmark": name, **row})


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": version_of("torch"),
        "threads": threads(),
        "openblas": kernels(),
    }


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def kernels() -> str | None:
    """What processor NumPy's OpenBLAS takes this one for: it decides the speed of every matrix product."""
    for library in blas_libraries():
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
            if function := getattr(library, name, None):
                function.restype = ctypes.c_char_p
                return str(function().decode())
    return None


def _json(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


def _text(row: dict[str, Any]) -> None:
    """A line of the table; numbers say what they are, so that every benchmark may have its own."""
    if "machine" in row:
        print(", ".join(f"{name} {value}" for name, value in row["machine"].items()), flush=True)
    else:
        print("  ".join(_cells(row)), flush=True)


def _cells(row: dict[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, float):
            yield f"{name} {value:9.2f}"
        elif name != "benchmark":
            yield f"{value!s:<{42 if name == 'layer' else 8}}"


if __name__ == "__main__":
    main()
