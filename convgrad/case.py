"""A friendly mapping becomes a checked Case: defaults, ranks, every shape error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from math import prod
from typing import Any, TypeVar

from convgrad.core.arithmetic import DTYPES, Array, rounded, zeros
from convgrad.core.reading import MOST_PROBLEMS, Numbers, read_numbers
from convgrad.core.window import Axis
from convgrad.errors import Problem, RequestError
from convgrad.operations import OPERATIONS, Operation
from convgrad.operations.conv_transpose import refuse_same
from convgrad.operations.geometry import refuse_flood, resolved_padding, shape_text
from convgrad.operations.operation import Shape
from convgrad.settings import DEFAULTS, integer, is_list, read_setting, said

ARRAYS = {"input": "x", "kernel": "w", "bias": "b", "delta": "delta"}
FREE = ("id", "name", "source", "origin", "note", "expected", "tolerance")
KEYS = ("op", "dims", *ARRAYS, *DEFAULTS, "claim", "claim_dtype", *FREE)
ARITHMETICS = ("auto", "exact", "float64", "float32")
HAND_SIZED = 20_000
"""Products of one forward pass up to which a problem is computed exactly without being asked."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Layout:
    """In which shapes the operands came, so that results go back in them."""

    dims: int
    input: Shape
    kernel: Shape | None
    bias: Shape | None

    @property
    def batch(self) -> bool:
        """Whether the input came with a batch axis."""
        return len(self.input) == self.dims + 2

    @property
    def channels_in(self) -> bool:
        """Whether the input came with a channel axis."""
        return len(self.input) > self.dims

    @property
    def channels_out(self) -> bool:
        """Whether the output has a channel axis: when the input or the kernel came with any."""
        return self.channels_in or self.kernel_channels

    @property
    def kernel_channels(self) -> bool:
        return self.kernel is not None and len(self.kernel) > self.dims

    def restored(self, name: str, array: Array) -> Array:
        """x, w, b, y or delta from its full shape to that in which it came, or would have."""
        if name in ("x", "w"):
            return array.reshape(self.input if name == "x" else self.kernel or ())
        return array.reshape(self.vector(len(array)) if name == "b" else self.output(array.shape))

    def vector(self, channels: int) -> Shape:
        """The shape of db: that of the bias, without one a number for a bare kernel, else (O,)."""
        if self.bias is not None:
            return self.bias
        return (channels,) if self.kernel_channels else ()

    def output(self, full: Shape) -> Shape:
        """(N,O,*P) without the axes that the output has not."""
        return full[2 - self.batch - self.channels_out :]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation with its operands, (N,C,*L), (O,C/g,*K) and (O,), checked to fit together.

    `settings` are the resolved ones, in the document's words; `arguments` what the operation's functions take.
    `rounded` says that results are exact and to be given as the nearest float64 (arithmetic auto); `document` is the
    mapping that it was made from.
    """

    operation: Operation
    operands: dict[str, Array | None]
    delta: Array | None
    settings: dict[str, Any]
    arguments: dict[str, Any]
    layout: Layout
    arithmetic: str
    document: Mapping[str, Any]
    rounded: bool = False

    @property
    def id(self) -> Any:
        return self.document.get("id")

    @property
    def arrays(self) -> tuple[Array | None, ...]:
        """The operands in the operation's order."""
        return tuple(self.operands[name] for name in self.operation.operands)

    @property
    def dims(self) -> int:
        return int(self.settings["dims"])

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: array.shape for name, array in self.operands.items() if array is not None}

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
    """A mapping as CONTRACT describes it, checked; raises RequestError with up to ten problems, each with its path."""
    if not isinstance(document, Mapping):
        raise RequestError(Problem(f"expected a mapping with input, kernel, delta, …; found {said(document)}"))
    given = {key: value for key, value in document.items() if value is not None}
    collect = Collector()
    collect.problems += _unknown_keys(given)
    operation = collect.attempt(_operation, given)
    numbers = _read_arrays(given, collect, nonfinite)
    dims = collect.attempt(_dims, given, numbers, operation)
    settings = _read_settings(given, operation, dims, collect) if dims and operation else {}
    collect.problems += _missing(given, operation, needs_delta)
    collect.raise_any()
    assert operation is not None
    assert dims is not None
    return _fitted(operation, given, numbers, {"dims": dims, **settings}, arithmetic)


