"""The program as a user's shell runs it: in this process, or in one of its own where that is what is tested."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from convgrad.cli import run
from convgrad.core import threads

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
LEDGER = ["--input", "[1, 2, 3]", "--kernel", "[0.3, 0.5]", "--delta", "[-0.1, 0.2]"]
UNSET = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING")
COMPILED = tempfile.TemporaryDirectory(prefix="convgrad-tests-")  # many processes need not compile many times


@dataclass(frozen=True)
class Run:
    """What a run leaves behind: its exit code, and all that it wrote."""

    returncode: int
    output: bytes
    errors: bytes
    encoding: str = "utf-8"

    @property
    def stdout(self) -> str:
        return self.output.decode(self.encoding)

    @property
    def stderr(self) -> str:
        return self.errors.decode(self.encoding)


def convgrad(*arguments: str, stdin: str | bytes = "", cwd: Path = ROOT, **variables: str) -> Run:
    """One run of the command line in this process, with streams, a folder and variables of its own."""
    encoding, _, errors = variables.get("PYTHONIOENCODING", "utf-8").partition(":")
    output, told = (_stream(b"", encoding, handler) for handler in (errors or "strict", "backslashreplace"))
    streams = {"stdin": _stream(_bytes(stdin), encoding, "strict"), "stdout": output, "stderr": told}
    streams["__stdout__"] = output  # or a table would be as wide as the terminal that the tests run on
    with mock.patch.multiple(sys, **streams), _variables(variables), chdir(cwd), _settings_kept():
        code = run(list(arguments))
    return Run(code, _written(output), _written(told), encoding)


def as_process(*arguments: str, stdin: str | bytes = "", cwd: Path = ROOT, **variables: str) -> Run:
    """One run of the program as a process of its own."""
    command = [sys.executable, "-m", "convgrad", *arguments]
    done = subprocess.run(command, input=_bytes(stdin), capture_output=True, cwd=cwd, env=surroundings(**variables))
    encoding = variables.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    return Run(done.returncode, done.stdout, done.stderr, encoding)


def surroundings(**variables: str) -> dict[str, str]:
    """Variables under which a process finds this checkout and looks at no terminal of ours, and those given."""
    ours = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": COMPILED.name, "PYTHONUTF8": "1"}
    return {name: value for name, value in os.environ.items() if name not in UNSET} | ours | variables


def result(*arguments: str, **keywords: Any) -> Any:
    """What a run says in JSON that succeeds and complains of nothing."""
    done = convgrad(*arguments, "--format", "json", **keywords)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def assert_refused(done: Run, *words: str) -> None:
    """Exit code 2, nothing on stdout, every word on stderr, and no traceback."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def hear_signals() -> None:
    """What starts a program may have left signals unheard, as a shell does in the background, and nohup."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _stream(content: bytes, encoding: str, errors: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding, errors, newline="\n")


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    held = stream.detach()
    assert isinstance(held, io.BytesIO)
    return held.getvalue()


@contextmanager
def _variables(variables: dict[str, str]) -> Iterator[None]:
    """The environment of a run: what it sets itself ends with it."""
    bare = {name: value for name, value in os.environ.items() if name not in UNSET}
    with mock.patch.dict(os.environ, bare | variables, clear=True):
        yield


@contextmanager
def _settings_kept() -> Iterator[None]:
    """What a run sets for its whole process is as before when it ends: NumPy's warnings, the number of threads."""
    asked = threads._asked
    try:
        with np.errstate():
            yield
    finally:
        threads.limit(asked)
