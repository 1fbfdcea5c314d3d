"""Documents: text and files to plain values that know their places, and records back to text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convgrad.documents.document import Document
    from convgrad.documents.output import write_atomically
    from convgrad.documents.places import render
    from convgrad.documents.reading import read
    from convgrad.documents.sources import Source, source
    from convgrad.documents.writing import chunks, element, json_text

__all__ = ["Document", "Source", "chunks", "element", "json_text", "read", "render", "source", "write_atomically"]

_HOMES = {
    "Document": "document",
    "read": "reading",
    "Source": "sources",
    "source": "sources",
    "render": "places",
    "chunks": "writing",
    "element": "writing",
    "json_text": "writing",
    "write_atomically": "output",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
