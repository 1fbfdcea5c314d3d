"""One run of a trial: in this process, with its streams caught and its time and memory watched, or as a process."""

from __future__ import annotations

import io
import os
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from time import monotonic
from typing import Any

from convgrad.cli import run
from convgrad.cli.commands import COMMANDS, program
from convgrad.cli.exits import guarded
from tests.fuzz.trial import Trial

ROOT = Path(__file__).parents[2]
SECONDS = 5.0
"""Of the processor's time that a run may take."""
MEMORY = 300 << 20
"""Bytes by which a run of a small document may raise what is resident."""
LONG = 0.03
"""Seconds in which no run takes that much memory: what has not lasted so long is not asked for it."""
ADDRESSES = 4 << 30
"""Bytes of addresses that a run may ask for before it is told that there are no more."""
UNSET = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")


FOLDERS: list[str] = []
"""The folders that trials may write to, and that are emptied after each."""


class TooSlow(BaseException):
    """A run has not ended in its time."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    code: int
    stdout: bytes
    stderr: bytes
    written: Mapping[str, bytes | None]
    """Files of the folder that are new, other than before, or gone."""
    trouble: tuple[str, ...] = ()
    """What cannot be seen from outside: warnings, exceptions that got out, time, memory."""

    @property
    def seen(self) -> tuple[Any, ...]:
        """What a user sees."""
        return self.code, self.stdout, self.stderr, self.written


@contextmanager
def prepared(folder: str) -> Iterator[None]:
    """A process in which trials can be run, in a folder of their own."""
    before, limits = os.getcwd(), resource.getrlimit(resource.RLIMIT_AS)
    environment = {name: os.environ.pop(name) for name in UNSET if name in os.environ}
    handler = signal.signal(signal.SIGPROF, _stop)
    os.chdir(folder)
    FOLDERS.append(os.getcwd())
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, limits[1]))
    MEMORY_SEEN.begin()  # what ran here before may have taken much
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        FOLDERS.pop()
        os.chdir(before)
        signal.signal(signal.SIGPROF, handler)
        os.environ.update(environment)


def _stop(*_: Any) -> None:
    raise TooSlow


def in_process(trial: Trial, through_words: bool = False) -> Outcome:
    """A run in this process: by the command's function, or by the words of a command line, which take 5 ms to read."""
    function = _by_words if through_words or trial.extra else _by_function
    return _observed(trial, lambda: function(trial))


def _by_words(trial: Trial) -> int:
    return run(trial.words)


def _by_function(trial: Trial) -> int:
    options = {**NAMES[trial.command], **trial.options}
    words = {name: str(value) if type(value) is int else value for name, value in options.items()}
    return guarded(lambda: FUNCTIONS[trial.command](**words), debug=bool(options.get("debug")))


FUNCTIONS: dict[str, Callable[..., int]] = {info.name: info.callback for info in program(COMMANDS).registered_commands}
"""The commands as functions of the words that a command line has for each of its options."""
NAMES = {command: dict.fromkeys(signature(function).parameters) for command, function in FUNCTIONS.items()}


def _observed(trial: Trial, start: Callable[[], int]) -> Outcome:
    """The outcome of a run: what it wrote, and what was wrong with how it ran."""
    _lay(trial)
    trouble: list[str] = []
    with _caught(trial.stdin) as (out, err), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module="typer|click")  # the oldest typer beside the newest click
        began = monotonic()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            code = start()
        except TooSlow:
            code, trouble = -1, ["slow"]
        except BaseException as error:
            code, trouble = -1, [f"escaped: {type(error).__name__}"]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    trouble += [f"warning: {str(warning.message)[:60]}" for warning in warned]
    if monotonic() - began > LONG and MEMORY_SEEN.grown():
        trouble.append("memory")
    return Outcome(code, out.getvalue(), err.getvalue(), _written(trial), tuple(trouble))


@contextmanager
def _caught(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Streams in place of this process's, as a process of its own would have them."""
    out, err, before = io.BytesIO(), io.BytesIO(), (sys.stdin, sys.stdout, sys.stderr)
    replaced = (
        io.TextIOWrapper(io.BytesIO(stdin), "utf-8"),
        io.TextIOWrapper(out, "utf-8", "backslashreplace"),
        io.TextIOWrapper(err, "utf-8", "backslashreplace", write_through=True),
    )
    sys.stdin, sys.stdout, sys.stderr = replaced
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in replaced[1:]:
            stream.flush()
            stream.detach()


def _lay(trial: Trial) -> None:
    """Write the files of a trial, in no folder but its own."""
    assert os.getcwd() in FOLDERS[-1:], "what lies in this folder would be lost"
    for name, data in trial.files.items():
        Path(name).write_bytes(data)


def _written(trial: Trial) -> dict[str, bytes | None]:
    """What the run left in the folder, or took from it; the folder is emptied."""
    left: dict[str, bytes | None] = dict.fromkeys(trial.files)
    for path in map(Path, os.listdir(".")):
        left[path.name] = path.read_bytes() if path.is_file() else b"a folder"
        path.unlink() if path.is_file() else path.rmdir()
    return {name: data for name, data in left.items() if name not in trial.files or data != trial.files[name]}


def as_process(trial: Trial) -> Outcome:
    """A run as a process of its own."""
    _lay(trial)
    command = [sys.executable, "-m", "convgrad", *trial.words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    made = subprocess.run(command, input=trial.stdin, capture_output=True, env=environment, check=False)
    return Outcome(made.returncode, made.stdout, made.stderr, _written(trial))


def culprit(trial: Trial, through_words: bool) -> str:
    """The exception behind a bug, and the innermost line of ours that it came through."""
    shown = in_process(replace(trial, options={**trial.options, "debug": True}), through_words).stderr.decode(
        "utf-8", "replace"
    )
    lines = re.findall(r'File ".*?(convgrad/[^"]*)", line (\d+)', shown)
    names = re.findall(r"^([A-Za-z_.]+)(?:: |$)", shown, re.MULTILINE)
    return f"{names[-1] if names else 'unknown'} at {':'.join(lines[-1]) if lines else 'an unknown line'}"


class Peak:
    """The most bytes that were resident since it was last looked at, which takes a millisecond."""

    def __init__(self) -> None:
        self.before = self._peak()

    def begin(self) -> None:
        """Forget what was resident before, where the system can: from now on, only runs are counted."""
        with suppress(OSError), open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self.before = self._peak()

    def grown(self) -> bool:
        """Whether runs since have raised it by more than a small document may."""
        peak, before = self._peak(), self.before
        if peak - before <= MEMORY:
            return False
        self.begin()
        return True

    @staticmethod
    def _peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


MEMORY_SEEN = Peak()
