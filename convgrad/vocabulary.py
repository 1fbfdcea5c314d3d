"""The words of documents and options, once: every setting, every operation with its settings, every choice."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any, NamedTuple

# -- Kinds of value ----------------------------------------------------------------------------------------------------

PER_AXIS, PADDING, WHOLE, DIVISOR, NUMBER = "per axis", "padding", "whole", "divisor", "number"
BOOLEAN, CHOICE, ARRAY, DELTA, EXACT_NUMBER = "boolean", "choice", "array", "delta", "exact number"
CELLS, ANYTHING, LETTERS, LENGTHS = "cells", "anything", "letters", "lengths"
"""What a setting may be: `subject.settings` reads each kind, `documents.schemas` describes it, `cli.options` types it.

One whole number, or one per axis; cells, or a word; a whole number; one that may be below 0 but not 0; a number; yes or
no; one of some words; numbers; numbers or `ones`; a number that stays exact; cells for all of the input; whatever
comes; a word of letters for axes, or two; a length, or one per axis, null for the input's own.
"""

LARGEST = 2**31 - 1
"""No axis has more cells, so no stride, window, padding or count that is larger means anything."""
MOST_DIMS = 14
"""Spatial axes: NumPy's arrays may have no more than 32 axes, and copied windows have two for each, and three more."""
MOST_NORM = 1000
"""2^p is to be within float64's range; at this p a norm is a maximum to three digits."""


class Setting(NamedTuple):
    """A key of a document, and an option: what it may be, what it means, and its default.

    Whole numbers and numbers lie between `least` and `most`; `meaning` marks words of documents with backticks; a
    default that depends on others is None, and `otherwise` says what it is then. Without a `required` one nothing can
    be computed by operations that have no default of their own. `advice` is for what it cannot be.
    """

    kind: str
    meaning: str
    default: Any = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = LARGEST
    otherwise: str = ""
    required: bool = False
    advice: str = ""

    @property
    def plain(self) -> str:
        """The meaning without marks, as terminals and schemas have it."""
        return self.meaning.replace("`", "")

    @property
    def by_default(self) -> str:
        """What it is where it is left out, in words."""
        word = f"`{self.default}`" if self.kind == CHOICE and self.default else str(self.default).lower()
        return self.otherwise or ("required" if self.required else "none" if self.default is None else word)


# -- Words -------------------------------------------------------------------------------------------------------------

MODES = ("cross-correlation", "convolution")
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PADDING_WORDS = ("valid", "same", "same-lower", "full", "causal")
TIES = ("first", "last", "split", "all")
COUNTED = ("plane", "batch", "batch-columns", "channels-last", "batch-channels-last")
"""How max pools and unpooling may count cells."""
REDUCTIONS = ("sum", "mean")
ARITHMETICS = ("auto", "exact", "float64", "float32")
CLAIM_TYPES = ("float64", "float32", "float16", "bfloat16", "tf32")
"""The types that a claim may have been computed in."""
ACCUMULATORS = ("float64", "float32", "float16", "bfloat16")
ALGORITHMS = ("direct", "fft", "winograd")
CLAIMING = ("claim", "claim_dtype", "accumulate", "algorithm", "printed")
"""What a document says of a claim, and how it came about."""
RESULTS = ("output", "dW", "db", "dX")
"""The arrays of a case that a result holds, and a claim may."""
INDICES = "indices"
"""What a max pool's result may hold besides, and a claim on one: numbers of cells."""
MISTAKEN = (*RESULTS, INDICES, "kernel", "bias")
"""The arrays that can hold a mistake, in the order in which they are listed."""
NOTES = ("name", "source", "origin", "note", "expected", "tolerance")
"""Keys that any document may have, and that are left alone."""
FREE = ("id", *NOTES)
DIALECTS = ("torch", "keras", "jax", "onnx")
"""Whose words a document may have."""
FORMATS = ("table", "json", "jsonl", "yaml", "markdown", "latex", "csv", "svg", "html")
GRADE_VERDICTS = (
    "crashed", "timed-out", "out-of-bounds", "malformed", "no-answer", "changed-input", "unstable", "replayed",
    "unwritten", "accumulates", "overwrites", "wrong-shape", "wrong-type", "differs", "agrees", "untested", "skipped",
)  # fmt: skip
"""What `grade` says of an array, the gravest first."""

