"""A friendly mapping becomes a checked Case: defaults, ranks, every shape error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, TypeVar

import numpy as np

from convgrad.core.arithmetic import DTYPES, Array, natural, rounded, zeros
from convgrad.core.nested import MOST_PROBLEMS, Numbers, read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.operations import OPERATIONS, Operation
from convgrad.operations.conv_transpose import refuse_words, resolve_output_size
from convgrad.operations.geometry import refuse_flood, refuse_toil, resolved_padding
from convgrad.operations.operation import Shape
from convgrad.subject.foreign_words import closest, did_you_mean, meant
from convgrad.subject.layout import Layout, layout_of, letters_of, read_layout
from convgrad.subject.readings import advised, refuse_two_readings, suspected
from convgrad.subject.settings import (
    integer,
    is_list,
    listed_dims,
    read_default,
    read_setting,
    said,
    said_inside,
    unwrapped,
)
from convgrad.subject.shapes import check_bias, check_channels, check_delta, full_input, full_kernel, keep_lengths
from convgrad.subject.stored import Delta, Operands, Stored, is_narrow
from convgrad.vocabulary import (
    ALWAYS,
    ARITHMETICS,
    INDICES,
    LAYERS,
    MOST_DIMS,
    NORM,
    OPERANDS,
    PARAMETERS,
    RESULTS,
    SETTINGS,
    TRANSPOSED,
    keys_of_case,
    row_of,
)

HAND_SIZED = 20_000
"""Products of one forward pass up to which a problem is computed exactly without being asked."""

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """One operation with its operands, (N,C,*L), (O,C/g,*K) and (O,), checked to fit together.

    Large arrays of narrow types stay as they came, and each is made float64 when it is asked for.
    `settings` are the resolved ones, in the document's words; `arguments` what the operation's functions take.
    `rounded` says that results are exact and to be given as the nearest float64 (arithmetic auto); `document` is the
    mapping that it was made from.
    """

    operation: Operation
    operands: Mapping[str, Array | None]
    delta: Array | None
    settings: dict[str, Any]
    arguments: dict[str, Any]
    layout: Layout
    arithmetic: str
    document: Mapping[str, Any]
    rounded: bool = False

    def __repr__(self) -> str:
        return f"Case({', '.join([self.operation.name, *(f'{name} {shape}' for name, shape in self.shapes.items())])})"

    @property
    def id(self) -> Any:
        """What the document called it, unchanged."""
        return natural(self.document.get("id"))

    @property
    def arrays(self) -> tuple[Array | None, ...]:
        """The operands in the operation's order."""
        return tuple(self.operands[name] for name in self.operation.operands)

    @property
    def dims(self) -> int:
        return int(self.settings["dims"])

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: array.shape for name, array in self.stored.items() if array is not None}

    @property
    def stored(self) -> Mapping[str, Array | Stored | None]:
        """The operands as they are kept."""
        return self.operands.stored if isinstance(self.operands, Operands) else self.operands

    @property
    def stored_delta(self) -> Array | Stored | None:
        """The delta as it is kept."""
        kept: Array | Stored | None = vars(self)["delta"]
        return kept

    @property
    def output_shape(self) -> Shape:
        """(N,O,*P)."""
        return self.operation.output_shape(self.shapes, self.arguments)

    @property
    def positions(self) -> Shape:
        """How many overlays there are per axis."""
        return self.operation.positions(self.shapes, self.arguments)

    def present(self, name: str, array: Array) -> Array:
        """A result as its user gets it: in the rank that came in, and rounded where that was not asked to be exact."""
        result = self.layout.restored(name, array)
        return rounded(result) if self.rounded else result


Case.delta = Delta()  # type: ignore[assignment]  # it is set and asked for as the field


class Collector:
    """Gathers the problems of several steps, so that many mistakes are reported at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def attempt(self, function: Callable[..., T], *args: Any, under: str = "", **keywords: Any) -> T | None:
        """The function's result, or None when it raised RequestError, whose problems are kept."""
        try:
            return function(*args, **keywords)
        except RequestError as error:
            self.problems += [problem.under(under) if under else problem for problem in error.problems]
            return None

    def raise_any(self) -> None:
        if self.problems:
            raise RequestError(self.problems[:MOST_PROBLEMS])


