"""Damaged files of every format: `python -m tests.fuzz.damaged_files [--count N] [--seed S]`.

Each is read to its last number, or refused in words: no other error, no more memory than is told, no hang. It exits
with 1 where something else happened, having said how to see it again.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import SystemRandom
from time import perf_counter
from typing import Any

import numpy as np

from convgrad.documents import read, source
from convgrad.errors import RequestError
from tests import tensor_files as files
from tests.fuzz.binary import saved
from tests.fuzz.choices import Choices
from tests.fuzz.damage import damaged, damaged_bytes
from tests.peak import PEAK

MOST = 256 << 20
"""Bytes that reading may take, beyond what the process had."""
TYPES = ("float32", "float64", "float16", "int64", "int8", "bool")
NUMBERS = (0, 1, 2, 3, 7, 255, 2**31, 2**40, 2**62, -1)
CALLS = [("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor_v3"), ("os", "system"),
         ("torch._utils", "_rebuild_parameter"), ("collections", "OrderedDict"), ("torch", "Size"),
         ("torch._tensor", "_rebuild_from_type_v2"), ("builtins", "set")]  # fmt: skip
PRINTS: tuple[Callable[[Any], str], ...] = (
    str, repr, lambda array: f"tensor({array.tolist()}, grad_fn=<X>)", lambda array: str(array.tolist()),
    lambda array: "\n".join(",".join(map(str, row)) for row in np.atleast_2d(array).reshape(-1, array.shape[-1])),
    lambda array: f"float x[] = {str(array.tolist()).replace('[', '{').replace(']', '}')};",
    lambda array: f"ans(:,:,1) =\n\n{str(array).replace('[', '').replace(']', '')}\n",
    lambda array: str(array.tolist()).replace("], [", "; ").replace(",", " "),
)  # fmt: skip


def _array(choices: Choices) -> Any:
    shape = choices.one_of((2,), (2, 3), (1, 2, 2), (0, 3), (3, 1, 2, 2))
    return (np.arange(np.prod(shape)) - 2.5).reshape(shape).astype(choices.of_list(TYPES))


def _number(choices: Choices, sound: int) -> int:
    return sound if choices.chance(0.7) else choices.of_list(NUMBERS)


def _safetensors(choices: Choices) -> bytes:
    arrays = {name: _array(choices) for name in "abc"[: choices.integer(1, 3)]}
    end = sum(array.nbytes for array in arrays.values())
    odd: dict[str, Any] = {}
    if choices.chance(0.5):
        odd["data_offsets"] = [_number(choices, 0), _number(choices, end)]
        odd["shape"] = choices.one_of([_number(choices, 2)] * 2, [2**62] * 3, [], "x", [1.5], [[1]], None)
        odd["dtype"] = choices.one_of("F32", "BF16", "F8_E4M3", "X", 3, None, [])
    return files.safetensors(arrays, a=odd)


def _pytorch(choices: Choices) -> bytes:
    arrays = [_array(choices) for _ in range(choices.integer(1, 3))]
    held: list[Any] = [files.whole(array, number) for number, array in enumerate(arrays)]
    if choices.chance(0.5):
        held[0] = held[0]._replace(
            storage=_number(choices, 0), offset=_number(choices, 0), numel=_number(choices, 4),
            shape=[_number(choices, 2)] * choices.integer(0, 4), strides=[_number(choices, 1)] * choices.integer(0, 4),
        )  # fmt: skip
    if choices.chance(0.3):
        held.append(files.Call(*choices.of_list(CALLS), [choices.of_list([*held, 1, "x", [], {}, None])] * 3))
    value = choices.one_of(held[0], {str(i): part for i, part in enumerate(held)}, held, {"a": {"b": held}})
    return files.pytorch(value, arrays, partial(damaged_bytes, choices) if choices.chance(0.5) else bytes)


def _onnx(choices: Choices) -> bytes:
    op = choices.one_of("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "MaxUnpool",
                       "Relu")  # fmt: skip
    names = ("kernel_shape", "strides", "pads", "dilations", "output_shape", "output_padding", "group", "auto_pad", "p")
    attributes: dict[str, Any] = {}
    for name in names:
        if choices.chance(0.4):
            many = [_number(choices, 1) for _ in range(choices.integer(0, 4))]
            attributes[name] = choices.one_of(many, many, many, _number(choices, 1), "SAME_UPPER", "VALID")
    array = _array(choices)
    arrays = {"w": array if array.dtype != bool else array.astype(np.int8)}
    told = {"shape": [_number(choices, 3) for _ in range(4)]} if choices.chance(0.5) else {}
    return files.onnx(op, attributes, arrays, **told)


def _npz(choices: Choices) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: _array(choices) for name in "ab"})
    return file.getvalue()


def _print(choices: Choices) -> bytes:
    array = _array(choices).astype(float)
    return damaged(choices, choices.of_list(PRINTS)(array + 0.125))


MAKERS: dict[str, Callable[[Choices], bytes]] = {
    ".safetensors": _safetensors, ".pt": _pytorch, ".onnx": _onnx, ".npz": _npz,
    ".npy": lambda choices: saved(_array(choices)), ".txt": _print, ".csv": _print,
    ".bin": lambda choices: _array(choices).tobytes(),
}  # fmt: skip
"""By suffix, what makes a file that is sound, or says odd things."""


def contents(suffix: str, seed: int, number: int) -> tuple[bytes, str]:
    """The bytes of one file, and what is asked for after its name."""
    choices = Choices.of(seed, number)
    data = MAKERS[suffix](choices)
    if choices.chance(0.3 if suffix == ".pt" else 0.8):  # a checksum finds nearly all of an archive's
        data = damaged_bytes(choices, data)
    if suffix == ".bin":
        return data, choices.one_of("@float32", "@float16:2,3", "@bfloat16:1,2,2", "@x", "@float64:99999999999,9")
    return data, choices.one_of("", "", ":a", ":0") if suffix in (".safetensors", ".pt", ".npz") else ""


def outcome(path: Path, data: bytes, asked: str) -> str:
    """What comes of reading a file: read, refused, or the error that should not have been."""
    path.write_bytes(data)
    try:
        for document in read(source(f"{path}{asked}")):
            if isinstance(document.error, RequestError):
                return "refused"
            if document.error is not None:
                raise document.error
            repr(document.value)
            document.locate(("input", 0))
    except RequestError:
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def tried(suffix: str, seed: int, numbers: range, folder: Path) -> Iterator[tuple[int, str, float]]:
    """Each number with its outcome, and the seconds that it took."""
    for number in numbers:
        start = perf_counter()
        yield number, outcome(folder / f"x{suffix}", *contents(suffix, seed, number)), perf_counter() - start


def _peak() -> int:
    names: dict[str, Any] = {}
    exec(PEAK, names)
    return int(names["peak"]())


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.damaged_files", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="files of each format (10000)")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32))
    parser.add_argument("--formats", default=",".join(MAKERS), help="suffixes, with commas")
    asked = parser.parse_args(words)
    print(f"seed {asked.seed}", flush=True)
    before, broken = _peak(), 0
    with tempfile.TemporaryDirectory() as folder:
        for suffix in asked.formats.split(","):
            broken += _told(suffix, asked.seed, asked.count, Path(folder))
    more = _peak() - before
    print(f"{more >> 20} MB more than at the start")
    return 1 if broken or more > MOST else 0


def _told(suffix: str, seed: int, count: int, folder: Path) -> int:
    """Try the files of a format, and say what came of them; how many were neither read nor refused."""
    found: Counter[str] = Counter()
    longest = 0.0
    for number, what, seconds in tried(suffix, seed, range(count), folder):
        longest = max(longest, seconds)
        found["other" if what not in ("read", "refused") else what] += 1
        if what not in ("read", "refused") and found["other"] <= 5:
            print(f"{suffix} seed {seed} number {number}: {what}")
    print(f"{suffix}: {found['read']} read, {found['refused']} refused, {found['other']} other, "
          f"the longest {1000 * longest:.0f} ms", flush=True)  # fmt: skip
    return found["other"]


if __name__ == "__main__":
    sys.exit(main())