def as_case(case: Mapping[str, Any] | Case, *, needs_delta: bool = True, **keywords: Any) -> Case:
    """A Case as it is, or one made from a mapping; keywords win over the mapping's keys."""
    if isinstance(case, Case):
        if not keywords:
            return case
        keywords = {"arithmetic": "auto" if case.rounded else case.arithmetic, **keywords}
        case = case.document
    options = {name: keywords.pop(name) for name in ("arithmetic", "nonfinite") if name in keywords}
    return make_case({**case, **keywords}, needs_delta=needs_delta, **options)


def _unknown_keys(given: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(f"unknown key '{key}'" + did_you_mean(str(key), KEYS), path=(str(key),))
        for key in given
        if key not in KEYS
    ]


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A suggestion for a misspelt word, or nothing.

    >>> did_you_mean("kernal", ["kernel", "input"])
    ': did you mean `kernel`?'
    """
    close = get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f": did you mean `{close[0]}`?" if close else ""


def _operation(given: Mapping[str, Any]) -> Operation:
    name = given.get("op", "conv" if "kernel" in given else None)
    if name is None:
        raise RequestError(Problem("which operation is it?", f"say `op:`, one of {', '.join(OPERATIONS)}"))
    if not isinstance(name, str) or name not in OPERATIONS:
        hint = did_you_mean(name, OPERATIONS) if isinstance(name, str) else ""
        raise RequestError(Problem(f"unknown operation {said(name)}{hint}", f"one of {', '.join(OPERATIONS)}", ("op",)))
    return OPERATIONS[name]


def _read_arrays(given: Mapping[str, Any], collect: Collector, nonfinite: bool) -> dict[str, Numbers]:
    numbers: dict[str, Numbers] = {}
    for key, name in ARRAYS.items():
        if key not in given or (key == "delta" and isinstance(given[key], str) and given[key] == "ones"):
            continue
        if (read := collect.attempt(read_numbers, given[key], nonfinite=nonfinite, under=key)) is not None:
            numbers[name] = read
    return numbers


def _dims(given: Mapping[str, Any], numbers: Mapping[str, Numbers], operation: Operation | None) -> int:
    """The number of spatial axes: as said, else from the kernel, a listed setting, or the input."""
    if "dims" in given:
        try:
            return integer(given["dims"], 1)
        except RequestError as error:
            raise RequestError(problem.under("dims") for problem in error.problems) from None
    if "w" in numbers:
        return _dims_of_kernel(len(numbers["w"].shape))
    for key in ("window", "output_size", "stride", "padding"):
        if is_list(given.get(key)):
            return len(given[key])
    rank = len(numbers["x"].shape) if "x" in numbers else 0
    if rank in (1, 2, 4, 5):
        return {1: 1, 2: 2, 4: 2, 5: 3}[rank]
    if "x" not in numbers:
        return 0
    raise RequestError(
        Problem(f"an input of rank {rank} may have several numbers of axes", "say `dims: 1`, 2 or 3", ("input",))
    )


def _dims_of_kernel(rank: int) -> int:
    if rank in (1, 2, 3, 4, 5):
        return {1: 1, 2: 2, 3: 1, 4: 2, 5: 3}[rank]
    raise RequestError(Problem(f"a kernel has rank 1 to 5, but this has rank {rank}", "", ("kernel",)))


def _read_settings(given: Mapping[str, Any], operation: Operation, dims: int, collect: Collector) -> dict[str, Any]:
    """Every setting of the operation, given or default; a foreign one only at its default."""
    settings: dict[str, Any] = {}
    for name, default in operation.defaults.items():
        value = given.get(name, settings.get("window") if name == "stride" and "window" in settings else default)
        if value is not None:
            settings[name] = collect.attempt(read_setting, name, value, dims)
        else:
            settings[name] = None
    for name in given:
        if name in DEFAULTS and name not in operation.defaults:
            collect.attempt(_refuse_foreign, name, given[name], dims, operation)
    return settings


def _refuse_foreign(name: str, value: Any, dims: int, operation: Operation) -> None:
    default = DEFAULTS[name]
    if default is None or read_setting(name, value, dims) != read_setting(name, default, dims):
        raise RequestError(Problem(f"{operation.name} has no {name}", "leave it out", (name,)))


def _missing(given: Mapping[str, Any], operation: Operation | None, needs_delta: bool) -> list[Problem]:
    if operation is None:
        return []
    wanted = ["input", *(["kernel"] if "w" in operation.operands else []), *(["delta"] if needs_delta else [])]
    wanted += [name for name in ("window", "output_size") if name in operation.defaults]
    missing = [
        Problem(f"{operation.name} needs `{key}`, which is missing", _MISSING_ADVICE.get(key, ""))
        for key in wanted
        if key not in given
    ]
    foreign = [key for key in ("kernel", "bias") if key in given and "w" not in operation.operands]
    return missing + [Problem(f"{operation.name} has no {key}", "leave it out", (key,)) for key in foreign]


_MISSING_ADVICE = {"delta": "give the upstream gradient dL/dy, or `delta: ones`"}


def _fitted(
    operation: Operation, given: Mapping[str, Any], numbers: Mapping[str, Numbers], settings: dict[str, Any],
    arithmetic: str,
) -> Case:  # fmt: skip
    dims = settings["dims"]
    layout, shapes = _layout(numbers, dims), {}
    shapes["x"] = _full_input(numbers["x"].shape, dims)
    if "w" in numbers:
        shapes["w"] = _full_kernel(numbers["w"].shape, dims)
    _check_channels(operation, shapes, settings)
    if "padding" in settings:
        if operation.name == "conv-transpose":
            refuse_same(settings["padding"])
        sizes = shapes["w"][2:] if "w" in shapes else settings["window"]
        settings["padding"] = resolved_padding(settings["padding"], sizes, shapes["x"][2:], settings)
    refuse_flood("window", settings.get("window") or (), prod(shapes["x"]))
    arguments = operation.prepare(shapes, settings)
    output = operation.output_shape(shapes, arguments)
    given_delta = prod(numbers["delta"].shape) if "delta" in numbers else 0
    refuse_flood("output", output, prod(shapes["x"]) + given_delta)
    _check_bias(numbers, output[1], layout)
    _check_delta(given, numbers, layout.output(output), shapes, settings)
    chosen, kind = _arithmetic(arithmetic, operation, settings, numbers, shapes, output)
    arrays = {name: numbers[name].as_array(DTYPES[chosen]) for name in numbers}
    operands: dict[str, Array | None] = {name: None for name in operation.operands}
    operands |= {name: arrays[name].reshape(shapes[name]) for name in ("x", "w") if name in arrays}
    if "b" in arrays:
        operands["b"] = arrays["b"].reshape(-1)
    delta = arrays["delta"].reshape(output) if "delta" in arrays else None
    if delta is None and "delta" in given:
        delta = zeros(output, DTYPES[chosen]) + 1
    return Case(
        operation, operands, delta, settings, arguments, layout, chosen, given, kind == "auto" and chosen == "exact"
    )


def _layout(numbers: Mapping[str, Numbers], dims: int) -> Layout:
    kernel, bias = (numbers[name].shape if name in numbers else None for name in ("w", "b"))
    return Layout(dims, numbers["x"].shape, kernel, bias)


def _full_input(shape: Shape, dims: int) -> Shape:
    """(N,C,*L) from any of the three ranks."""
    if not dims <= len(shape) <= dims + 2:
        raise RequestError(
            Problem(
                f"has shape {shape_text(shape)}, rank {len(shape)}, but with {dims} spatial axes the rank must be "
                f"{dims} (one sample, one channel), {dims + 1} (C, …) or {dims + 2} (N, C, …)",
                "check `dims` and the brackets",
                ("input",),
            )
        )
    full = (1,) * (dims + 2 - len(shape)) + shape
    if 0 in full[1:]:
        raise RequestError(
            Problem(f"is empty: its shape is {shape_text(shape)}", "only the batch may be empty", ("input",))
        )
    return full


def _full_kernel(shape: Shape, dims: int) -> Shape:
    """(O,C/g,*K), from that or from (*K)."""
    if len(shape) not in (dims, dims + 2):
        raise RequestError(
            Problem(
                f"has shape {shape_text(shape)}, rank {len(shape)}, but with {dims} spatial axes the rank must be "
                f"{dims} (one channel in, one out) or {dims + 2} (out, in, …)",
                "check `dims` and the brackets",
                ("kernel",),
            )
        )
    if 0 in shape:
        raise RequestError(Problem(f"is empty: its shape is {shape_text(shape)}", "", ("kernel",)))
    return (1,) * (dims + 2 - len(shape)) + shape


def _check_channels(operation: Operation, shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> None:
    """Groups divide both channel counts, and the kernel has its part of the input's channels."""
    if "w" not in shapes:
        return
    channels, groups, (first, second) = shapes["x"][1], settings["groups"], shapes["w"][:2]
    if operation.name == "conv-transpose":
        problems = _transposed_channels(channels, first, groups, shapes)
    else:
        problems = _plain_channels(channels, first, second, groups, shapes)
    if problems:
        raise RequestError(problems)


