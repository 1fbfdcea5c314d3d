"""A layer of another library, or a chain of them, as a document: by its class's name and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from convgrad.errors import Problem, RequestError
from convgrad.vocabulary import OPERATIONS

LIBRARIES = {name: f"convgrad.frameworks.of_{name}" for name in ("torch", "keras", "flax")}
"""By the first word of a class's module, the module of ours that has its `ROWS`."""
OWN = "convgrad_case"
"""The method by which a class not known says what it is: a mapping as in a case document, without input and delta."""
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
Row = Callable[[Any, Arriving], Settings] | str


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
    if not (settings := settings_of(layer, arriving)):
        raise RequestError(Problem(f"{named(layer)} hands on what it gets", "there is nothing to compute"))
    if settings.get("op", "conv") in OPERATIONS:
        return {**settings, **arrays}
    return {"dims": _features(arriving), "layers": [{"name": layer_name(named(layer)), **settings}], **arrays}


def settings_of(layer: Any, arriving: Arriving) -> Settings:
    """The operation of a layer with its settings and parameters. Raises RequestError for one that is not known."""
    if hasattr(layer, OWN):
        return dict(layer.convgrad_case())
    row = row_of(layer)
    if row is None or isinstance(row, str):
        raise RequestError(_unknown(layer))
    return {name: value for name, value in row(layer, arriving).items() if value is not None}


def row_of(layer: Any) -> Row | None:
    """How the class of a layer, or one that it is made from, is read; None for one that is not known."""
    for kind in type(layer).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in LIBRARIES and kind.__name__ in (rows := import_module(LIBRARIES[library]).ROWS):
            row: Row = rows[kind.__name__]
            return row
    return None


def is_known(layer: Any) -> bool:
    """Whether a layer is one that can be checked by itself."""
    return hasattr(layer, OWN) or callable(row_of(layer))


def named(layer: Any) -> str:
    """What a layer is called in messages: the name of a class, or of a function."""
    return str(getattr(layer, "__name__", type(layer).__name__))


def layer_name(name: str) -> str:
    """A name as a network has it, where dots and brackets are those of entries."""
    return name.translate(str.maketrans(".[]/", "-()-"))


def arrived(layer: Any, shape: tuple[int, ...]) -> Arriving:
    """What the input of a layer or a chain is: as its first window says by its axes, else with a batch axis first."""
    dims = next((dims for _, part in leaves(layer) if (dims := axes_of(part)) is not None), None)
    batched = len(shape) >= 2 if dims is None else len(shape) == dims + 2
    return Arriving(shape, batched, len(shape) == 1 + batched)


def axes_of(layer: Any) -> int | None:
    """The spatial axes of a layer that slides a window, as its class's name ends: Conv2d, AveragePooling1D."""
    known = callable(row_of(layer))
    names = (kind.__name__ for kind in type(layer).__mro__) if known else ()
    return next((int(name[-2]) for name in names if name[-1:] in "dD" and name[-2:-1].isdigit()), None)


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
        yield from ((getattr(part, "name", None) or str(number), part) for number, part in enumerate(chain.layers))


def _chain(chain: Any, arriving: Arriving) -> Settings:
    layers, here, problems = [], arriving, []
    for name, part in leaves(chain):
        try:
            settings = settings_of(part, here)
        except RequestError as error:
            problems += [problem.under(named(chain), name) for problem in error.problems]
            continue
        layers += [{"name": layer_name(name), **settings}] if settings else []
        here = Arriving(None, here.batched, here.flat or settings.get("op") == "flatten")
    if problems:
        raise RequestError(problems)
    dims = next((dims for _, part in leaves(chain) if (dims := axes_of(part)) is not None), _features(arriving))
    return {"dims": dims, "layers": layers}


def _features(arriving: Arriving) -> int:
    """The spatial axes of what a layer without windows gets: 0 where it is features alone."""
    return max(len(arriving.shape or ()) - 1 - arriving.batched, 0)


def _unknown(layer: Any) -> Problem:
    library = type(layer).__module__.partition(".")[0]
    rows = import_module(LIBRARIES[library]).ROWS if library in LIBRARIES else {}
    known = f"known are {', '.join(rows)}; " if rows else ""
    return Problem(f"nothing is known of {named(layer)}", f"{known}a class may say what it is in a method {OWN}()")


def refuse(layer: Any, message: str, advice: str = "") -> None:
    """Raise the RequestError about what a layer does that no operation of ours does."""
    raise RequestError(Problem(f"{named(layer)} {message}", advice))
