"""The JSON Schemas of what `mistakes` puts out: the catalogue, and in JSON Lines one of its mistakes."""

from __future__ import annotations

from convgrad.documents.schemas import Schema, closed
from convgrad.vocabulary import MISTAKEN, OPERATIONS

ARRAY: Schema = {"enum": list(MISTAKEN)}
OPERATION: Schema = {"enum": list(OPERATIONS)}


def _listed(items: Schema, description: str, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "description": description}


WAY = closed(
    {
        "arrays": _listed(ARRAY, "those that come out wrong"),
        "operations": _listed(OPERATION, "those that it happens to"),
        "what": {"type": "string", "description": "what is done: it is what comes out when …"},
        "fix": {"type": "string", "description": "what to do"},
        "needs": _listed({"type": "string"}, "what a case must have to show it; nothing where any will do", 0),
    },
    ["arrays", "operations", "what", "fix", "needs"],
    "a way in which it happens, which differs by array or operation",
)
MISTAKE = {
    "id": {"type": "string", "description": "its name, as in diagnosis and blind_to"},
    "arrays": _listed(ARRAY, "those that it concerns"),
    "ways": _listed(WAY, "how it happens"),
}


def schemas_of_mistakes() -> dict[str, Schema]:
    """The catalogue, and a line of it."""
    listing = {
        "type": {"const": "result"},
        "schema": {"const": "convgrad.mistakes/1"},
        "op": {"anyOf": [{"type": "null"}, OPERATION], "description": "the operation that was asked for"},
        "mistakes": {"type": "array", "items": closed(MISTAKE, list(MISTAKE)), "minItems": 1},
    }
    line = {"type": {"const": "mistake"}, **MISTAKE}
    return {
        "mistakes": closed(listing, ["schema", "op"], "the mistakes that check can name; in JSON Lines each is a line"),
        "mistake": closed(line, list(line), "a line of JSON Lines"),
    }
