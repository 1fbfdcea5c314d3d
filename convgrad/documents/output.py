"""Writes a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from typing import IO, NoReturn

from convgrad.documents.sources import refuse

DESCRIPTORS = {"/dev/stdout": 1, "/dev/stderr": 2}


def write_atomically(path: str, chunks: Iterable[str]) -> None:
    """Write text to a file that keeps its old content, or its absence, until all is written.

    Through a symbolic link the file that it names is written; what is no regular file (a terminal, a pipe) directly.
    Raises RequestError where the file cannot be written.
    """
    target = os.path.realpath(path)
    if os.path.isdir(target):
        refuse(path, "this is a folder: the output needs a file name")
    if path in DESCRIPTORS or (os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode)):
        _directly(path, chunks)
    else:
        _whole(path, target, chunks)


def _directly(path: str, chunks: Iterable[str]) -> None:
    """A stream that is open already keeps its place: opening it by name would cut what it holds."""
    descriptor = DESCRIPTORS.get(path)
    with _opened(path, path if descriptor is None else os.dup(descriptor)) as file:
        file.writelines(chunks)


def _opened(path: str, target: str | int) -> IO[str]:
    try:
        return open(target, "w", encoding="utf-8", newline="\n")
    except OSError as error:
        _unwritable(path, error)


def _whole(path: str, target: str, chunks: Iterable[str]) -> None:
    temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:100]}.{secrets.token_hex(6)}")
    try:
        file = open(_created(path, target, temporary), "w", encoding="utf-8", newline="\n")  # noqa: SIM115
        with file:
            _fill(path, file, chunks)
        os.replace(temporary, target)
    except OSError as error:
        _unwritable(path, error)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _created(path: str, target: str, temporary: str) -> int:
    """A new file, with the permissions of the one it will replace, or those that the user's mask gives."""
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        refuse(path, f"there is no folder {folder}", "create it first")
    old = os.stat(target).st_mode & 0o777 if os.path.exists(target) else None
    if old is not None and not os.access(target, os.W_OK):
        refuse(path, "cannot be written: permission denied")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if old is not None and hasattr(os, "fchmod"):
        os.fchmod(descriptor, old)
    return descriptor


def _fill(path: str, file: IO[str], chunks: Iterable[str]) -> None:
    """Write the chunks; an error in making them is theirs and passes, one in writing them is the file's."""
    for chunk in chunks:
        try:
            file.write(chunk)
        except OSError as error:
            _unwritable(path, error)


def _unwritable(path: str, error: OSError) -> NoReturn:
    refuse(path, f"cannot be written: {(error.strerror or str(error)).lower()}")
