"""Odd values: what a document or an option may hold by mistake, or to do harm."""

from __future__ import annotations

import re
from typing import Any

from convgrad.documents.schemas import schema
from tests.fuzz.choices import Choices


class Raw(str):
    """Text that stands in a document as it is, without quotes."""


NINES = "9" * 4301
"""More digits than Python turns into a number, or a number into."""
NUMERALS = (
    *re.findall(
        r"\S+",
        "0 -1 1 2 3 4 7 .5 5. -0.0 +1 --1 1e-3 1e5 1e16 1e160 1e-160 1e308 1e309 5e-324 1e-320 1e400 1e-400 "
        "1e-2000000 0e99999999999999999999 1e99999999999999999999 1/3 -1/2 1/0 0/0 1/ 1/3.5 010 1:30 0x10 0b1 0o7 "
        "1_000 1,5 1e 1e+ 2147483647 2147483648 9007199254740993 9223372036854775807 9223372036854775808 0.1e1 1E2 "
        "18446744073709551616 -2147483648 -9223372036854775809 100000000000000000000 33 100 1000 "
        ".nan .inf -.inf NaN Infinity -Infinity nan",
    ),
    "9" * 400, NINES, "0." + "1" * 4400, "1e" + NINES, "1/" + NINES, "\u22121", "\u0663", "1" + "0" * 300,
)  # fmt: skip
WORDS = (
    (
        "yes no on off true false True null ~ None ones zeros same same-lower full valid causal abc input float16 "
        "2020-01-01 12:30:45 = << - ? *a &a !!int|3 !!str|x !!binary|aGk= !!python/object:os.system|x !!set|{a} !x|1 "
        "&a|1 &a|[1,|2] |- > %YAML @x `x {{x}} $HOME \\ 'x \" # [ ] { } , : :x"
    )
    .replace("|", " ")
    .split(" ")
)
TEXTS = ("", " ", "x" * 5000, "\n", "\t", "\0", "\ud800", "\u2028", "\x85", "\ufeff", "é", "😀", "a b", "1 2", "[1]",
         "[bold]x[/]", "%s", "{0}", "/dev/null", "../x", "NaN", "Infinity", "-Infinity", "1/3", "1",
             "true")  # fmt: skip
CONTAINERS: tuple[Any, ...] = (
    [], {}, [[]], [{}], [[[]]], [1], [2], [1, 1], [1, 2], [[1, 2]], [[1, 1], [1, 1]], [1, 2, 3], [1, 2, 3, 4], [1, [2]],
    [[1], [1, 2]], [None], [True], ["x"], [1, "x"], [0], [-1], [0, 0], [[0, 0]], [0.5], {"x": 1}, {"input": [1]},
    {"dX": [1]}, {"output": 1}, {"op": "relu"}, [[[[[[1]]]]]], [[[1, 2]]], [[[[1]]]], [1] * 40, [[1.5, -2]] * 3,
    {"conv1": {"dW": [1]}}, [Raw(".nan")], [Raw(NINES)],
)  # fmt: skip


def _words_of_schemas() -> tuple[str, ...]:
    """Every word that a key of a document may have as its value."""
    words: dict[str, None] = {}
    waiting: list[Any] = [schema("case"), schema("network")]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            words |= dict.fromkeys(word for word in part.get("enum", ()) if isinstance(word, str))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return tuple(sorted(words))


CHOICES = _words_of_schemas()
CASE_KEYS = tuple(schema("case")["properties"])
NETWORK_KEYS = tuple(schema("network")["properties"])
LAYER_KEYS = tuple(schema("network")["properties"]["layers"]["items"]["properties"])
CLAIM_KEYS = ("output", "dW", "db", "dX", "delta", "kernel", "bias")
ODD_KEYS: tuple[Any, ...] = ("", " ", "Input", "kernal", "dx", "a.b", "a[0]", "x" * 300, "é", "\n", Raw("1"),
    Raw("null"),
                             Raw("true"), Raw("1.5"), Raw("[1]"), Raw("{a: 1}"), Raw("*a"), Raw("<<"), Raw("? x"),
                             Raw(NINES), "\ud800", "schema", "layers", "type", "error")  # fmt: skip


def odd(choices: Choices) -> Any:
    """A value that is hardly ever right where it stands."""
    kind = choices.integer(0, 9)
    if kind < 4:
        return Raw(choices.of_list(NUMERALS))
    if kind < 5:
        return Raw(choices.of_list(WORDS))
    if kind < 6:
        return choices.of_list(CHOICES)
    if kind < 7:
        return choices.of_list(TEXTS)
    if kind < 9:
        return copied(choices.of_list(CONTAINERS))
    return choices.one_of(None, True, False, 0, 1, 2, 3)


def odd_key(choices: Choices) -> Any:
    """A key: one of a document's own, of another's, or nobody's."""
    return choices.of_list(choices.one_of(CASE_KEYS, CASE_KEYS, NETWORK_KEYS, LAYER_KEYS, CLAIM_KEYS, ODD_KEYS))


def copied(value: Any) -> Any:
    """The same value in lists and mappings of its own."""
    if isinstance(value, list):
        return [copied(part) if isinstance(part, (list, dict)) else part for part in value]
    return {key: copied(part) for key, part in value.items()} if isinstance(value, dict) else value
