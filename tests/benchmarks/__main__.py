"""Run benchmarks: `python -m tests.benchmarks [start ...] [--rounds N] [--only TEXT] [--json] [--same-instructions]
[--pinned]`.

A benchmark is a module here with `rows(rounds, only) -> Iterator[Row]`: each row is a line of the table.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from importlib import import_module

from tests.benchmarks.machine import held_to_avx2, machine, pin
from tests.benchmarks.table import shown

BENCHMARKS = (
    "start",
    "reading",
    "writing",
    "many",
    "grading",
    "streaming",
    "exact",
    "checking",
    "naming",
    "signals",
    "layers",
)
"""In the order of how long they take."""
LARGE = ("scale",)
"""Those that only run when they are named."""
LIKEWISE = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""What holds PyTorch to the instructions that OPENBLAS_CORETYPE=Haswell holds NumPy's BLAS to."""
ALONE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
"""One thread for either side."""


def main() -> None:
    known = BENCHMARKS + LARGE
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Speed, measured and printed.")
    parser.add_argument("names", nargs="*", metavar="benchmark",
                        help=f"of {', '.join(known)}; all but {', '.join(LARGE)} by default")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=7, help="timed runs of each side; the median counts (7)")
    parser.add_argument("--only", default="", help="only lines whose name holds this text")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--same-instructions", action="store_true",
                        help="where NumPy's BLAS does without AVX-512, PyTorch does, too")  # fmt: skip
    parser.add_argument("--pinned", action="store_true", help="one thread on one core, and processor time")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if asked.pinned and not hasattr(os, "sched_setaffinity"):
        parser.error("--pinned: this system has no call that keeps a process to one core; leave the option out")
    likewise = asked.same_instructions and held_to_avx2()
    _run_with((LIKEWISE if likewise else {}) | (ALONE if asked.pinned else {}))
    if asked.pinned:
        pin()
    emit = _json if asked.json else shown
    emit("machine", machine())
    for name in asked.names or BENCHMARKS:
        made = import_module(f"tests.benchmarks.{name}").rows(asked.rounds, asked.only)
        gc.freeze()  # what is loaded is no garbage: neither side is to look through the other's modules for it
        emit(name, made)


def _run_with(settings: dict[str, str]) -> None:
    """Begin again where the environment lacks settings: libraries read them when they are loaded."""
    if not settings.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]], os.environ | settings)


def _json(name: str, made: object) -> None:
    if isinstance(made, dict):
        print(json.dumps({name: made}), flush=True)
        return
    for row in made:
        print(json.dumps({"benchmark": name, **row.to_dict()}), flush=True)


if __name__ == "__main__":
    main()
