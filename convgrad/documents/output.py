"""Writes a file whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from math import prod
from typing import IO, Any, NoReturn

import numpy as np

from convgrad.documents.sources import refuse

OPEN_ALREADY = re.compile(r"/dev/(?:fd/([0-9]+)|(stdout)|stderr)")


def write_atomically(path: str, chunks: Iterable[str]) -> None:
    """Write text to a file that keeps its old content, or its absence, until all is written.

    Through a symbolic link the file that it names is written; what is no regular file (a terminal, a pipe) directly.
    Raises RequestError where the file cannot be written, and BrokenPipeError where nobody reads.
    """
    with _refusing(path):
        if _is_stream(path):
            _directly(path, chunks)
            return
        with _replacing(path) as descriptor, _text(descriptor) as file:
            file.writelines(chunks)


def write_bytes(path: str, data: bytes) -> None:
    """Write bytes to a file, whole or not at all. Raises RequestError where it cannot be written."""
    with _refusing(path):
        if _is_stream(path):
            refuse(path, "these bytes need a file of their own", "name a new file")
        with _replacing(path) as descriptor, os.fdopen(descriptor, "wb") as file:
            file.write(data)


@contextmanager
def array_file(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[ArrayFile]:
    """A .npy file to fill; it takes the path's place at the end of the `with`, and is gone where that is not reached.

    Raises RequestError where the file cannot be written, or the disk has no room for it.
    """
    with _refusing(path):
        if _is_stream(path):
            refuse(path, "an array needs a file of its own", "name a new file that ends in .npy")
        with _replacing(path) as descriptor, os.fdopen(descriptor, "w+b") as file:
            yield ArrayFile(file, shape, dtype)


class ArrayFile:
    """A .npy file of a known shape, whose parts are mapped one at a time, so that only they take memory."""

    def __init__(self, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        self.file, self.shape, self.dtype, self.start = file, shape, dtype, file.tell()
        size = dtype.itemsize * prod(shape)
        if size and hasattr(os, "posix_fallocate"):  # a full disk is told now: while mapped it would kill the process
            os.posix_fallocate(file.fileno(), 0, self.start + size)
        else:
            file.truncate(self.start + size)

    def reshape(self, shape: tuple[int, ...]) -> ArrayFile:
        """The same file, whose numbers stand in the same order in another shape; its first length may be -1."""
        other = copy(self)
        other.shape = (prod(self.shape) // prod(shape[1:]), *shape[1:])
        return other

    def __setitem__(self, part: slice, values: np.ndarray[Any, Any]) -> None:
        """Write the entries of the first axis that a slice picks; of an array without axes the only one."""
        if not values.size:
            return
        first, _, _ = part.indices(self.shape[0] if self.shape else 1)
        start = self.start + first * self.dtype.itemsize * prod(self.shape[1:])
        mapped = np.memmap(self.file, self.dtype, "r+", start, values.shape)
        mapped[...] = values


def _directly(path: str, chunks: Iterable[str]) -> None:
    """A stream that is open already keeps its place: opening it by name would cut what it holds."""
    with _text(path if (descriptor := _descriptor(path)) is None else os.dup(descriptor)) as file:
        file.writelines(chunks)


def _descriptor(path: str) -> int | None:
    found = OPEN_ALREADY.fullmatch(path)
    return None if found is None else int(found[1]) if found[1] else 1 if found[2] else 2


def _text(target: str | int) -> IO[str]:
    return open(target, "w", encoding="utf-8", newline="\n")


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """What the system says against a path, as a RequestError."""
    if os.path.isdir(path):
        refuse(path, "this is a folder: the output needs a file name")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        refuse(path, f"cannot be written: {(error.strerror or str(error)).lower()}")


def _is_stream(path: str) -> bool:
    """Whether a path names what is no regular file: written as it comes, and never replaced."""
    return bool(OPEN_ALREADY.fullmatch(path)) or (os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode))


@contextmanager
def _replacing(path: str) -> Iterator[int]:
    """A new file beside the one that a path names, which takes its place at the end of the `with`."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        refuse(path, f"there is no folder {os.path.dirname(path) or folder}", "create it first")
    temporary = os.path.join(folder, f".{os.urandom(8).hex()}.part")
    try:
        with _ended_cleanly():
            yield _created(target, temporary)
            os.replace(temporary, target)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Let a request to end, which would leave a half-written file behind, be an interrupt like the user's own."""
    import signal
    import threading

    ending = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        ending = []  # only the main thread may say what a signal does
    unhandled = [number for number in ending if signal.getsignal(number) == signal.SIG_DFL]
    before = {number: signal.signal(number, _interrupt) for number in unhandled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def _created(target: str, temporary: str) -> int:
    """A new file, with the permissions of the one it will replace, or those that the user's mask gives."""
    mode = os.stat(target).st_mode & 0o777 if os.path.lexists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    if mode is not None and hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)
    return descriptor
