"""The formats that results are written in, one row each: by name or suffix, alone or among many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from convgrad.cli.options import refuse
from convgrad.cli.typed import Writing
from convgrad.cli.unfinished import Nothing, UnfinishedJson, UnfinishedLine, UnfinishedYaml
from convgrad.documents import chunks, element
from convgrad.errors import Problem, RequestError

GATHERED = 1 << 16
STREAMED = {"overlays": "overlay", "steps": "step", "mistakes": "mistake", "results": "outcome"}
"""Parts of a record that are lines of their own in JSON Lines, by key, and the type each has there."""


class Result(NamedTuple):
    """What became of one request: its record as a mapping, its view as text or a document, and its exit code."""

    as_dict: Callable[[], Mapping[str, Any]]
    as_text: Callable[[], Iterator[str]]
    code: int = 0
    as_document: Callable[[str], Iterator[str]] | None = None


Writer = Callable[[Result], Iterator[str]]


class Format(NamedTuple):
    """A format: its name and suffixes, how a lone result is written and one of many, and what stands around many.

    One of many is short of nothing once it has begun, as far as that can be; if it breaks off all the same,
    `unfinished` knows how to end it.
    """

    name: str
    suffixes: tuple[str, ...]
    alone: Writer
    among: Writer
    opening: str = ""
    between: str = ""
    ending: str = ""
    unfinished: Callable[[], Nothing] = Nothing


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    """A record as one line; one with overlays or steps as a line each, and the rest, last."""
    streamed = {key: kind for key, kind in STREAMED.items() if key in record}
    if not streamed:
        yield from _gathered(chunks(record, "jsonl"))
        return
    for key, kind in streamed.items():
        for part in record[key]:
            yield from _gathered(chunks({"type": kind, **part}, "jsonl"))
    rest = {key: value for key, value in record.items() if key not in streamed}
    yield from _gathered(chunks({"type": "result", **rest}, "jsonl"))


def _gathered(parts: Iterator[str]) -> Iterator[str]:
    """Small parts of one record put together: a write each would cost more than making them."""
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > GATHERED:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


TABLE = Format("table", ("", ".txt"), lambda result: result.as_text(), lambda result: result.as_text(), between="\n")
JSON = Format(
    "json", (".json",), lambda result: chunks(result.as_dict(), "json"),
    lambda result: _gathered(element(result.as_dict())), "[", ",\n ", "]\n", UnfinishedJson,
)  # fmt: skip
JSON_LINES = Format(
    "jsonl", (".jsonl", ".ndjson"), lambda result: _lines(result.as_dict()), lambda result: _lines(result.as_dict()),
    unfinished=UnfinishedLine,
)  # fmt: skip
YAML = Format(
    "yaml", (".yaml", ".yml"), lambda result: chunks(result.as_dict(), "yaml"),
    lambda result: _gathered(chunks(result.as_dict(), "yaml")), "---\n", "---\n", "", UnfinishedYaml,
)  # fmt: skip


def _document(name: str, *suffixes: str) -> Format:
    """A format that people look at, outside of a terminal; one document for each of many cases would be no document."""
    return Format(name, suffixes, lambda result: _as_document(result, name), lambda result: _as_one(result, name))


def _as_document(result: Result, name: str) -> Iterator[str]:
    if result.as_document is None:
        raise RequestError(Problem(f"what this command writes is no {name}", "use json, yaml or a table"))
    return result.as_document(name)


def _as_one(result: Result, name: str) -> Iterator[str]:
    """One of many: a page of its own is refused; what can be read on is written one after the other."""
    if name in LONE:
        raise RequestError(
            Problem(f"many cases make no one {name}", "write them one by one, or as markdown, csv or json")
        )
    return iter(()) if result.as_document is None else result.as_document(name)


LONE = ("latex", "svg", "html")
DOCUMENTS = (_document("markdown", ".md", ".markdown"), _document("latex", ".tex"), _document("csv", ".csv"),
             _document("svg", ".svg"), _document("html", ".html", ".htm"))  # fmt: skip
FORMATS = {row.name: row for row in (TABLE, JSON, JSON_LINES, YAML, *DOCUMENTS)}
ARRAYS = {".npy": True, ".npz": False}
"""Suffixes of NumPy's own files, and whether the one array of a result may be written to such a file."""


def is_array_file(writing: Writing) -> bool:
    """Whether one array is to be written, and not a result as text."""
    return ARRAYS.get(_suffix(writing), False)


def is_of_arrays(writing: Writing) -> bool:
    """Whether the output is named as NumPy's files are, be it one that is never written."""
    return _suffix(writing) in ARRAYS


def format_of(writing: Writing) -> Format:
    """The format asked for, else that of the output file's suffix; a table without either."""
    suffix = _suffix(writing)
    if suffix in ARRAYS:
        message = "NumPy's files hold no text: a .npy takes y of forward, or dX of backward"
        refuse("--output", message, "write other results to .json, .jsonl, .yaml or text")
    if writing.format is not None:
        return _named(writing.format)
    return _of_suffix(suffix)


def _suffix(writing: Writing) -> str:
    """What the output's name ends in, from the dot on; nothing where there is none."""
    return os.path.splitext(writing.output or "")[1].lower()


def _of_suffix(suffix: str) -> Format:
    rows = {known: row for row in FORMATS.values() for known in row.suffixes}
    if suffix not in rows:
        known = [*filter(None, rows), *(array for array, is_written in ARRAYS.items() if is_written)]
        advice = f"end the name in one of {', '.join(known)}, or say --format"
        refuse("--output", f"no format has the suffix '{suffix}'", advice)
    return rows[suffix]


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise RequestError(Problem(f"unknown format '{name}'", f"one of {', '.join(FORMATS)}"))
    return FORMATS[name]
