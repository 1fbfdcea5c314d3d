"""Cases in the words of PyTorch, Keras, JAX and ONNX, with their defaults, as cases in ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from convgrad.core.arithmetic import natural
from convgrad.errors import Problem, RequestError
from convgrad.subject import onnx_words
from convgrad.subject.foreign_words import did_you_mean
from convgrad.vocabulary import INDICES

Document = dict[str, Any]


class Dialect(NamedTuple):
    """How somebody else calls things: keys by theirs, operations by theirs, and what their defaults make of a case."""

    keys: Mapping[str, str]
    operations: Mapping[str, str]
    completed: Callable[[Document, str], Document]


class Spoken(NamedTuple):
    """A case in our words, and the keys that it had in theirs, by ours.

    Of a network also each layer's: the number of the layer that it came of, and the same of its keys.
    """

    document: Document
    theirs: Mapping[str, str]
    layers: tuple[tuple[int, Mapping[str, str]], ...] = ()


def spoken(document: Mapping[str, Any], name: str) -> Spoken:
    """A case of a dialect, in our words; keys of ours stay as they are. Raises RequestError, with paths in theirs."""
    dialect = DIALECTS[name]
    ours, theirs = in_our_keys(document, dialect.keys)
    if "claim" in ours:
        ours["claim"] = our_claims(ours["claim"])
    their_op = our_operation(ours, dialect, name, theirs)
    return Spoken(dialect.completed(ours, their_op), theirs)


def in_our_keys(document: Mapping[str, Any], keys: Mapping[str, str]) -> tuple[Document, Mapping[str, str]]:
    """What a mapping says by our keys, and theirs by ours. RequestError where two are the same."""
    theirs = {keys.get(key, key): key for key in document}
    if len(theirs) < len(document):
        twice = next(key for key in document if theirs[keys.get(key, key)] != key)
        _refuse(f"'{twice}' and '{theirs[keys.get(twice, twice)]}' are the same", "keep one", twice)
    return {key: document[their] for key, their in theirs.items() if document[their] is not None}, theirs


def our_claims(claim: Any) -> Any:
    """The arrays of a claim by our names."""
    return {_CLAIMS.get(key, key): array for key, array in claim.items()} if isinstance(claim, Mapping) else claim


_CLAIMS = {"grad_weight": "dW", "grad_input": "dX", "grad_bias": "db", "y": "output", "Indices": "indices"}


def our_operation(ours: Document, dialect: Dialect, name: str, theirs: Mapping[str, str]) -> str:
    """Take their operation out of a case, and put ours in; theirs."""
    if "op" not in ours:
        if "kernel" not in ours:
            _refuse("which operation is it?", f"say `op:`, one of {', '.join(dialect.operations)}")
        ours["op"] = next(iter(dialect.operations))
    known = {_folded(theirs): theirs for theirs in dialect.operations}
    word = str(ours["op"])
    if _folded(word) not in known:
        hint = did_you_mean(word, dialect.operations)
        _refuse(f"{name} has no operation '{word}' that is known here{hint}",
                f"one of {', '.join(dialect.operations)}", theirs.get("op", "op"))  # fmt: skip
    their = known[_folded(word)]
    ours["op"] = dialect.operations[their]
    return their


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")


def _refuse(message: str, advice: str = "", *path: str) -> NoReturn:
    raise RequestError(Problem(message, advice, path))


def _dims(op: str) -> dict[str, int]:
    """The number of axes that an operation's name ends with."""
    found = re.search(r"([123])[dD]", op)
    return {"dims": int(found[1])} if found else {}


def _of_every_rank(words: Mapping[str, str], letter: str) -> dict[str, str]:
    """Names with the number of axes in place of a #."""
    return {word.replace("#", f"{n}{letter}"): ours for n in (2, 1, 3) for word, ours in words.items()}


def _shape(value: Any) -> tuple[int, ...]:
    """The shape of nested lists or of an array."""
    if hasattr(value, "shape"):
        return tuple(value.shape)
    return (len(value), *_shape(value[0])) if isinstance(value, (list, tuple)) and value else ()


# -- PyTorch -----------------------------------------------------------------------------------------------------------


def _of_torch(ours: Document, op: str) -> Document:
    """The window of a convolution is that of its kernel; an Lp pool sums signed powers."""
    made = _dims(op) | ours
    if "kernel" in made:
        made.pop("window", None)
    if ours["op"] != "lp-pool":
        return made
    if natural(made.get("ceil_mode")):
        _refuse("PyTorch's Lp pools take in ceil mode for a window that is cut the mean times its whole size, "
                "not the sum", "pad the input by zeros", "ceil_mode")  # fmt: skip
    return made | {"signed": True}


# -- Keras -------------------------------------------------------------------------------------------------------------


def _of_keras(ours: Document, op: str) -> Document:
    """Channels last and the kernel (…, in, out) unless told; pools of 2 that do not count padding."""
    made = _dims(op) | {key: part for key, part in ours.items() if key not in ("layout", "kernel_size", "filters")}
    spatial = "DHW"[-made["dims"] :]
    first = {"channels_last": f"N{spatial}C", "channels_first": f"NC{spatial}"}.get(
        str(ours.get("layout", "channels_last"))
    )
    if first is None:
        _refuse(f"data_format is channels_last or channels_first, not '{ours['layout']}'", "", "data_format")
    transposed = ours["op"] == "conv-transpose"
    convolution = transposed or ours["op"] == "conv"
    made["layout"] = [first, f"{spatial}{'OI' if transposed else 'IO'}"] if convolution else first
    if op.startswith("Global"):
        return made | {"output_size": 1}
    if not convolution:
        made = {"window": 2, **made} | ({"count_include_pad": False} if ours["op"] == "average-pool" else {})
    return _cropped(made) if transposed else made


