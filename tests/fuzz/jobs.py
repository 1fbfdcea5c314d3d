"""A fuzzer in a process of its own, which may die of what it tries; what it tried last is then known."""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from tests.fuzz.fuzzing import Fuzzer, within
from tests.fuzz.making import trial
from tests.fuzz.report import Figures
from tests.fuzz.rules import Failure


class Job:
    """Every so manieth number, tried in a child of this process."""

    def __init__(self, asked: argparse.Namespace, place: int) -> None:
        context = multiprocessing.get_context("fork")
        self.seed, self.number = asked.seed, context.Value("q", -1, lock=False)
        self.receiver, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=_run, args=(asked, place, self.number, sender), daemon=True)
        self.process.start()
        sender.close()

    def figures(self) -> Figures:
        """What it has found, when it has ended: in the end that it found itself, only that."""
        try:
            figures: Figures = self.receiver.recv()
        except EOFError:
            figures = self._death()
        self.process.join()
        return figures

    def _death(self) -> Figures:
        self.process.join()
        figures, number, code = Figures(), self.number.value, self.process.exitcode or 0
        failure = Failure(f"killed by signal {-code}" if code < 0 else "the fuzzer's own fault")
        figures.is_new(failure, number)
        figures.broken[failure.kind].shell = trial(self.seed, number).shell
        return figures


def _run(asked: argparse.Namespace, place: int, number: Any, sender: Any) -> None:
    sender.send(Fuzzer(asked.seed).run(_told(_numbers(asked, place), number)))


def _told(numbers: Iterable[int], number: Any) -> Iterator[int]:
    """Each number told before it is tried."""
    for number.value in numbers:
        yield number.value


def _numbers(asked: argparse.Namespace, place: int) -> Iterable[int]:
    """The trials of one job."""
    if asked.number is not None:
        return [asked.number][place:]
    if asked.runs is not None:
        return range(place, asked.runs, asked.jobs)
    return within(asked.seconds, count(place, asked.jobs))