def make_case(
    document: Mapping[str, Any], *, arithmetic: str = "auto", nonfinite: bool = False, needs_delta: bool = True
) -> Case:
    """A mapping as of the schema `case`, checked; RequestError has up to ten problems, each with its path."""
    if not isinstance(document, Mapping):
        raise RequestError(Problem(f"expected a mapping with input, kernel, delta, …; found {said(document)}"))
    if "layers" in document:
        message = "this is a network: a chain of layers"
        advice = "use `convgrad network`; to explain an entry, name its layer, as in conv1.dX[0,1]"
        raise RequestError(Problem(message, advice, ("layers",), of_key=True))
    given = {key: value for key, value in document.items() if value is not None}
    collect = Collector()
    collect.problems += _unknown_keys(given)
    operation = collect.attempt(_operation, given)
    numbers = _read_arrays(given, collect, nonfinite)
    dims = collect.attempt(_dims, given, numbers, operation)
    settings = _read_settings(given, operation, dims, collect) if operation else {}
    collect.problems += _missing(given, operation, needs_delta)
    collect.raise_any()
    assert operation is not None
    assert dims is not None
    try:
        return _fitted(operation, given, numbers, {"dims": dims, **settings}, arithmetic)
    except RequestError as error:
        if error.problems[0].path[:1] not in (("kernel",), ("delta",)) or "layout" in given:
            raise

        def fit(given: Mapping[str, Any], numbers: Mapping[str, Numbers]) -> Case:
            return _fitted(operation, given, numbers, {"dims": dims, **settings}, "float64")

        raise advised(error, suspected(fit, given, numbers, dims)) from None


def as_case(case: Any, *, needs_delta: bool = True, **keywords: Any) -> Case:
    """A Case as it is, or one made from a mapping; keywords win over the mapping's keys, and may be all there is.

    In the mapping's place there may be a layer of another library.
    """
    if isinstance(case, Case):
        if not keywords:
            return case
        keywords = {"arithmetic": "auto" if case.rounded else case.arithmetic, **keywords}
        case = case.document
    if "allow_nonfinite" in keywords:  # as the option is called
        keywords["nonfinite"] = keywords.pop("allow_nonfinite")
    options = {name: keywords.pop(name) for name in ("arithmetic", "nonfinite") if name in keywords}
    return make_case(as_document(case, keywords), needs_delta=needs_delta, **options)


def arrays_of(input: Any, delta: Any = None) -> dict[str, Any]:
    """The arrays that were given, as keywords."""
    return {name: array for name, array in (("input", input), ("delta", delta)) if array is not None}


def as_document(document: Any, keywords: Mapping[str, Any]) -> Any:
    """A mapping, a layer of another library, or nothing, together with keywords, which win; else what was given."""
    if document is None or (isinstance(document, Mapping) and keywords):
        return {**(document or {}), **keywords}
    if isinstance(document, Mapping):
        return document
    from convgrad.frameworks.layers import document_of, is_layer  # here, so that documents are read without

    return document_of(document, keywords) if is_layer(document) else document


def _unknown_keys(given: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(f"unknown key '{key}'" + did_you_mean(str(key), keys_of_case()), _advice(str(key), given), (str(key),),
                of_key=True)
        for key in _unknown(given)
    ]  # fmt: skip


def _advice(key: str, given: Mapping[str, Any]) -> str:
    """Where what an unknown key says is said here, if it is said elsewhere."""
    if key in RESULTS or meant(key, RESULTS):
        return f"what somebody else computed goes in `claim`, as in claim: {{{closest(key, RESULTS)}: …}}"
    sized = meant(key, ("window",)) and "kernel" in {*given, *_meant(given)}
    return "leave it out: the size of a kernel is that of its array" if sized else ""


def _unknown(given: Mapping[str, Any]) -> list[str]:
    return [key for key in given if key not in SETTINGS and key not in ALWAYS]


