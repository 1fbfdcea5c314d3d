"""The published JSON Schemas of the network document, and of what `network` and `explain` put out of it."""

from __future__ import annotations

from convgrad.documents.schemas import (
    ANYTHING,
    ARITHMETIC,
    DIAGNOSIS,
    FINDING,
    NUMBERS,
    OPERATION_NAMES,
    SAID_OF_CLAIM,
    SETTINGS,
    TERM,
    VERDICT,
    Schema,
    claims,
    closed,
)

NUMBER: Schema = {"$ref": "#/$defs/number"}
NOTES = dict.fromkeys(("source", "origin", "note", "expected", "tolerance"), ANYTHING)
LAYER_NAMES = ["dense", "flatten", "relu", "leaky-relu", "sigmoid", "tanh", "softplus", "softmax"]
KINDS = [*OPERATION_NAMES, *LAYER_NAMES]
NAME: Schema = {"type": "string", "pattern": r"^[^.\[\]]*[^.\[\]\s][^.\[\]]*$"}


LAYER = closed(
    {
        "name": {**NAME, "description": "what it is called; without one, by operation and place, as in relu3"},
        "op": {
            "description": "the operation, conv when there is a kernel; softmax runs over the channels (features), "
            "without a channel axis over every cell",
            "enum": KINDS,
        },
        "dims": {"type": "integer", "minimum": 1, "description": "number of spatial axes"},
        "kernel": {"description": "w, as in a case document; of a dense layer (out, in)", **NUMBERS},
        "bias": {"description": "b; a layer without one has none to update", **NUMBERS},
        "slope": {"description": "leaky-relu: dy/dx where x <= 0; 0.01 by default", **NUMBER},
        **SETTINGS,
        **NOTES,
    },
    [],
    "one operation with its settings, in the names of the case document",
)
LOSS = closed(
    {
        "op": {"enum": ["mse", "cross-entropy"], "description": "mse is half the squared error, 1/2 sum (t-y)^2; "
               "cross-entropy takes logits"},
        "target": {"description": "of the output's shape; for cross-entropy also class numbers, from 0", **NUMBERS},
        "reduction": {"enum": ["sum", "mean"], "description": "whether samples are added up, or averaged"},
        "name": ANYTHING,
        "id": ANYTHING,
        **NOTES,
    },
    ["op", "target"],
)  # fmt: skip
CLAIMED = {
    **claims("output", "delta", "dX", "dW", "db", "kernel", "bias"),
    "description": "arrays of the layer; kernel and bias are those after the step",
}
RATE: Schema = {"type": ["number", "string"], "description": "at least 0"}
NETWORK: Schema = {
    "description": "a chain of layers with an input, and a loss or the delta at its output",
    **closed(
        {
            "input": {"description": "x, of any of the three ranks of the case document", **NUMBERS},
            "dims": {"type": "integer", "minimum": 1, "description": "number of spatial axes of the input, where no "
                     "layer tells"},
            "layers": {"type": "array", "items": LAYER, "minItems": 1},
            "loss": LOSS,
            "delta": {"description": "dL/dy at the output, in place of a loss", "anyOf": [{"const": "ones"}, NUMBERS]},
            "learning_rate": {**RATE, "description": "of the step w - rate v; without one there is no step"},
            "momentum": {**RATE, "description": "v = momentum v + g, v = g at first; 0 by default"},
            "weight_decay": {**RATE, "description": "g = dW + decay w; 0 by default"},
            "mode": {**SETTINGS["mode"], "description": "of every layer that does not say its own"},
            "arithmetic": {"enum": ["auto", "exact", "float64", "float32"]},
            "claim": {
                "description": "by layer, what somebody else computed, to be checked",
                "type": "object",
                "additionalProperties": CLAIMED,
            },
            **SAID_OF_CLAIM,
            "id": {"description": "comes back unchanged"},
            "name": ANYTHING,
            **NOTES,
        },
        ["input", "layers"],
    ),
    "oneOf": [{"required": ["loss"]}, {"required": ["delta"]}],
}  # fmt: skip
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
OUTPUT_LAYER = closed(
    {
        "name": NAME,
        "op": {"enum": KINDS},
        "arithmetic": closed({"output": ARITHMETIC, "gradients": ARITHMETIC}, ["output", "gradients"]),
        "output": NUMBERS,
        "delta": {"description": "what arrives at the output", **NUMBERS},
        "dX": {"description": "what is handed on to the layer before", **NUMBERS},
        "dW": NUMBERS,
        "db": NUMBERS,
        "updated": {"description": "the parameters after the step", **PARAMETERS},
        "overlays": {"type": "array"},
    },
    ["name", "op", "arithmetic", "output", "delta", "dX"],
)
OUTPUT = closed(
    {
        "type": {"const": "result"},
        "schema": {"const": "convgrad.network/1"},
        "id": {"description": "the document's id, unchanged"},
        "arithmetic": {**ARITHMETIC, "description": "exact where all of it is; else what it ends in"},
        "loss": {"description": "null where delta is given", "anyOf": [{"type": "null"}, NUMBER]},
        "layers": {"type": "array", "items": OUTPUT_LAYER, "minItems": 1},
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
EXPLAIN = closed(
    {
        "type": {"const": "result"},
        "schema": {"const": "convgrad.explain/1"},
        "id": {"description": "the document's id, unchanged"},
        "layer": NAME,
        "op": {"enum": KINDS},
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
NETWORKS: dict[str, Schema] = {
    "network": NETWORK,
    "network-output": OUTPUT,
    "network-explain": EXPLAIN,
    "network-check": CHECK,
}
