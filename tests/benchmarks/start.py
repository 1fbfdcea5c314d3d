"""The whole process, from its start to its end, on the smallest sample: against Python, and NumPy, doing nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.row import Row
from tests.benchmarks.timing import CONVGRAD, ROOT, compiled, medians, process

SAMPLE = str(ROOT / "samples" / "ledger.yaml")
CASE = {"input": [1, 2, 3], "kernel": [0.3, 0.5], "delta": [-0.1, 0.2]}
NUMPY, NOTHING = "import numpy", "pass"
RUNS = (
    ("JSON in and out", ("backward", "CASE", "--format", "json"), NUMPY, 1.6),
    ("YAML in, tables out", ("backward", SAMPLE), NUMPY, 2.0),
    ("YAML in, tables in colour out", ("backward", SAMPLE, "--color", "always"), NUMPY, None),
    ("check, YAML in, tables out", ("check", SAMPLE), NUMPY, None),
    ("--help", ("--help",), NUMPY, None),
    ("--version", ("--version",), NOTHING, 1.3),
)


def rows(rounds: int, only: str = "") -> Iterator[Row]:
    """A row a command line."""
    with TemporaryDirectory() as folder, compiled() as environment:
        case = Path(folder, "ledger.json")
        case.write_text(json.dumps(CASE))
        for name, words, peer, target in RUNS:
            if only in name:
                given = [str(case) if word == "CASE" else word for word in words]
                ours = partial(process, CONVGRAD, *given, environment=environment)
                times = medians(ours, partial(process, peer, environment=environment), rounds)
                yield Row(name, *times, f"python -c '{peer}'", at_most=target)
