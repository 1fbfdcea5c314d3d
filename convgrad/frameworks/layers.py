"""A layer of another library, or a chain of them, as a document: by its class's name and what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import OPERATIONS

LIBRARIES = {name: f"convgrad.frameworks.of_{name}" for name in ("torch", "keras", "flax")}
"""By the first word of a class's module, the module of ours that has its `ROWS`."""
OF_FUNCTIONS = {"jax": "flax", "flax": "flax"}
"""The library that has the row of a function, by the first word of the function's module."""
OWN = "convgrad_case"
"""The method by which a class not known says what it is: a mapping as in a case document, without input and delta."""
DIMENSIONAL = re.compile("([123])[dD](?:Transpose)?$")
NUMBERED = re.compile("(.*?)([123][dD])?((?:Transpose)?)")
CHAIN = "chain"
"""What a row may be besides a function: a chain of layers."""


class Arriving(NamedTuple):
    """What a layer gets: its shape, where that is known; whether it has a batch axis, and no axes besides features.

    `rows` says that axes between samples and features may be more samples.
    """

    shape: tuple[int, ...] | None
    batched: bool
    flat: bool
    rows: bool = False


Settings = dict[str, Any]
"""The operation of a layer, its settings and its parameters; nothing, of one that hands on what it gets."""
Row = Callable[[Any, Arriving], Settings | list[Settings]] | str
"""What reads a layer: as an operation, or as several, one after another; or `CHAIN`."""


def is_layer(value: Any) -> bool:
    """Whether a value is a layer of another library, or may be one."""
    return callable(value) or hasattr(value, OWN)


def document_of(layer: Any, arrays: Mapping[str, Any]) -> Settings:
    """What a layer computes of `arrays["input"]`, as a document: of a case, or of a network where it is no case.

    Raises RequestError for a layer that is not known, and for what it does that no operation of ours does.
    """
    if (x := arrays.get("input")) is None:
        raise RequestError(Problem(f"{named(layer)} needs its input", "give it next: check(layer, x, delta)"))
    arriving = arrived(layer, tuple(np.shape(x) if not hasattr(x, "shape") else x.shape))
    if row_of(layer) == CHAIN:
        return {**_chain(layer, arriving), **arrays}
    parts = parts_of(layer, arriving)
    if not parts:
        raise RequestError(Problem(f"{named(layer)} hands on what it gets", "there is nothing to compute"))
    if len(parts) == 1 and parts[0].get("op", "conv") in OPERATIONS:
        return {**parts[0], **arrays}
    dims = parts[0].get("dims", _features(arriving))
    return {"dims": dims, **_layout_of(parts), "layers": _called(layer_name(named(layer)), parts), **arrays}


def settings_of(layer: Any, arriving: Arriving) -> Settings:
    """The one operation of a layer, as `parts_of` has it; nothing, of one that hands on what it gets."""
    return next(iter(parts_of(layer, arriving)), {})


def parts_of(layer: Any, arriving: Arriving) -> list[Settings]:
    """The operations of a layer with their settings and parameters. Raises RequestError for one that is not known."""
    if hasattr(layer, OWN):
        return [dict(layer.convgrad_case())]
    row = row_of(layer)
    if row is None or isinstance(row, str):
        raise RequestError(_unknown(layer))
    read = row(layer, arriving)
    given = ({key: value for key, value in part.items() if value is not None}
             for part in (read if isinstance(read, list) else [read]))  # fmt: skip
    return [part for part in given if part]


def _called(name: str, parts: list[Settings]) -> list[Settings]:
    """The parts of a layer by names: its own, and those of what it does besides with their operation."""
    names = (f"{name}-{part.get('op', 'conv')}" if number else name for number, part in enumerate(parts))
    return [{"name": own, **part} for own, part in zip(names, parts, strict=True)]


def _layout_of(layers: Iterable[Settings]) -> Settings:
    """The layout of a network, which is that of its first layer with one."""
    return next(({"layout": layer["layout"]} for layer in layers if "layout" in layer), {})


def row_of(layer: Any) -> Row | None:
    """How the class of a layer, or one that it is made from, is read, or a function; None for what is not known."""
    for library, name in (*_function_of(layer), *((kind.__module__, kind.__name__) for kind in type(layer).__mro__)):
        known = LIBRARIES.get(library.partition(".")[0])
        if known and name in (rows := import_module(known).ROWS):
            row: Row = rows[name]
            return row
    return None


