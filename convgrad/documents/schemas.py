"""The published JSON Schemas: of the case document, and of what each command puts out."""

from __future__ import annotations

from typing import Any

from convgrad.errors import Problem, RequestError

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
NUMBER: Schema = {
    "description": "a number; in exact arithmetic, where its decimals never end, a string p/q",
    "anyOf": [
        {"type": "number"},
        {"type": "string", "pattern": r"^[-+]?[0-9]+/[0-9]+$"},
        {"enum": ["NaN", "Infinity", "-Infinity"]},
    ],
}
ARRAY: Schema = {
    "description": "a number, or nested lists of numbers, every row as long as the next",
    "anyOf": [{"$ref": "#/$defs/number"}, {"type": "array", "items": {"$ref": "#/$defs/array"}}],
}
BLANKED: Schema = {
    "description": "an array in which null is a cell of the padding that holds no number (max pools)",
    "anyOf": [{"type": "null"}, {"$ref": "#/$defs/number"}, {"type": "array", "items": {"$ref": "#/$defs/blanked"}}],
}
DEFINITIONS = {"number": NUMBER, "array": ARRAY, "blanked": BLANKED}
OPERATION_NAMES = [
    "conv", "conv-transpose", "max-pool", "average-pool", "lp-pool", "adaptive-max-pool", "adaptive-average-pool",
]  # fmt: skip
ARITHMETIC: Schema = {"enum": ["exact", "float64", "float32"], "description": "the kind of number computed in"}
ANYTHING: Schema = {"description": "left alone"}
NUMBERS: Schema = {"$ref": "#/$defs/array"}


def schema(name: str) -> Schema:
    """The JSON Schema of `case`, or of what `forward`, `backward`, `explain` or `check` put out.

    `overlay` is a line of JSON Lines with an overlay, `error` what stands for a refused case among many, and
    `installation` what a check without a case puts out.

    Raises RequestError for a name that is none of these.
    """
    from convgrad.documents.network_schema import NETWORKS  # it is made of the parts that are below

    schemas = SCHEMAS | NETWORKS
    if name not in schemas:
        raise RequestError(Problem(f"there is no schema '{name}'", f"one of {', '.join(schemas)}"))
    return {"$schema": DRAFT, "title": f"convgrad {name}", **schemas[name], "$defs": DEFINITIONS}


def _whole(least: int, description: str = "") -> Schema:
    return {"type": "integer", "minimum": least} | ({"description": description} if description else {})


def _per_axis(least: int, description: str) -> Schema:
    items = {"type": "array", "items": _whole(least), "minItems": 1}
    return {"description": description, "anyOf": [_whole(least), items]}


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


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


