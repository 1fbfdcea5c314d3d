"""The process that calls somebody's function: it takes and gives lengths, types and raw bytes, and prints elsewhere.

Run by `callables`; a line of JSON, then the bytes of the arrays that it names, in either direction.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from convgrad.grading.signatures import arguments_of, results_of
from convgrad.suites.encoding import MARK, SIZES, STORED, ZONE

LINES = 6
"""Lines of a traceback that are told."""


def main(target: str, kind: str, signature: str) -> None:
    """Call the function for every request, until there are no more."""
    sys.dont_write_bytecode = True  # nothing is to be left beside somebody's files
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function prints is not to stand among answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        function = _found(target)
        _send(answers, {"type": "ready", **_taken(function)}, [])
    except BaseException as error:
        _send(answers, {"type": "failed", "message": _said(error)}, [])
        return
    for line in requests:
        header = json.loads(line)
        data = [requests.read(part["bytes"]) for part in header["arrays"]]
        _send(answers, *_answered(function, kind, signature, header, data))


def _send(answers: Any, header: Mapping[str, Any], data: list[bytes]) -> None:
    answers.write(json.dumps(header).encode() + b"\n")
    for part in data:
        answers.write(part)
    answers.flush()


def _found(target: str) -> Callable[..., Any]:
    """The function that `package.module:name` or `file.py:name` names."""
    place, _, name = target.rpartition(":")
    sys.dont_write_bytecode = True  # nothing is left in somebody's folder
    sys.path.insert(0, os.getcwd())
    if place.endswith(".py"):
        path = Path(place).resolve()
        sys.path.insert(0, str(path.parent))
        specification = importlib.util.spec_from_file_location(path.stem, path)
        if specification is None or specification.loader is None or not path.is_file():
            raise FileNotFoundError(f"there is no file {place}")
        module = importlib.util.module_from_spec(specification)
        sys.modules[path.stem] = module
        specification.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} is no function")
    return found  # type: ignore[no-any-return]


def _taken(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters by name that a function has, those without default, those of one whole number; if it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {"names": [], "required": [], "whole": [], "any": False}
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    whole = [one.name for one in named if type(one.default) is int or one.annotation in (int, "int")]
    required = [one.name for one in named if one.default is one.empty]
    return {"names": [one.name for one in named], "required": required, "whole": whole,
            "any": any(one.kind == one.VAR_KEYWORD for one in parameters)}  # fmt: skip


def _said(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


# -- One call ----------------------------------------------------------------------------------------------------------


class Buffer:
    """Memory of ours between two red zones, as an array that somebody else may write to."""

    def __init__(self, shape: list[int], dtype: str) -> None:
        self.size = prod(shape) * SIZES[dtype]
        self.memory: Any = np.full(self.size + 2 * ZONE, MARK, np.uint8)
        self.shape, self.dtype = shape, dtype
        self.bytes = self.memory[ZONE : ZONE + self.size]

    def filled(self, data: bytes) -> Buffer:
        self.bytes[:] = np.frombuffer(data, np.uint8)
        return self

    def array(self, kind: str) -> Any:
        """As NumPy or PyTorch has it."""
        if kind == "torch":
            import torch

            return torch.from_numpy(self.bytes).view(getattr(torch, self.dtype)).reshape(self.shape)
        return self.bytes.view(STORED[self.dtype]).reshape(self.shape)

    @property
    def is_touched(self) -> bool:
        """Whether anything was written before it or past its end."""
        zones = (self.memory[:ZONE], self.memory[ZONE + self.size :])
        return any(bool((zone != MARK).any()) for zone in zones)


def _answered(
    function: Callable[..., Any], kind: str, signature: str, header: Mapping[str, Any], data: list[bytes]
) -> tuple[dict[str, Any], list[bytes]]:
    buffers = {part["name"]: Buffer(part["shape"], part["dtype"]).filled(raw)
               for part, raw in zip(header["arrays"], data, strict=True)}  # fmt: skip
    inputs = {name: buffer for name, buffer in buffers.items() if name not in header["into"]}
    out = {name: buffers[name] for name in header["into"]}
    try:
        positional, named = arguments_of(
            signature, {name: buffer.array(kind) for name, buffer in inputs.items()}, _tuples(header["settings"])
        )
        if out:
            named["out"] = {name: buffer.array(kind) for name, buffer in out.items()}
        returned = results_of(function(*positional, **named), header["results"])
        arrays = _results({**named.get("out", {}), **returned}, header["want"])
    except NotImplementedError as error:
        return {"type": "skipped", "reason": str(error) or "not implemented"}, []
    except BaseException as error:
        lines = traceback.format_exception(error)[-LINES:]
        return {"type": "error", "message": _said(error), "trace": "".join(lines)}, []
    given = dict(zip((part["name"] for part in header["arrays"]), data, strict=True))
    changed = [name for name, buffer in inputs.items() if buffer.bytes.tobytes() != given[name]]
    outside = [name for name, buffer in buffers.items() if buffer.is_touched]
    described = [{**about, "bytes": len(raw)} for about, raw in arrays]
    return (
        {"type": "result", "arrays": described, "changed": changed, "outside": outside},
        [raw for _, raw in arrays],
    )


def _tuples(value: Any) -> Any:
    """Lists as tuples, which JSON has none of."""
    if isinstance(value, dict):
        return {name: _tuples(part) for name, part in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _results(results: Mapping[str, Any], want: list[str]) -> list[tuple[dict[str, Any], bytes]]:
    return [_raw(name, results[name]) for name in want if results.get(name) is not None]


def _raw(name: str, value: Any) -> tuple[dict[str, Any], bytes]:
    """An array's type, shape and bytes."""
    if hasattr(value, "detach"):
        import torch

        value = value.detach().cpu().contiguous()
        shape, dtype = list(value.shape), str(value.dtype).removeprefix("torch.")
        return {"name": name, "shape": shape, "dtype": dtype}, value.reshape(-1).view(torch.uint8).numpy().tobytes()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}, b""
    array = array.astype(array.dtype.newbyteorder("<"))
    return {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}, array.tobytes()


if __name__ == "__main__":
    main(*sys.argv[1:])
