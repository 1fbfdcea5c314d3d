"""A process of somebody else's: written to and read from with a deadline, and ended with all that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from convgrad.errors import Problem, RequestError

KEPT = 1 << 16
"""Bytes of what a process says on standard error, or aside on standard output, that are kept for a case."""
PATIENCE = 0.3
"""Seconds between asking a process to end and ending it."""
TICK = 0.005
"""Seconds between two looks at whether a process has ended, where the system does not tell."""
PART = 1 << 16
LINE = 200
"""Characters of the last line of a process that are told."""


class Late(Exception):
    """No answer in time."""


class Gone(Exception):
    """The process has ended, or has closed its output."""


class Child:
    """A process in a session of its own, so that it ends with its children; only bytes come from it.

    Its standard error is read as it comes, the first 64 KB since `begin` kept, and the rest let go. Raises
    RequestError where it cannot be started.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str] | None = None, talks: bool = True) -> None:
        stdin = subprocess.PIPE if talks else subprocess.DEVNULL
        try:
            process: Any = subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                start_new_session=True, env=variables,
            )  # fmt: skip
        except OSError as error:
            advice = "name a program that can be run, with its path"
            raise RequestError(Problem(f"{command[0]} cannot be started: {_why(error)}", advice)) from None
        self.process = process
        self.waiting, self.errors, self.ended = bytearray(), bytearray(), False
        self.selector: Any = selectors.DefaultSelector()
        for stream, take in ((self.process.stdout, self._take_output), (self.process.stderr, self._take_error)):
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ, take)
        if talks:
            os.set_blocking(self.process.stdin.fileno(), False)
        self.watch = _watched(self.process.pid, self.selector)

    def begin(self) -> None:
        """Forget what was said on standard error before."""
        self.errors.clear()

    def said(self) -> str:
        """What was said on standard error, the first 64 KB of it."""
        return self.errors.decode("utf-8", "replace").strip()

    def told(self) -> str:
        """What is on standard output and was not taken from there, the first 64 KB of it."""
        return self.waiting[:KEPT].decode("utf-8", "replace").strip()

    def pending(self) -> list[bytes]:
        """The whole lines that are on standard output already, taken from there."""
        self._sweep()
        *lines, self.waiting = self.waiting.split(b"\n")
        return [bytes(line) for line in lines]

    def last_words(self, status: int | None) -> str:
        """How it ended, with the last line of what it said."""
        self._sweep()
        lines = self.said().splitlines()[-1:]
        return ": ".join([ending(status), *(line[:LINE] for line in lines)])

    # -- Talking -------------------------------------------------------------------------------------------------------

    def write(self, data: bytes, deadline: float) -> None:
        """Send bytes, reading what comes meanwhile; Late or Gone where they are not taken."""
        left = self._taken(memoryview(data))
        if not left:
            return
        self.selector.register(self.process.stdin, selectors.EVENT_WRITE)
        try:
            while left:
                left = self._taken(left) if self._turn(deadline) else left
        finally:
            self.selector.unregister(self.process.stdin)

    def _taken(self, data: memoryview) -> memoryview:
        """What is left of bytes when standard input has taken what it takes at once; Gone where it takes no more."""
        try:
            return data[os.write(self.process.stdin.fileno(), data[:PART]) :]
        except BlockingIOError:
            return data
        except OSError:
            raise Gone from None

    def line(self, deadline: float, most: int) -> bytes:
        """The next line of standard output, without its end; Gone where there is none, or one that is too long."""
        self._until(lambda: b"\n" in self.waiting or len(self.waiting) > most, deadline)
        line, found, rest = self.waiting.partition(b"\n")
        if not found:
            raise Gone
        self.waiting = rest
        return bytes(line)

    def exactly(self, count: int, deadline: float) -> bytes:
        """So many bytes of standard output."""
        self._until(lambda: len(self.waiting) >= count, deadline)
        part, self.waiting = bytes(self.waiting[:count]), self.waiting[count:]
        return part

    def wait(self, deadline: float) -> int:
        """The exit status, once the process has ended; what it writes meanwhile is let go but for the first 64 KB."""
        while self.process.poll() is None:
            self._turn(deadline)
            del self.waiting[KEPT:]
        for _ in range(KEPT // PART + 1):
            self._sweep()
        return int(self.process.returncode)

    def _until(self, enough: Callable[[], bool], deadline: float) -> None:
        while not enough():
            if self.ended:
                raise Gone
            if self.process.poll() is None:
                self._turn(deadline)
            elif not self._sweep() or monotonic() > deadline:  # a child of its own may hold the output open, and write
                raise Gone

    def _turn(self, deadline: float) -> bool:
        """Wait for whatever comes first, and take it; whether standard input takes more."""
        left = deadline - monotonic()
        if left <= 0:
            raise Late
        writable = False
        for key, _ in self.selector.select(left if self.watch is not None else min(left, TICK)):
            if key.data is None:
                writable = key.fileobj is self.process.stdin
            else:
                key.data(key)
        return writable

    def _sweep(self) -> bool:
        """Take what a process that has ended left behind; whether there was anything."""
        taken = False
        for key, _ in self.selector.select(0):
            if key.data is not None:
                taken = True
                key.data(key)
        return taken

    def _take_output(self, key: selectors.SelectorKey) -> None:
        part = self._read(key)
        self.waiting += part
        self.ended = self.ended or not part

    def _take_error(self, key: selectors.SelectorKey) -> None:
        self.errors += self._read(key)
        del self.errors[KEPT:]

    def _read(self, key: selectors.SelectorKey) -> bytes:
        try:
            part = os.read(key.fd, PART)
        except BlockingIOError:
            return b""
        if not part:
            self.selector.unregister(key.fileobj)
        return part

    # -- Ending --------------------------------------------------------------------------------------------------------

    def status(self, seconds: float = PATIENCE) -> int | None:
        """The exit status of a process that has closed its output, given a moment to end."""
        with suppress(subprocess.TimeoutExpired):
            return int(self.process.wait(seconds))
        return None

    def kill(self) -> None:
        """Make the process and all that it started end, and leave it to who waits for it."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """End the process and all that it started: asked first, then made to."""
        if self.process.returncode is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        self._signal(signal.SIGKILL)
        self.process.wait()
        self.selector.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self.watch is not None:
            os.close(self.watch)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def _watched(pid: int, selector: selectors.BaseSelector) -> int | None:
    """What tells a selector that a process has ended, where the system has such a thing."""
    opened = getattr(os, "pidfd_open", None)
    if opened is None:
        return None
    try:
        watch = int(opened(pid))
    except OSError:
        return None
    selector.register(watch, selectors.EVENT_READ)
    return watch


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def ending(status: int | None) -> str:
    """How a process ended, in words.

    >>> ending(-11), ending(3), ending(None)
    ('signal 11 (SIGSEGV)', 'exit status 3', 'its output closed')
    """
    if status is None:
        return "its output closed"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"
