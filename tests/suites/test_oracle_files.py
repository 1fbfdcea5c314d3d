"""What `cases` writes is read by the packages whose formats these are, and is what PyTorch computes."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convgrad.grading.settings import folded
from convgrad.suites.encoding import SIZES, decoded
from convgrad.suites.sources import name_of
from tests import definitions
from tests.program import convgrad

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_safetensors_are_read_by_their_own_package(dtype: str, tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.torch", reason="needs the extra `oracle`")
    torch = pytest.importorskip("torch", reason="needs the extra `oracle`")
    for name in ("suite.safetensors", "suite.json"):
        done = convgrad("cases", "--op", "conv,max-unpool", "--dtype", dtype, "--output", str(tmp_path / name))
        assert done.returncode == 0
    held = package.load_file(tmp_path / "suite.safetensors")
    for case in json.loads((tmp_path / "suite.json").read_text())["cases"]:
        for name, array in {**case["case"], **case["expected"]}.items():
            if (stored := held.get(f"{case['id']}/{name}")) is None:
                continue
            assert stored.dtype == (torch.int64 if name == "indices" else getattr(torch, dtype))
            np.testing.assert_array_equal(stored.to(torch.float64).numpy(), np.array(array, float))
        assert {f"{case['id']}/{name}" for name in ("input", "delta", *case["expected"])} <= held.keys()


# -- What PyTorch computes ---------------------------------------------------------------------------------------------

Arrays = dict[str, Any]
FUNCTIONS = {"conv": "conv", "conv-transpose": "conv_transpose", "max-pool": "max_pool", "average-pool": "average_pool",
             "lp-pool": "lp_pool", "adaptive-max-pool": "adaptive_max", "adaptive-average-pool": "adaptive_average",
             "max-unpool": "max_unpool", "network": "network"}  # fmt: skip
NAMES = {"x": "input", "w": "kernel", "b": "bias", "delta": "delta", "indices": "indices"}
FLAT = ("output", "dX", "dW", "db")
MOST = 400
"""Numbers of a case up to which loops in Python are asked where PyTorch does not know it."""


def of_json(path: Path) -> list[Arrays]:
    found: list[Arrays] = json.loads(path.read_text())["cases"]
    return found


def of_lines(path: Path) -> list[Arrays]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_python(path: Path) -> list[Arrays]:
    found: list[Arrays] = runpy.run_path(str(path))["CASES"]
    return found


def of_javascript(path: Path) -> list[Arrays]:
    text = path.read_text().partition("const SUITE = ")[2].rpartition(";\nif ")[0]
    found: list[Arrays] = json.loads(text)["cases"]
    return found


def by_name(rows: Callable[[Path], list[Arrays]]) -> Callable[[Path, str], dict[str, Arrays]]:
    """Of a format with lists of its own what must come out, by the case's id."""
    return lambda path, dtype: {row["id"]: row["expected"] for row in rows(path)}


def of_npz(path: Path, dtype: str) -> dict[str, Arrays]:
    held = np.load(path)
    return _grouped({name: decoded(held[name].tobytes(), held[name].shape, dtype) for name in held
                     if name.rpartition("/")[2] in FLAT})  # fmt: skip


def of_safetensors(path: Path, dtype: str) -> dict[str, Arrays]:
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = {name: row for name, row in json.loads(data[8:start]).items() if name.rpartition("/")[2] in FLAT}
    cut = {name: [start + place for place in row["data_offsets"]] for name, row in header.items()}
    return _grouped(
        {name: decoded(data[slice(*cut[name])], tuple(row["shape"]), dtype) for name, row in header.items()}
    )