def _operation(given: Mapping[str, Any]) -> Operation:
    kernel = "kernel" in given or "kernel" in _meant(given)
    name = given.get("op", "conv" if kernel else None)
    if name is None:
        raise RequestError(Problem("which operation is it?", f"say `op:`, one of {', '.join(OPERATIONS)}"))
    if not isinstance(name, str) or name not in OPERATIONS:
        raise RequestError(_unknown_operation(name))
    return OPERATIONS[name]


def _unknown_operation(name: Any) -> Problem:
    """What is said of an operation that a case cannot be."""
    hint = did_you_mean(name, OPERATIONS) if isinstance(name, str) else ""
    of_layer = (name if name in LAYERS else meant(name, LAYERS)) if isinstance(name, str) and not hint else None
    if of_layer:
        said_so = "" if of_layer == name else f", here `{of_layer}`,"
        return Problem(f"{said(name)}{said_so} is only a layer of a network", "use `convgrad network`", ("op",))
    return Problem(f"unknown operation {said(name)}{hint}", f"one of {', '.join(OPERATIONS)}", ("op",))


def _read_arrays(given: Mapping[str, Any], collect: Collector, nonfinite: bool) -> dict[str, Numbers]:
    numbers: dict[str, Numbers] = {}
    for key, name in OPERANDS.items():
        if key not in given or (key == "delta" and isinstance(given[key], str) and given[key] == "ones"):
            continue
        if (read := collect.attempt(read_numbers, given[key], nonfinite=nonfinite, under=key)) is not None:
            numbers[name] = read
    return numbers


def _dims(given: Mapping[str, Any], numbers: Mapping[str, Numbers], operation: Operation | None) -> int | None:
    """The number of spatial axes: as said, else from the kernel, a listed setting, or the input; None without one."""
    if "dims" in given:
        try:
            return integer(given["dims"], 1, MOST_DIMS)
        except RequestError as error:
            raise RequestError(problem.under("dims") for problem in error.problems) from None
    if "layout" in given:
        return len(read_layout(given["layout"])[0]) - 2
    if "w" in numbers:
        refuse_two_readings(given, numbers, operation)
        return _dims_of_kernel(len(numbers["w"].shape))
    rank, listed = len(numbers["x"].shape) if "x" in numbers else 0, listed_dims(given)
    # a list of one may be for all axes: it says 1 only where an input of that rank can have one
    if listed is not None and (listed > 1 or rank <= 3):
        return integer(listed, 1, MOST_DIMS)
    if rank in (1, 2, 4, 5):
        return {1: 1, 2: 2, 4: 2, 5: 3}[rank]
    if "x" not in numbers:
        return None
    raise RequestError(
        Problem(f"an input of rank {rank} may have several numbers of axes", "say `dims: 1`, 2 or 3", ("input",))
    )


def _dims_of_kernel(rank: int) -> int:
    if rank in (1, 2, 3, 4, 5):
        return {1: 1, 2: 2, 3: 1, 4: 2, 5: 3}[rank]
    raise RequestError(Problem(f"a kernel has rank 1 to 5, but this has rank {rank}", "", ("kernel",)))


def _read_settings(
    given: Mapping[str, Any], operation: Operation, dims: int | None, collect: Collector
) -> dict[str, Any]:
    """Every setting of the operation, given or default; a foreign one only at its default.

    Where the number of axes is not known, since an array could not be read, a list may have any length.
    """
    settings: dict[str, Any] = {}
    for name, default in operation.defaults.items():
        value = given.get(name, settings.get("window") if name == "stride" else None)
        if value is not None:
            settings[name] = collect.attempt(read_setting, name, value, _axes_of(value, dims))
        else:
            settings[name] = None if default is None else read_default(name, default, dims or 1)
    for name in given:
        if name in SETTINGS and name not in operation.defaults:
            collect.attempt(_refuse_foreign, name, given[name], _axes_of(given[name], dims), operation)
    return settings


def wrong_settings(given: Mapping[str, Any], operation: Operation, dims: int | None) -> list[Problem]:
    """What is wrong with an operation's settings whatever its arrays are, as of a layer before anything arrives."""
    collect = Collector()
    _read_settings(given, operation, dims, collect)
    return collect.problems


