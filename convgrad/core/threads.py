"""Threads of our own over blocks of work, while those of NumPy's BLAS are held at one.

A product of two small matrices is no work for two threads, and OpenBLAS's wait for each other by spinning, which costs
a hundredfold where another process wants the core. So the blocks are shared out instead, each computed by one thread.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

UNHELD = 1 << 18
"""Multiplications below which OpenBLAS keeps to one thread by itself, so that there is nothing to hold."""

SHARED = 1 << 25
"""Multiplications from which a second thread is worth its start and the smaller blocks that it takes."""

KEPT = 31 << 20
"""Bytes of the array that tells glibc what to keep: from 32 MB on it does not listen."""

_lock = Lock()
_asked: int | None = None
_holders, _found = 0, 1


def threads() -> int:
    """How many threads compute: as `limit` says, else as many as NumPy's BLAS would use, else one a core."""
    if _asked is not None:
        return _asked
    blas = _openblas()
    with _lock:  # while it is held at one, what was found is what it would use
        return max(1, (_found if _holders else blas[0]()) if blas else _cores())


def limit(count: int | None) -> None:
    """Compute with so many threads from now on, in the whole process; None for the default."""
    global _asked
    _asked = count


def worth(cost: int) -> int:
    """How many threads a cost in multiplications is worth."""
    return threads() if cost >= SHARED else 1


def share(work: Callable[[T], Any], items: Iterable[T], cost: int) -> None:
    """Do the work on every item, in any order, on as many threads as its cost, in multiplications, is worth.

    The items must write to places of their own: then the result does not depend on who does which.
    """
    if cost < UNHELD:
        _do(work, items)
        return
    _keep_freed_memory()
    with one_blas_thread():
        if (count := worth(cost)) > 1:
            _spread(work, list(items), count)
        else:
            _do(work, items)


def _do(work: Callable[[T], Any], items: Iterable[T]) -> None:
    for item in items:
        work(item)


@cache
def _keep_freed_memory() -> None:
    """Let a block of work have the memory that the last one freed; once a process.

    glibc hands a large piece back to the system when it is freed, so that every page of the next one is new, which
    may cost more than the work itself; but it keeps what is no larger than the largest piece that it has seen go.
    """
    np.empty(KEPT, np.uint8)


def spans(length: int, pieces: int) -> list[slice]:
    """Cut a length into as many even, non-empty spans as there are pieces, or fewer."""
    pieces = min(pieces, length)
    edges = [length * piece // pieces for piece in range(pieces + 1)] if pieces else []
    return [slice(first, last) for first, last in pairwise(edges)]


def _spread(work: Callable[[T], Any], items: list[T], count: int) -> None:
    """The calling thread and helpers take item after item; the first exception of a helper is raised here."""
    pending, lock, failures, state = iter(items), Lock(), [], np.geterr()

    def help_out() -> None:
        try:
            with np.errstate(**state):  # a new thread starts with NumPy's defaults
                _drain(work, pending, lock)
        except BaseException as failure:
            failures.append(failure)

    helpers = [Thread(target=help_out, daemon=True) for _ in range(min(count, len(items)) - 1)]
    for helper in helpers:
        helper.start()
    try:
        _drain(work, pending, lock)
    finally:
        _drain(lambda item: None, pending, lock)  # after an interrupt: leave the helpers nothing to begin
        for helper in helpers:
            helper.join()
    if failures:
        raise failures[0]


def _drain(work: Callable[[T], Any], pending: Iterator[T], lock: Lock) -> None:
    while True:
        with lock:
            item = next(pending, _END)
        if item is _END:
            return
        work(item)


_END: Any = object()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold OpenBLAS at one thread, for all callers at once; the last to leave gives back what the first found."""
    global _holders, _found
    if not (blas := _openblas()):
        yield
        return
    get, put = blas
    with _lock:
        if not _holders:
            _found = get()
            put(1)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                put(_found)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """The functions that read and set the threads of the OpenBLAS that NumPy has loaded; None where it has another."""
    for library in blas_libraries():
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            try:
                names = [f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set")]
                get, put = (getattr(library, name) for name in names)
            except AttributeError:
                continue
            put.argtypes, put.restype = [ctypes.c_int], None
            return get, put
    return None


def blas_libraries() -> Iterator[ctypes.CDLL]:
    """NumPy's own extension, through which its libraries' names are found, and for Windows those beside NumPy."""
    package = Path(np.__file__).parent
    extensions = package.glob("linalg/_umath_linalg*")
    beside = package.parent.glob("numpy.libs/*openblas*")
    for path in (*extensions, *beside):
        try:
            yield ctypes.CDLL(str(path))
        except OSError:
            continue


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
