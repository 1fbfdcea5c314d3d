"""Convolutions and pools of ONNX models: a node with its attributes and initializers is a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

import numpy as np

from convgrad.documents.binary import carefully, numbers, refuse_damaged
from convgrad.documents.document import Document
from convgrad.documents.sources import Source, refuse
from convgrad.documents.tensors.named import SHOWN, refuse_member
from convgrad.documents.tensors.number_types import decoded, require_known, size_of
from convgrad.documents.tensors.protobuf import Fields, fields, floats, integers, signed, text
from convgrad.subject import onnx_words

GRAPH, OPSETS = 7, 8
NODE, INITIALIZER, INPUT, OUTPUT, BETWEEN = 1, 5, 11, 12, 13
TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "text", 9: "booleans",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex numbers", 15: "complex numbers",
    16: "bfloat16", 17: "float8_e4m3fn", 19: "float8_e5m2",
}  # fmt: skip
NARROWER = {"float16": "<u2", "bfloat16": "<u2", "float8_e4m3fn": "u1", "float8_e5m2": "u1"}
"""Types whose bits stand in whole numbers, where a tensor has no bytes."""
MOST_AXES = 32
MOST_NUMBERS = 1 << 26


@dataclass(frozen=True)
class Node:
    """An operation of a graph."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def called(self) -> tuple[str, ...]:
        """What it may be asked for by."""
        return tuple(filter(None, (self.name, *self.outputs)))


def of_onnx(source: Source, **_: bool) -> Iterator[Document]:
    """Of an .onnx model the convolution or pool that is named, or the only one, as a document without its input."""
    return iter([Document(source.name, 1, carefully(source, _case))])


def _case(source: Source) -> dict[str, Any]:
    model = fields(memoryview(source.data()))
    if GRAPH not in model:
        refuse_damaged(source.name)
    graph = fields(model[GRAPH][-1])
    nodes = [_node(fields(part)) for part in graph.get(NODE, [])]
    node = _chosen(source, nodes)
    tensors = {text(tensor.get(8, [])): tensor for tensor in map(fields, graph.get(INITIALIZER, []))}
    tensors |= _constants(nodes)
    used = {name: _tensor(tensors[name], f"{source.name}:{name}") for name in node.inputs[1:] if name in tensors}
    winners = node.kind == "MaxPool" and len(node.outputs) > 1
    try:
        operands = [used.get(name) for name in node.inputs[1:]]
        attributes = dict(node.attributes)
        if node.kind == "ConvTranspose" and (size := _lengths(graph, node.inputs[1:2])):
            attributes.setdefault("kernel_shape", size)
        lengths, output = (_lengths(graph, names[:1]) for names in (node.inputs, node.outputs))
        return onnx_words.case(node.kind, attributes, operands, lengths, output, winners)
    except onnx_words.Unread as error:
        _refuse(source, node, str(error))


def _lengths(graph: Fields, name: tuple[str, ...]) -> tuple[int, ...] | None:
    """The spatial axes of what goes between nodes, by its name, where the graph tells all of them."""
    for told in map(fields, (part for number in (INPUT, OUTPUT, BETWEEN) for part in graph.get(number, []))):
        if name != (text(told.get(1, [])),):
            continue
        tensor = _inner(_inner(told, 2), 1)
        dims = [fields(dim).get(1, [0])[-1] for dim in _inner(tensor, 2).get(1, [])]
        return tuple(dims[2:]) if len(dims) > 2 and all(dims[2:]) else None
    return None


def _inner(message: Fields, number: int) -> Fields:
    return fields(message[number][-1]) if number in message else {}


def _refuse(source: Source, node: Node, message: str) -> NoReturn:
    named = f" {node.called[0]}" if node.called else ""
    refuse(source.name, f"the {node.kind}{named}: {message}", "write the case as a document")


def _chosen(source: Source, nodes: list[Node]) -> Node:
    """The node that is named, or the only one that is a convolution or a pool."""
    known = [node for node in nodes if node.kind in onnx_words.OPERATIONS]
    if source.member is not None:
        for node in known:
            if source.member in node.called:
                return node
        refuse_member(source, "convolution or pool", [node.called[0] for node in known if node.called])
    if len(known) == 1:
        return known[0]
    names = ", ".join(node.called[0] for node in known[:SHOWN] if node.called)
    what = f"it has {len(known)} convolutions and pools" if known else "it has no convolution or pool"
    return refuse(source.name, what, f"name one after a colon: {names}" if known else "")


def _node(node: Fields) -> Node:
    attributes = {text(part.get(1, [])): _attribute(part) for part in map(fields, node.get(5, []))}
    inputs, outputs = (tuple(text([part]) for part in node.get(number, [])) for number in (1, 2))
    return Node(text(node.get(3, [])), text(node.get(4, [])), inputs, outputs, attributes)


def _attribute(part: Fields) -> Any:
    """The value of an attribute, by the field that holds it."""
    readers: dict[int, Callable[[list[Any]], Any]] = {
        8: integers, 7: lambda values: floats(values, "<f4").tolist(), 3: lambda values: signed(values[-1]),
        2: lambda values: floats(values, "<f4").tolist()[-1], 4: text, 5: lambda values: fields(values[-1]),
    }  # fmt: skip
    return next((read(part[number]) for number, read in readers.items() if number in part), None)


def _constants(nodes: list[Node]) -> dict[str, Fields]:
    """The tensors that are nodes of their own."""
    constants = (node for node in nodes if node.kind == "Constant" and isinstance(node.attributes.get("value"), dict))
    return {name: node.attributes["value"] for node in constants for name in node.outputs}


def _tensor(tensor: Fields, name: str) -> Any:
    """The numbers of a tensor: from its bytes, or from the field of its type."""
    shape = tuple(integers(tensor.get(1, [])))
    dtype = require_known(TYPES.get(tensor.get(2, [0])[-1], "an unknown type"), name)
    if tensor.get(14, [0])[-1] == 1:
        _refuse_external(tensor, name)
    if min(shape, default=0) < 0 or len(shape) > MOST_AXES or prod(shape) > MOST_NUMBERS:
        refuse_damaged(name)
    flat = decoded(tensor[9][-1], dtype) if 9 in tensor else _listed(tensor, dtype)
    if len(flat) != prod(shape) or (9 in tensor and size_of(dtype, shape) != len(tensor[9][-1])):
        refuse(name, f"it has {len(flat)} numbers, but the shape {shape}", "save the model again")
    return numbers(flat.reshape(shape), name)


def _listed(tensor: Fields, dtype: str) -> Any:
    """The numbers of a tensor without bytes."""
    if dtype in ("float32", "float64"):
        field, kind = (4, "<f4") if dtype == "float32" else (10, "<f8")
        return floats(tensor.get(field, []), kind)
    field = 7 if dtype == "int64" else 11 if dtype in ("uint64", "uint32") else 5
    whole = integers(tensor.get(field, []))
    if dtype in NARROWER:
        return decoded(np.array(whole, np.int64).astype(NARROWER[dtype]).tobytes(), dtype)
    return np.array([part & (1 << 64) - 1 for part in whole] if dtype == "uint64" else whole, dtype)


def _refuse_external(tensor: Fields, name: str) -> NoReturn:
    entries = {text(entry.get(1, [])): text(entry.get(2, [])) for entry in map(fields, tensor.get(13, []))}
    message = f"its numbers are in another file, {entries.get('location', 'without a name')}"
    refuse(name, message, "save the model in one file: onnx.save(model, path, save_as_external_data=False)")
