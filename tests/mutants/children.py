"""Work in a child of this process, which has the libraries loaded but nothing of the package."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from select import select
from time import monotonic
from typing import Any

LIBRARIES = ("numpy", "pytest", "hypothesis.strategies", "coverage", "yaml", "rich.table", "rich.live", "typer.main",
             "jsonschema", "doctest", "unittest.mock")  # fmt: skip
"""What takes long to import, and what tests import anyway; passed over where it is not installed."""
MEMORY = 4 << 30
"""Bytes of address space: a mutant that wants ever more of them fails, and the machine lives."""


class TookTooLong(Exception):
    """A child had to be ended."""


class Died(Exception):
    """A child ended without an answer: it crashed, or was ended by a signal."""


def load_libraries() -> None:
    """Load them once, for all children; NumPy with a single thread, for others do not outlive a fork."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()


def in_child(work: Callable[[], Any], seconds: float) -> Any:
    """What work returns, as JSON does; raises TookTooLong and Died."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _answer(work, theirs)
    os.close(theirs)
    try:
        return json.loads(_read(ours, seconds))
    except ValueError:
        raise Died from None
    finally:
        os.close(ours)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(work: Callable[[], Any], pipe: int) -> None:
    """Never returns."""
    import resource  # not on every system, which forking is not, either

    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        text = json.dumps(work()).encode()
        while text:
            text = text[os.write(pipe, text) :]
    finally:
        os._exit(0)  # without the parent's handlers at exit, which are not the child's to run


def _read(pipe: int, seconds: float) -> bytes:
    parts, end = [], monotonic() + seconds
    while select([pipe], [], [], max(end - monotonic(), 0))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    raise TookTooLong
