"""A document in somebody else's words, as one in ours, whose parts are where they are in theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convgrad.documents.document import Document
from convgrad.errors import Path, Point, RequestError
from convgrad.subject.dialects import Spoken
from convgrad.subject.network_dialects import translated


class Translated(Document):
    """A document of a dialect; what is wrong with it in its own words is its error."""

    __slots__ = ("_dialect", "_document", "_layers", "_theirs")

    def __init__(self, document: Document, dialect: str) -> None:
        super().__init__(document.name, document.number, document.value, document.error, document.line)
        self._document, self._dialect = document, dialect
        self._theirs: Mapping[str, str] = {}
        self._layers: tuple[tuple[int, Mapping[str, str]], ...] = ()
        if self.error is None and isinstance(self.value, Mapping):
            try:
                self.value, self._theirs, self._layers = self._spoken(self.value)
            except RequestError as error:
                self.error = document.placed(error)

    def _spoken(self, value: Mapping[str, Any]) -> Spoken:
        return translated(value, self._dialect)

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where the value at a path is, by the key that it has there; the whole for what is a default."""
        if path[:1] == ("layers",) and len(path) > 1 and self._layers:
            return self._in_layer(path, key)
        theirs = self._theirs.get(str(path[0])) if path else None
        return self._document.locate((theirs, *path[1:]) if theirs else (), key=key and theirs is not None)

    def _in_layer(self, path: Path, key: bool) -> Point:
        number, theirs = self._layers[int(path[1])]
        known = theirs.get(str(path[2])) if len(path) > 2 else None
        return self._document.locate(("layers", number, *((known, *path[3:]) if known else ())),
                                     key=key and known is not None)  # fmt: skip

    @property
    def is_long(self) -> bool:
        return self._document.is_long

    def exact(self) -> Any:
        """The value with the text of every number, in our words."""
        value = self._document.exact()
        return self._spoken(value).document if isinstance(value, Mapping) else value