def _plain_channels(channels: int, filters: int, part: int, groups: int, shapes: Mapping[str, Shape]) -> list[Problem]:
    problems = _indivisible({"input channels": channels, "output channels": filters}, groups)
    if not problems and part * groups != channels:
        sums = f"{part} x {groups} = {part * groups}" if groups > 1 else str(part)
        problems.append(
            Problem(
                f"the kernel {shape_text(shapes['w'])} takes {sums} input channels (its second axis"
                + (" times groups" if groups > 1 else "")
                + f"), but the input {shape_text(shapes['x'])} has {channels}",
                "a kernel is (out, in/groups, …)"
                + (f"; groups: {channels // part} would fit" if channels % part == 0 != filters % part else ""),
                ("kernel",),
            )
        )
    return problems


def _transposed_channels(channels: int, first: int, groups: int, shapes: Mapping[str, Shape]) -> list[Problem]:
    problems = _indivisible({"input channels": channels}, groups)
    if first != channels:
        problems.append(
            Problem(
                f"the kernel {shape_text(shapes['w'])} takes {first} input channels (its first axis), "
                f"but the input {shape_text(shapes['x'])} has {channels}",
                "for conv-transpose a kernel is (in, out/groups, …)",
                ("kernel",),
            )
        )
    return problems


