"""What goes through the layers of a model, forward and back, copied as it passes: hooks of PyTorch's modules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from math import prod
from typing import Any

import numpy as np

from convgrad.core.arithmetic import Array
from convgrad.core.nested import Numbers, read_numbers
from convgrad.errors import Problem, RequestError
from convgrad.frameworks.layers import OWN, arrived, is_known, layer_name, named, row_of, settings_of
from convgrad.vocabulary import INDICES, OPERATIONS, PARAMETERS

GRADIENT_OF = {"kernel": "dW", "bias": "db"}
HALVES = ("bfloat16", "float16")
"""Types that a layer may compute in although what it holds is wider."""
ROWS = "dense"
"""The operation whose input may have axes between samples and features, all of which are samples to it."""


@dataclass
class Call:
    """One time that a layer ran: its settings, and copies of input, output, delta, dX, and at last dW and db."""

    settings: dict[str, Any]
    arrays: dict[str, Numbers] = field(default_factory=dict)

    def keep(self, name: str, array: Any) -> None:
        """A copy of an array as it is now: what is in place may change it later."""
        self.arrays[name] = copied(array)

    def hook(self, name: str) -> Any:
        """What a tensor is to call with its gradient."""
        return lambda gradient: self.keep(name, gradient)


def copied(array: Any) -> Numbers:
    """An array of any library, as it is now."""
    read = read_numbers(array, nonfinite=True)
    return replace(read, values=np.array(read.values)) if isinstance(read.values, np.ndarray) else read


class Seen:
    """A layer of a model, and the calls of its latest pass."""

    def __init__(self, name: str, module: Any, shared: frozenset[int] = frozenset()) -> None:
        """`shared` are the parameters that other layers have as well, whose gradients are not of this layer alone."""
        self.name, self.module, self.shared = name, module, shared
        self.calls: list[Call] = []
        self.running: Call | None = None
        self.refused = ""

    def watched(self) -> Iterator[Any]:
        """Lay the hooks; each can be removed."""
        yield self.module.register_forward_pre_hook(self._before, with_kwargs=True)
        yield self.module.register_forward_hook(self._after)
        for name, gradient in GRADIENT_OF.items():
            parameter: Any = self._parameter(name)
            alone = parameter is not None and id(parameter) not in self.shared
            if alone and parameter.requires_grad and parameter.is_leaf:
                yield parameter.register_hook(self._of_pass(gradient))

    def _parameter(self, name: str) -> Any:
        """The kernel or the bias as the layer holds it."""
        if hasattr(self.module, OWN):
            return self.module.convgrad_case().get(name)
        return getattr(self.module, "weight" if name == "kernel" else name, None)

    def _before(self, module: Any, given: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        if any("delta" in call.arrays for call in self.calls):
            self.calls = []  # what ran back is a pass of its own
        named_input = next(iter(keywords), "")
        x = given[0] if given else keywords[named_input]
        self.running = call = self._call(x)
        if call is None:
            return None
        if INDICES in (cells := dict(zip(("", INDICES), given, strict=False)) | dict(keywords)):
            call.settings[INDICES] = copied(cells[INDICES])
        self.calls.append(call)
        if not x.requires_grad or getattr(module, "inplace", False):  # whose input is gone when its gradient is known
            return None
        own = x.view_as(x)  # whose gradient is of this layer alone, wherever else the input goes
        own.register_hook(call.hook("dX"))
        return ((own, *given[1:]), keywords) if given else (given, {**keywords, named_input: own})

    def _call(self, x: Any) -> Call | None:
        """What begins; nothing where the layer does what no operation does, which is no reason to stop the model."""
        try:
            settings = settings_of(self.module, arrived(self.module, tuple(x.shape))._replace(rows=True))
            call = Call({name: copied(part) if name in PARAMETERS else part for name, part in settings.items()})
            call.keep("input", x)
        except RequestError as error:
            self.refused = str(error)
            return None
        return call if settings else None

    def _after(self, module: Any, given: tuple[Any, ...], output: Any) -> None:
        if self.running is not None:
            if isinstance(output, tuple):  # of a pool that gives its winners as well
                output, winners = output
                self.running.keep(INDICES, winners)
            if INDICES in self.running.settings:  # whose output may have been asked for in another size
                self.running.settings["output_size"] = tuple(output.shape[-self.running.settings["dims"] :])
            self.running.keep("output", output)
            if output.requires_grad:
                output.register_hook(self.running.hook("delta"))

    def _of_pass(self, name: str) -> Any:
        def keep(gradient: Any) -> None:
            for call in self.calls[-1:]:
                call.keep(name, gradient)

        return keep

    def documents(self) -> Iterator[dict[str, Any]]:
        """Its calls that ran back, as documents with what was computed as their claim; calls alike are one batch."""
        calls = [call for call in self.calls if "delta" in call.arrays]
        for number, call in enumerate(_together(calls)):
            name = self.name + (f" call {number + 1}" if number else "")
            yield _document(name, call)


def _together(calls: Sequence[Call]) -> list[Call]:
    """Calls in a row along their samples: dW and db, which are theirs together, are so of one batch.

    Calls whose samples differ stay apart, and dW and db unclaimed.
    """
    if len(calls) < 2:
        return list(calls)
    apart = _without_sums(calls)
    samples = {call.arrays["input"].shape[1:] for call in apart}
    if len(samples) > 1 or len(calls[0].arrays["input"].shape) < 2:
        return apart
    common = set.intersection(*(set(call.arrays) for call in apart))
    joined = {name: _joined([call.arrays[name] for call in apart]) for name in sorted(common)}
    sums = {name: array for name, array in calls[-1].arrays.items() if name in GRADIENT_OF.values()}
    return [Call(calls[0].settings, joined | sums)]


def _without_sums(calls: Sequence[Call]) -> list[Call]:
    sums = GRADIENT_OF.values()
    return [Call(call.settings, {k: a for k, a in call.arrays.items() if k not in sums}) for call in calls]


def _joined(parts: Sequence[Numbers]) -> Numbers:
    values = np.concatenate([_array(part) for part in parts])
    return replace(parts[0], values=values, shape=values.shape, finite=all(part.finite for part in parts))


def _array(numbers: Numbers) -> Array:
    return np.asarray(numbers.values).reshape(numbers.shape)


def _document(name: str, call: Call) -> dict[str, Any]:
    """A case, or a network of one layer, with its claim."""
    arrays, settings = dict(call.arrays), dict(call.settings)
    if settings.get("op") == ROWS:
        arrays = {key: _as_rows(part) for key, part in arrays.items()}
    claim = {key: part for key, part in arrays.items() if key not in ("input", "delta")}
    given = {key: arrays[key] for key in ("input", "delta")} | {"claim": claim, "claim_dtype": _type(call)}
    if settings.get("op", "conv") in OPERATIONS:
        return {"id": name, **settings, **given}
    layer = layer_name(name)
    dims = max(len(arrays["input"].shape) - 2, 0)
    return {"id": name, "dims": dims, "layers": [{"name": layer, **settings}], **given, "claim": {layer: claim}}


def _as_rows(numbers: Numbers) -> Numbers:
    """Of an array (samples, …, features) each row; others as they are."""
    if len(numbers.shape) < 3:
        return numbers
    shape = (prod(numbers.shape[:-1]), numbers.shape[-1])
    return replace(numbers, values=np.asarray(numbers.values).reshape(shape), shape=shape)


def _type(call: Call) -> str | None:
    """The half type that a layer computed in, where its output is of one; else each claim's is its own."""
    output = call.arrays["output"]
    kind = output.of or np.asarray(output.values).dtype.name
    return kind if kind in HALVES else None