# -- Settings ----------------------------------------------------------------------------------------------------------

SETTINGS: dict[str, Setting] = {
    "stride": Setting(PER_AXIS, "one whole number, or one per axis", 1, least=1, otherwise="1; a pool's window"),
    "dilation": Setting(PER_AXIS, "one whole number, or one per axis; 1 is dense", 1, least=1),
    "padding": Setting(
        PADDING, "a number, below 0 to crop, one per axis, `[before, after]` per axis, `valid`, `same`, `same-lower`, "
        "`full` or `causal`", 0, choices=PADDING_WORDS, least=-LARGEST,
    ),
    "padding_mode": Setting(CHOICE, "conv: what the padding holds", "zeros", PADDING_MODES),
    "groups": Setting(WHOLE, "groups of channels", 1, least=1),
    "mode": Setting(
        CHOICE, "whether the kernel is laid as it is (what frameworks call convolution), or turned", MODES[0], MODES
    ),
    "output_padding": Setting(PER_AXIS, "`conv-transpose`: cells more at the end", 0),
    "window": Setting(PER_AXIS, "pools: the size of the window", least=1, required=True),
    "ceil_mode": Setting(BOOLEAN, "pools: also windows that end past the padding", False),
    "count_include_pad": Setting(BOOLEAN, "average pools: whether padding counts", True),
    "divisor": Setting(DIVISOR, "average pools: divide by this", otherwise="the cells of the window"),
    "norm": Setting(
        NUMBER, "Lp pools: the p. y = (sum |x|^p)^(1/p); PyTorch's are `signed`", 2, least=1,
        most=MOST_NORM, advice="a larger p is as good as a max-pool",
    ),
    "signed": Setting(
        BOOLEAN, "Lp pools: PyTorch's rule, (sum x^p)^(1/p) with the signs of x; NaN where the sum is below 0 and p is "
        "not 1", False,
    ),
    "ties": Setting(
        CHOICE, "max pools: who of equals takes delta; `split` shares it, `all` gives each the whole: no subgradient",
        "first", TIES,
    ),
    "return_indices": Setting(
        BOOLEAN, "max pools: also give `indices`, the cell that wins in each window, by its number in its plane", False
    ),
    "indices": Setting(
        CELLS, "`max-unpool`: where each number goes, a cell by its number in its plane", required=True,
        otherwise="required by `max-unpool`",
    ),
    "counted": Setting(
        CHOICE, "how `indices` count cells: row by row in each `plane`; over the whole `batch` (ONNX; `batch-columns` "
        "with storage_order 1); `channels-last` in each sample, or over the batch (TensorFlow)",
        "plane", COUNTED,
    ),
    "counted_in": Setting(
        PER_AXIS, "`max-unpool`: the lengths of the planes in which `indices` count, where they are not the output's",
        least=1, otherwise="output_size",
    ),
    "output_size": Setting(
        LENGTHS, "adaptive pools: the output's length, 1 for all of it, null in a list for the input's own; "
        "`conv-transpose`: in place of output_padding",
        least=1, required=True, otherwise="required by adaptive pools and `max-unpool`",
    ),
}  # fmt: skip
"""The settings of the operations that a case may be."""
LAYER_SETTINGS: dict[str, Setting] = {
    "slope": Setting(EXACT_NUMBER, "`leaky-relu`: dy/dx where x <= 0; 0.01 by default", 0.01, otherwise="0.01"),
}
"""Those that only a layer may have, besides."""
FUSED_SETTINGS: dict[str, Setting] = {
    "activation": Setting(CHOICE, "`network`: what is computed of every number after convolution and bias", "relu",
                          ("relu", "leaky-relu", "sigmoid", "tanh", "softplus")),
}  # fmt: skip
"""Those that only a small network has that a program computes as one, besides."""
LISTED = ("window", "output_size", "stride", "padding")
"""What may say by its length how many axes there are, the first that is a list before the others."""
ARRAYS: dict[str, Setting] = {
    "input": Setting(ARRAY, "x, of rank dims (one sample, one channel), dims+1 (C, …) or dims+2 (N, C, …)",
                     required=True),
    "kernel": Setting(
        ARRAY, "w: (O, C/groups, …), for `conv-transpose` (C, O/groups, …); of rank dims for one channel in, one out",
        otherwise="required for the convolutions",
    ),
    "bias": Setting(ARRAY, "b: (O,), or one number where O is 1", otherwise="zero"),
    "delta": Setting(DELTA, "the upstream gradient dL/dy, in the output's shape, or `ones`",
                     otherwise="required by `backward`"),
}  # fmt: skip
OPERANDS = {"input": "x", "kernel": "w", "bias": "b", "delta": "delta"}
"""The arrays of a document, and what they are called in computing."""
PARAMETERS = {"kernel": "w", "bias": "b"}
"""Those that a layer has of its own."""

