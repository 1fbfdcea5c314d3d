"""Which of the arrays of a file are meant, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse

SHOWN = 20


def chosen(source: Source, names: Mapping[str, Any], read: Callable[[Any], tuple[Any, str]]) -> Document:
    """Of named arrays the one asked for, the only one, or all, as a document; `read` gives an array and its type."""
    if source.member is None and len(names) != 1:
        if not names:
            refuse(source.name, "the file has no array")
        return Document(source.name, 1, {name: read(entry)[0] for name, entry in names.items()})
    name = source.member if source.member is not None else next(iter(names))
    if name not in names:
        refuse_member(source, "array", names)
    array, dtype = read(names[name])
    document = Document(source.name, 1, array)
    document.dtype = dtype
    return document


def refuse_member(source: Source, what: str, names: Iterable[str]) -> None:
    """Raise the RequestError about a name that is not there."""
    known = list(names)
    close = difflib.get_close_matches(str(source.member), known, n=1)
    has = f"did you mean {close[0]}?" if close else f"it has {', '.join(known[:SHOWN])}" if known else "it has none"
    refuse(source.name, f"the file has no {what} '{source.member}'", has)