def _indivisible(counts: Mapping[str, int], groups: int) -> list[Problem]:
    return [
        Problem(f"{groups} groups do not divide the {count} {what}: {count} mod {groups} = {count % groups}",
                "use a divisor of both channel counts", ("groups",))
        for what, count in counts.items()
        if count % groups
    ]  # fmt: skip


def _check_bias(numbers: Mapping[str, Numbers], channels: int, layout: Layout) -> None:
    if "b" not in numbers or layout.bias == (channels,) or (layout.bias == () and channels == 1):
        return
    raise RequestError(
        Problem(
            f"has shape {shape_text(numbers['b'].shape)}, but there are {channels} output channels, "
            f"so it must be ({channels},)" + (" or one number" if channels == 1 else ""),
            "",
            ("bias",),
        )
    )


def _check_delta(
    given: Mapping[str, Any], numbers: Mapping[str, Numbers], expected: Shape, shapes: Mapping[str, Shape],
    settings: Mapping[str, Any],
) -> None:  # fmt: skip
    if "delta" not in numbers or numbers["delta"].shape == expected:
        return
    shape = numbers["delta"].shape
    raise RequestError(
        Problem(
            f"has shape {shape_text(shape)}, but the output has {shape_text(expected)}"
            + _output_arithmetic(shapes, settings, expected),
            _suggestions(shape, expected, shapes, settings),
            ("delta",),
        )
    )


