"""Run the fuzzer: `python -m tests.fuzz --seconds N [--seed S] [--number N] [--jobs N]`; it exits with 1 on failures."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from itertools import count
from random import SystemRandom

from tests.fuzz.fuzzing import fuzz, within
from tests.fuzz.making import trial
from tests.fuzz.report import Figures


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Random requests against the rules of the outside."
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().randrange(2**32), help="what is tried; chosen and printed by default"
    )
    parser.add_argument("--number", type=int, help="only this trial, with its command")
    parser.add_argument("--runs", type=int, help="so many trials, however long they take")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    asked = parser.parse_args(words)
    print(f"seed {asked.seed}", flush=True)
    if asked.number is not None:
        print(trial(asked.seed, asked.number).shell)
        figures = fuzz(asked.seed, [asked.number])
    elif asked.jobs > 1:
        figures = _in_jobs(asked)
    else:
        figures = fuzz(asked.seed, _numbers(asked, 0))
    print("\n".join(figures.lines()), flush=True)
    return 1 if figures.broken else 0


def _numbers(asked: argparse.Namespace, job: int):
    """The trials of one job."""
    numbers = count(job, asked.jobs) if asked.runs is None else range(job, asked.runs, asked.jobs)
    return within(asked.seconds, numbers) if asked.runs is None else numbers


def _in_jobs(asked: argparse.Namespace) -> Figures:
    """The figures of several processes, each with its share of the numbers."""
    together = Figures()
    with multiprocessing.get_context("fork").Pool(asked.jobs) as pool:
        for figures in pool.starmap(_job, [(asked, job) for job in range(asked.jobs)]):
            together.join(figures)
    return together


def _job(asked: argparse.Namespace, job: int) -> Figures:
    return fuzz(asked.seed, _numbers(asked, job))


if __name__ == "__main__":
    sys.exit(main())
