"""Large arrays in a text: read in chunks, by their regularity, and lifted out of what the other readers see.

A reader that looks at every number in Python takes five times as long as one that looks at none. Here a region of a
text that holds nothing but numbers, brackets, commas and dashes becomes an array at once if its structure is regular,
and one short token in the text. Whatever is not quite regular stays where it is, for the careful reader to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from convgrad.core.arithmetic import Array, Plain
from convgrad.documents.cells import DEPTH, flow_array
from convgrad.documents.document import LARGE
from convgrad.errors import RequestError

CHUNK = 1 << 20

CELL = r"\[\]0-9eE+\-., \t\r\n"
RUN = re.compile(rf"(?<![{CELL}])[{CELL}]{{{LARGE},}}")
BLANKS = re.compile(r"[ \t\r\n]*")
DASHES = re.compile(r"(?:^|\n)( *(?:- +)+)(?=[\[0-9.+-])")


class Region(NamedTuple):
    """Part of a text that may be an array: where it is, what stays before the token, and the prefix of its first row.

    In a block the prefix is the dashes that open its first row; a list of one item stays, so that the careful reader
    still sees that a list may begin there.
    """

    start: int
    stop: int
    kept: str = ""
    prefix: str = ""


def lifted(text: str, read: Callable[[str], Any]) -> tuple[Any] | None:
    """The value of a text whose large arrays are regular, in a tuple; None where there are none, or anything is odd."""
    found = [(region, array) for region in regions(text) if (array := _array(text, region)) is not None]
    if not found:
        return None
    rest, tokens = tokenized(text, [region for region, _ in found])
    arrays = {token: (array, bool(region.prefix)) for token, (region, array) in zip(tokens, found, strict=True)}
    try:
        value = _filled(read(rest), arrays, 0)
    except RequestError:
        return None
    return None if arrays else (value,)


def regions(text: str) -> Iterator[Region]:
    """The parts of a text that are long enough, and hold nothing that is not part of an array."""
    for run in RUN.finditer(text):
        region = _region(text, *run.span())
        if region is not None and region.stop - region.start >= LARGE:
            yield region


def _region(text: str, start: int, stop: int) -> Region | None:
    bracket = text.find("[", start, stop)
    dashes = DASHES.search(text, start, stop if bracket < 0 else bracket + 1)
    if dashes is None:
        return Region(bracket, text.rfind("]", start, stop) + 1) if bracket >= 0 else None
    end = _end_of_lines(text, start, stop)
    first, prefix = dashes.start(1), dashes[1]
    if end <= first or prefix.count("-") > DEPTH:
        return None
    return Region(first, end, " " * prefix.index("-") + "- ", prefix)


def _end_of_lines(text: str, start: int, stop: int) -> int:
    """The end of the last whole line of text[start:stop], without the blanks at its end."""
    end = stop if stop == len(text) else text.rfind("\n", start, stop)
    while end > start and text[end - 1] in " \r\n":
        end -= 1
    return end


def tokenized(text: str, regions: Iterable[Region]) -> tuple[str, list[str]]:
    """The text with a token in place of each region: a number that no one would write, and that is nowhere else."""
    regions = list(regions)
    edges = [0, *(edge for region in regions for edge in (region.start, region.stop)), len(text)]
    others = [text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]
    base = "7e770"
    while any(base in part for part in others):
        base += "7"
    tokens = [f"{base}{count}" for count in range(len(regions))]
    put = (f"{region.kept}{token}{after}" for region, token, after in zip(regions, tokens, others[1:], strict=True))
    return "".join([others[0], *put]), tokens


def original(index: int, regions: Iterable[Region], tokens: Iterable[str]) -> int:
    """An index in a text with tokens, as the index in the text itself."""
    for region, token in zip(regions, tokens, strict=True):
        if index <= region.start + len(region.kept) + len(token):
            break
        index += region.stop - region.start - len(region.kept) - len(token)
    return index


def _array(text: str, region: Region) -> Array | None:
    if text.lstrip()[:1] not in ("[", "{") and _has_odd_blanks(text, region):
        return None
    if region.prefix:
        return flow_array(_unblocked(text, region), dashes=region.prefix.count("-"))
    return flow_array(_pieces(text, region))


def _has_odd_blanks(text: str, region: Region) -> bool:
    """Whether in it or after it are tabs or lone carriage returns, which in YAML may be errors or ends of lines."""
    after = BLANKS.match(text, region.stop)
    part = (region.start, after.end() if after else region.stop)
    return text.count("\r", *part) > text.count("\r\n", *part) or text.find("\t", *part) >= 0


def _pieces(text: str, region: Region) -> Iterator[str]:
    """The text of a flow array between commas some way apart."""
    start = region.start
    while start < region.stop:
        cut = text.find(",", min(start + CHUNK, region.stop), region.stop)
        end = region.stop if cut < 0 else cut
        yield text[start:end]
        start = end + 1


def _unblocked(text: str, region: Region) -> Iterator[str]:
    """A block of dashes as a flow array, in which braces and semicolons stand for the dashes; cut at semicolons."""
    levels = [column for column, char in enumerate(region.prefix) if char == "-"]
    leaf = "[" if text[region.start + len(region.prefix)] == "[" else ""
    swaps = [_swap(region.prefix, levels, level, leaf) for level in range(len(levels))]
    start, held = region.start + len(region.prefix), "{" * len(levels)
    while start < region.stop:
        cut = text.find("\n", min(start + CHUNK, region.stop), region.stop)
        end = region.stop if cut < 0 else cut
        before, semicolon, after = _swapped(text[start:end], swaps, leaf).partition(";")
        if semicolon:
            yield held + before
        held = after if semicolon else held + before
        start = end
    yield held + "}" * len(levels)


def _swap(prefix: str, levels: list[int], level: int, leaf: str) -> tuple[str, str]:
    """The dashes that open a row at a level, and the braces that close and open lists there."""
    inner = len(levels) - 1 - level
    dashes = "\n" + " " * levels[level] + prefix[levels[level] :]
    return dashes + leaf, f"{'}' * inner};{'{' * inner}{leaf}"


def _swapped(piece: str, swaps: list[tuple[str, str]], leaf: str) -> str:
    for dashes, braces in swaps:
        piece = piece.replace(dashes, braces)
    # Among numbers a line without a dash is one that goes on, or should not be there: no number, in any case.
    return "?" if "\n" in piece and not leaf else piece


def _filled(value: Any, arrays: dict[str, tuple[Array, bool]], depth: int) -> Any:
    """The value with its tokens, each once, replaced by their arrays; those used are taken out of `arrays`."""
    if isinstance(value, Plain) and not arrays.get(value, (None, True))[1]:
        return _taken(value, arrays, depth)
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], Plain) and arrays.get(value[0], (None, False))[1]:
            return _taken(value[0], arrays, depth)
        value[:] = [_filled(item, arrays, depth + 1) for item in value]
    elif isinstance(value, dict):
        value.update({key: _filled(item, arrays, depth + 1) for key, item in value.items()})
    return value


def _taken(token: str, arrays: dict[str, tuple[Array, bool]], depth: int) -> Any:
    """The array of a token, unless that makes the document too deep: then the token stays, and with it the doubt."""
    return arrays.pop(token)[0] if depth + arrays[token][0].ndim <= DEPTH else token
