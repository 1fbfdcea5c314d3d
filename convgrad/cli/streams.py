"""The standard streams, in whatever state the process was given them: an exit code keeps its meaning."""

from __future__ import annotations

import errno
import io
import os
import sys

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing: `--version` is to be instant
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNDELIVERED, CLOSED_PIPE = 74, 141


class Undelivered(BaseException):
    """Standard output takes no more. No `Exception`: like an interrupt it ends the run, and is no case's fault."""

    def __init__(self, error: OSError) -> None:
        self.error = error
        self.code = CLOSED_PIPE if isinstance(error, BrokenPipeError) else UNDELIVERED


class Unheard(io.RawIOBase):
    """A stream over another that takes whatever is written, also when nobody can be told."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self.raw.isatty())

    def fileno(self) -> int:
        return int(self.raw.fileno())

    def write(self, data: Any) -> int:
        try:
            return self.raw.write(data) or len(data)
        except OSError as error:
            self.lost(error)
            return len(data)

    def lost(self, error: OSError) -> None:
        """What is to happen when something could not be written."""


class Delivering(Unheard):
    """A stream whose first failure ends the run; what the interpreter still flushes at its end is let go."""

    ended = False

    def lost(self, error: OSError) -> None:
        if not self.ended:
            self.ended = True
            raise Undelivered(error)


def hold() -> None:
    """Take the standard streams in hand, before any file is opened that would get the number of a closed one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            stand_in = _stand_in(number)
            setattr(sys, name, stand_in)
            setattr(sys, f"__{name}__", stand_in)  # which keeps it open when another is laid over it
    sys.stdout, sys.stderr = _over(sys.stdout, Delivering), _over(sys.stderr, Unheard)


def _stand_in(number: int) -> Any:
    """A stream in the place of a closed one, which refuses whatever is asked of it."""
    reading = number == 0
    opened = os.open(os.devnull, os.O_WRONLY if reading else os.O_RDONLY)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return open(number, "r" if reading else "w", encoding="utf-8", closefd=False)


def _over(stream: Any, kind: type[Unheard]) -> io.TextIOWrapper:
    """The same text stream, written by way of a kind of ours."""
    buffer = io.BufferedWriter(kind(getattr(stream.buffer, "raw", stream.buffer)))
    lines = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(buffer, stream.encoding, "backslashreplace", line_buffering=lines)


def delivered(run: Callable[[], int]) -> int:
    """The exit code of a run, or that of its result not having been delivered."""
    try:
        code = run()
        sys.stdout.flush()
    except Undelivered as failure:
        if failure.code == UNDELIVERED:
            sys.stderr.write(f"convgrad: the result cannot be written: {_reason(failure.error)}\n")
        return failure.code
    return code


def _reason(error: OSError) -> str:
    if error.errno == errno.EBADF:
        return "standard output is closed"
    return (error.strerror or str(error)).lower()
