"""Two things timed in turn, so that what else the machine does falls on both: calls, or whole processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

ROOT = Path(__file__).parents[2]
CONVGRAD = "import sys; from convgrad.__main__ import main; sys.exit(main())"
"""What the installed program does."""
SIZE = """
def size(field):  # of this process, in MB; a parent's view of it would have the parent's own in it
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(field))) / 1024
"""


REST = 0.02
"""Seconds between two calls, in which the threads of one stop spinning, as OpenMP's do, before the other is timed."""


def alternating(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int, clock: Callable[[], float] = perf_counter
) -> tuple[float, float]:
    """Median seconds of each, run A B A B; one run of each beforehand is not counted."""
    return medians(lambda: _rested(first, clock), lambda: _rested(second, clock), rounds)


def _rested(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    sleep(REST)
    return seconds(call, clock)


def medians(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Medians of two measurements made in turn, after one of each that is not counted."""
    first(), second()
    pairs = [(first(), second()) for _ in range(rounds)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def seconds(call: Callable[[], Any], clock: Callable[[], float] = perf_counter) -> float:
    started = clock()
    call()
    return clock() - started


@contextmanager
def compiled() -> Iterator[dict[str, str]]:
    """The environment of processes that keep their bytecode, as installed programs do, in a folder that goes again."""
    with TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        yield {**kept, "PYTHONPYCACHEPREFIX": folder}


def process(program: str, *arguments: str, environment: dict[str, str]) -> float:
    """Seconds that a Python process takes, from its start to its end, to run a program of some lines."""
    command = [sys.executable, "-c", program, *arguments]
    return seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=ROOT, env=environment))


def reported(program: str, *arguments: str) -> list[float]:
    """The numbers that a program, in a process of its own, prints on standard error, in its last line."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return list(map(float, done.stderr.splitlines()[-1].split()))
