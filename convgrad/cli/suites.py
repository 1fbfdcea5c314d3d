"""The cases command: which cases, as a table, or in a file of one of many kinds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from convgrad.cli.delivery import deliver_one, write
from convgrad.cli.grade_options import SUITE_SUFFIXES
from convgrad.cli.grade_typed import Choosing
from convgrad.cli.options import refuse
from convgrad.cli.shown import begun
from convgrad.cli.typed import Running, Writing
from convgrad.documents import json_text
from convgrad.documents.output import write_bytes
from convgrad.suites.door import chosen
from convgrad.suites.record import Table, case_record
from convgrad.suites.selection import Wanted
from convgrad.suites.trial import Trial


def of_cases_chosen(asked: Choosing) -> int:
    """Show the cases that are asked for, or write them; the exit code."""
    dtype = asked.dtype or "float32"
    wanted = Wanted(asked.op, asked.dims, dtype, asked.suite, (), asked.need, asked.seed)
    found = chosen(wanted, asked.limit, asked.like)
    if asked.output is None or asked.format is not None:
        writing = Writing(asked.format, asked.output, 6, asked.ascii, asked.color, asked.quiet)
        return deliver_one(begun(Running(writing)).of(Table(tuple(found), dtype)), writing)
    _write(found, dtype, asked.output)
    return 0


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
