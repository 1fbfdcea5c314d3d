"""Values as the text of a document: JSON, YAML on one line, YAML in blocks."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.values import Raw

PLAIN = re.compile(r"[A-Za-z_][\w-]*\Z")
JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?\Z")
STYLES = {"flow": 4, "json": 3, "block": 3, "rows": 2}


def spelled(choices: Choices, value: Any, style: str = "") -> str:
    """The text of a document."""
    style = style or choices.weighted(STYLES)
    if style in ("block", "rows") and isinstance(value, dict) and value:
        return "".join(f"{_key(key)}:{_block(part, style == 'rows')}\n" for key, part in value.items())
    return flow(value, strict=style == "json")


def flow(value: Any, *, strict: bool = False) -> str:
    """The text on one line; `strict` is JSON, in which what is no number of its own is in quotes."""
    if isinstance(value, dict):
        pairs = (f"{_key(key, strict=strict)}: {flow(part, strict=strict)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([flow(part, strict=strict) for part in value]) + "]"
    if isinstance(value, Raw):
        return str(value) if not strict or JSON_NUMBER.match(value) else json.dumps(value)
    if isinstance(value, str):
        return value if not strict and PLAIN.match(value) else json.dumps(value)
    return json.dumps(value)


def _key(key: Any, *, strict: bool = False) -> str:
    if isinstance(key, Raw):
        return json.dumps(key) if strict else str(key)
    return key if not strict and PLAIN.match(key) else json.dumps(key)


def _block(value: Any, rows: bool) -> str:
    """What follows a key: a list with a row a line, layers with an item each, or all on the line of the key."""
    if isinstance(value, list) and value and (rows or isinstance(value[0], dict)):
        return "".join(f"\n  - {flow(part)}" for part in value)
    return " " + flow(value)