def _axes_of(value: Any, dims: int | None) -> int:
    return dims if dims is not None else len(unwrapped(value)) if is_list(value) else 1


def _refuse_foreign(name: str, value: Any, dims: int, operation: Operation) -> None:
    default = SETTINGS[name].default
    if default is None or read_setting(name, value, dims) != read_setting(name, default, dims):
        raise RequestError(Problem(f"{operation.name} has no {name}", "leave it out", (name,)))


def _missing(given: Mapping[str, Any], operation: Operation | None, needs_delta: bool) -> list[Problem]:
    if operation is None:
        return []
    absent = missing_keys(given, operation, ["input"], ["delta"] if needs_delta else [])
    foreign = [key for key, name in PARAMETERS.items() if key in given and name not in operation.operands]
    return absent + [Problem(f"{operation.name} has no {key}", "leave it out", (key,)) for key in foreign]


def missing_keys(
    given: Mapping[str, Any], operation: Operation, before: Sequence[str] = (), after: Sequence[str] = ()
) -> list[Problem]:
    """What an operation needs and is not there, not even misspelt; of other keys `before` its own and `after` them."""
    own = ["kernel"] if "w" in operation.operands else []
    meant = _meant(given)
    return [
        Problem(f"{operation.name} needs `{key}`, which is missing", _MISSING_ADVICE.get(key, ""))
        for key in (*before, *own, *after, *row_of(operation.name).required)
        if key not in given and key not in meant
    ]


def _meant(given: Mapping[str, Any]) -> set[str | None]:
    """The keys that unknown ones are most like."""
    return {closest(str(key), keys_of_case()) for key in _unknown(given)}


MISSING_DELTA = "give the upstream gradient dL/dy, or `delta: ones`"
_MISSING_ADVICE = {"delta": MISSING_DELTA}


def _fitted(
    operation: Operation, given: Mapping[str, Any], numbers: Mapping[str, Numbers], settings: dict[str, Any],
    arithmetic: str,
) -> Case:  # fmt: skip
    dims, transposed = settings["dims"], operation.family == TRANSPOSED
    layout, shapes = layout_of(operation, given, numbers, dims), {}
    numbers = {name: layout.arranged(name, part) for name, part in numbers.items()}
    settings |= {"layout": said_layout} if (said_layout := letters_of(given, layout)) else {}
    shapes["x"] = full_input(numbers["x"].shape, dims)
    if "w" in numbers:
        shapes["w"] = full_kernel(numbers["w"].shape, dims)
    check_channels(operation, shapes, settings)
    keep_lengths(operation, settings, shapes["x"][2:])
    if "padding" in settings:
        sizes = shapes["w"][2:] if "w" in shapes else settings["window"]
        if transposed:
            refuse_words(settings["padding"])
        settings["padding"] = resolved_padding(settings["padding"], sizes, shapes["x"][2:], settings)
        if transposed:
            resolve_output_size(settings, sizes, shapes["x"][2:])
        else:
            refuse_flood("padded input", _padded(shapes["x"], settings["padding"]), prod(shapes["x"]))
    refuse_flood("window", settings.get("window") or (), prod(shapes["x"]))
    arguments = operation.prepare(shapes, settings | _cells_here(settings, layout))
    output = operation.output_shape(shapes, arguments)
    given_delta = prod(numbers["delta"].shape) if "delta" in numbers else 0
    if transposed:
        refuse_flood("uncropped output", _padded(output, settings["padding"]), prod(shapes["x"]) + given_delta)
    refuse_flood("output", output, prod(shapes["x"]) + given_delta)
    refuse_toil(settings.get("window") or (), shapes["x"][2:], output, prod(shapes["x"]))
    check_bias(layout.bias, output[1])
    if "delta" in numbers:
        expected = output[2 - layout.batch - layout.channels_out :]
        check_delta(operation, numbers["delta"].shape, expected, shapes, settings, partial(layout.outward, "y"))
    chosen, kind = _arithmetic(arithmetic, operation, settings, numbers, shapes, output)
    full = {**shapes, "b": (-1,), "delta": output}
    arrays = {name: array.reshape(full[name]) for name, array in _in_kind(numbers, chosen).items()}
    operands = dict.fromkeys(operation.operands) | {name: arrays[name] for name in ("x", "w", "b") if name in arrays}
    delta = arrays.get("delta")
    if delta is None and "delta" in given:
        delta = zeros(output, DTYPES[chosen]) + 1
    return Case(
        operation,
        _operands(operands),
        delta,
        settings,
        arguments,
        layout,
        chosen,
        given,
        kind == "auto" and chosen == "exact",
    )


