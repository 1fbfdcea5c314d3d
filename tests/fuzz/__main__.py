"""Run the fuzzer: `python -m tests.fuzz [--seconds N] [--seed S] [--number N] [--jobs N]`.

It exits with 1 where a rule was broken, having said how to break it again.
"""

from __future__ import annotations

import argparse
import sys
from random import SystemRandom

from tests.fuzz.jobs import Job
from tests.fuzz.making import trial
from tests.fuzz.report import Figures


def main(words: list[str] | None = None) -> int:
    asked = _asked(words)
    print(f"seed {asked.seed}", flush=True)
    if asked.number is not None:
        print(trial(asked.seed, asked.number).shell)
    figures = _in_jobs(asked)
    print("\n".join(figures.lines()), flush=True)
    return 1 if figures.broken else 0


def _asked(words: list[str] | None) -> argparse.Namespace:
    description = "Random documents, options and files against the rules of the outside."
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=description)
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--runs", type=int, help="so many trials instead, however long they take")
    parser.add_argument("--number", type=int, help="only this trial, which is printed")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32),
                        help="what is tried; by default chosen, and printed")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    return parser.parse_args(words)


def _in_jobs(asked: argparse.Namespace) -> Figures:
    """The figures of one process or several, each with its share of the numbers."""
    together = Figures()
    for job in [Job(asked, place) for place in range(asked.jobs)]:
        together.join(job.figures())
    return together


if __name__ == "__main__":
    sys.exit(main())
