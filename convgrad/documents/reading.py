"""From a source to its documents: the quick readers, and the careful one for whatever they do not take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from convgrad.core.arithmetic import Plain
from convgrad.documents.cells import DEPTH
from convgrad.documents.document import LARGE, Document
from convgrad.documents.places import place_at
from convgrad.documents.sources import Source, decoded, may_be_print, refuse
from convgrad.errors import Path, Point

BLOCK = 100  # a number that overflows or vanishes without a three-digit exponent has a block this long of digits
FAR_EXPONENT = re.compile(r"[0-9.](?:E|e[-+]?[0-9]{3})")
HALF_A_PAIR = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F][0-9a-fA-F])\\u[dD][c-fC-F]"
    r"|\\\\u[dD][89abAB]"  # whose backslash may be a character
)
PLAINEST = re.compile(r"(?!null:|true:|false:)([a-z_]{2,}): (?:([\[0-9.,eE+\- \]]+)|([a-z]+(?:-[a-z]+)*))")
MARKER = "\n---"
END = re.compile(r"\n\.\.\.(?=\s)")
EMPTY = re.compile(r"(?:[ \t\r\n]|#.*|%.*|\.\.\.(?=\s|$))*")  # blanks, comments, directives


class Text(Document):
    """A document that is a text: where its parts are is found by reading it again."""

    __slots__ = ("_text",)

    def __init__(
        self, name: str, number: int, value: Any, error: Exception | None = None, line: int = 1, text: str = ""
    ) -> None:
        super().__init__(name, number, value, error, line)
        self._text = text

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where the value at a path begins (or its key)."""
        if not self._text:
            return super().locate(path, key=key)
        return place_at(self.name, self._text, _index(self._text, path, key), self.line)

    @property
    def is_long(self) -> bool:
        return len(self._text) >= LARGE

    def exact(self) -> Any:
        """The value with the text of every number, also in arrays that were read as binary ones."""
        return _small(self._text, self.name, self.line, keep=True) if self._text else self.value


def read(source: Source, *, exact: bool = True, nonfinite: bool = False) -> Iterator[Document]:
    """The documents of a source, in order; what is wrong with one is its `error`, and the rest go on.

    `exact` keeps every number's text (`Plain`), except in arrays of more than some 20,000 characters, which are
    float64 arrays; without it numbers of JSON are plain Python ones. Raises RequestError where the source as a whole
    cannot be read.
    """
    documents: Iterator[Document] = reader(source)(source, exact=exact, nonfinite=nonfinite)
    return documents


def reader(source: Source) -> Callable[..., Iterator[Document]]:
    """The function that reads a source's format. Raises RequestError where the package that it takes is missing."""
    if (package := source.format.needs) and _is_missing(package):
        what = f"a {source.format.name} document is read by way of {package}, which is not installed"
        refuse(source.name, what, f"install it: pip install {package}")
    module, name = source.format.reader.split(":")
    function: Callable[..., Iterator[Document]] = getattr(import_module(module), name)
    return function


