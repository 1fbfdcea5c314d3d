"""Writes a file whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from typing import IO

from convgrad.documents.sources import refuse

OPEN_ALREADY = re.compile(r"/dev/(?:fd/([0-9]+)|(stdout)|stderr)")


def write_atomically(path: str, chunks: Iterable[str]) -> None:
    """Write text to a file that keeps its old content, or its absence, until all is written.

    Through a symbolic link the file that it names is written; what is no regular file (a terminal, a pipe) directly.
    Raises RequestError where the file cannot be written, and BrokenPipeError where nobody reads.
    """
    if os.path.isdir(path):
        refuse(path, "this is a folder: the output needs a file name")
    try:
        if OPEN_ALREADY.fullmatch(path) or (os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode)):
            _directly(path, chunks)
        else:
            _whole(path, os.path.realpath(path), chunks)
    except BrokenPipeError:
        raise
    except OSError as error:
        refuse(path, f"cannot be written: {(error.strerror or str(error)).lower()}")


def _directly(path: str, chunks: Iterable[str]) -> None:
    """A stream that is open already keeps its place: opening it by name would cut what it holds."""
    with _text(path if (descriptor := _descriptor(path)) is None else os.dup(descriptor)) as file:
        file.writelines(chunks)


def _descriptor(path: str) -> int | None:
    found = OPEN_ALREADY.fullmatch(path)
    return None if found is None else int(found[1]) if found[1] else 1 if found[2] else 2


def _text(target: str | int) -> IO[str]:
    return open(target, "w", encoding="utf-8", newline="\n")


def _whole(path: str, target: str, chunks: Iterable[str]) -> None:
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        refuse(path, f"there is no folder {os.path.dirname(path) or folder}", "create it first")
    temporary = os.path.join(folder, f".{os.urandom(8).hex()}.part")
    try:
        with _text(_created(target, temporary)) as file:
            file.writelines(chunks)
        os.replace(temporary, target)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _created(target: str, temporary: str) -> int:
    """A new file, with the permissions of the one it will replace, or those that the user's mask gives."""
    mode = os.stat(target).st_mode & 0o777 if os.path.lexists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if mode is not None and hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)
    return descriptor
