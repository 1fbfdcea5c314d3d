"""Records as text: strict JSON with a row of numbers on a line, JSON Lines, and YAML."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from convgrad.documents.numerals import JSON, SHORT, YAML, Dialect

WIDTH = 116
KEY = 1000  # characters: YAML takes no longer key without a mark of its own
BLOCK = 50_000  # numbers turned into text at a time


def json_text(value: Any) -> str:
    """A value as one line of strict JSON."""
    return "".join(_line(value))


def chunks(value: Any, format: str) -> Iterator[str]:
    """A value as text in parts: `json`, `jsonl` (one line) or `yaml`; an iterator in it is written as it comes."""
    if format == "yaml":
        return _yaml(value, 0)
    return _ended(_line(value) if format == "jsonl" else _json(value, 0))


def element(value: Any) -> Iterator[str]:
    """A value as JSON lays it out among others in a list."""
    return _json(value, 1)


def _ended(parts: Iterator[str]) -> Iterator[str]:
    yield from parts
    yield "\n"


def _line(value: Any) -> Iterator[str]:
    """A value on one line."""
    if isinstance(value, Mapping):
        for count, (key, item) in enumerate(value.items()):
            label, text = f"{', ' if count else '{'}{JSON.word(str(key))}: ", _at_once(item)
            yield label + (text or "")
            yield from _line(item) if text is None else ()
        yield "}" if value else "{}"
    elif (text := _at_once(value)) is not None:
        yield text
    elif isinstance(value, np.ndarray):
        yield from _array(value, JSON, "[" * value.ndim, [f"{']' * k}, {'[' * k}" for k in range(value.ndim)])
        yield "]" * value.ndim if value.size else ""
    else:
        yield from _line_of(value)


def _at_once(value: Any) -> str | None:
    """A value on one line, where all of it is there and not much; None for the rest, which goes part by part."""
    if isinstance(value, np.ndarray):
        return JSON.numbers(value) if value.size <= BLOCK else None
    if isinstance(value, (list, tuple)):
        texts = _all_at_once(value)
        return None if texts is None else f"[{', '.join(texts)}]"
    if JSON.has(value):
        return JSON.scalar(value)
    texts = _all_at_once(value.values()) if isinstance(value, Mapping) else None
    if texts is None:
        return None
    return f"{{{', '.join(f'{JSON.word(str(key))}: {text}' for key, text in zip(value, texts, strict=True))}}}"


def _all_at_once(values: Collection[Any]) -> list[str] | None:
    texts: list[Any] = list(map(_at_once, values)) if len(values) <= SHORT else [None]
    return None if None in texts else texts


def _line_of(items: Iterable[Any]) -> Iterator[str]:
    before = "["
    for item in items:
        yield before
        yield from _line(item)
        before = ", "
    yield "]" if before == ", " else "[]"


def _json(value: Any, column: int) -> Iterator[str]:
    """A value laid out over lines, from a column on."""
    text = JSON.short(value)
    if text is not None:
        yield text
    elif isinstance(value, np.ndarray):
        pads = [",\n" + " " * (column + value.ndim - k) for k in range(value.ndim)]
        between = [", "] + [f"{']' * k}{pads[k]}{'[' * k}" for k in range(1, value.ndim)]
        yield from _array(value, JSON, "[" * value.ndim, between)
        yield "]" * value.ndim if value.size else ""
    elif isinstance(value, Mapping):
        yield from _json_mapping(value, column)
    else:
        yield from _json_list(value, column)


def _json_mapping(value: Mapping[str, Any], column: int) -> Iterator[str]:
    """Short items side by side as far as the line goes, long ones on lines of their own."""
    end = column + 1
    for count, (key, item) in enumerate(value.items()):
        label, text = f"{JSON.word(str(key))}: ", JSON.short(item)
        width = len(label) + len(text or "")
        fits = text is not None and end + 2 + width <= WIDTH
        yield "{" if not count else ", " if fits else ",\n" + " " * (column + 1)
        begin = end + 2 if count and fits else column + 1
        end = begin + width if text is not None else WIDTH
        yield label
        yield from _json(item, begin + len(label)) if text is None else (text,)
    yield "}"


def _json_list(items: Iterable[Any], column: int) -> Iterator[str]:
    if isinstance(items, (list, tuple)) and all(map(JSON.has, items)):
        yield f"[{', '.join(map(JSON.scalar, items))}]"
        return
    before, between = "[", ",\n" + " " * (column + 1)
    for item in items:
        yield before
        yield from _json(item, column + 1)
        before = between
    yield "]" if before == between else "[]"


def _array(array: Any, dialect: Dialect, opening: str, between: list[str]) -> Iterator[str]:
    """An array's text but for its end: `between[k]` stands where k brackets close and open again."""
    if array.size == 0:
        yield dialect.numbers(array)
        return
    yield opening
    yield from _body(array, dialect, between)


def _body(array: Any, dialect: Dialect, between: list[str]) -> Iterator[str]:
    rank = array.ndim
    if array.size <= BLOCK:
        text = dialect.numbers(array)[rank : -rank or None]
        for k in range(rank - 1, 0, -1):
            text = text.replace(f"{']' * k}, {'[' * k}", between[k])
        yield text
        return
    for count, slab in enumerate(_slabs(array)):
        yield between[rank - 1] if count and rank > 1 else ", " if count else ""
        yield from _body(slab, dialect, between[: slab.ndim])


def _slabs(array: Any) -> Iterator[Any]:
    """Parts of an array along its first axis, of some BLOCK numbers; single entries where these are larger."""
    step = BLOCK // (array.size // len(array))
    if step == 0:
        return iter(array)
    return (array[start : start + step] for start in range(0, len(array), step))


def _yaml(value: Any, indent: int) -> Iterator[str]:
    """A value as YAML whose first line has its indent already."""
    text, pad = YAML.short(value), "\n" + " " * indent
    if text is not None:
        yield text + "\n"
    elif isinstance(value, np.ndarray):
        levels = range(1, value.ndim)
        rows = ["", *(f"]{pad}{'  ' * (value.ndim - 1 - k)}{'- ' * k}[" for k in levels)]
        yield from _array(value, YAML, "- " * (value.ndim - 1) + "[", rows)
        yield "]\n" if value.size else "\n"
    elif isinstance(value, Mapping):
        for count, (key, item) in enumerate(value.items()):
            word = YAML.word(str(key))
            yield (pad[1:] if count else "") + (f"{word}:" if len(word) <= KEY else f"? {word}{pad}:")
            yield from _yaml_member(item, indent)
    else:
        yield from _yaml_list(value, indent)


def _yaml_member(item: Any, indent: int) -> Iterator[str]:
    flow = YAML.short(item) is not None or _is_row(item)
    yield " " if flow else "\n" + " " * (indent + 2)
    yield from _yaml(item, indent + 2)


def _is_row(item: Any) -> bool:
    return isinstance(item, np.ndarray) and (item.ndim < 2 or item.size == 0)


def _yaml_list(items: Iterable[Any], indent: int) -> Iterator[str]:
    if isinstance(items, (list, tuple)) and all(map(YAML.has, items)):
        yield f"[{', '.join(map(YAML.scalar, items))}]\n"
        return
    count = 0
    for count, item in enumerate(items, 1):
        yield "- " if count == 1 else " " * indent + "- "
        yield from _yaml(item, indent + 2)
    if not count:
        yield "[]\n"
