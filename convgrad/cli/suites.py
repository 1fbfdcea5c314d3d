"""The cases command: which cases, as a table, or in a file of one of many kinds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from convgrad.cli.delivery import deliver_one, write
from convgrad.cli.grade_options import SUITE_SUFFIXES
from convgrad.cli.grade_typed import Choosing
from convgrad.cli.options import refuse
from convgrad.cli.shown import begun
from convgrad.cli.typed import Running, Writing
from convgrad.documents import json_text
from convgrad.documents.output import write_bytes
from convgrad.errors import Point, Problem, RequestError
from convgrad.suites.facts import limit
from convgrad.suites.record import Table, case_record
from convgrad.suites.selection import Wanted, trials
from convgrad.suites.shapes import like
from convgrad.suites.trial import Trial, is_held, of_sketch


def of_cases_chosen(asked: Choosing) -> int:
    """Show the cases that are asked for, or write them; the exit code."""
    dtype = asked.dtype or "float32"
    found = _chosen(asked, dtype)
    if not found:
        raise RequestError(Problem("no case is left", "a wider --limit, or another --op, --dims or --suite"))
    if asked.output is None or asked.format is not None:
        writing = Writing(asked.format, asked.output, 6, asked.ascii, asked.color, asked.quiet)
        return deliver_one(begun(Running(writing)).of(Table(tuple(found), dtype)), writing)
    _write(found, dtype, asked.output)
    return 0


def _chosen(asked: Choosing, dtype: str) -> list[Trial]:
    if asked.like is not None:
        trial = of_sketch(like(asked.like), dtype, asked.seed)
        return [trial] if is_held(trial) else _refuse_like(dtype)
    suites = ("core", "edges") if asked.need and asked.suite == ("core",) else asked.suite
    try:
        limits = limit(asked.limit)
    except RequestError as error:
        raise error.at(Point("--limit")) from None
    found = trials(Wanted(asked.op, asked.dims, dtype, suites, limits, asked.need, asked.seed))
    return [trial for trial in found if is_held(trial)]


def _refuse_like(dtype: str) -> NoReturn:
    refuse("--like", f"its sums are too long to be exact in {dtype}", "take fewer channels, or --dtype float32")


def _write(found: Sequence[Trial], dtype: str, output: str) -> None:
    from convgrad.suites import binary, sources

    suffix = os.path.splitext(output)[1].lower()
    if output.endswith("/") or os.path.isdir(output):
        for name, data in binary.folder(found, dtype).items():
            path = Path(output, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(str(path), data)
    elif suffix == ".jsonl":
        write((json_text(case_record(trial)) + "\n" for trial in found), output)
    elif suffix == ".json":
        writing = Writing("json", output)
        deliver_one(begun(Running(writing)).of(Table(tuple(found), dtype)), writing)
    elif suffix in (".npz", ".safetensors"):
        write_bytes(output, binary.npz(found, dtype) if suffix == ".npz" else binary.safetensors(found, dtype))
    elif suffix in sources.WRITERS:
        write([sources.WRITERS[suffix](found, dtype)], output)
    else:
        advice = f"end the name in one of {', '.join(SUITE_SUFFIXES)}, or in / for a folder"
        refuse("--output", f"no format has the suffix '{suffix}'", advice)