# -- Operations --------------------------------------------------------------------------------------------------------

CONVOLUTION, TRANSPOSED = "convolution", "transposed convolution"
MAXIMUM, MEAN, NORM, UNPOOLING = "maximum", "mean", "norm", "scattering"
PRODUCT, RESHAPE = "product", "reshape"
ELEMENTWISE, BENT, SOFTMAX = "elementwise function", "bent function", "softmax"
FUSED = "fused convolution"
"""Families of operations: what other rooms need to know of one. Their tables have no default: a new family is refused
in words where it is not known, and a family that is not quite its own is a promise that is not kept.

A plain or transposed convolution; of a window the maximum, the mean or the norm; its winners put back to their cells;
a matrix product; the same numbers in another shape; a smooth function of each number, real or complex; one that is
straight on either side of 0; softmax; a convolution with its bias and an activation after it, as one.
"""


class Row(NamedTuple):
    """An operation: its family, its operands, and its settings with their defaults, in the order of documents.

    Without those that are `required` it computes nothing.
    """

    family: str
    operands: tuple[str, ...]
    settings: Mapping[str, Any]
    required: tuple[str, ...]


def row(family: str, operands: tuple[str, ...], *settings: str, **defaults: Any) -> Row:
    """The row of an operation; its defaults are those of the settings, unless it has its own."""
    known = {**SETTINGS, **LAYER_SETTINGS, **FUSED_SETTINGS}
    required = tuple(name for name in settings if known[name].required and name not in defaults)
    return Row(family, operands, {name: defaults.get(name, known[name].default) for name in settings}, required)


X, XWB = ("x",), ("x", "w", "b")
GEOMETRY = ("mode", "stride", "padding", "dilation", "groups")
OPERATIONS: dict[str, Row] = {
    "conv": row(CONVOLUTION, XWB, *GEOMETRY, "padding_mode"),
    "conv-transpose": row(TRANSPOSED, XWB, *GEOMETRY, "output_padding", "output_size", output_size=None),
    "max-pool": row(
        MAXIMUM,
        X,
        "window",
        "stride",
        "padding",
        "dilation",
        "ceil_mode",
        "ties",
        "return_indices",
        "counted",
        stride=None,
    ),
    "average-pool": row(
        MEAN, X, "window", "stride", "padding", "dilation", "ceil_mode", "count_include_pad", "divisor", stride=None
    ),
    "lp-pool": row(NORM, X, "window", "stride", "padding", "dilation", "ceil_mode", "norm", "signed", stride=None),
    "adaptive-max-pool": row(MAXIMUM, X, "output_size", "ties", "return_indices", "counted"),
    "adaptive-average-pool": row(MEAN, X, "output_size"),
    "max-unpool": row(UNPOOLING, X, "indices", "counted", "counted_in", "output_size"),
}
"""What a case may be, or a layer. A stride of None is the window."""
LAYERS: dict[str, Row] = {
    "dense": row(PRODUCT, XWB),
    "flatten": row(RESHAPE, X),
    "relu": row(BENT, X),
    "leaky-relu": row(BENT, X, "slope"),
    "sigmoid": row(ELEMENTWISE, X),
    "tanh": row(ELEMENTWISE, X),
    "softplus": row(ELEMENTWISE, X),
    "softmax": row(SOFTMAX, X),
}
"""What only a layer of a network can be, besides."""
LOSSES = ("mse", "cross-entropy")
NETWORK = "network"
_FUSED: dict[str, Row] = {NETWORK: row(FUSED, XWB, *GEOMETRY, "padding_mode", "activation", "slope")}
GRADED: Mapping[str, Row] = ChainMap(_FUSED, OPERATIONS)
"""What a program may compute that is graded: the operations, and a convolution, bias and activation as one."""


