"""ONNX's operators and attributes, with their defaults, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Unread(Exception):
    """What a node says that has no word here, as its message."""


OPERATIONS = {
    "Conv": "conv", "ConvTranspose": "conv-transpose", "MaxPool": "max-pool", "AveragePool": "average-pool",
    "LpPool": "lp-pool", "GlobalMaxPool": "adaptive-max-pool", "GlobalAveragePool": "adaptive-average-pool",
    "GlobalLpPool": "lp-pool", "MaxUnpool": "max-unpool",
}  # fmt: skip
PER_AXIS = ("kernel_shape", "strides", "pads", "dilations", "output_padding", "output_shape")
KNOWN = {
    **dict.fromkeys(PER_AXIS, list), **dict.fromkeys(("group", "ceil_mode", "count_include_pad", "storage_order"), int),
    "auto_pad": str, "p": (int, float),
}  # fmt: skip
"""The attributes that are read, and what each may be."""
AUTO_PAD = {"VALID": "valid", "SAME_UPPER": "same", "SAME_LOWER": "same-lower"}


def case(
    op: str, attributes: Mapping[str, Any], operands: Sequence[Any] = (), lengths: Sequence[int] | None = None,
    output: Sequence[int] | None = None, winners: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The document of a node, without its input: its settings, kernel and bias, or indices. Raises Unread.

    `lengths` are those of the input's spatial axes, `output` those of its output, where the model tells them; `winners`
    says that it gives its indices as well.

    >>> case("MaxPool", {"kernel_shape": [2, 2], "pads": [1, 0, 0, 0]})["padding"]
    [[1, 0], [0, 0]]
    """
    for name, value in attributes.items():
        _require(name, value)
    ours: dict[str, Any] = {"op": OPERATIONS[op]}
    size = attributes.get("kernel_shape") or lengths
    ours |= {"dims": len(size)} if size else {}
    if op == "GlobalLpPool":
        return ours | {"window": list(_required(lengths, op)), "norm": attributes.get("p", 2)}
    if op.startswith("Global"):
        return ours | {"output_size": 1}
    if op == "MaxUnpool":
        return ours | _unpooled(attributes, operands, lengths, output)
    ours |= _settings(attributes)
    if op == "ConvTranspose":
        return ours | _parameters(attributes, operands) | _transposed(attributes, operands, lengths)
    ours |= {"padding": _padding(attributes)} if "pads" in attributes or "auto_pad" in attributes else {}
    if op == "Conv":
        return ours | _parameters(attributes, operands)
    return ours | _of_pool(op, attributes) | (_winners(attributes) if winners else {})


def _require(name: str, value: Any) -> None:
    """Refuse an attribute that is not known, or is not what it must be."""
    if name not in KNOWN:
        raise Unread(f"the attribute {name} has no word here")
    numbers = value if isinstance(value, (list, tuple)) else [0]
    kind = list if isinstance(value, tuple) else type(value)
    wanted = KNOWN[name]
    if kind not in (wanted if isinstance(wanted, tuple) else (wanted,)) or not all(
        type(part) is int for part in numbers
    ):
        raise Unread(f"{name} is not what it must be: {'whole numbers' if wanted is list else 'one value'}")


