"""The text of a record that may break off: how far it is, and what ends it so that the whole stays readable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any

from convgrad.documents import chunks, json_text

STRUCTURE = r'"(?:[^"\\]|\\.)*"|[][{}]'
CLOSING = {"[": "]", "{": "}"}


class Nothing:
    """A text that is no record, and stays as it is where it breaks off."""

    @property
    def is_cut(self) -> bool:
        """Whether what was written so far is the beginning of a record."""
        return False

    def follow(self, parts: Iterator[str]) -> Iterator[str]:
        """The same parts, taken note of."""
        return parts

    def ended(self, error: Mapping[str, Any]) -> Iterator[str]:
        """What ends the text, an `error` its last key."""
        return iter(())


class Unfinished(Nothing):
    """A record on its way out, in parts that are whole words.

    The last part is looked at only when there is one more or the text breaks off: most records are one part.
    """

    def __init__(self) -> None:
        self.begun, self.last, self.waiting = False, "", ""
        self.open: list[str] = []

    def follow(self, parts: Iterator[str]) -> Iterator[str]:
        """The same parts, taken note of."""
        for part in parts:
            self._note()
            self.waiting, self.begun = part, True
            yield part

    def _note(self) -> None:
        for word in re.findall(STRUCTURE, self.waiting):
            if word in CLOSING:
                self.open.append(word)
            elif word in "]}":
                self.open.pop()
        self.last, self.waiting = self.waiting.rstrip()[-1:] or self.last, ""

    def _completed(self) -> str:
        """What the innermost list or mapping still waits for."""
        self._note()
        if self.last == ":" or (self.last == "," and self.open[-1:] == ["["]):
            return " null"  # with its space: YAML takes `a:null` for a word
        return '"error": null' if self.last == "," and len(self.open) > 1 else ""

    def _closed(self, depth: int) -> str:
        """The brackets that close all but the outermost so many."""
        return "".join(CLOSING[bracket] for bracket in reversed(self.open[depth:]))


class UnfinishedJson(Unfinished):
    """A record in JSON."""

    @property
    def is_cut(self) -> bool:
        self._note()
        return bool(self.open)

    def ended(self, error: Mapping[str, Any]) -> Iterator[str]:
        yield self._completed() + self._closed(1)
        yield f'{"" if self._takes_a_key() else ", "}"error": {json_text(error)}}}'

    def _takes_a_key(self) -> bool:
        """Whether the record itself has just been opened, or has a comma already."""
        return len(self.open) == 1 and self.last in "{,"


class UnfinishedLine(UnfinishedJson):
    """A record as a line of JSON."""

    def ended(self, error: Mapping[str, Any]) -> Iterator[str]:
        yield from super().ended(error)
        yield "\n"


class UnfinishedYaml(Unfinished):
    """A record in YAML, which goes on as long as nothing else begins."""

    @property
    def is_cut(self) -> bool:
        return self.begun

    def ended(self, error: Mapping[str, Any]) -> Iterator[str]:
        yield self._completed() + self._closed(0) + "\nerror:\n"
        yield indent("".join(chunks(error, "yaml")), "  ")
