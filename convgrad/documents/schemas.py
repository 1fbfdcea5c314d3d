"""The published JSON Schemas: of the case document, and of what each command puts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import (
    ANYTHING,
    ARITHMETICS,
    ARRAY,
    BOOLEAN,
    CELLS,
    CHOICE,
    DELTA,
    DIVISOR,
    EXACT_NUMBER,
    INDICES,
    LARGEST,
    LENGTHS,
    LETTERS,
    NUMBER,
    OPERATIONS,
    PADDING,
    PER_AXIS,
    RESULTS,
    SETTINGS,
    WHOLE,
    Setting,
    keys_of_case,
    needing,
)

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ONE_NUMBER: Schema = {
    "description": "a number; in exact arithmetic, where its decimals never end, a string p/q",
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^[-+]?[0-9]+/[0-9]+$"},
        {"enum": ["NaN", "Infinity", "-Infinity"]},
    ],
}
NESTED: Schema = {
    "description": "a number, or nested lists of numbers, every row as long as the next",
    "anyOf": [{"$ref": "#/$defs/number"}, {"type": "array", "items": {"$ref": "#/$defs/array"}}],
}
BLANKED: Schema = {
    "description": "an array in which null is a cell of the padding that holds no number (max pools)",
    "anyOf": [{"type": "null"}, {"$ref": "#/$defs/number"}, {"type": "array", "items": {"$ref": "#/$defs/blanked"}}],
}
DEFINITIONS = {"number": ONE_NUMBER, "array": NESTED, "blanked": BLANKED}
ARITHMETIC: Schema = {"enum": list(ARITHMETICS[1:]), "description": "the kind of number computed in"}
NUMBERS: Schema = {"$ref": "#/$defs/array"}
WINNING = {"description": "the cell that wins in each window, by its number in its plane", **NUMBERS}
ID: Schema = {"description": "the case's id, unchanged"}


def schema(name: str) -> Schema:
    """The JSON Schema of `case`, or of what `forward`, `backward`, `explain` or `check` put out.

    `overlay` is a line of JSON Lines with an overlay, `error` what stands for a refused case among many, and
    `installation` what a check without a case puts out, `checks` that of a model's layers in Python.

    Raises RequestError for a name that is none of these.
    """
    from convgrad.documents.grade_schema import schemas_of_grading  # these are made of the parts that are below
    from convgrad.documents.mistakes_schema import schemas_of_mistakes
    from convgrad.documents.network_schema import schemas_of_networks

    schemas = _schemas() | schemas_of_networks() | schemas_of_mistakes() | schemas_of_grading()
    if name not in schemas:
        raise RequestError(Problem(f"there is no schema '{name}'", f"one of {', '.join(schemas)}"))
    return {"$schema": DRAFT, "title": f"convgrad {name}", **schemas[name], "$defs": DEFINITIONS}


def _whole(least: int, description: str = "") -> Schema:
    return {"type": "integer", "minimum": least} | ({"description": description} if description else {})


def _choice(description: str, *words: str) -> Schema:
    return {"enum": list(words), "description": description}


def _operation(*names: str) -> Schema:
    """Holds of documents that name one of these operations."""
    return {"properties": {"op": {"enum": list(names)}}, "required": ["op"]}


def _described(what: Schema, description: str) -> Schema:
    return {"description": description, **what}


def closed(properties: Schema, required: list[str], description: str = "") -> Schema:
    """A mapping of these keys and no others."""
    found = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return _described(found, description) if description else found


def listed(items: Schema, **more: Any) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items, **more}


AXES = {"type": "string", "pattern": "^[A-Za-z]{3,}$"}
PAIR = listed({"type": "integer"}, minItems=2, maxItems=2)
SUMMARY: Schema = {
    "description": "numbers that sum an array up",
    "type": "object",
    "properties": {key: {"$ref": "#/$defs/number"} for key in ("mean", "sum", "min", "max", "norm")},
    "additionalProperties": False,
    "minProperties": 1,
}


def claims(*names: str) -> Schema:
    """Claimed arrays of these names; null is an entry not claimed, `dW[0,1]` a slice of one."""
    array: Schema = {"anyOf": [{"$ref": "#/$defs/blanked"}, SUMMARY]}
    slices = {f"^({'|'.join(names)})\\[[-0-9:, ]+\\]$": {"$ref": "#/$defs/blanked"}}
    return {
        "type": "object", "properties": dict.fromkeys(names, array), "patternProperties": slices,
        "additionalProperties": False,
    }  # fmt: skip


def _kept(setting: Setting) -> Schema:
    return {"anyOf": [_whole(setting.least), {"type": "null"}]}


KINDS: dict[str, Callable[[Setting], Schema]] = {
    PER_AXIS: lambda setting: {"anyOf": [_whole(setting.least), listed(_whole(setting.least), minItems=1)]},
    LENGTHS: lambda setting: {"anyOf": [_whole(setting.least), listed(_kept(setting), minItems=1)]},
    PADDING: lambda setting: {
        "anyOf": [
            {"type": "integer"},
            {"enum": list(setting.choices)},
            listed({"anyOf": [{"type": "integer"}, PAIR]}, minItems=1),
        ]
    },
    WHOLE: lambda setting: {"type": "integer", **_bounds(setting)},
    DIVISOR: lambda setting: {"type": ["integer", "null"], "not": {"const": 0}},
    NUMBER: lambda setting: {"type": "number", **_bounds(setting)},
    EXACT_NUMBER: lambda setting: {"$ref": "#/$defs/number"},
    BOOLEAN: lambda setting: {"type": "boolean"},
    CHOICE: lambda setting: {"enum": list(setting.choices)},
    ARRAY: lambda setting: NUMBERS,
    CELLS: lambda setting: NUMBERS,
    DELTA: lambda setting: {"anyOf": [{"const": "ones"}, NUMBERS]},
    ANYTHING: lambda setting: {},
    LETTERS: lambda setting: {"anyOf": [AXES, listed(AXES, minItems=1, maxItems=3)]},
}
"""What a key may be, by its kind."""


def described(setting: Setting) -> Schema:
    """The schema of a key, with its default where that is the same for all operations."""
    default = {} if setting.default is None or setting.otherwise else {"default": setting.default}
    return _described(KINDS[setting.kind](setting), setting.plain) | default


def described_all(settings: Mapping[str, Setting]) -> dict[str, Schema]:
    """The schemas of keys by name."""
    return {name: described(setting) for name, setting in settings.items()}


def _bounds(setting: Setting) -> Schema:
    return {"minimum": setting.least} | ({"maximum": setting.most} if setting.most < LARGEST else {})


def _case() -> Schema:
    keys = keys_of_case()
    return {
        "description": "one operation with its arrays",
        "type": "object",
        "required": ["input"],
        "properties": {**described_all(keys), "claim": _described(claims(*RESULTS, INDICES), keys["claim"].plain)},
        "allOf": list(_needs()),
        "additionalProperties": False,
    }


def _needs() -> Iterator[Schema]:
    """What the operations need: without one it is a convolution."""
    yield {"if": {"properties": {"op": {"enum": needing("w")}}}, "then": {"required": ["kernel"]}}
    for name, setting in SETTINGS.items():
        if setting.required:
            yield {"if": _operation(*needing(name)), "then": {"required": [name]}}


INDEX = listed(_whole(0))


LISTS = (PER_AXIS, LENGTHS)
"""Kinds that are a whole number for each axis, once they are resolved."""


def _resolved() -> Schema:
    lists = {name: listed(_whole(setting.least)) for name, setting in SETTINGS.items() if setting.kind in LISTS}
    settings = {**described_all(SETTINGS), **lists, "padding": listed(PAIR), "layout": listed(AXES, maxItems=2)}
    return closed({"dims": _whole(1), **settings}, ["dims"], "the settings as resolved: same has become numbers")


def _head() -> dict[str, Schema]:
    return {
        "id": ID,
        "op": _choice("the operation", *OPERATIONS),
        "arithmetic": ARITHMETIC,
        "settings": _resolved(),
    }


CELL = listed({"type": "integer"})
OVERLAY = closed(
    {
        "type": {"const": "overlay"},
        "sample": _whole(0),
        "position": _described(INDEX, "where it sits, in strides"),
        "cells": _described(listed(CELL), "per axis the first cell under it and one past the last, padding counted"),
        "window": _described({"$ref": "#/$defs/blanked"}, "the cells under it (conv-transpose: delta there)"),
        "delta": NUMBERS,
        "x": _described(NUMBERS, "conv-transpose: the cell of the input that is laid on the output"),
        "dW": NUMBERS,
        "db": NUMBERS,
        "dX": _described(NUMBERS, "what it adds to the cells under it"),
        "winner": _described({"type": "array"}, "max pools: per channel the cell, or the cells, that delta goes to"),
        "divisor": {"type": "integer", "description": "average pools"},
    },
    ["sample", "position", "cells", "window", "dX"],
    "one placement of the window, and what it adds",
)


def _output(name: str, properties: dict[str, Schema], required: list[str]) -> Schema:
    head = {"type": {"const": "result"}, "schema": {"const": f"convgrad.{name}/1"}}
    return closed(head | properties, ["schema", "id", "op", "arithmetic", *required])


TERM = closed(
    {
        "sample": {"type": ["integer", "null"]},
        "position": _described({"anyOf": [INDEX, {"type": "null"}]}, "the overlay that it comes from"),
        "tap": _described({"anyOf": [INDEX, {"type": "null"}]}, "the entry of the kernel, or of the window"),
        "factors": listed(
            closed(
                {
                    "name": {"enum": ["delta", "w", "x", "b", "divisor", "slope", "y", "softmax", "target"]},
                    "index": _described({"anyOf": [INDEX, {"type": "null"}]}, "null for a cell of the padding"),
                    "value": {"$ref": "#/$defs/blanked"},
                },
                ["name", "index", "value"],
            )
        ),
        "value": {"$ref": "#/$defs/blanked"},
        "note": {"type": "string"},
    },
    ["sample", "position", "tap", "factors", "value"],
)
ENTRY = closed(
    {
        "index": INDEX,
        **{name: {"$ref": "#/$defs/number"} for name in ("claimed", "correct", "error", "allowed")},
        "overlays": listed(closed({"sample": _whole(0), "position": INDEX}, ["sample", "position"])),
    },
    ["index", "claimed", "correct", "error", "allowed"],
    "one entry compared, its index in the array's own rank",
)
VERDICT = _choice("undecided: a tie or a kink, where no gradient exists, or a claim that says too little",
                  "agrees", "differs", "undecided")  # fmt: skip
COUNTS = {"entries": _whole(0), "wrong": _whole(0)}
FINDING = closed(
    {
        "array": {"type": "string"},
        "against": {"enum": ["finite differences", "claim"]},
        **COUNTS,
        "verdict": VERDICT,
        "worst": {"anyOf": [{"type": "null"}, ENTRY]},
        "undecided": _whole(1, "entries at a tie or a kink"),
        "kinks": listed({"type": "object"}),
        "vague": _described({"const": True}, "the claim's digits or its type are too coarse to tell anything"),
        "allowed_by": {
            "type": "string",
            "description": "what the allowed error comes from: digits, a type, an "
            "accumulator, an algorithm, printed inputs",
        },
        "units": _described({"type": ["number", "null"]}, "the largest error, in units of what is allowed there"),
        "told": listed({"type": "string"}, description="how the errors came about, as far as they tell"),
        "outside": _whole(1, "entries that changed outputs which they cannot reach"),
        "shapes": _described({"type": "object"}, "where a claim has another shape than it must"),
        "all": listed(ENTRY),
        "allowed": _described(NUMBERS, "what each entry may be off by"),
    },
    ["array", "against", *COUNTS, "verdict", "worst"],
    "one array compared, against finite differences (ours) or a claim (somebody else's)",
)
DIAGNOSIS: Schema = {
    "description": "what a wrong claim comes from; what more there is depends on the mistake",
    "type": "object",
    "required": ["array", "mistake", "matches", "entries", "message", "fix"],
    "properties": {
        "array": {"type": "string"},
        "mistake": _described({"type": ["string", "null"]}, "its name in the catalogue; null where none matches"),
        "matches": _whole(0, "entries that it explains"),
        "entries": _whole(0),
        "message": {"type": "string"},
        "fix": {"type": "string"},
        "evidence": _described(
            closed({"tell": _whole(0), "match": _whole(0)}, ["tell", "match"]),
            "entries that tell the mistake from the truth, and how many of them match it",
        ),
        "chance": _described({"type": "number"}, "false explanations to be expected among those that were tried"),
        "parts": _described(listed({"type": "object"}), "how often parts of the sum count, where not all count once"),
        "alternatives": listed({"type": "string"}),
        "likely": _described(listed({"type": "string"}), "ways of mistakes that would give numbers too few to tell"),
    },
}
STRENGTH = closed(
    {
        "catches": _whole(0),
        "of": _whole(0),
        "blind_to": listed({"type": "string"}),
        "spots": listed({"type": "string"}, description="what hides some of the ways in which mistakes happen"),
    },
    ["catches", "of", "blind_to"],
    "how many of the catalogue's mistakes the case could have revealed",
)
CHECKSUM = closed(
    {
        "equation": {"type": "string"},
        "left": {"$ref": "#/$defs/number"},
        "right": {"$ref": "#/$defs/number"},
        "holds": {"type": "boolean"},
        "fails": listed({"type": "object"}),
    },
    ["equation", "left", "right", "holds"],
)
ERROR = closed(
    {
        "id": ID,
        "error": closed(
            {
                "message": {"type": "string"},
                "line": {"type": ["integer", "null"], "minimum": 1, "description": "of the document"},
            },
            ["message", "line"],
        ),
    },
    ["id", "error"],
    "what stands in the place of a case that was refused, among many",
)
MISSED = closed(
    {
        **{key: {"type": "string"} for key in ("array", "mistake", "variant")},
        "named": _described({}, "what was named in its place"),
    },
    ["array", "mistake", "variant", "named"],
    "a mistake that was planted, and not named",
)


def _installation() -> Schema:
    case = {
        "id": ID,
        "op": _head()["op"],
        "verdict": VERDICT,
        "evaluations": _whole(0, "forward passes"),
        "planted": _whole(0, "mistakes that were planted"),
        "missed": listed(MISSED),
    }
    properties = {
        "schema": {"const": "convgrad.installation/1"},
        "verdict": _choice("whether nothing is wrong, and nothing was missed", "agrees", "differs"),
        "every": {"type": "boolean", "description": "whether mistakes were planted wherever they show, or each once"},
        "cases": listed(closed(case, list(case))),
    }
    return closed(properties, list(properties), "what the installation computes on its built-in cases")


def _checks() -> Schema:
    properties = {
        "schema": {"const": "convgrad.checks/1"},
        "verdict": _described(VERDICT, "differs if any does"),
        "checks": listed(_described({"type": "object"}, "what is in schema check, or network-check")),
    }
    return closed(properties, list(properties), "checks of several cases, such as the layers of a model")


SAVED: Schema = {
    "description": "the array that went to a .npy file: the output of forward, the dX of backward",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": ["output", "dX"]},
    "additionalProperties": closed(
        {
            "file": {"type": "string"},
            "shape": listed(_whole(0)),
            "dtype": {"enum": ["float64", "float32"]},
        },
        ["file", "shape", "dtype"],
    ),
}


def _schemas() -> dict[str, Schema]:
    """Every schema by name, of the operations and settings that there are."""
    head = _head()
    return {
        "case": _case(),
        "forward": _output("forward", {**head, "output": NUMBERS, INDICES: WINNING}, ["settings", "output"]),
        "backward": _output(
            "backward",
            {**head, **dict.fromkeys(RESULTS, NUMBERS), INDICES: WINNING, "overlays": listed(OVERLAY)},
            ["settings", "output", "dX"],
        ),
        "saved": _output(
            "saved", {**head, **dict.fromkeys(("dW", "db"), NUMBERS), "saved": SAVED}, ["settings", "saved"]
        ),
        "explain": _output(
            "explain",
            {
                **{name: head[name] for name in ("id", "op", "arithmetic")},
                "entry": {"type": "string"},
                "value": {"$ref": "#/$defs/number"},
                "terms": listed(TERM),
            },
            ["entry", "value", "terms"],
        ),
        "check": _output("check", {**head, **CHECKED}, ["settings", *(name for name in CHECKED if name != "sample")]),
        "overlay": {**OVERLAY, "required": ["type", *OVERLAY["required"]]},
        "error": ERROR,
        "checks": _checks(),
        "installation": _installation(),
    }


CHECKED: dict[str, Schema] = {
    "verdict": VERDICT,
    "evaluations": _whole(0, "forward passes"),
    "sample": _described({"type": "object"}, "which entries were differenced, where not all"),
    "findings": listed(FINDING),
    "diagnosis": listed(DIAGNOSIS),
    "strength": STRENGTH,
    "checksums": listed(CHECKSUM),
}
