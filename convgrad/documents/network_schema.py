"""The published JSON Schemas of the network document, and of what `network` and `explain` put out of it."""

from __future__ import annotations

from convgrad.documents.schemas import (
    ARITHMETIC,
    DIAGNOSIS,
    FINDING,
    NUMBERS,
    TERM,
    VERDICT,
    WINNING,
    Schema,
    claims,
    closed,
    described,
    described_all,
)
from convgrad.vocabulary import (
    ARITHMETICS,
    CLAIMING,
    FREE,
    INDICES,
    LAYER_SETTINGS,
    LAYERS,
    LOSSES,
    NOTES,
    OPERATIONS,
    RATES,
    REDUCTIONS,
    SETTINGS,
    keys_of_case,
)

NUMBER: Schema = {"$ref": "#/$defs/number"}
LEFT_ALONE: Schema = {"description": "left alone"}
NAMED = "of max-unpool: where each number goes, or the name of a max pool before it whose winners these are"
UNREAD = tuple(key for key in FREE if key != "name")
NAME: Schema = {"type": "string", "pattern": r"^[^.\[\]]*[^.\[\]\s][^.\[\]]*$"}


def _operation() -> Schema:
    return {"enum": [*OPERATIONS, *LAYERS]}


def _layer() -> Schema:
    keys = keys_of_case()
    op = (
        "the operation, conv when there is a kernel; softmax runs over the channels (features), without a channel axis "
        "over every cell"
    )
    return closed(
        {
            "name": {**NAME, "description": "what it is called; without one, by operation and place, as in relu3"},
            "op": {"description": op, **_operation()},
            "dims": described(keys["dims"]),
            "layout": {**described(keys["layout"]), "description": "the network's, with letters of this kernel"},
            "kernel": {"description": "w, as in a case document; of a dense layer (out, in)", **NUMBERS},
            "bias": {"description": "b; a layer without one has none to update", **NUMBERS},
            **described_all(SETTINGS | LAYER_SETTINGS),
            INDICES: {"description": NAMED, "anyOf": [NAME, NUMBERS]},
            **dict.fromkeys(UNREAD, LEFT_ALONE),
        },
        [],
        "one operation with its settings, in the names of the case document",
    )


LOSS = closed(
    {
        "op": {"enum": list(LOSSES), "description": "mse is half the squared error, 1/2 sum (t-y)^2; "
               "cross-entropy takes logits"},
        "target": {"description": "of the output's shape; for cross-entropy also class numbers, from 0", **NUMBERS},
        "reduction": {"enum": list(REDUCTIONS), "description": "whether samples are added up, or averaged"},
        **dict.fromkeys(FREE, LEFT_ALONE),
    },
    ["op", "target"],
)  # fmt: skip
CLAIMED = {
    **claims("output", "delta", "dX", "dW", "db", "kernel", "bias", INDICES),
    "description": "arrays of the layer; kernel and bias are those after the step",
}
RATE: Schema = {"type": ["number", "string"], "description": "at least 0"}


def _network() -> Schema:
    keys = keys_of_case()
    axes = {"minimum": 0, "description": "number of spatial axes of the input, where no layer tells; 0 for features"}
    properties = {
        "input": {"description": "x, of any of the three ranks of the case document", **NUMBERS},
        "dims": {**described(keys["dims"]), **axes},
        "layout": described(keys["layout"]),
        "layers": {"type": "array", "items": _layer(), "minItems": 1},
        "loss": LOSS,
        "delta": {"description": "dL/dy at the output, in place of a loss", "anyOf": [{"const": "ones"}, NUMBERS]},
        **{name: {**RATE, "description": rate.plain} for name, rate in RATES.items()},
        "mode": {**described(SETTINGS["mode"]), "description": "of every layer that does not say its own"},
        "arithmetic": {"enum": list(ARITHMETICS)},
        "claim": {
            "description": "by layer, what somebody else computed, to be checked",
            "type": "object",
            "additionalProperties": CLAIMED,
        },
        **{name: described(keys[name]) for name in CLAIMING[1:]},
        **dict.fromkeys(NOTES, LEFT_ALONE),
        "id": described(keys["id"]),
    }
    return {
        "description": "a chain of layers with an input, and a loss or the delta at its output",
        **closed(properties, ["input", "layers"]),
        "oneOf": [{"required": ["loss"]}, {"required": ["delta"]}],
    }