def _winners(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """ONNX counts the cells of all planes together, in each row by row, or with storage_order 1 column by column."""
    return {"return_indices": True, "counted": "batch-columns" if attributes.get("storage_order") else "batch"}


def _unpooled(
    attributes: Mapping[str, Any], operands: Sequence[Any], lengths: Sequence[int] | None, output: Sequence[int] | None
) -> dict[str, Any]:
    """Cells are counted in the planes that the windows cover, which lie at the beginning of larger ones."""
    size = _required_size(attributes)
    strides, pads = attributes.get("strides") or [1] * len(size), attributes.get("pads") or [0] * 2 * len(size)
    indices, shape = (*operands, None, None)[:2]
    wanted = output if shape is None else [int(length) for length in shape.ravel()[-len(size) :]]
    ours = {"counted": "batch"} | ({} if indices is None else {"indices": indices})
    if lengths is None and wanted is None:
        _required(lengths, "MaxUnpool without output_shape")
    if lengths is None:
        return ours | {"output_size": wanted}
    rows = zip(lengths, strides, size, pads[: len(size)], pads[len(size) :], strict=True)
    own = [(i - 1) * s + k - before - after for i, s, k, before, after in rows]
    inner = {"counted_in": own} if wanted and list(wanted) != own else {}
    return ours | {"output_size": list(wanted or own)} | inner


def _required_size(attributes: Mapping[str, Any]) -> list[int]:
    if "kernel_shape" not in attributes:
        raise Unread("kernel_shape is missing")
    size: list[int] = attributes["kernel_shape"]
    return size


def _required(lengths: Sequence[int] | None, what: str) -> Sequence[int]:
    if lengths is None:
        raise Unread(f"{what} goes by the size of its input, which the model does not tell")
    return lengths


def _settings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What convolutions and pools alike have."""
    names = {"strides": "stride", "dilations": "dilation"}
    said = {ours: attributes[theirs] for theirs, ours in names.items() if theirs in attributes}
    return {name: value for name, value in said.items() if name == "stride" or set(value) != {1}}


def _padding(attributes: Mapping[str, Any]) -> Any:
    """`pads` has what comes before on every axis, then what comes after."""
    if (word := attributes.get("auto_pad", "NOTSET")) != "NOTSET":
        if word not in AUTO_PAD:
            raise Unread(f"auto_pad is {word}, and no word of ONNX's")
        return AUTO_PAD[word]
    pads = attributes.get("pads", [])
    if len(pads) % 2:
        raise Unread(f"pads has {len(pads)} entries, and not two for each axis")
    half = len(pads) // 2
    return [[before, after] for before, after in zip(pads[:half], pads[half:], strict=True)] or 0


def _parameters(attributes: Mapping[str, Any], operands: Sequence[Any]) -> dict[str, Any]:
    kernel, bias = (*operands, None, None)[:2]
    ours = {name: array for name, array in (("kernel", kernel), ("bias", bias)) if array is not None}
    return ours | ({"groups": attributes["group"]} if "group" in attributes else {})


def _transposed(
    attributes: Mapping[str, Any], operands: Sequence[Any], lengths: Sequence[int] | None
) -> dict[str, Any]:
    """What is cropped: as it is told, or so that the output has its length.

    `output_shape` and `auto_pad: SAME_…`, which is an output of i s cells, say how long the output is; the whole
    output has (i-1) s + K cells, and of what is too many the odd one goes before, for SAME_UPPER after.
    """
    more = attributes.get("output_padding")
    ours = {"output_padding": more} if more and any(more) else {}
    word = attributes.get("auto_pad", "NOTSET")
    if "output_shape" not in attributes and word in ("NOTSET", "VALID"):
        return ours | ({"padding": _padding(attributes)} if "pads" in attributes and word == "NOTSET" else {})
    extents = _extents(attributes, operands)
    strides, more = attributes.get("strides") or [1] * len(extents), more or [0] * len(extents)
    if "output_shape" in attributes:
        cells = zip(_required(lengths, "output_shape"), attributes["output_shape"][-len(extents) :], strict=True)
        beyond = [(i - 1) * s - out for (i, out), s in zip(cells, strides, strict=True)]
    else:
        beyond = [-s for s in strides]
    totals = [b + extent + extra for b, extent, extra in zip(beyond, extents, more, strict=True)]
    halves = [_halves(total, upper=word == "SAME_UPPER") for total in totals]
    grown = [extra + max(-after, 0) for (_, after), extra in zip(halves, more, strict=True)]
    ours = {"output_padding": grown} if any(grown) else {}
    return ours | {"padding": [[before, max(after, 0)] for before, after in halves]}


def _extents(attributes: Mapping[str, Any], operands: Sequence[Any]) -> list[int]:
    """d (k-1) + 1 of every axis."""
    shape = attributes.get("kernel_shape") or (operands[0].shape[2:] if operands and operands[0] is not None else None)
    if shape is None:
        raise Unread("the size of its kernel is told neither by kernel_shape nor by an initializer")
    dilations = attributes.get("dilations") or [1] * len(shape)
    return [d * (k - 1) + 1 for k, d in zip(shape, dilations, strict=True)]


def _halves(total: int, *, upper: bool) -> list[int]:
    less = total // 2
    return [less, total - less] if upper else [total - less, less]


def _of_pool(op: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A pool, whose stride is 1 unless it is told; auto_pad has lengths of its own, VALID those without ceil mode."""
    ours = {"window": _required_size(attributes), "stride": attributes.get("strides", 1)}
    padded = attributes.get("auto_pad", "NOTSET") != "NOTSET"
    ours |= {"ceil_mode": True} if attributes.get("ceil_mode") and not padded else {}
    if op == "AveragePool":
        return ours | {"count_include_pad": bool(attributes.get("count_include_pad", 0))}
    return ours | ({"norm": attributes.get("p", 2)} if op == "LpPool" else {})
