"""The careful reader: YAML, and JSON as YAML, by libyaml's events, refusing what would be misread without a sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent
from yaml.events import SequenceEndEvent as SequenceEnd
from yaml.events import SequenceStartEvent as SequenceStart

from convgrad.core.arithmetic import NUMBER, Plain
from convgrad.documents.cells import DEPTH
from convgrad.documents.places import place_at
from convgrad.documents.syntax import SEVERAL, translated
from convgrad.errors import Path, Problem, RequestError, excerpt

MOST = 10  # problems reported at once
NO_NAME = re.compile(rf"{NUMBER.pattern}|true|false|null|~|", re.IGNORECASE)
PAIR = re.compile(  # after an odd number of backslashes the last of them is a character
    r"(?<!\\)(?P<others>(?:\\\\)*)(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
LOADER = getattr(yaml, "CLoader", yaml.Loader)
Event = Any


def tree(text: str, name: str, first_line: int = 1) -> Any:
    """The value of a document: mappings, lists, and leaves that keep their text.

    Raises RequestError, with every problem's place.
    """
    reader, single = _Reader(), _as_yaml(text)
    try:
        value = reader.document(single)
    except _Refusal as refusal:
        reader.refusals.append(refusal)
    except yaml.YAMLError as error:
        reader.refusals.append(_too_deep(single, error) or _Refusal(*translated(error, single)))
    if reader.refusals:
        raise RequestError(refusal.problem(name, text, first_line) for refusal in reader.refusals[:MOST])
    return value


def find(text: str, path: Path, *, key: bool = False) -> tuple[int, int]:
    """The index where a value begins, or its key, by reading again up to it; and how much of the path there is."""
    index, depth = 0, 0
    try:
        for depth, index in enumerate(_descent(_events(_as_yaml(text)), path, key)):  # noqa: B007
            pass
    except (yaml.YAMLError, StopIteration, RuntimeError):
        pass  # what was found before the text went wrong
    return _original(text, index), depth


class _Refusal(Exception):
    """A problem at an index of the text."""

    def __init__(self, index: int, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.index, self.message, self.advice = index, message, advice

    def problem(self, name: str, text: str, first_line: int) -> Problem:
        place = place_at(name, text, _original(text, self.index), first_line)
        return Problem(self.message, self.advice, place=place)


class _TooDeep(_Refusal):
    """More levels of nesting than any array has."""


class _Reader:
    """Builds values from events, one level of recursion per level of the document."""

    def __init__(self) -> None:
        self.refusals: list[_Refusal] = []

    def document(self, text: str) -> Any:
        stream = _events(text)
        first = next(stream, None)
        if first is None:
            raise _Refusal(0, "the document is empty", "write a mapping such as `input: [1, 2, 3]`, or an array")
        value = self.node(first, stream, 0)
        for event in stream:
            raise _Refusal(event.start_mark.index, "a second document begins here", SEVERAL)
        return value

    def node(self, event: Event, stream: Iterator[Event], depth: int) -> Any:
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            return Plain(event.value) if not event.style and event.value else event.value if event.style else None
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            self.refuse(event, *_decoration(event))
        if depth >= DEPTH and type(event) in OPENERS:
            raise _TooDeep(event.start_mark.index, f"more than {DEPTH} levels of nesting", "no array here is that deep")
        build = OPENERS.get(type(event))
        return build(self, stream, depth + 1) if build else getattr(event, "value", None)

    def sequence(self, stream: Iterator[Event], depth: int) -> list[Any]:
        items = []
        for event in stream:
            if type(event) is SequenceEnd:
                break
            items.append(self.node(event, stream, depth))
        return items

    def mapping(self, stream: Iterator[Event], depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for event in stream:
            if type(event) is MappingEndEvent:
                break
            key = self.key(event, lines)
            items[key] = self.node(next(stream), stream, depth)
        return items

    def key(self, event: Event, seen: dict[str, int]) -> str:
        if type(event) not in (ScalarEvent, AliasEvent):
            raise _Refusal(event.start_mark.index, "a key must be a word", "write `name: value`")
        if type(event) is AliasEvent:
            self.refuse(event, *_decoration(event))
            return ""
        name = str(self.node(event, iter(()), 0) or "")
        if problem := _wrong_key(event, name):
            self.refuse(event, *problem)
        elif name in seen:
            where = _lines_up(event, seen[name])
            self.refuse(event, f"the key '{excerpt(name)}' is here twice, first {where}", "remove one")
        seen.setdefault(name, event.start_mark.line)
        return name

    def refuse(self, event: Event, message: str, advice: str) -> None:
        self.refusals.append(_Refusal(event.start_mark.index, message, advice))
        if len(self.refusals) >= MOST:
            raise self.refusals.pop()


OPENERS: dict[type, Any] = {SequenceStart: _Reader.sequence, MappingStartEvent: _Reader.mapping}
CLOSERS = (SequenceEnd, MappingEndEvent)
NODES = (ScalarEvent, AliasEvent, *OPENERS, *CLOSERS)


def _too_deep(text: str, error: Any) -> _TooDeep | None:
    """The refusal of levels that open before the place where libyaml, which looks ahead, gave up on them or on more."""
    mark = getattr(error, "problem_mark", None)
    try:
        _Reader().document(text[: mark.index] if mark else "")
    except _TooDeep as refusal:
        return refusal
    except (_Refusal, yaml.YAMLError):
        pass
    return None


def _events(text: str) -> Iterator[Event]:
    """The events that make up values."""
    loader = LOADER(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            if type(event) in NODES:
                yield event
    finally:
        loader.dispose()


def _as_yaml(text: str) -> str:
    """JSON without what YAML would refuse: tabs around the whole, and escapes in pairs for what is beyond 16 bits."""
    body = text.strip()
    if "\t" in text and body[:1] in ("{", "["):
        before, after = text[: -len(text.lstrip())], text[len(text.rstrip()) :]
        text = before.replace("\t", " ") + body + after.replace("\t", " ")
    return PAIR.sub(_joined, text) if "\\u" in text else text


def _joined(pair: re.Match[str]) -> str:
    halves = pair["pair"].encode().decode("unicode_escape")
    return f"{pair['others']}\\U{ord(halves.encode('utf-16', 'surrogatepass').decode('utf-16')):08x}"


def _original(text: str, index: int) -> int:
    """An index in the text as libyaml got it, as the index in the text: each pair of escapes was two longer."""
    if "\\u" in text:
        for pair in PAIR.finditer(text):
            index += 2 * (pair.start("pair") < index)
    return index


def _decoration(event: Event) -> tuple[str, str]:
    anchor = excerpt(str(event.anchor))
    if type(event) is AliasEvent:
        return f"'*{anchor}' repeats another part", "aliases are not read: write the value out"
    if event.anchor is not None:
        return f"'&{anchor}' names a part for repeating", "anchors are not read: leave it out"
    return f"'{excerpt(event.tag)}' is a YAML tag", "tags are not read: leave it out"


def _wrong_key(event: Event, name: str) -> tuple[str, str] | None:
    if not event.style and name == "<<":
        return "'<<' merges another mapping", "merge keys are not read: write the keys out"
    if not event.style and NO_NAME.fullmatch(name):
        what = f"a key must be a word, found '{excerpt(name)}'" if name else "a key is missing before ':'"
        return what, "write `name: value`"
    return None


def _lines_up(event: Event, line: int) -> str:
    up = event.start_mark.line - line
    return "on this line" if up == 0 else f"{up} line{'s' * (up > 1)} above"


def _descent(stream: Iterator[Event], path: Path, key: bool) -> Iterator[int]:
    """The index of each value on the way down a path; last the key's instead, when asked."""
    event = next(stream)
    yield event.start_mark.index
    for left, part in zip(range(len(path) - 1, -1, -1), path, strict=True):
        found = _member(event, stream, part)
        if found is None:
            return
        name, event = found
        yield (name if key and not left else event).start_mark.index


def _member(event: Event, stream: Iterator[Event], part: str | int) -> tuple[Event, Event] | None:
    """The key and value events of a member of what `event` opens; None where it has no such member."""
    mapping = type(event) is MappingStartEvent
    if type(event) not in OPENERS or mapping != isinstance(part, str):
        return None
    for count, name in enumerate(stream):
        if type(name) in CLOSERS:
            return None
        value = next(stream) if mapping else name
        if (getattr(name, "value", None) if mapping else count) == part:
            return name, value
        _skip(value, stream)
    return None


def _skip(event: Event, stream: Iterator[Event]) -> None:
    depth = int(type(event) in OPENERS)
    while depth:
        kind = type(next(stream))
        depth += (kind in OPENERS) - (kind in CLOSERS)