def _function_of(layer: Any) -> Iterator[tuple[str, str]]:
    """The library and the name of a function, whose settings may have been given (functools.partial)."""
    function = layer.func if isinstance(layer, partial) else layer
    library = OF_FUNCTIONS.get(str(getattr(function, "__module__", "")).partition(".")[0])
    if library and not isinstance(function, type) and isinstance(name := getattr(function, "__name__", None), str):
        yield library, name


def is_known(layer: Any) -> bool:
    """Whether a layer is one that can be checked by itself."""
    return hasattr(layer, OWN) or callable(row_of(layer))


def named(layer: Any) -> str:
    """What a layer is called in messages: the name of a class, or of a function."""
    return str(getattr(layer.func if isinstance(layer, partial) else layer, "__name__", type(layer).__name__))


def layer_name(name: str) -> str:
    """A name as a network has it, where dots and brackets are those of entries."""
    return name.translate(str.maketrans(".[]/", "-()-"))


def arrived(layer: Any, shape: tuple[int, ...]) -> Arriving:
    """What the input of a layer or a chain is: as its first window says by its axes, else with a batch axis first."""
    dims = next((dims for _, part in leaves(layer) if (dims := axes_of(part)) is not None), None)
    batched = len(shape) >= 2 if dims is None else len(shape) == dims + 2
    return Arriving(shape, batched, len(shape) == 1 + batched)


def axes_of(layer: Any) -> int | None:
    """The spatial axes of a layer that slides a window, as its class's name tells, Conv2d or Conv1DTranspose, or it."""
    if not callable(row_of(layer)):
        return None
    names = (DIMENSIONAL.search(kind.__name__) for kind in type(layer).__mro__)
    if found := next(filter(None, names), None):
        return int(found[1])
    sizes = layer.keywords.get("window_shape") if isinstance(layer, partial) else getattr(layer, "kernel_size", None)
    return len(sizes) if isinstance(sizes, Sequence) else None


def leaves(layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a chain in order, chains in it opened, each by its name: 0, or features-0."""
    if row_of(layer) != CHAIN:
        yield prefix or named(layer), layer
        return
    for name, part in _children(layer):
        yield from leaves(part, f"{prefix}-{name}" if prefix else name)


def _children(chain: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(chain, "_modules"):
        yield from chain._modules.items()
    else:
        yield from ((_own_name(part) or str(number), part) for number, part in enumerate(chain.layers))


def _own_name(part: Any) -> str | None:
    """What a layer calls itself, which a function does not."""
    name = getattr(part, "name", None)
    return name if isinstance(name, str) else None


def _chain(chain: Any, arriving: Arriving) -> Settings:
    layers, here, problems = [], arriving, []
    for name, part in leaves(chain):
        try:
            parts = parts_of(part, here)
        except RequestError as error:
            problems += [problem.under(named(chain), name) for problem in error.problems]
            continue
        layers += _called(layer_name(name), parts)
        here = Arriving(None, here.batched, here.flat or any(part.get("op") == "flatten" for part in parts))
    if problems:
        raise RequestError(problems)
    dims = next((dims for _, part in leaves(chain) if (dims := axes_of(part)) is not None), _features(arriving))
    return {"dims": dims, **_layout_of(layers), "layers": layers}


def _features(arriving: Arriving) -> int:
    """The spatial axes of what a layer without windows gets: 0 where it is features alone."""
    return max(len(arriving.shape or ()) - 1 - arriving.batched, 0)


def _unknown(layer: Any) -> Problem:
    library = type(layer).__module__.partition(".")[0]
    rows = import_module(LIBRARIES[library]).ROWS if library in LIBRARIES else {}
    known = f"known are {', '.join(_together(rows))}; " if rows else ""
    return Problem(f"nothing is known of {named(layer)}", f"{known}a class may say what it is in a method {OWN}()")


def _together(names: Iterable[str]) -> Iterator[str]:
    """Names of classes, those that differ in the number of axes alone as one.

    >>> list(_together(["Conv1d", "Conv2d", "Conv3d", "Conv1dTranspose", "ReLU"]))
    ['Conv1d to 3d', 'Conv1dTranspose', 'ReLU']
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for name in names:
        stem, axes, tail = NUMBERED.fullmatch(name).groups()  # type: ignore[union-attr]
        kinds.setdefault((stem, tail), []).append(axes or "")
    for (stem, tail), axes in kinds.items():
        yield f"{stem}{axes[0]}{tail}" + (f" to {axes[-1]}" if len(axes) > 1 else "")


def refuse(layer: Any, message: str, advice: str = "") -> None:
    """Raise the RequestError about what a layer does that no operation of ours does."""
    raise RequestError(Problem(f"{named(layer)} {message}", advice))