PARAMETERS = closed({"kernel": NUMBERS, "bias": NUMBERS}, ["kernel"])
STEP = closed(
    {
        "type": {"const": "step"},
        "step": {"type": "integer", "minimum": 1},
        "loss": {"description": "after the step; null where delta is given", "anyOf": [{"type": "null"}, NUMBER]},
        "arithmetic": ARITHMETIC,
        "parameters": {"type": "object", "additionalProperties": PARAMETERS},
    },
    ["step", "loss", "arithmetic", "parameters"],
)


def _output_layer() -> Schema:
    return closed(
        {
            "name": NAME,
            "op": _operation(),
            "arithmetic": closed({"output": ARITHMETIC, "gradients": ARITHMETIC}, ["output", "gradients"]),
            "output": NUMBERS,
            INDICES: WINNING,
            "delta": {"description": "what arrives at the output", **NUMBERS},
            "dX": {"description": "what is handed on to the layer before", **NUMBERS},
            "dW": NUMBERS,
            "db": NUMBERS,
            "updated": {"description": "the parameters after the step", **PARAMETERS},
            "overlays": {"type": "array"},
        },
        ["name", "op", "arithmetic", "output", "delta", "dX"],
    )


def _listed_letters() -> Schema:
    return {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}


def _output() -> Schema:
    return closed(
        {
            "type": {"const": "result"},
            "schema": {"const": "convgrad.network/1"},
            "id": {"description": "the document's id, unchanged"},
            "arithmetic": {**ARITHMETIC, "description": "exact where all of it is; else what it ends in"},
            "loss": {"description": "null where delta is given", "anyOf": [{"type": "null"}, NUMBER]},
            "layout": {"description": "the axes in letters, where the document told them", **_listed_letters()},
            "layers": {"type": "array", "items": _output_layer(), "minItems": 1},
            "steps": {"type": "array", "items": STEP},
        },
        ["schema", "id", "arithmetic", "loss", "layers"],
    )


SENDER = closed(
    {
        "entry": {"type": "string"},
        "from": {"description": "the sum of the layer above that hands it down", "type": "string"},
        "value": NUMBER,
        "terms": {"type": "array", "items": TERM},
    },
    ["entry", "from", "value", "terms"],
)


def _explain() -> Schema:
    return closed(
        {
            "type": {"const": "result"},
            "schema": {"const": "convgrad.explain/1"},
            "id": {"description": "the document's id, unchanged"},
            "layer": NAME,
            "op": {"description": "of loss, which one", "enum": [*_operation()["enum"], *LOSSES]},
            "arithmetic": ARITHMETIC,
            "entry": {"type": "string"},
            "value": NUMBER,
            "terms": {"type": "array", "items": TERM},
            "deltas": {
                "description": "each delta among the terms, as the sum that it is",
                "type": "array",
                "items": SENDER,
            },
        },
        ["schema", "id", "layer", "op", "arithmetic", "entry", "value", "terms"],
    )


OF_LAYER: Schema = {"layer": NAME}
CHECK = closed(
    {
        "type": {"const": "result"},
        "schema": {"const": "convgrad.network-check/1"},
        "id": {"description": "the document's id, unchanged"},
        "arithmetic": ARITHMETIC,
        "verdict": VERDICT,
        "evaluations": {"type": "integer", "minimum": 0, "description": "forward passes"},
        "findings": {
            "type": "array",
            "items": {
                **FINDING,
                "properties": OF_LAYER | FINDING["properties"],
                "required": ["layer", *FINDING["required"]],
            },
        },
        "diagnosis": {
            "type": "array",
            "items": {
                **DIAGNOSIS,
                "properties": {
                    **OF_LAYER,
                    **DIAGNOSIS["properties"],
                    "given": {"type": "string", "description": "the claim above or below that this takes for given"},
                },
                "required": ["layer", *DIAGNOSIS["required"]],
            },
        },
    },
    ["schema", "id", "arithmetic", "verdict", "evaluations", "findings", "diagnosis"],
)


def schemas_of_networks() -> dict[str, Schema]:
    """Those of the network document, and of what is put out of one."""
    return {
        "network": _network(),
        "network-output": _output(),
        "network-explain": _explain(),
        "network-check": CHECK,
    }
