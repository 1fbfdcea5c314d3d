"""Bugs for the fuzzer's own tests to find: each is put into convgrad for a while."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from convgrad.errors import Problem, RequestError
from convgrad.passes.gradients import Forward

TURN = count()


def _raise(error: BaseException) -> None:
    raise error


def _print_and_refuse() -> None:
    sys.stdout.write("a line\n")
    raise RequestError(Problem("no"))


def _loop() -> None:
    while True:
        pass


PLANTED: dict[str, Callable[[], Any]] = {
    "exit 70: ZeroDivisionError at convgrad/cli": lambda: 1 // 0,
    "exit 130": lambda: _raise(KeyboardInterrupt()),
    "exit 2 with output": _print_and_refuse,
    "not enough memory": lambda: _raise(MemoryError()),
    "a traceback": lambda: sys.stderr.write("Traceback (most recent call last):\n"),
    "a file that nobody asked for": lambda: Path("stray").write_text("x"),
    "warning: careless": lambda: warnings.warn("careless", stacklevel=1),
    "not the same twice": lambda: sys.stderr.write(str(next(TURN))),
    "not JSON": lambda: sys.stdout.write("{}"),
    "slow": _loop,
    "memory": lambda: np.ones(50_000_000),
}
"""What the fuzzer should say, and what makes it so whenever an output is made whose stride is 2."""


def plant(monkeypatch: Any, bug: Callable[[], Any]) -> None:
    """Let a bug happen in every output of stride 2."""
    sound = Forward.streamed

    def to_dict(self: Forward, *arguments: Any) -> Any:
        if self.case.settings["stride"] == (2,):
            bug()
        return sound(self, *arguments)

    monkeypatch.setattr(Forward, "streamed", to_dict)