def _cells_here(settings: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """The cells that an array names, its axes in the order here."""
    return {INDICES: layout.inward("x", settings[INDICES])} if INDICES in settings else {}


def _padded(shape: Shape, padding: Iterable[tuple[int, int]]) -> Shape:
    """The shape of an input with its padding."""
    lengths = (max(length + before + after, 0) for length, (before, after) in zip(shape[2:], padding, strict=True))
    return (*shape[:2], *lengths)


def _operands(arrays: dict[str, Any]) -> Mapping[str, Array | None]:
    return Operands(arrays) if any(isinstance(array, Stored) for array in arrays.values()) else arrays


def _in_kind(numbers: Mapping[str, Numbers], kind: str) -> dict[str, Any]:
    """The arrays in one kind of number, or as they came; RequestError for what it does not hold."""
    collect, keys = Collector(), {name: key for key, name in OPERANDS.items()}
    arrays = {name: collect.attempt(_array, name, read, kind, under=keys[name]) for name, read in numbers.items()}
    collect.raise_any()
    return {name: array for name, array in arrays.items() if array is not None}


def _array(name: str, read: Numbers, kind: str) -> Array | Stored:
    if kind == "float64" and name in ("x", "delta") and is_narrow(read.values):
        return Stored(np.asarray(read.values))
    return read.as_array(DTYPES[kind])


def _arithmetic(
    asked: str, operation: Operation, settings: Mapping[str, Any], numbers: Mapping[str, Numbers],
    shapes: Mapping[str, Shape], output: Shape,
) -> tuple[str, str]:  # fmt: skip
    """The kind of number to compute in, and what was asked for."""
    if not isinstance(asked, str) or asked not in ARITHMETICS:
        raise RequestError(Problem(f"unknown arithmetic '{said_inside(asked)}'", f"one of {', '.join(ARITHMETICS)}"))
    if asked == "exact" and not operation.rational(settings):
        raise RequestError(_irrational(operation, settings))
    if asked == "exact" and not all(part.finite for part in numbers.values()):
        raise RequestError(Problem("NaN and infinities are not rational", "use arithmetic float64"))
    if asked != "auto":
        return asked, asked
    exact = (
        products(operation, settings, shapes, output) <= HAND_SIZED
        and operation.rational(settings)
        and all(part.exact for part in numbers.values())
    )
    return ("exact" if exact else "float64"), asked


def _irrational(operation: Operation, settings: Mapping[str, Any]) -> Problem:
    if operation.family == NORM:
        roots = f"{operation.name} with norm {settings['norm']} takes roots, which are not rational"
        return Problem(roots, "use norm 1, or arithmetic float64", ("norm",))
    return Problem(f"{operation.name} is not rational", "use arithmetic float64", ("op",))


def is_hand_sized(case: Case) -> bool:
    """Whether `auto` would compute it exactly, given numbers that have exact values."""
    return products_of(case) <= HAND_SIZED and case.operation.rational(case.settings)


def products_of(case: Case) -> int:
    """The products of one forward pass of a case."""
    return products(case.operation, case.settings, case.shapes, case.output_shape)


def products(operation: Operation, settings: Mapping[str, Any], shapes: Mapping[str, Shape], output: Shape) -> int:
    """The products of one forward pass: every tap of every window of every channel it reads."""
    if operation.family == TRANSPOSED:
        return prod(shapes["x"]) * prod(shapes["w"][1:])
    taps = shapes["w"][1:] if "w" in shapes else settings.get("window") or ()
    return prod(output) * prod(taps) if taps else max(prod(shapes["x"]), prod(output))
