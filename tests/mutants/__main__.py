"""Run mutants: `python -m tests.mutants --sample N [--seed S] [--rooms core,…] [--tests PATH,…] [--seconds N]`.

A mutant survives where no test fails that runs its line. Left out are tests that start a process, for it would run the
package as it is, and tests that fail without any mutant. The first run records which test runs which line.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from time import monotonic

from tests.mutants.children import load_libraries
from tests.mutants.equivalents import as_entry, equivalents
from tests.mutants.judging import SURVIVED, judge
from tests.mutants.mutant import Mutant, mutants
from tests.mutants.project import ROOMS, Project
from tests.mutants.record import Record, recorded
from tests.mutants.report import EQUIVALENT, Report

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Small changes that tests should see.")
    parser.add_argument("--sample", type=int, default=100, help="mutants, drawn from all that there are (100)")
    parser.add_argument("--seed", type=int, default=0, help="draws others (0)")
    parser.add_argument("--rooms", default=",".join(ROOMS), help="or paths in the package, with commas between")
    parser.add_argument("--tests", default="tests", help="files or folders of tests, with commas between (all)")
    parser.add_argument("--seconds", type=float, help="begin no mutant after so many")
    parser.add_argument("--each", type=float, default=60, help="seconds of tests for a mutant, the fastest first (60)")
    parser.add_argument("--project", type=Path, default=ROOT, help="a folder with the package and its tests")
    parser.add_argument("--package", default="convgrad")
    parser.add_argument("--entries", action="store_true", help="survivors as entries of equivalents.toml")
    asked = parser.parse_args()
    project = Project(asked.project.resolve(), asked.package, tuple(asked.tests.split(",")))
    run(project, sample(project, asked.rooms.split(","), asked.sample, asked.seed), asked)


def sample(project: Project, rooms: list[str], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """Mutants with their rooms, in an order of no meaning."""
    every = list(_every(project, rooms))
    return random.Random(seed).sample(every, min(count, len(every)))


def _every(project: Project, rooms: list[str]) -> Iterator[tuple[str, Mutant]]:
    for room in rooms:
        modules = project.modules(room)
        if not modules:
            raise SystemExit(f"there is no room {room} in {project.package}; there are {', '.join(ROOMS)}")
        for path in modules:
            yield from ((room, mutant) for mutant in mutants(path, (project.root / path).read_bytes()))


def run(project: Project, drawn: list[tuple[str, Mutant]], asked: argparse.Namespace) -> None:
    """Judge mutants, print each that survives, then the figures."""
    load_libraries()
    record, known, report = recorded(project), equivalents(), Report()
    report.tests(record)
    end = monotonic() + (asked.seconds or float("inf"))
    for room, mutant in drawn:
        if monotonic() > end:
            break
        verdict = EQUIVALENT if mutant.sign in known else judge(project, mutant, times(record, mutant, asked.each))
        report.add(room, verdict)
        if verdict == SURVIVED:
            print(as_entry(mutant) if asked.entries else mutant, flush=True)
    report.figures()


def times(record: Record, mutant: Mutant, most: float) -> dict[str, float]:
    """The seconds of the fastest tests that run a mutant's line, as many as take no longer together."""
    first, last = mutant.lines
    tests = record.tests(mutant.path, range(first, last + 1))
    sums = accumulate(record.seconds[test] for test in tests)
    return {test: record.seconds[test] for test, total in zip(tests, sums, strict=True) if total <= most}


if __name__ == "__main__":
    main()