def _is_missing(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is None


def of_text(source: Source, *, exact: bool, nonfinite: bool) -> Iterator[Document]:
    """The documents of a text: between lines of `---`, or each a line."""
    text = source.text_or_lines()
    pieces = _documents(text) if isinstance(text, str) else _json_lines(text, source.name)
    documents = _numbered(pieces, source.name, exact, nonfinite)
    return _or_print(text, documents, source.name) if source.guess and isinstance(text, str) else documents


def _or_print(text: str, documents: Iterator[Document], name: str) -> Iterator[Document]:
    """The documents of a text, or the array that it prints where it is no document."""
    if not may_be_print(text):
        yield from documents
        return
    from convgrad.documents.printed import print_in

    first = next(documents)
    printed = print_in(name, text, first.value if first.error is None else first.error)
    yield first if printed is None else printed
    if printed is None:
        yield from documents


def _index(text: str, path: Path, key: bool) -> int:
    """Where a value begins in a text; large arrays are passed over where the way does not lead into one."""
    from convgrad.documents import lifting
    from convgrad.documents.events import find

    regions = list(lifting.regions(text))
    rest, tokens = lifting.tokenized(text, regions)
    index, depth = find(rest, path, key=key)
    if not regions or depth == len(path):
        return lifting.original(index, regions, tokens)
    return find(text, path, key=key)[0]


def _numbered(pieces: Iterator[Any], name: str, exact: bool, nonfinite: bool) -> Iterator[Document]:
    for number, (line, text) in enumerate(pieces, 1):
        if isinstance(text, Exception):
            yield Text(name, number, None, text, line)
            continue
        try:
            yield Text(name, number, value(text, name, line, exact, nonfinite), None, line, text)
        except Exception as error:  # also a bug or a lack of memory is this document's, and the rest go on
            yield Text(name, number, None, error, line, text)


def _json_lines(lines: Iterator[bytes], name: str) -> Iterator[tuple[int, str | Exception]]:
    """The lines that are not blank, with their numbers."""
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            yield number, decoded(line, name, number)
        except Exception as error:
            yield number, error


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """The parts of a text between `---` lines, with the line each begins on; parts without content are skipped."""
    parts = list(_parts(text)) if MARKER in text or text.startswith("---") else [(1, text)]
    filled = [part for part in parts if not _is_empty(part[1])]
    yield from filled or parts[:1]


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text cut before each `---`, which stays where a value follows on its line."""
    start, line = 0, 1
    for cut in [*_markers(text), len(text)]:
        yield line, _ended(text[start:cut])
        line, start = line + text.count("\n", start, cut), cut


def _ended(text: str) -> str:
    """The text up to the `...` that ends it, where directives for the next document follow."""
    end = END.search(text)
    return text[: end.start() + 1] if end and _is_empty(text[end.start() :]) else text


def _markers(text: str) -> Iterator[int]:
    """Where lines begin that separate documents."""
    at = 0 if text.startswith("---") else text.find(MARKER) + 1
    while at or text.startswith("---"):
        if text[at + 3 : at + 4].strip() == "":
            yield at
        at = text.find(MARKER, at + 1) + 1
        if not at:
            return


def _after_marker(text: str) -> str:
    return text[3:] if text.startswith("---") and not text[3:4].strip() else text


def _is_empty(text: str) -> bool:
    body = _after_marker(text)
    end = EMPTY.match(body)
    return end is not None and end.end() == len(body)


def value(text: str, name: str, line: int, exact: bool = True, nonfinite: bool = False) -> Any:
    """The value of one document's text: large arrays first, the rest quickly where it is JSON, else carefully."""
    if len(text) >= LARGE:
        from convgrad.documents.lifting import lifted as lifted_from

        lifted = lifted_from(text, lambda rest: _small(rest, name, line, keep=True))
        if lifted is not None:
            return lifted[0]
    return _small(text, name, line, keep=exact or _may_overflow(text), nonfinite=nonfinite)


def _plainest(text: str) -> dict[str, Any] | None:
    """The value of the plainest YAML, which needs no YAML library: comments, and keys with numbers or a word."""
    lines = [line.rstrip(" \t\r") for line in text.split("\n")]
    found = [PLAINEST.fullmatch(line) for line in lines if line and not line.startswith("#")]
    if not found or not all(found):
        return None
    try:
        value = {match[1]: Plain(match[3]) if match[3] else _KEEP.decode(match[2]) for match in found if match}
    except (ValueError, RecursionError):
        return None
    return value if len(value) == len(found) else None


def _small(text: str, name: str, line: int, *, keep: bool, nonfinite: bool = False) -> Any:
    if keep and (plain := _plainest(text)) is not None and not _is_deep(plain, DEPTH):
        return plain
    body = _after_marker(text)
    if body.lstrip()[:1] in ("{", "["):
        try:
            if "\\u" in body and HALF_A_PAIR.search(body):
                raise ValueError("half of a surrogate pair")
            value = (_KEEP if keep else _NATIVE_NONFINITE if nonfinite else _NATIVE).decode(body)
            if _is_flat(body) or not _is_deep(value, DEPTH):
                return value
        except (ValueError, RecursionError):
            pass  # the careful reader says what is wrong, or reads what is YAML and no JSON
    from convgrad.documents.events import tree

    return tree(text, name, line)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key is there twice")
    return value


def _decoder(number: Callable[[str], Any] | None, constant: Callable[[str], Any] | None) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_float=number, parse_int=number, parse_constant=constant or Plain
    )


_KEEP = _decoder(Plain, Plain)
_NATIVE = _decoder(None, Plain)
_NATIVE_NONFINITE = _decoder(None, float)


def _may_overflow(text: str) -> bool:
    """Whether a number may be beyond float64's range, seen without reading one."""
    if FAR_EXPONENT.search(text):
        return True
    return any(text[start : start + BLOCK].isdigit() for start in range(0, len(text) - BLOCK + 1, BLOCK))


def _is_flat(text: str) -> bool:
    """Whether there are too few brackets for a deep document."""
    return text.count("[") + text.count("{") <= DEPTH


def _is_deep(value: Any, levels: int) -> bool:
    """Whether mappings and lists nest deeper than so many levels."""
    inner = [value] if type(value) in NESTED else []
    for _ in range(levels):
        if not inner:
            return False
        parts = (part.values() if type(part) is dict else part for part in inner)
        inner = [item for part in parts for item in part if type(item) in NESTED]
    return bool(inner)


NESTED = (dict, list)
