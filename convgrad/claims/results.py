"""A result of ours as a claim, so that two programs, or two settings, can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.nested import Numbers, read_numbers
from convgrad.core.record import Mapped
from convgrad.errors import Path, Problem, RequestError
from convgrad.subject.layout import GRADIENTS

CASES = ("convgrad.forward/1", "convgrad.backward/1", "convgrad.saved/1")
NETWORK = "convgrad.network/1"
OTHERS = {
    "convgrad.explain/1": "explain", "convgrad.check/1": "check", "convgrad.network-check/1": "check",
    "convgrad.installation/1": "check",
}  # fmt: skip
CLAIMS = "a claim is what forward, backward or network wrote, or a mapping with any of output, dW, db, dX"


def claimed(given: Any) -> Any:
    """The arrays that a result claims, a record or what it wrote, of a network's by layer; any other claim as it is.

    They are in the type that they were computed in, by which they are judged: a result drops trailing zeros, so its
    digits do not say how well it is known. Raises RequestError for what is no array, and for results without any.
    """
    given = given.streamed() if isinstance(given, Mapped) else given
    schema = given.get("schema") if isinstance(given, Mapping) else None
    if not isinstance(schema, str):
        return given
    if schema in OTHERS:
        raise RequestError(Problem(f"this is what `{OTHERS[schema]}` wrote", CLAIMS, ("claim",)))
    if schema in CASES:
        return _typed(given, ("output", *GRADIENTS), given.get("arithmetic"), ("claim",))
    if schema == NETWORK and all(isinstance(_mapping(layer).get("name"), str) for layer in _layers(given)):
        return {
            layer["name"]: _of_layer(layer, ("claim", "layers", place)) for place, layer in enumerate(_layers(given))
        }
    return given


def _layers(result: Mapping[str, Any]) -> list[Any]:
    layers = result.get("layers")
    return layers if isinstance(layers, list) else []


def _of_layer(layer: Mapping[str, Any], path: Path) -> dict[str, Array]:
    """What a layer puts out, its gradients, and its stepped parameters, each in its own arithmetic."""
    kinds, updated = (_mapping(layer.get(key)) for key in ("arithmetic", "updated"))
    output = _typed(layer, ("output",), kinds.get("output"), path)
    gradients = _typed(layer, GRADIENTS, kinds.get("gradients"), path)
    return output | gradients | _typed(updated, ("kernel", "bias"), kinds.get("gradients"), (*path, "updated"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _typed(record: Mapping[str, Any], names: Iterable[str], arithmetic: Any, path: Path) -> dict[str, Array]:
    """Arrays in the type that they were computed in; what was exact is written as the nearest float64."""
    kind = np.dtype("float32" if arithmetic == "float32" else "float64")
    return {name: _read(record[name], (*path, name)).as_array(kind) for name in names if name in record}


def _read(array: Any, path: Path) -> Numbers:
    try:
        return read_numbers(array, nonfinite=True)  # whether it may be infinite is for the reader of claims to say
    except RequestError as error:
        raise RequestError(problem.under(*path) for problem in error.problems) from None