def row_of(name: str) -> Row:
    """The row of an operation."""
    return GRADED[name] if name in GRADED else LAYERS[name]


def needing(setting: str) -> list[str]:
    """The operations of a case that compute nothing without a setting, or an operand."""
    return [name for name, row in OPERATIONS.items() if setting in (*row.required, *row.operands)]


# -- Documents ---------------------------------------------------------------------------------------------------------

RATES: dict[str, Setting] = {
    "learning_rate": Setting(EXACT_NUMBER, "of the step w - rate v; without one there is no step"),
    "momentum": Setting(EXACT_NUMBER, "v = momentum v + g, v = g at first; 0 by default", 0),
    "weight_decay": Setting(EXACT_NUMBER, "g = dW + decay w; 0 by default", 0),
}


DIMS = Setting(
    WHOLE, "number of spatial axes", least=1, most=MOST_DIMS,
    otherwise="from the kernel's rank, a listed setting, or the input's rank",
)  # fmt: skip
BESIDE: dict[str, Setting] = {
    "layout": Setting(
        LETTERS,
        "the axes of input and output, and of the kernel, in letters: `[NHWC, HWIO]`; results come back so",
        otherwise="`[NCHW, OIHW]`",
    ),
    "claim": Setting(ANYTHING, "what somebody else computed, to be checked: any of output, dW, db, dX, indices"),
    "claim_dtype": Setting(CHOICE, "the type the claim was computed in", choices=CLAIM_TYPES, otherwise="as it looks"),
    "accumulate": Setting(
        CHOICE, "the type that its sums were asked to be held in", choices=ACCUMULATORS, otherwise="what explains it"
    ),
    "algorithm": Setting(CHOICE, "how it was computed", choices=ALGORITHMS, otherwise="what explains it"),
    "printed": Setting(BOOLEAN, "whether the inputs were rounded when they were printed", otherwise="as they look"),
    "id": Setting(ANYTHING, "comes back unchanged"),
    **{name: Setting(ANYTHING, "left alone") for name in NOTES},
}
"""What a case document has that is neither array nor setting."""


ALWAYS = frozenset(("op", "dims", *ARRAYS, *BESIDE))
"""The keys of a case document that are no settings."""


def keys_of_case() -> dict[str, Setting]:
    """Every key of a case document."""
    op = Setting(CHOICE, "the operation", choices=tuple(OPERATIONS), otherwise="`conv` when there is a kernel")
    return {"op": op, "dims": DIMS, **ARRAYS, **SETTINGS, **BESIDE}


def keys_of_network() -> tuple[str, ...]:
    """Every key of a network document."""
    return ("input", "layers", "delta", "loss", *RATES, "mode", "arithmetic", "dims", "layout", *CLAIMING, *FREE)


def keys_of_layer() -> tuple[str, ...]:
    """Every key of a layer."""
    return ("op", "name", *(note for note in NOTES if note != "name"), "id", *SETTINGS, "dims", "layout",
            *LAYER_SETTINGS, *PARAMETERS)  # fmt: skip


KEYS_OF_LOSS = ("op", "target", "reduction", *FREE)
