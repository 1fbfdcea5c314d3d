"""Cases out of files: case documents of any kind that is read, and suites that `cases` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from convgrad.documents import read, source
from convgrad.errors import Point, Problem, RequestError
from convgrad.suites.trial import Trial, of_document

SUFFIXES = (".yaml", ".yml", ".json", ".jsonl", ".ndjson")


def suite_trials(name: str, dtype: str) -> Iterator[Trial]:
    """The cases of a file, or of every file of a folder."""
    path = Path(name)
    if not path.is_dir():
        yield from _of_file(name, dtype)
        return
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise RequestError(
            Problem("this folder has no cases", f"files that end in {', '.join(SUFFIXES)}", place=Point(name))
        )
    for file in files:
        yield from _of_file(str(file), dtype)


def _of_file(name: str, dtype: str) -> Iterator[Trial]:
    for number, document in enumerate(read(source(name), exact=False, nonfinite=False), 1):
        if document.error is not None:
            raise document.error
        for value, id in _cases(document.value, f"{Path(name).stem}-{number}"):
            if not isinstance(value, Mapping):
                advice = "a case has input, kernel, delta, …; a network input, layers and delta"
                raise RequestError(Problem("this is no case", advice, place=Point(name, document.line)))
            try:
                yield of_document(value, id, dtype)
            except RequestError as error:
                raise error.at(Point(name, document.line)) from None


def _cases(value: Any, id: str) -> Iterator[tuple[Any, str]]:
    """The cases of a suite, or the one that a document is, each with what it is called."""
    if isinstance(value, Mapping) and isinstance(value.get("cases"), (list, tuple)):
        for row in value["cases"]:
            inner = row.get("case") if isinstance(row, Mapping) else None
            yield inner, str(row.get("id", id)) if isinstance(row, Mapping) else id
    elif isinstance(value, Mapping) and isinstance(value.get("case"), Mapping):
        yield value["case"], str(value.get("id", id))
    else:
        named = value.get("id") if isinstance(value, Mapping) else None
        yield value, str(named) if named is not None else id