def _output_arithmetic(shapes: Mapping[str, Shape], settings: Mapping[str, Any], expected: Shape) -> str:
    """How the output's lengths come about, axis by axis."""
    if "stride" not in settings or "output_padding" in settings or settings.get("ceil_mode"):
        return ""
    lines = [
        f"floor(({length} + {axis.before} + {axis.after} - {axis.extent})/{axis.stride}) + 1 = {axis.positions(length)}"
        for axis, length in zip(_axes(shapes, settings), shapes["x"][2:], strict=True)
    ]
    return ": " + ", ".join(dict.fromkeys(lines))


def _axes(shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> list[Axis]:
    sizes = shapes["w"][2:] if "w" in shapes else settings["window"]
    dilation = settings.get("dilation", (1,) * len(sizes))
    return [Axis(*row, *pair) for *row, pair in zip(sizes, settings["stride"], dilation, settings["padding"], strict=True)]


def _suggestions(shape: Shape, expected: Shape, shapes: Mapping[str, Shape], settings: Mapping[str, Any]) -> str:
    """Up to three strides or paddings with which the output would have delta's shape."""
    dims = settings["dims"]
    if "stride" not in settings or len(shape) != len(expected) or shape[:-dims] != expected[:-dims]:
        return "delta must have the output's shape"
    transposed = "output_padding" in settings
    found = [
        f"stride {stride} with padding {padding}"
        for stride, padding in sorted(product(range(1, 5), range(max(a.extent for a in _axes(shapes, settings)))), key=sum)
        if _lengths(shapes, settings, stride, padding, transposed) == shape[-dims:]
    ][:3]
    return f"{' or '.join(found)} would fit" if found else "delta must have the output's shape"


def _lengths(shapes: Mapping[str, Shape], settings: Mapping[str, Any], stride: int, pad: int, transposed: bool) -> Shape:
    """The output's lengths with another stride and padding."""
    pairs = list(zip(_axes(shapes, settings), shapes["x"][2:], strict=True))
    if transposed:
        return tuple((length - 1) * stride - 2 * pad + axis.extent for axis, length in pairs)
    return tuple(Axis(a.size, stride, a.dilation, pad, pad).positions(length) for a, length in pairs)


def _arithmetic(
    asked: str, operation: Operation, settings: Mapping[str, Any], numbers: Mapping[str, Numbers],
    shapes: Mapping[str, Shape], output: Shape,
) -> tuple[str, str]:  # fmt: skip
    """The kind of number to compute in, and what was asked for."""
    if asked not in ARITHMETICS:
        raise RequestError(Problem(f"unknown arithmetic '{asked}'", f"one of {', '.join(ARITHMETICS)}"))
    if asked == "exact" and not operation.rational(settings):
        raise RequestError(Problem(f"{operation.name} with norm {settings['norm']} takes roots, which are not rational",
                                   "use norm 1, or arithmetic float64", ("norm",)))  # fmt: skip
    if asked != "auto":
        return asked, asked
    hand_sized = products(settings, shapes, output) <= HAND_SIZED
    exact = hand_sized and operation.rational(settings) and all(part.exact for part in numbers.values())
    return ("exact" if exact else "float64"), asked


def products(settings: Mapping[str, Any], shapes: Mapping[str, Shape], output: Shape) -> int:
    """The products of one forward pass: every tap of every window of every channel it reads."""
    if "output_padding" in settings:
        return prod(shapes["x"]) * prod(shapes["w"][1:])
    taps = shapes["w"][1:] if "w" in shapes else settings.get("window") or ()
    return prod(output) * prod(taps) if taps else max(prod(shapes["x"]), prod(output))