class Watched:
    """The layers of a model while it runs: `with convgrad.watch(model) as layers:`; then `convgrad.check(layers)`.

    It holds a copy of every array that goes through them in the latest pass: `.nbytes` of memory, `.unknown` the
    classes of which nothing is known. `.save("run.npz")` is for `convgrad check run.npz`.
    """

    def __init__(self, model: Any, only: str | Sequence[str] | None = None) -> None:
        wanted = [only] if isinstance(only, str) else only
        found = [(name or named(part), part) for name, part in _modules(model) if _is_wanted(name, part, wanted)]
        shared = _shared(model)
        self.layers = [Seen(name, part, shared) for name, part in found if is_known(part)]
        self.unknown = tuple(dict.fromkeys(named(part) for _, part in found if not is_known(part)))
        self._hooks: list[Any] = []
        if not self.layers:
            known = f"there are {', '.join(name for name, part in _modules(model) if is_known(part)) or 'none'}"
            raise RequestError(Problem("there is no layer to watch", f"of those that are known {known}"))

    def __enter__(self) -> Watched:
        self._hooks = [hook for layer in self.layers for hook in layer.watched()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def __repr__(self) -> str:
        ran = sum(any("delta" in call.arrays for call in layer.calls) for layer in self.layers)
        refused = [f"{layer.name}: {layer.refused}" for layer in self.layers if layer.refused]
        unknown = f"; left out: {', '.join((*self.unknown, *refused))}" if self.unknown or refused else ""
        held = f"{self.nbytes / 1e6:.3g} MB held"
        return f"Watched({ran} of {len(self.layers)} layers ran forward and back, {held}{unknown})"

    @property
    def nbytes(self) -> int:
        """The bytes that the copies take."""
        calls = [call for layer in self.layers for call in layer.calls]
        arrays = [numbers for call in calls for numbers in (*call.arrays.values(), *call.settings.values())]
        return sum(np.asarray(part.values).nbytes for part in arrays if isinstance(part, Numbers))

    def documents(self) -> list[dict[str, Any]]:
        """A document for every layer that ran forward and back, with what it computed as the claim."""
        made = [document for layer in self.layers for document in layer.documents()]
        if not made:
            advice = "call the model, and backward() on its loss, inside of the `with` block"
            raise RequestError(Problem("no layer ran forward and back while it was watched", advice))
        return made

    def save(self, file: str) -> None:
        """Write the documents to a .npz file, for `convgrad check`: a member for every key, as in conv1/claim/dX."""
        named = ((document["id"].replace("/", "-"), document) for document in self.documents())
        members: dict[str, Any] = dict(member for name, document in named for member in _members(name, document))
        with open(file, "wb") as target:
            np.savez_compressed(target, **members)


def _members(path: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Keys and parts of a document by their paths, each as an array."""
    if path.endswith("/layers"):
        value = {str(number): layer for number, layer in enumerate(value)}
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _members(f"{path}/{key}", part)
    elif value is not None:
        yield path, _array(value) if isinstance(value, Numbers) else np.asarray(value)


def _modules(model: Any) -> Iterator[tuple[str, Any]]:
    """The layers of a model by their names; of those that are known nothing within."""
    if is_known(model) or not hasattr(model, "named_children"):
        yield "", model
        return
    for name, part in model.named_children():
        inner = list(_modules(part))
        yield from ((f"{name}.{deeper}" if deeper else name, layer) for deeper, layer in inner)
    if not list(model.children()) and row_of(model) is None:
        yield "", model


def _shared(model: Any) -> frozenset[int]:
    """The parameters that several layers of a model have."""
    parts = model.modules() if hasattr(model, "modules") else ()
    counts = Counter(id(parameter) for part in parts for parameter in part.parameters(recurse=False))
    return frozenset(number for number, count in counts.items() if count > 1)


def _is_wanted(name: str, module: Any, wanted: Sequence[str] | None) -> bool:
    return wanted is None or any(fnmatch(name, one) or fnmatch(named(module), one) for one in wanted)


def watch(model: Any, only: str | Sequence[str] | None = None) -> Watched:
    """Watch the layers of a PyTorch model as it runs, `with watch(model) as layers:`; then `check(layers)`.

    `only` are names of layers or classes, which may have a `*`. Raises RequestError where none is known.
    """
    return Watched(model, only)
