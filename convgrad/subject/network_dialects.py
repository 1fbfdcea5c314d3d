"""Networks in the words of PyTorch, Keras, JAX and ONNX, with their defaults, as networks in ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convgrad.core.arithmetic import natural
from convgrad.errors import Problem, RequestError
from convgrad.subject.dialects import (
    DIALECTS,
    Dialect,
    Document,
    Spoken,
    in_our_keys,
    our_claims,
    our_operation,
    spoken,
)
from convgrad.vocabulary import INDICES

Layers = list[Document]
Reader = Callable[[Document], Layers]
"""What a layer without windows is: itself, and what it does besides."""
UNPOOL = "max-unpool"
GEOMETRY = ("window", "stride", "padding", "kernel_shape", "strides", "pads")
"""The window of an unpooling, in our words and in ONNX's."""
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "softmax")


def translated(document: Mapping[str, Any], name: str) -> Spoken:
    """A case or a network of a dialect, in our words. Raises RequestError, with paths in theirs."""
    if not isinstance(document.get("layers"), (list, tuple)):
        return spoken(document, name)
    dialect, problems = DIALECTS[name], []
    ours, theirs = in_our_keys({key: part for key, part in document.items() if key != "layers"}, dialect.keys)
    if isinstance(claims := ours.get("claim"), Mapping):
        ours["claim"] = {layer: our_claims(arrays) for layer, arrays in claims.items()}
    layers: Layers = []
    places: list[tuple[int, Mapping[str, str]]] = []
    for number, layer in enumerate(document["layers"]):
        try:
            made, keys = _layer(layer, dialect, name)
        except RequestError as error:
            problems += [problem.under("layers", number) for problem in error.problems]
            continue
        layers += made
        places += [(number, keys)] * len(made)
    if problems:
        raise RequestError(problems)
    own = next((layer["layout"] for layer in layers if "layout" in layer), None)
    layout = {"layout": own} if own and "layout" not in ours else {}
    return Spoken({**ours, **layout, "layers": layers}, {**theirs, "layers": "layers"}, tuple(places))


def _layer(layer: Any, dialect: Dialect, name: str) -> tuple[Layers, Mapping[str, str]]:
    """A layer in our words, with what it does besides, and its keys in theirs by ours."""
    if not isinstance(layer, Mapping):
        return [layer], {}
    readers = OF_LAYERS[name]
    op = str(layer.get("op", ""))
    own = {"B": "kernel", "C": "bias"} if op == "Gemm" else {}
    ours, theirs = in_our_keys(layer, {**dialect.keys, **own})
    activation = ours.pop("activation", None) if name == "keras" else None
    their_op = our_operation(ours, dialect._replace(operations={**dialect.operations, **_words(readers)}), name, theirs)
    if their_op in readers:
        made = readers[their_op](ours)
    else:
        named = ours["op"] == UNPOOL and isinstance(ours.get(INDICES), str)
        made = [_of_pool(ours)] if named else [dialect.completed(ours, their_op)]
        made += [{"op": "flatten"}] if _is_flat(made[0], their_op, name) else []
    made += _activated(activation) if activation is not None else []
    return _named(made), theirs


def _of_pool(ours: Document) -> Document:
    """An unpooling by the winners of a pool, whose input says how long its output is, and no window of its own."""
    return {key: part for key, part in ours.items() if key not in GEOMETRY}


def _words(readers: Mapping[str, Reader]) -> dict[str, str]:
    """Layers without windows by their words; what they are here their readers say."""
    return {word: word for word in readers}


def _is_flat(layer: Document, their_op: str, name: str) -> bool:
    """Whether a layer of Keras leaves one number a channel, as features; what says so is taken out."""
    return name == "keras" and their_op.startswith("Global") and not natural(layer.pop("keepdims", False))


def _named(layers: Layers) -> Layers:
    """Layers of one: what it does besides is called after it."""
    first, *more = layers
    if "name" not in first:
        return layers
    return [first, *({"name": f"{first['name']}-{layer['op']}", **layer} for layer in more)]


def _activated(word: Any) -> Layers:
    """What a layer of Keras applies to its output."""
    if word == "linear":
        return []
    if word == "leaky_relu":
        return [{"op": "leaky-relu", "slope": 0.2}]
    if word not in ACTIVATIONS:
        message = f"the activation '{word}' is not known here"
        raise RequestError(Problem(message, f"known are {', '.join(ACTIVATIONS)}, leaky_relu", ("activation",)))
    return [{"op": word}]


# -- Layers without windows --------------------------------------------------------------------------------------------


def _plain(op: str, **defaults: Any) -> Reader:
    return lambda ours: [{**defaults, **ours, "op": op}]


def _leaky(key: str, default: float) -> Reader:
    def read(ours: Document) -> Layers:
        slope = ours.pop(key, ours.pop("slope", default))
        return [{**ours, "op": "leaky-relu", "slope": slope}]

    return read


def _turned_dense(ours: Document) -> Layers:
    """A dense layer whose kernel is (in, out)."""
    return [{**ours, "op": "dense"} | ({"kernel": _turned(ours["kernel"])} if "kernel" in ours else {})]


def _turned(rows: Any) -> Any:
    """A matrix with its axes exchanged; what is none stays as it is, to be refused."""
    if hasattr(rows, "T"):
        return rows.T
    is_matrix = isinstance(rows, Sequence) and rows and all(isinstance(row, (list, tuple)) for row in rows)
    if not is_matrix or len(set(map(len, rows))) != 1:
        return rows
    return [list(column) for column in zip(*rows, strict=True)]


def _gemm(ours: Document) -> Layers:
    """y = A B + C; B is (in, out) unless it is told to be transposed."""
    turned = natural(ours.pop("transB", 0))
    for key, needed in (("transA", 0), ("alpha", 1), ("beta", 1)):
        if natural(ours.pop(key, needed)) != needed:
            raise RequestError(Problem(f"a Gemm with another {key} than {needed} is no dense layer", "", (key,)))
    return _plain("dense")(ours) if turned else _turned_dense(ours)


_OF_ALL = {word: _plain(word) for word in ACTIVATIONS}
_CAPITAL = {word.capitalize(): _plain(word) for word in ACTIVATIONS if word != "relu"}
OF_LAYERS: dict[str, dict[str, Reader]] = {
    "torch": {
        **_CAPITAL, "ReLU": _plain("relu"), "LeakyReLU": _leaky("negative_slope", 0.01), "Flatten": _plain("flatten"),
        "Linear": _plain("dense"),
    },
    "keras": {
        **_CAPITAL, "ReLU": _plain("relu"), "LeakyReLU": _leaky("negative_slope", 0.3), "Flatten": _plain("flatten"),
        "Dense": _turned_dense,
    },
    "jax": {
        **_OF_ALL, "leaky_relu": _leaky("negative_slope", 0.01), "flatten": _plain("flatten"), "dense": _turned_dense,
    },
    "onnx": {
        **_CAPITAL, "Relu": _plain("relu"), "LeakyRelu": _leaky("alpha", 0.01), "Flatten": _plain("flatten"),
        "Gemm": _gemm,
    },
}  # fmt: skip
"""By dialect the layers without windows, by their words."""