def of_folder(path: Path, dtype: str) -> dict[str, Arrays]:
    files = {file: file.stat().st_size // SIZES[dtype] for file in path.rglob("*.bin") if file.stem in FLAT}
    return _grouped({str(file.relative_to(path))[:-4]: decoded(file.read_bytes(), (count,), dtype)
                     for file, count in files.items()})  # fmt: skip


def _grouped(arrays: Mapping[str, Any]) -> dict[str, Arrays]:
    found: dict[str, Arrays] = {}
    for name, array in arrays.items():
        id, _, short = name.rpartition("/")
        found.setdefault(id, {})[short] = array
    return found


def numbers(text: str) -> list[float]:
    return [float(part.strip().rstrip("f")) for part in text.replace("\n", " ").split(",") if part.strip()]


def of_header(path: Path, dtype: str) -> dict[str, Arrays]:
    text = path.read_text()
    ids = dict.fromkeys(re.findall(r"/\* (\S+/\S+) \*/", text))
    rows = re.findall(r"static const \w+ (\w+)_(output|dX|dW|db)\[\] = \{([^}]*)\}", text)
    held = {(name, array): values for name, array, values in rows}
    found = {id: {array: held.get((name_of(id), array)) for array in FLAT} for id in ids}
    return {id: {array: numbers(values) for array, values in row.items() if values} for id, row in found.items()}


def of_rust(path: Path, dtype: str) -> dict[str, Arrays]:
    _, *parts = re.split(r'Case {{ id: "'.replace("{{", "{"), path.read_text())
    return {part.partition('"')[0]: {
        name: values for name in FLAT if (values := numbers(re.search(rf"\b{name}: &\[([^\]]*)\]", part)[1]))  # type: ignore[index]
    } for part in parts}  # fmt: skip


def of_julia(path: Path, dtype: str) -> dict[str, Arrays]:
    _, *parts = re.split(r'Dict{String,Any}\("id" => "', path.read_text())
    found = {}
    for part in parts:
        text = part.partition('"expected" => ')[2]
        pairs = {name: re.search(rf'"{name}" => \(shape = \([^)]*\), data = \[([^\]]*)\]', text) for name in FLAT}
        found[part.partition('"')[0]] = {name: numbers(match[1]) for name, match in pairs.items() if match}
    return found


READERS: dict[str, Callable[[Path, str], dict[str, Arrays]]] = {
    "suite.json": by_name(of_json), "suite.jsonl": by_name(of_lines), "suite.py": by_name(of_python),
    "suite.js": by_name(of_javascript), "suite.npz": of_npz, "suite.safetensors": of_safetensors,
    "folder/": of_folder, "suite.h": of_header, "suite.rs": of_rust, "suite.jl": of_julia,
}  # fmt: skip


def flat(case: Arrays) -> Arrays:
    """The arrays and settings of a document, of a network too."""
    if "layers" not in case:
        return case
    first, second = case["layers"]
    own = {key: value for key, value in first.items() if key not in ("name", "op")}
    slope = {"slope": second["slope"]} if "slope" in second else {}
    return {"op": "network", "input": case["input"], "delta": case["delta"], **own, "activation": second["op"], **slope}


def by_torch(case: Arrays) -> Arrays | None:
    """Every array as PyTorch's autograd has it, in float64; None where it does not know the case."""
    import torch

    from tests.grading import torch_kernels

    function = getattr(torch_kernels, FUNCTIONS[case["op"]])
    asked = inspect.signature(function).parameters
    given = {name: torch.tensor(case[key], dtype=torch.int64 if name == "indices" else torch.float64)
             for name, key in NAMES.items() if name in asked}  # fmt: skip
    settings = {name: tupled(folded(value)) for name, value in case.items() if name in asked and name not in given}
    if case.get("mode", "cross-correlation") != "cross-correlation":
        return None
    try:
        found = function(**given, **settings)
    except NotImplementedError:
        return None
    return {name: array.numpy() for name, array in found.items()}


def tupled(value: Any) -> Any:
    return tuple(map(tupled, value)) if isinstance(value, list) else value


def by_loops(case: Arrays) -> Arrays | None:
    if case["op"] == "network" or sum(np.size(case[key]) for key in NAMES.values() if key in case) > MOST:
        return None
    return definitions.backward(case, float) | {"output": definitions.forward(case, float)}


WRITTEN = ("--op", ",".join(FUNCTIONS), "--suite", "core,edges")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Arrays, Arrays, str]]:
    """Every case with what must come out of it, and who says so, each worked out once."""
    pytest.importorskip("torch", reason="needs the extra `oracle`")
    target = tmp_path_factory.mktemp("suite") / "suite.json"
    assert convgrad("cases", *WRITTEN, "--output", str(target)).returncode == 0
    return [(row, *right(flat(row["case"]))) for row in of_json(target)]


def right(case: Arrays) -> tuple[Arrays, str]:
    """What must come out of a case, and who says so."""
    theirs = by_torch(case)
    loops = by_loops(case) if theirs is None else None
    return theirs or loops or {}, "torch" if theirs else "loops" if loops else "nobody"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_what_must_come_out_is_what_pytorch_computes(name: str, tmp_path: Path, suite: Any) -> None:
    assert convgrad("cases", *WRITTEN, "--output", f"{tmp_path}/{name}").returncode == 0
    found = READERS[name](tmp_path / name, "float32")
    assert {*found} == {row["id"] for row, *_ in suite}
    for row, theirs, _ in suite:
        agree(found[row["id"]], theirs, row["allowed"])
    who = [said for _, _, said in suite]
    assert who.count("torch") > 0.75 * len(suite)
    assert who.count("nobody") < 0.1 * len(suite)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["suite.json", "suite.npz", "suite.safetensors", "folder/"])
def test_it_is_in_every_type(name: str, dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `oracle`")
    for target in {"suite.json", name}:
        written = convgrad("cases", "--op", ",".join(FUNCTIONS), "--dtype", dtype, "--output", f"{tmp_path}/{target}")
        assert written.returncode == 0
    rows = of_json(tmp_path / "suite.json")
    found = READERS[name](tmp_path / name, dtype)
    for row in rows:
        theirs, _ = right(flat(row["case"]))
        agree(found[row["id"]], theirs, row["allowed"], 2.0**-7 if dtype == "bfloat16" else 2.0**-10)


def agree(found: Arrays, theirs: Arrays, allowed: Arrays, unit: float = 2.0**-20) -> None:
    """The very numbers where every sum is exact, else within what a type rounds."""
    for name in found if theirs else ():
        one, other = np.ravel(np.asarray(found[name], float)), np.ravel(np.asarray(theirs[name], float))
        if allowed[name] == 0:
            np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_allclose(one, other, rtol=unit, atol=max(1e-9, allowed[name]))
