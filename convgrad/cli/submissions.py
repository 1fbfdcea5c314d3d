"""A folder of submissions, each graded in processes of its own: what one does costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from convgrad.cli.delivery import write
from convgrad.cli.exits import report
from convgrad.cli.grade import code_of, one_grade
from convgrad.cli.grade_typed import Grading
from convgrad.documents import json_text
from convgrad.errors import Point, Problem, RequestError
from convgrad.grading.reports import HEADINGS, row_of, table_of

GRAVEST = (70, 130, 2, 1, 4, 0)


def of_folder(asked: Grading) -> int:
    """A row for every file of a folder; the gravest exit code."""
    folder = Path(asked.request.words[0])
    if not asked.call:
        advice = "as in --call conv_backward"
        raise RequestError(Problem("--call must say what the function of every submission is called", advice))
    files = sorted(path for path in folder.rglob("*.py") if not path.name.startswith((".", "_")))
    if not files:
        raise RequestError(Problem("there is no submission in this folder: no .py file", place=Point(str(folder))))
    rows, codes = list[Mapping[str, Any]](), {0}
    for path in files:
        row, code = _row(path, folder, asked)
        rows.append(row)
        codes.add(code)
        if code == 130:
            break
    write(_text(rows, asked.format), asked.output)
    return next(code for code in GRAVEST if code in codes)


def _row(path: Path, folder: Path, asked: Grading) -> tuple[dict[str, Any], int]:
    """The row of one submission; one that cannot be imported has its own, and the rest go on."""
    name = str(path.relative_to(folder))
    request = asked.request
    keep = str(Path(request.keep) / path.stem) if request.keep else None
    try:
        grade = one_grade(request._replace(words=(f"{path}:{asked.call}",), keep=keep, shrink=False))
    except RequestError as error:
        report(error)
        return dict.fromkeys(HEADINGS, "") | {"submission": name, "verdict": "not-started"}, 1
    return row_of(grade) | {"submission": name}, code_of(grade, asked)


def _text(rows: list[Mapping[str, Any]], format: str | None) -> Iterator[str]:
    if format == "csv":
        yield table_of(rows)
    elif format in ("json", "jsonl"):
        if format == "json":
            yield json_text({"schema": "convgrad.grades/1", "submissions": rows}) + "\n"
        else:
            yield from (json_text(row) + "\n" for row in rows)
    elif format in (None, "table"):
        yield from _table(rows)
    else:
        advice = "one of table, csv, json, jsonl"
        raise RequestError(Problem(f"a folder of submissions is not written as {format}", advice))


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in HEADINGS[:-1]}
    for row in ({name: name for name in HEADINGS}, *rows):
        cells = [str(row[name]).ljust(width) for name, width in widths.items()]
        yield "  ".join([*cells, str(row["mistakes"])]).rstrip() + "\n"
