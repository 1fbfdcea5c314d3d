"""What is graded and how, with every default once: known without NumPy, so that a command line is read at once."""

from __future__ import annotations

import re
from typing import NamedTuple

TARGET = re.compile(r"(?P<place>[^:{}\s][^:{}]*):(?P<name>[A-Za-z_][\w.]*)")
"""A function of a module or a file."""
WHOLE, REAL = DATA = ("whole", "real")
"""The numbers of a case: whole ones, that are compared to the bit, or reals, by what a type may be off by."""


class Asked(NamedTuple):
    """What is graded and how; the options of the command, by their names."""

    words: tuple[str, ...]
    op: tuple[str, ...] = ("conv",)
    dims: tuple[int, ...] = (2,)
    dtype: str | None = None
    limit: str = ""
    seed: int = 0
    want: tuple[str, ...] = ("dX", "dW", "db")
    cases: tuple[str, ...] = ("core", "edges")
    case: tuple[str, ...] = ()
    data: str = "whole"
    layout: str | None = None
    kind: str = "numpy"
    signature: str = ""
    loop: bool = False
    accumulate_into: bool = False
    timeout: float = 10
    start_timeout: float = 60
    runs: int = 3
    jobs: int = 1
    known: str | None = None
    keep: str | None = None
    shrink: bool = True
    feedback: str = "full"

    @property
    def is_command(self) -> bool:
        """Whether it is a program, and no function of Python."""
        return self.loop or len(self.words) > 1 or TARGET.fullmatch(self.words[0]) is None