def _cropped(made: Document) -> Document:
    """Keras' transposed convolution has i s cells for `same`, and (i-1) s + max(K, s) for `valid`."""
    if made.get("output_padding") is not None:
        _refuse(
            "output_padding of Keras goes by a rule of its own",
            "leave out --as, and say padding here",
            "output_padding",
        )
    dims, kernel = made["dims"], _shape(made.get("kernel"))
    strides, dilations = (_each(natural(made.get(key, 1)), dims) for key in ("stride", "dilation"))
    extents = [d * (k - 1) + 1 for k, d in zip(kernel[:dims], dilations, strict=False)]
    more = [max(s - extent, 0) for extent, s in zip(extents, strides, strict=False)]
    made |= {"output_padding": more} if any(more) else {}
    if str(made.pop("padding", "valid")).lower() == "same":
        over = [max(extent - s, 0) for extent, s in zip(extents, strides, strict=False)]
        made["padding"] = [[total // 2, total - total // 2] for total in over]
    return made


def _each(value: Any, dims: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) and len(value) > 1 else [_lone(value)] * dims


def _lone(value: Any) -> Any:
    return value[0] if isinstance(value, (list, tuple)) and value else value


# -- JAX and ONNX ------------------------------------------------------------------------------------------------------


def _of_jax(ours: Document, op: str) -> Document:
    """Words in capitals; Flax's pools have strides of 1 and channels last."""
    made = {key: part for key, part in ours.items() if key != "lhs_dilation"}
    if set(_each(natural(ours.get("lhs_dilation", 1)), 1)) != {1}:
        _refuse("lhs_dilation spreads the input: a transposed convolution", "say op: conv-transpose, in our words",
                "lhs_dilation")  # fmt: skip
    if isinstance(word := made.get("padding"), str) and word.isupper():
        made["padding"] = word.lower().replace("_", "-")
    if ours["op"] == "conv":
        return made
    rank = len(_shape(made.get("input")))
    window = natural(made.get("window"))
    dims = len(window) if isinstance(window, list) else max(rank - 2, 1)
    return {"stride": 1, "dims": dims, "layout": f"N{'DHW'[-dims:]}C", **made}


def _of_onnx(ours: Document, op: str) -> Document:
    """Attributes as those of a node."""
    attributes = {key: natural(part) for key, part in ours.items() if key in onnx_words.KNOWN}
    rest = {key: part for key, part in ours.items() if key not in (*onnx_words.KNOWN, "kernel", "bias", "op")}
    if op == "ConvTranspose" and "kernel" in ours:
        attributes.setdefault("kernel_shape", list(_shape(ours["kernel"])[2:]))
    lengths = _shape(ours.get("input"))[2:] or None
    try:
        if op == "MaxUnpool":
            made = onnx_words.case(op, attributes, [], lengths)
        else:
            operands = [ours.get("kernel"), ours.get("bias")]
            made = onnx_words.case(op, attributes, operands, lengths, winners=_of_winners(ours))
    except onnx_words.Unread as error:
        _refuse(str(error), "give the case in our words")
    return rest | made


def _of_winners(ours: Document) -> bool:
    """Whether a case gives, or claims, the indices of winners."""
    claim = ours.get("claim")
    return bool(natural(ours.get("return_indices"))) or (isinstance(claim, Mapping) and INDICES in claim)


_TORCH = {
    "Conv#": "conv", "ConvTranspose#": "conv-transpose", "MaxPool#": "max-pool", "AvgPool#": "average-pool",
    "LPPool#": "lp-pool", "MaxUnpool#": "max-unpool",
    "AdaptiveMaxPool#": "adaptive-max-pool", "AdaptiveAvgPool#": "adaptive-average-pool",
}  # fmt: skip
_KERAS = {
    "Conv#": "conv", "Conv#Transpose": "conv-transpose", "MaxPooling#": "max-pool", "AveragePooling#": "average-pool",
    "GlobalMaxPooling#": "adaptive-max-pool", "GlobalAveragePooling#": "adaptive-average-pool",
}  # fmt: skip
DIALECTS: dict[str, Dialect] = {
    "torch": Dialect(
        {"weight": "kernel", "kernel_size": "window", "grad_output": "delta", "norm_type": "norm",
         "divisor_override": "divisor"},
        {"Conv": "conv", **_of_every_rank(_TORCH, "d")}, _of_torch,
    ),
    "keras": Dialect(
        {"strides": "stride", "pool_size": "window", "dilation_rate": "dilation", "data_format": "layout",
         "upstream": "delta"},
        _of_every_rank(_KERAS, "D"), _of_keras,
    ),
    "jax": Dialect(
        {"lhs": "input", "rhs": "kernel", "window_strides": "stride", "strides": "stride", "rhs_dilation": "dilation",
         "feature_group_count": "groups", "dimension_numbers": "layout", "window_shape": "window",
         "cotangent": "delta"},
        {"conv_general_dilated": "conv", "max_pool": "max-pool", "avg_pool": "average-pool"}, _of_jax,
    ),
    "onnx": Dialect({"X": "input", "W": "kernel", "B": "bias", "I": "indices"}, onnx_words.OPERATIONS, _of_onnx),
}  # fmt: skip
"""By the word that `--as` takes."""
