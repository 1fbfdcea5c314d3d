"""Damage to text and bytes: characters, tokens and lines lost, repeated, exchanged; encodings, brackets, syntax."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.fuzz.choices import Choices
from tests.fuzz.values import NUMERALS, TEXTS, WORDS

TOKENS = re.compile(r"[\w.+-]+|\s+|.", re.DOTALL)
SYNTAX = (
    ":", ": ", ",", "[", "]", "{", "}", "[[", "]]", "- ", "? ", "#", " #x", "\n", "\n\n", "\r", "\r\n", "\t", "  ", "'",
    '"', "|", ">", "&a ", "*a", "!!int ", "!!str ", "!x ", "---\n", "\n---\n", "...\n", "%YAML 1.2\n---\n", "<<: ",
    "null",
    "~", "\\", "\\u0000", "\\ud800", "//", "/*", "NaN", "-", "+", ".", "e", "=", "@", "`", "\n- ", "\n  ",
    "\nid: 1\n", "\x00",
    "\x85", "\u2028", "\ufeff", "\x1b[31m", "\u00a0", "😀",
)  # fmt: skip
DEPTHS = (40, 70, 300, 3000)


def damaged(choices: Choices, text: str) -> bytes:
    """The text of a document, damaged in one to three places, as bytes."""
    for _ in range(choices.one_of(1, 1, 1, 2, 3)):
        text = choices.weighted(DAMAGES)(choices, text)
    data = text.encode("utf-8", "surrogatepass")
    return choices.weighted(ENCODINGS)(choices, data) if choices.chance(0.1) else data


def damaged_bytes(choices: Choices, data: bytes) -> bytes:
    """Bytes of any kind with a slice cut out, doubled, or overwritten."""
    for _ in range(choices.one_of(1, 1, 2, 3)):
        start, end = _span(choices, len(data))
        other = choices.one_of(
            b"",
            b"",
            data[start:end] * 2,
            bytes([choices.integer(0, 255)]) * (end - start),
            bytes([choices.integer(0, 255)]),
        )
        data = data[:start] + other + data[end:]
    return data[: choices.integer(0, len(data))] if choices.chance(0.2) else data


def _span(choices: Choices, length: int) -> tuple[int, int]:
    """A slice: mostly of a few characters."""
    start = choices.integer(0, max(length - 1, 0))
    return start, min(start + choices.one_of(1, 1, 2, 3, 8, 40), length)


def _cut(choices: Choices, text: str) -> str:
    start, end = _span(choices, len(text))
    return text[:start] + text[end:]


def _double(choices: Choices, text: str) -> str:
    start, end = _span(choices, len(text))
    return text[:end] + text[start:]


def _insert(choices: Choices, text: str) -> str:
    at = choices.integer(0, len(text))
    return text[:at] + choices.of_list(choices.one_of(SYNTAX, SYNTAX, WORDS, NUMERALS, TEXTS)) + text[at:]


def _token(choices: Choices, text: str) -> str:
    """One token replaced by another of the document, or by an odd one."""
    tokens = TOKENS.findall(text)
    if not tokens:
        return text
    tokens[choices.integer(0, len(tokens) - 1)] = choices.of_list(choices.one_of(tokens, SYNTAX, WORDS, NUMERALS))
    return "".join(tokens)


def _character(choices: Choices, text: str) -> str:
    at = choices.integer(0, len(text))
    return text[:at] + chr(choices.one_of(choices.integer(0, 127), choices.integer(0, 0xFFFF))) + text[at + 1 :]


def _truncate(choices: Choices, text: str) -> str:
    return text[: choices.integer(0, len(text))]


def _again(choices: Choices, text: str) -> str:
    """The document twice: side by side, as two, or one in the other."""
    return text + choices.one_of("", "\n", "\n---\n", ", ", "\n...\n") + text


def _deepen(choices: Choices, text: str) -> str:
    depth, at = choices.of_list(DEPTHS), choices.integer(0, len(text))
    opening, closing = choices.one_of(("[", "]"), ("{a: ", "}"), ("[", ""), ("- ", ""), ("{", ""), ("? ", ""))
    return text[:at] + opening * depth + choices.one_of("", "1") + closing * depth + text[at:]


def _lines(choices: Choices, text: str) -> str:
    """Lines ended in another way, or indented otherwise."""
    old, new = choices.one_of(("\n", "\r\n"), ("\n", "\r"), (" ", "\t"), ("\n", "\n "), (", ", ",\n"), (": ", ":"))
    return text.replace(old, new)


DAMAGES: dict[Callable[[Choices, str], str], int] = {
    _cut: 4, _double: 2, _insert: 8, _token: 8, _character: 3, _truncate: 1, _again: 1, _deepen: 1, _lines: 1,
}  # fmt: skip
ENCODINGS: dict[Callable[[Choices, bytes], bytes], int] = {
    damaged_bytes: 4,
    lambda choices, data: b"\xef\xbb\xbf" + data: 2,
    lambda choices, data: data.decode("utf-8", "replace").encode("utf-16"): 1,
    lambda choices, data: data.decode("utf-8", "replace").encode("utf-16-le"): 1,
    lambda choices, data: data.decode("utf-8", "replace").encode("utf-32"): 1,
    lambda choices, data: b"\x1f\x8b" + data: 1,
}