PAIR = _list(_whole(0), minItems=2, maxItems=2)
PADDING: Schema = {
    "description": "cells on every side, per axis, [before, after] per axis, or a word",
    "anyOf": [
        _whole(0),
        {"enum": ["valid", "same", "same-lower", "full"]},
        _list({"anyOf": [_whole(0), PAIR]}, minItems=1),
    ],
}
SETTINGS: dict[str, Schema] = {
    "stride": _per_axis(1, "one number or one per axis, in cells; a pool's default is its window"),
    "dilation": _per_axis(1, "one number or one per axis, in cells; 1 is dense"),
    "padding": PADDING,
    "padding_mode": _choice("what the padding holds", "zeros", "reflect", "replicate", "circular"),
    "groups": _whole(1, "groups of channels"),
    "mode": _choice("whether the kernel is laid as it is or turned", "cross-correlation", "convolution"),
    "output_padding": _per_axis(0, "conv-transpose: below max(stride, dilation)"),
    "window": _per_axis(1, "pools: the size of the window, in cells"),
    "ceil_mode": {"type": "boolean", "description": "pools: also windows that end past the padding"},
    "count_include_pad": {"type": "boolean", "description": "average pools: whether padding counts"},
    "divisor": {"type": ["integer", "null"], "not": {"const": 0}, "description": "average pools: divide by this"},
    "norm": {"type": "number", "minimum": 1, "description": "Lp pools: the p"},
    "ties": _choice("max pools: who takes delta among equals", "first", "last", "split", "all"),
    "output_size": _per_axis(1, "adaptive pools: the output's length; 1 is global pooling"),
}
CASE: Schema = {
    "description": "one operation with its arrays",
    "type": "object",
    "required": ["input"],
    "properties": {
        "op": _choice("the operation; conv when there is a kernel", *OPERATION_NAMES),
        "dims": _whole(1, "number of spatial axes"),
        "input": _described(NUMBERS, "x, of rank dims, dims+1 (C,*L) or dims+2 (N,C,*L)"),
        "kernel": _described(NUMBERS, "w: (O,C/groups,*K), for conv-transpose (C,O/groups,*K); or (*K)"),
        "bias": _described(NUMBERS, "b: (O,), or one number where O is 1"),
        "delta": {"description": "the upstream gradient dL/dy", "anyOf": [{"const": "ones"}, NUMBERS]},
        **SETTINGS,
        "claim": {
            "description": "what somebody else computed, to be checked",
            "type": "object",
            "properties": dict.fromkeys(("output", "dW", "db", "dX"), NUMBERS),
            "additionalProperties": False,
        },
        "claim_dtype": _choice("the type of the claim", "float64", "float32", "float16", "bfloat16", "tf32"),
        "id": _described({}, "comes back unchanged"),
        **dict.fromkeys(("name", "source", "origin", "note", "expected", "tolerance"), ANYTHING),
    },
    "allOf": [
        {"if": {"properties": {"op": {"enum": ["conv", "conv-transpose"]}}}, "then": {"required": ["kernel"]}},
        {"if": _operation("max-pool", "average-pool", "lp-pool"), "then": {"required": ["window"]}},
        {"if": _operation("adaptive-max-pool", "adaptive-average-pool"), "then": {"required": ["output_size"]}},
    ],
    "additionalProperties": False,
}
INDEX = _list(_whole(0))
RESOLVED = closed(
    {
        "dims": _whole(1),
        **SETTINGS,
        **{name: _list(_whole(1)) for name in ("stride", "dilation", "window", "output_size")},
        "output_padding": _list(_whole(0)),
        "padding": _list(PAIR),
    },
    ["dims"],
    "the settings as resolved: same has become numbers",
)
HEAD: dict[str, Schema] = {
    "id": _described({}, "the case's id, unchanged"),
    "op": _choice("the operation", *OPERATION_NAMES),
    "arithmetic": ARITHMETIC,
    "settings": RESOLVED,
}
CELL = _list({"type": "integer"})
OVERLAY = closed(
    {
        "type": {"const": "overlay"},
        "sample": _whole(0),
        "position": _described(INDEX, "where it sits, in strides"),
        "cells": _described(_list(CELL), "per axis the first cell under it and one past the last, padding counted"),
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
        "factors": _list(
            closed(
                {
                    "name": {"enum": ["delta", "w", "x", "b", "divisor", "slope"]},
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
        "overlays": _list(closed({"sample": _whole(0), "position": INDEX}, ["sample", "position"])),
    },
    ["index", "claimed", "correct", "error", "allowed"],
    "one entry compared, its index in the array's own rank",
)
VERDICT = _choice("undecided: a tie or a kink, where no gradient exists", "agrees", "differs", "undecided")
COUNTS = {"entries": _whole(0), "wrong": _whole(0)}
FINDING = closed(
    {
        "array": {"type": "string"},
        "against": {"enum": ["finite differences", "claim"]},
        **COUNTS,
        "verdict": VERDICT,
        "worst": {"anyOf": [{"type": "null"}, ENTRY]},
        "undecided": _whole(1, "entries at a tie or a kink"),
        "kinks": _list({"type": "object"}),
        "vague": _described({"const": True}, "the claim's digits are too few to tell anything"),
        "outside": _whole(1, "entries that changed outputs which they cannot reach"),
        "shapes": _described({"type": "object"}, "where a claim has another shape than it must"),
        "all": _list(ENTRY),
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
        "parts": _described(_list({"type": "object"}), "how often parts of the sum count, where not all count once"),
        "alternatives": _list({"type": "string"}),
    },
}
STRENGTH = closed(
    {"catches": _whole(0), "of": _whole(0), "blind_to": _list({"type": "string"})},
    ["catches", "of", "blind_to"],
    "how many of the catalogue's mistakes the case could have revealed",
)
CHECKSUM = closed(
    {
        "equation": {"type": "string"},
        "left": {"$ref": "#/$defs/number"},
        "right": {"$ref": "#/$defs/number"},
        "holds": {"type": "boolean"},
        "fails": _list({"type": "object"}),
    },
    ["equation", "left", "right", "holds"],
)
ERROR = closed(
    {
        "id": HEAD["id"],
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
INSTALLATION = closed(
    {
        "schema": {"const": "convgrad.installation/1"},
        "verdict": _choice("whether nothing is wrong, and nothing was missed", "agrees", "differs"),
        "cases": _list(
            closed(
                {
                    "id": HEAD["id"],
                    "op": HEAD["op"],
                    "verdict": VERDICT,
                    "evaluations": _whole(0, "forward passes"),
                    "planted": _whole(0, "mistakes that were planted"),
                    "missed": _list(MISSED),
                },
                ["id", "op", "verdict", "evaluations", "planted", "missed"],
            )
        ),
    },
    ["schema", "verdict", "cases"],
    "what the installation computes on its built-in cases",
)
SAVED: Schema = {
    "description": "the array that went to a .npy file: the output of forward, the dX of backward",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": {"enum": ["output", "dX"]},
    "additionalProperties": closed(
        {
            "file": {"type": "string"},
            "shape": _list(_whole(0)),
            "dtype": {"enum": ["float64", "float32"]},
        },
        ["file", "shape", "dtype"],
    ),
}
SCHEMAS: dict[str, Schema] = {
    "case": CASE,
    "forward": _output("forward", {**HEAD, "output": NUMBERS}, ["settings", "output"]),
    "backward": _output(
        "backward",
        {
            **HEAD,
            **dict.fromkeys(("output", "dW", "db", "dX"), NUMBERS),
            "overlays": _list(OVERLAY),
        },
        ["settings", "output", "dX"],
    ),
    "saved": _output(
        "saved",
        {**HEAD, **dict.fromkeys(("dW", "db"), NUMBERS), "saved": SAVED},
        ["settings", "saved"],
    ),
    "explain": _output(
        "explain",
        {
            **{name: HEAD[name] for name in ("id", "op", "arithmetic")},
            "entry": {"type": "string"},
            "value": {"$ref": "#/$defs/number"},
            "terms": _list(TERM),
        },
        ["entry", "value", "terms"],
    ),
    "check": _output(
        "check",
        {
            **HEAD,
            "verdict": VERDICT,
            "evaluations": _whole(0, "forward passes"),
            "sample": _described({"type": "object"}, "which entries were differenced, where not all"),
            "findings": _list(FINDING),
            "diagnosis": _list(DIAGNOSIS),
            "strength": STRENGTH,
            "checksums": _list(CHECKSUM),
        },
        ["settings", "verdict", "evaluations", "findings", "diagnosis", "strength", "checksums"],
    ),
    "overlay": {**OVERLAY, "required": ["type", *OVERLAY["required"]]},
    "error": ERROR,
    "installation": INSTALLATION,
}
