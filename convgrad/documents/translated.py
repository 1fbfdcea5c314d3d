"""A document in somebody else's words, as one in ours, whose parts are where they are in theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convgrad.documents.document import Document
from convgrad.errors import Path, Point, RequestError
from convgrad.subject.dialects import Spoken, spoken


class Translated(Document):
    """A document of a dialect; what is wrong with it in its own words is its error."""

    __slots__ = ("_dialect", "_document", "_theirs")

    def __init__(self, document: Document, dialect: str) -> None:
        super().__init__(document.name, document.number, document.value, document.error, document.line)
        self._document, self._dialect = document, dialect
        self._theirs: Mapping[str, str] = {}
        if self.error is None and isinstance(self.value, Mapping):
            try:
                self.value, self._theirs = self._spoken(self.value)
            except RequestError as error:
                self.error = document.placed(error)

    def _spoken(self, value: Mapping[str, Any]) -> Spoken:
        return spoken(value, self._dialect)

    def locate(self, path: Path, *, key: bool = False) -> Point:
        """Where the value at a path is, by the key that it has there; the whole for what is a default."""
        theirs = self._theirs.get(str(path[0])) if path else None
        return self._document.locate((theirs, *path[1:]) if theirs else (), key=key and theirs is not None)

    @property
    def is_long(self) -> bool:
        return self._document.is_long

    def exact(self) -> Any:
        """The value with the text of every number, in our words."""
        value = self._document.exact()
        return self._spoken(value).document if isinstance(value, Mapping) else value
